"""Stores of 2-D clips from end to end: compared, trained, judged and used with kinematics, refused otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import COMMON_JOINTS, Clip, load_layout, write_store
from skelzero.kinematics.pictures import VIEWS, picture_from_front
from skelzero.readers import clips_of, list_sources
from skelzero.synthetic import make_clip

METHODS = ("match", "skelzero", "ridge", "eszsl")
WITH = ["--encoder", "kinematics", "--semantics", "action,motion,attributes"]
RECORDED = ("a1", "a3", "a4", "a9", "a17", "a21", "a24", "a26")
"""Swipe, wave, clap, draw a circle, tennis swing, pick up and throw, sit to stand, lunge."""


def filmed(clips: list[Clip]) -> list[Clip]:
    """The same from about the front, in pixels."""
    return [picture_from_front(clip, VIEWS[i % len(VIEWS)]) for i, clip in enumerate(clips)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "filmed"
    codes = list(synthetic.actions())[:8]
    write_store(path, filmed(list(synthetic.generate(codes, subjects=4, replications=1))), source="the tests")
    return path


@pytest.fixture(scope="module")
def openpose_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody else raises the right arm, as OpenPose writes it."""
    layout = load_layout("openpose25")
    seen = picture_from_front(make_clip("s01", 9, 1, seed=5)).positions[0] + 500
    body = np.zeros((len(seen), len(layout), 3))
    for joint, ids in sorted(layout.common.items(), key=lambda item: -len(item[1])):
        body[:, list(ids)] = np.insert(seen[:, [COMMON_JOINTS.index(joint)]], 2, 0.9, axis=-1)
    path = tmp_path_factory.mktemp("files") / "arm_keypoints.json"
    path.write_text(json.dumps([{"people": [{"pose_keypoints_2d": row.ravel().tolist()}]} for row in body]))
    return path


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def top1_of(store: Path, out: Path, capsys: pytest.CaptureFixture[str], methods: tuple[str, ...]) -> dict[str, float]:
    asked = ("--split", "random:4#0", "--seeds", 1, "--setting", "zsl", "--workers", 1, "--json")
    assert run("compare", "--methods", ",".join(methods), "--data", store, "--out", out, *WITH, *asked) == 0
    rows = json.loads(capsys.readouterr().out)["results"]
    return {row["method"]: row["mean"] for row in rows if row["metric"] == "top1"}


def test_four_methods_are_compared(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = top1_of(store, tmp_path / "results", capsys, METHODS)
    assert set(METHODS) <= set(found) and found["match"] > 0.6 and found["skelzero"] > 0.6  # chance 0.25


@pytest.mark.parametrize("method", METHODS)
def test_runs_are_judged_and_name_what_a_pose_estimator_saw(
    method: str, store: Path, openpose_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    folder = tmp_path / "run"
    assert run("train", method, "--data", store, "--split", "random:2#0", "--out", folder, *WITH) == 0
    card = json.loads((folder / "card.json").read_text())
    assert (card["network"], card["pipeline"], card["layout"]) == (False, "image-64", "common20-image")
    assert run("evaluate", folder, "--setting", "zsl", "--json") == 0
    assert 0 <= json.loads(capsys.readouterr().out)["metrics"]["zsl"]["top1"] <= 1
    words = "raise the right arm, do a deep squat"
    assert run("recognize", openpose_file, "--model", folder, "--labels", words, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["segments"][0]["labels"][0]["label"] == "raise the right arm"
    assert any("2-D" in note for note in answer["notes"])


def test_features_can_be_written(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", store, "--encoder", "kinematics", "--out", tmp_path / "features", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["clips"], facts["skipped"], facts["pipeline"]) == (32, 0, "image-64")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "ridge"], "pass --encoder kinematics"),
        (["train", "skelzero", "--encoder", "st-gcn+kinematics"], "pass --encoder kinematics"),
        (["compare", "--methods", "scale,ridge", "--seeds", "1"], "pass --encoder kinematics"),
        (["compare", "--methods", "pgfa", "--seeds", "1", "--workers", "1", *WITH], "got: common20-image (2-D)"),
        (["train", "match", *WITH, "--pipeline", "kinect-64"], "leave out --pipeline"),
        (["train", "match", *WITH, "--pipeline", "common-64"], "leave out --pipeline"),
    ],
)
def test_what_needs_space_is_refused_with_what_to_do_instead(
    arguments: list[str], message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert run(*arguments, "--data", store, "--split", "random:2#0", "--out", tmp_path / "out") == 2
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err and captured.out == ""


def test_recordings_as_a_camera_would_show_them(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    chosen = [s for s in list_sources(recordings / "utd_mhad.zip") if s.stem.split("_")[0] in RECORDED and
              s.stem.split("_")[2] == "t1"]  # fmt: skip
    clips = [clip for source in chosen for clip in clips_of(source) if isinstance(clip, Clip)]
    write_store(tmp_path / "store", filmed(clips), source="UTD-MHAD, seen in two dimensions")
    found = top1_of(tmp_path / "store", tmp_path / "results", capsys, ("match",))
    assert len(clips) == 64 and found["match"] > 0.5  # chance 0.25
