"""Small made-up problems in which words do predict features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema


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


def make_profiles(classes: int, *, unknown: float = 0.2, seed: int = 3) -> np.ndarray:
    """Motion attributes of classes as vectors; 0 where unknown."""
    rng = np.random.default_rng(seed)
    known = rng.random((classes, len(load_schema()))) >= unknown
    return (rng.standard_normal(known.shape) * known).astype(np.float32)


def _described(bank: TextBank, kind: str = "attributes") -> TextBank:
    """The bank with motion attributes; padded, as those of a real bank are, where the texts are wider."""
    profiles = make_profiles(len(bank))
    pooled = np.pad(profiles, [(0, 0), (0, max(0, bank.width - profiles.shape[1]))])
    return replace(bank, kinds=(*bank.kinds, kind), pooled=bank.pooled | {kind: pooled},
                   tokens=bank.tokens | {kind: pooled[:, None]},
                   mask=bank.mask | {kind: np.ones((len(bank), 1), dtype=bool)})  # fmt: skip


def _measured(bank: TextBank, y: np.ndarray, *, noise: float = 0.5, unknown: float = 0.1, seed: int = 4) -> np.ndarray:
    """What clips of a described bank's classes would measure: the profile, not at its own scale, and noise."""
    rng, profiles = np.random.default_rng(seed), bank.pooled["attributes"][:, : len(load_schema())]
    found = 0.7 * profiles[y] + 0.3 + noise * rng.standard_normal((len(y), profiles.shape[1]))
    return (found * (rng.random(found.shape) >= unknown)).astype(np.float32)


@pytest.fixture(scope="session")
def describe() -> Callable[..., TextBank]:
    """Adds made-up motion attributes to a bank."""
    return _described


@pytest.fixture(scope="session")
def measure() -> Callable[..., np.ndarray]:
    """Makes measured attributes of clips, given a described bank and their classes."""
    return _measured


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
