from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelzero.cli import main
from skelzero.clips import Clip, Origin, load_layout, write_store
from skelzero.encoders import FeatureSet, TrainedEncoder

WEIGHTS = "ntu120_ShiftGCN_joint_xsub.pt"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Five UTD-MHAD classes, four subjects, two trials: noise around one body, each class swinging another joint."""
    layout, rng = load_layout("kinect20-utd"), np.random.default_rng(0)
    pose = np.zeros((20, 3), dtype=np.float32)
    for child, parent in sorted(layout.bones, key=lambda bone: bone[1] != layout.root):
        pose[child] = pose[parent] + rng.normal(0, 0.2, 3)
    pose[layout.joints.index("shoulder_center")] = pose[layout.root] + [0, 0.5, 0]
    clips = []
    for k in range(1, 6):
        for subject in range(1, 5):
            for trial in (1, 2):
                x = np.tile(pose, (1, 30, 1, 1)) + rng.normal(0, 0.005, (1, 30, 20, 3))
                x[0, :, 3 * k, 0] += 0.4 * np.sin(np.linspace(0, 6, 30))
                name = f"a{k}_s{subject}_t{trial}"
                origin = Origin(name, dataset="utd_mhad", code=f"a{k}", subject=subject, replication=trial)
                clips.append(Clip(x.astype(np.float32), layout, origin, fps=30.0))
    return write_store(tmp_path / "store", clips, source="made here").path


@pytest.fixture
def split(tmp_path: Path) -> Path:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"unseen": ["a4", "a5"]}))
    return path


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def test_training_on_seen_classes(store: Path, split: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, kept = tmp_path / "features", tmp_path / "encoder"
    options = ("--split", split, "--steps", 120, "--out", out, "--check-labels", "--save-encoder", kept, "--json")
    assert run("encode", store, *options) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["clips"] == 40 and answer["classes"] == 3
    # Three seen classes, two test subjects, two trials: unseen classes and training clips do not judge.
    assert answer["judged"] == 12 and answer["top1"] > 0.7
    features = FeatureSet.load(out)
    assert features.card.encoder.classes == ("utd_mhad:a1", "utd_mhad:a2", "utd_mhad:a3")
    assert features.card.encoder.clips == 12
    again = tmp_path / "again"
    assert run("encode", store, "--weights", kept, "--out", again, "--json") == 0
    assert json.loads(capsys.readouterr().out)["top1"] is None
    assert np.array_equal(FeatureSet.load(again).features, features.features)
    assert TrainedEncoder.load(kept).card.steps == 120


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "on which classes"),
        (("--split", "22/5", "--encoder", "shift-gnc"), "did you mean 'shift-gcn'"),
        (("--split", "22/5"), "a6"),
        (("--split", "nonsense"), "split"),
        (("--split", "all", "--precision", "8"), "--precision"),
        (("--weights", "missing.pt"), "no weights found"),
        (("--weights", "missing.pt", "--split", "22/5", "--steps", "3"), "--split, --steps"),
        (("--split", "all", "--pipeline", "ntu-46"), "did you mean 'ntu-64'"),
        (("--split", "all", "--dataset", "nw_ucla"), "not in the data"),
    ],
)
def test_mistakes_are_told_and_leave_nothing(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "features"
    assert run("encode", store, "--out", out, *options) == 2
    streams = capsys.readouterr()
    assert message in streams.err and "Traceback" not in streams.err and not streams.out
    assert not out.exists()


def test_an_existing_output_is_kept(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "features").mkdir()
    assert run("encode", store, "--out", tmp_path / "features", "--split", "all") == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.slow
def test_the_public_weights_name_the_public_clips(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole chain from raw files: the owner's clips of classes 61 to 120, the published model, its own pipeline."""
    import tarfile

    with tarfile.open(recordings / "ntu_rgbd.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    folder = next(tmp_path.rglob("ntu120"))
    assert run("data", "import", folder, "--out", tmp_path / "store", "--json") == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 120
    options = ("--weights", recordings / "weights" / WEIGHTS, "--out", tmp_path / "f", "--check-labels", "--json")
    assert run("encode", tmp_path / "store", "--encoder", "shift-gcn", *options) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["clips"] == 120 and answer["top1"] >= 118 / 120


def test_public_weights_on_other_joints_are_refused(
    recordings: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encode", store, "--weights", recordings / "weights" / WEIGHTS, "--out", tmp_path / "f") == 2
    assert "other joints" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["local", "dask"])
def test_workers_encode_to_the_same_features(
    store: Path, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setattr("skelzero.encoders.spread.PIECE", 1)
    folders = []
    for name, more in (("here", ()), ("spread", ("--backend", backend, "--workers", "2"))):
        monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache" / name))
        kept = ("--weights", tmp_path / "kept") if folders else ("--split", split, "--save-encoder", tmp_path / "kept")
        folders.append(tmp_path / name)
        options = ("--steps", 5, "--encoder", "shift-gcn:small+kinematics", "--batch", "16", "--out", tmp_path / name)
        assert run("encode", store, *kept, *(options[2:] if folders[1:] else options), *more) == 0
    one, two = (FeatureSet.load(folder) for folder in folders)
    assert one.names.tolist() == two.names.tolist() and one.card == two.card and len(one) == 40
    np.testing.assert_allclose(two.features, one.features, rtol=0, atol=1e-5)
    assert one.logits is not None and two.logits is not None
    np.testing.assert_allclose(two.logits, one.logits, rtol=0, atol=1e-5)
