"""Runs without an encoder name clips by the attributes of words; features are made as in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.clips import Clip, ClipStore, Origin, load_layout, write_store
from skelzero.errors import UserError
from skelzero.kinematics import of_clips
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.run import Run
from skelzero.protocol.training import evaluate_run, train_run
from skelzero.recognize import Recognizer
from skelzero.synthetic import make_clip

WORDS = {"s48": "do a deep squat", "s53": "jumping jack", "s24": "clap both hands", "s38": "kick with the left leg"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    write_store(path, synthetic.generate(list(synthetic.actions())[:7], subjects=8, replications=1), source="the tests")
    return path


def trained(store: Path, method: str, **asked: object) -> Run:
    request = {"methods": [method], "data": store, "splits": ["random:2#0"], "kinds": ["attributes"], **asked}
    return train_run(plan_one(Request.model_validate(request), seed=1))


def test_words_are_understood_without_any_training(store: Path, tmp_path: Path) -> None:
    run = trained(store, "match")
    assert run.encoder is None and not run.card.network and run.card.kinematic
    run.save(tmp_path / "run")
    assert not (tmp_path / "run" / "encoder").exists()
    loaded = Run.load(tmp_path / "run")
    assert loaded.encoder is None and loaded.card == run.card
    assert evaluate_run(loaded, ("zsl", "gzsl")) == evaluate_run(run, ("zsl", "gzsl"))
    recognizer = Recognizer(loaded)
    bank, understood = recognizer.texts(list(WORDS.values()))
    assert bank.kinds == ("attributes",) and set(understood) <= set(WORDS.values()) and len(understood) < len(WORDS)
    assert (np.count_nonzero(bank.pooled["attributes"], axis=1) > 20).all(), "words in no class set are read"
    clips = [make_clip(code, subject, 1, seed=77) for code in WORDS for subject in (1, 2, 3)]
    answers = [recognizer.recognize(clip, list(WORDS.values())).segments[0].labels[0].label for clip in clips]
    right = [answer == WORDS[clip.origin.code] for answer, clip in zip(answers, clips, strict=True)]
    assert np.mean(right) >= 0.75  # chance 0.25


def test_features_are_as_in_training(store: Path) -> None:
    opened = ClipStore.open(store)
    clips = [opened[i] for i in range(5)]
    measured = np.concatenate(of_clips(clips), axis=1)
    np.testing.assert_allclose(Recognizer(trained(store, "match")).features(clips), measured, atol=1e-5)
    run = trained(store, "skelzero", encoder={"steps": 2})
    found = Recognizer(run).features(clips)
    assert run.encoder is not None and found.shape[1] == run.method.width_
    np.testing.assert_allclose(found[:, -measured.shape[1] :], measured, atol=1e-5)
    plain = trained(store, "ridge", encoder={"steps": 2})
    np.testing.assert_allclose(found[:, : -measured.shape[1]], Recognizer(plain).features(clips), atol=1e-4)


def test_layouts(store: Path) -> None:
    """What is measured takes any layout, and says when one is flat; an encoder takes its own."""
    rng = np.random.default_rng(0)
    pose = rng.random((1, 1, 20, 3)) + 2
    ucla = Clip((pose + 0.01 * rng.standard_normal((1, 40, 20, 3))).astype(np.float32), load_layout("kinect20-ucla"),
                Origin("elsewhere"), fps=30.0)  # fmt: skip
    flat = Clip(rng.random((1, 40, 17, 2)).astype(np.float32), load_layout("coco17"), Origin("flat"))
    match = Recognizer(trained(store, "match"))
    assert len(match.recognize(ucla, ["walk", "clap"]).segments[0].labels) == 2
    answer = match.recognize(flat, ["walk", "clap"])
    assert len(answer.segments[0].labels) == 2 and any("2-D" in note for note in answer.notes)
    with pytest.raises(UserError, match=r"another joint layout(.|\n)*--pipeline common-64"):
        Recognizer(trained(store, "skelzero", encoder={"steps": 2})).recognize(ucla, ["walk", "clap"])


def test_a_run_whose_encoder_is_missing_is_told(store: Path, tmp_path: Path) -> None:
    import shutil

    trained(store, "skelzero", encoder={"steps": 2}).save(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "encoder")
    with pytest.raises(UserError, match="encoder"):
        Run.load(tmp_path / "run")


def test_words_that_say_nothing_of_movement_are_doubted(store: Path) -> None:
    recognizer = Recognizer(trained(store, "match"))
    answer = recognizer.recognize(make_clip("s48", 1, 1), ["xyzzy plugh", "do a deep squat", "walk forward"])
    doubts = [note for note in answer.notes if "hardly anything is known" in note]
    assert len(doubts) == 1 and "'xyzzy plugh'" in doubts[0]
    assert not any("synthetic" in note for note in answer.notes), "nothing was trained on the store's motion"
