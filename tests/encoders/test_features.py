from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero.encoders import EncoderCard, FeatureCard, FeatureSet, SkeletonGraph
from skelzero.errors import UserError

GRAPH = SkeletonGraph("line", 3, ((1, 0), (2, 1)), 0)
CARD = FeatureCard(
    encoder=EncoderCard(encoder="shift-gcn:small", graph=GRAPH, layout_checksum="l", pipeline="kinect-64", persons=1,
                        classes=("toy:a1", "toy:a2")),
    store_checksum="s", pipeline="kinect-64", history=("centre", "resample-64"), skipped=(("c9", "no body"),),
)  # fmt: skip


@pytest.fixture
def features() -> FeatureSet:
    rng = np.random.default_rng(0)
    minus = np.full(4, -1)
    return FeatureSet(
        rng.normal(size=(4, 5)).astype(np.float32), np.array(["w", "x", "y", "z"]), np.array(["a1", "a2", "a3", "a1"]),
        np.full(4, "toy"), np.arange(4), minus, minus, minus, CARD,
        logits=np.array([[2, 1], [2, 1], [2, 1], [1, 0]], dtype=np.float32),
    )  # fmt: skip


def test_save_and_load(features: FeatureSet, tmp_path: Path) -> None:
    features.save(tmp_path / "f")
    loaded = FeatureSet.load(tmp_path / "f")
    assert loaded.card == features.card and loaded.checksum == features.checksum
    for name in ("features", "logits", "names", "codes", "subjects", "replications"):
        assert np.array_equal(getattr(loaded, name), getattr(features, name)), name
    with pytest.raises(UserError, match="exists already"):
        features.save(tmp_path / "f")
    replace(features, logits=None).save(tmp_path / "f", overwrite=True)
    assert FeatureSet.load(tmp_path / "f").logits is None


def test_take_keeps_rows_together(features: FeatureSet) -> None:
    part = features.take(np.array([2, 0]))
    assert part.names.tolist() == ["y", "w"] and part.codes.tolist() == ["a3", "a1"]
    assert np.array_equal(part.features, features.features[[2, 0]])
    assert np.array_equal(features.take(features.codes == "a1").logits, features.logits[[0, 3]])


def test_top1_counts_known_classes_only(features: FeatureSet) -> None:
    # Clips of a1, a2, a1 can be judged; two of them are named a1 rightly.
    assert features.top1() == pytest.approx(2 / 3)
    assert features.take(features.codes == "a3").top1() is None
    assert replace(features, logits=None).top1() is None


def test_the_checksum_sees_every_part(features: FeatureSet) -> None:
    others = [
        features.take(np.array([1, 0, 2, 3])),
        replace(features, features=features.features + 1),
        replace(features, codes=np.array(["a1", "a2", "a3", "a2"])),
        replace(features, card=CARD.model_copy(update={"pipeline": "common-64"})),
    ]
    assert len({features.checksum, *(other.checksum for other in others)}) == 5


def test_damage_is_told(features: FeatureSet, tmp_path: Path) -> None:
    features.save(tmp_path / "f")
    np.save(tmp_path / "f" / "features.npy", features.features * 2)
    with pytest.raises(UserError, match="do not fit their checksum"):
        FeatureSet.load(tmp_path / "f")
    np.save(tmp_path / "f" / "features.npy", features.features[:2])
    with pytest.raises(UserError, match="no features that this version can read"):
        FeatureSet.load(tmp_path / "f")
    (tmp_path / "f" / "features.npy").unlink()
    with pytest.raises(UserError, match="no features that this version can read"):
        FeatureSet.load(tmp_path / "f")


def test_other_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no features card found"):
        FeatureSet.load(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({"checksum": "x"}))
    with pytest.raises(UserError, match="no features that this version can read"):
        FeatureSet.load(tmp_path)
