"""A small world in which zero-shot recognition works: features are a linear image of text vectors, plus noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from skelzero.clips import load_layout
from skelzero.encoders import EncoderCard, FeatureCard, FeatureSet, SkeletonGraph
from skelzero.protocol.bench import Bench
from skelzero.protocol.sources import FeatureSource
from skelzero.protocol.splits import Split
from skelzero.text import TextBank

CLASSES, WIDTH, TEXT = 12, 16, 8
CODES = tuple(f"c{i}" for i in range(CLASSES))
SPLIT = Split("world", "utd_mhad", "own", CODES[:9], CODES[9:], CODES[6:9])


def feature_card(classes: tuple[str, ...]) -> FeatureCard:
    encoder = EncoderCard(
        encoder="made-up", graph=SkeletonGraph.from_layout(load_layout("kinect20-utd")), layout_checksum="",
        pipeline="", persons=1, classes=tuple(f"utd_mhad:{code}" for code in classes), source="the tests",
    )  # fmt: skip
    return FeatureCard(encoder=encoder, pipeline="", history=(), store_checksum="world")


def make_clips(codes: tuple[str, ...], texts: np.ndarray, *, repeats: int = 2, seed: int = 0) -> FeatureSet:
    """Eight subjects, each doing every class; odd ones train."""
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(texts.shape[1], WIDTH))
    table = [(c, s, r) for c in range(len(codes)) for s in range(1, 9) for r in range(repeats)]
    rows, subjects, tries = (np.array(column) for column in zip(*table, strict=True))
    features = (texts @ image)[rows] + 1.2 * rng.normal(size=(len(rows), WIDTH))
    none = np.full(len(rows), -1)
    return FeatureSet(
        features=features.astype(np.float32), logits=rng.normal(size=(len(rows), len(codes))).astype(np.float32),
        names=np.array([f"{codes[c]}_s{s}_t{r}" for c, s, r in table]), codes=np.array(codes)[rows],
        datasets=np.full(len(rows), "utd_mhad"), subjects=subjects, cameras=none, setups=none, replications=tries,
        card=feature_card(codes),
    )  # fmt: skip


@dataclass
class Asked:
    """One request for an encoder."""

    classes: tuple[str, ...]
    fit: np.ndarray


class World(FeatureSource):
    """A source whose encoder is the identity and remembers what it was trained on."""

    def __init__(self, clips: FeatureSet, *, known: tuple[str, ...] | None = None) -> None:
        self.clips: FeatureSet = clips
        self.dataset, self.checksum, self.pipeline, self.settings = "utd_mhad", "world", "", {}
        self.known = known
        self.asked: list[Asked] = []

    def features(self, classes: tuple[str, ...], fit: np.ndarray, seed: int) -> FeatureSet:
        self.asked.append(Asked(classes, fit))
        known = self.known or classes
        assert isinstance(self.clips, FeatureSet)
        logits = None if self.clips.logits is None else self.clips.logits[:, : len(known)]
        return replace(self.clips, card=feature_card(known), logits=logits)

    def facts(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "checksum": self.checksum, "clips": len(self.clips)}


@dataclass
class WorldParts:
    """What a test starts from."""

    clips: FeatureSet
    texts: np.ndarray
    bank: TextBank
    split: Split = SPLIT
    codes: tuple[str, ...] = field(default=CODES)

    def bank_of(self, codes: tuple[str, ...]) -> TextBank:
        return self.bank.take([CODES.index(code) for code in codes])

    def bench(self, source: World | None = None, **options: Any) -> Bench:
        return Bench(source or World(self.clips), self.split, self.bank_of, **{"seed": 0, **options})


@pytest.fixture
def world() -> WorldParts:
    texts = np.random.default_rng(7).normal(size=(CLASSES, TEXT)).astype(np.float32)
    bank = TextBank(
        classes=tuple(f"utd_mhad:{code}" for code in CODES), labels=CODES, kinds=("action",),
        pooled={"action": texts}, tokens={"action": texts[:, None]}, mask={"action": np.ones((CLASSES, 1), dtype=bool)},
        encoder="the tests", text_sha256="world",
    )  # fmt: skip
    return WorldParts(make_clips(CODES, texts), texts, bank)


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World
