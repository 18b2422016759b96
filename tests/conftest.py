"""Shared fixtures: where the real recordings lie, and a reason printed when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every ordinary run, so that a red run is red again; SKELZERO_EXPLORE=1 draws new ones.
settings.register_profile("skelzero", derandomize="SKELZERO_EXPLORE" not in os.environ, print_blob=True)
settings.load_profile("skelzero")


def _recordings_folder() -> Path:
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    return Path(os.environ.get("SKELZERO_DATA", default))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder with the real recordings; skips the test, with the reason, when it is not there."""
    folder = _recordings_folder()
    if not folder.is_dir():
        pytest.skip(f"real recordings not found in {folder}; set SKELZERO_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never touch the user's cache."""
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """Made-up text vectors for the 27 classes of UTD-MHAD, one row a class."""
    import numpy as np

    path = tmp_path / "texts.npy"
    np.save(path, np.random.default_rng(5).normal(size=(27, 8)).astype(np.float32))
    return path


@pytest.fixture
def features_folder(tmp_path: Path, text_file: Path) -> Path:
    """Features that follow those vectors: 27 classes, 8 subjects; their encoder knows the seen classes of 22/5."""
    import numpy as np

    from skelzero.clips import load_layout
    from skelzero.encoders import EncoderCard, FeatureCard, FeatureSet, SkeletonGraph
    from skelzero.protocol.splits import load_split
    from skelzero.text import load_class_set

    texts, rng = np.load(text_file), np.random.default_rng(6)
    classes = load_class_set("utd_mhad")
    seen = load_split(classes, "22/5").seen
    rows, subjects = np.repeat(np.arange(27), 16), np.tile(np.arange(1, 9), 54)
    features = (texts @ rng.normal(size=(8, 12)))[rows] + rng.normal(size=(len(rows), 12))
    encoder = EncoderCard(
        encoder="made-up", graph=SkeletonGraph.from_layout(load_layout("kinect20-utd")), layout_checksum="",
        pipeline="", persons=1, classes=tuple(f"utd_mhad:{code}" for code in seen), source="the tests",
    )  # fmt: skip
    none = np.full(len(rows), -1)
    FeatureSet(
        features=features.astype(np.float32), names=np.array([f"clip{i}" for i in range(len(rows))]),
        codes=np.array(classes.codes)[rows], datasets=np.full(len(rows), "utd_mhad"), subjects=subjects, cameras=none,
        setups=none, replications=none, logits=rng.normal(size=(len(rows), len(seen))).astype(np.float32),
        card=FeatureCard(encoder=encoder, pipeline="", history=(), store_checksum="made-up"),
    ).save(tmp_path / "features")  # fmt: skip
    return tmp_path / "features"
