"""Small made-up problems in which words do predict features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from skelzero.text import TextBank


def make_bank(
    classes: int, *, width: int = 24, tokens: int = 5, seed: int = 0, kinds: tuple[str, ...] = ("action", "motion")
) -> TextBank:
    rng = np.random.default_rng(seed)
    lengths = {kind: rng.integers(1, tokens + 1, classes) for kind in kinds}
    mask = {kind: np.arange(tokens)[None] < lengths[kind][:, None] for kind in kinds}
    states = {k: (rng.standard_normal((classes, tokens, width)) * mask[k][..., None]).astype(np.float32) for k in kinds}
    pooled = {kind: (states[kind].sum(axis=1) / lengths[kind][:, None]).astype(np.float32) for kind in kinds}
    names = tuple(f"made-up:c{i}" for i in range(classes))
    return TextBank(names, names, kinds, pooled, states, mask, "made-up", "0" * 64)


def make_clips(bank: TextBank, per_class: int = 20, *, width: int = 32, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features that are a fixed linear image of the class's mean text vector plus noise."""
    image = np.random.default_rng(99).standard_normal((bank.width, width))
    rng = np.random.default_rng(seed)
    text = np.mean([bank.pooled[k] for k in bank.kinds], axis=0)
    y = np.repeat(np.arange(len(bank)), per_class)
    x = 3 * text[y] @ image + rng.standard_normal((len(y), width))
    return x.astype(np.float32), y


def _parts(bank: TextBank) -> TextBank:
    """The same words under other names: what was the action is the verb, what was the motion is the noun."""
    names = {"action": "verb", "motion": "noun"}
    pooled, tokens, mask = ({names[k]: v for k, v in part.items()} for part in (bank.pooled, bank.tokens, bank.mask))
    return replace(bank, kinds=tuple(names[k] for k in bank.kinds), pooled=pooled, tokens=tokens, mask=mask)


@pytest.fixture(scope="session")
def parts() -> Callable[[TextBank], TextBank]:
    """Makes verbs and nouns out of actions and motions, for methods that read only those."""
    return _parts


@pytest.fixture(scope="session")
def problem() -> tuple[np.ndarray, np.ndarray, TextBank]:
    """Clips, labels and texts of 12 classes."""
    bank = make_bank(12)
    return (*make_clips(bank), bank)


@pytest.fixture(scope="session")
def many_classes() -> tuple[np.ndarray, np.ndarray, TextBank]:
    """The same with 60 classes, enough to learn how words and features hang together."""
    bank = make_bank(60)
    return (*make_clips(bank, per_class=12), bank)
