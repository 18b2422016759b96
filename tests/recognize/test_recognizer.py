"""The model in the package names synthetic clips, takes other layouts, and refuses what it cannot take."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.protocol.rejection import statistic
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.recognize import recognizer as module
from skelzero.synthetic import make_clip
from skelzero.text import load_class_set

CODES = ("s01", "s20", "s44", "s52")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load()


def label(code: str) -> str:
    class_set = load_class_set("synthetic")
    return class_set.classes[class_set.index(code)].label


def test_clips_of_new_bodies_are_named(recognizer: Recognizer) -> None:
    labels = [label(code) for code in CODES]
    clips = [make_clip(code, subject, 1, seed=77) for code in CODES for subject in (1, 2, 3)]
    answers = [recognizer.recognize(clip, labels).segments[0].labels[0].label for clip in clips]
    right = [answer == label(clip.origin.code) for answer, clip in zip(answers, clips, strict=True)]
    assert np.mean(right) >= 0.75  # chance 0.25; the classes were trained, the bodies are new


def test_the_answer_has_the_promised_form(recognizer: Recognizer) -> None:
    answer = recognizer.recognize(make_clip("s01", 3, 1, seed=5), ["walk", "xyzzy plugh"]).to_json()
    segment = answer["segments"][0]  # type: ignore[index]
    assert set(segment) == {"start", "end", "person", "labels", "none_of_these"}
    assert sum(r["probability"] for r in segment["labels"]) == pytest.approx(1, abs=1e-3)
    assert set(answer["understood"]) == {"walk"}  # type: ignore[call-overload]
    assert any("'xyzzy plugh'" in note for note in answer["notes"])  # type: ignore[union-attr]


def test_a_long_recording_gives_segments_that_cover_it(recognizer: Recognizer) -> None:
    parts = [make_clip(code, 2, 1, seed=9).positions for code in ("s01", "s01", "s01", "s52", "s52", "s52")]
    x = np.concatenate([np.nan_to_num(p) for p in parts], axis=1)
    clip = Clip(x, load_layout("common20"), Origin("long"), fps=30.0)
    segments = recognizer.recognize(clip, [label(code) for code in CODES]).segments
    assert segments[0].start == 0 and segments[-1].end == pytest.approx(clip.frames / 30)
    for before, after in pairwise(segments):
        assert before.end == after.start


def test_other_words_need_no_new_model(recognizer: Recognizer) -> None:
    clip = make_clip("s20", 1, 1, seed=3)
    first, second = recognizer.recognize(clip, ["a", "b"]), recognizer.recognize(clip, ["c", "d", "e"])
    assert len(first.segments[0].labels) == 2 and len(second.segments[0].labels) == 3


def test_motion_capture_goes_through_the_common_body(recognizer: Recognizer, recordings: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(recordings / "cmu_bvh.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith(".bvh"))
        (tmp_path / "clip.bvh").write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    answer = recognizer.recognize(read_clip(tmp_path / "clip.bvh"), ["walk forward", "clap hands", "sit down"])
    assert answer.segments and np.isfinite([r.probability for s in answer.segments for r in s.labels]).all()


def test_a_word_list_is_looked_up_and_compared_with_the_vocabulary_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer, calls = Recognizer.load(), []

    def counted(name: str, own: Callable[..., Any]) -> None:
        monkeypatch.setattr(module, name, lambda *given: (calls.append(name), own(*given))[1])

    counted("understand", module.understand)
    counted("likeness", module.likeness)
    clip, words = make_clip("s20", 1, 1, seed=3), ["xyzzy plugh", "walk"]
    first, again = recognizer.recognize(clip, words), recognizer.recognize(clip, words)
    assert first == again and calls == ["understand", "likeness"]
    recognizer.recognize(clip, [*words, "jump"])
    assert calls == ["understand", "likeness"] * 2


def test_likeness_is_kept_as_long_as_its_texts(recognizer: Recognizer) -> None:
    run = recognizer.run
    assert run.vocabulary is not None and run.card.rejection is not None
    features = recognizer.features([make_clip(code, 1, 1, seed=3) for code in CODES])
    against = run.method.scores(features, run.vocabulary)
    for places in (range(4), range(4, 9), [0]):
        bank = run.vocabulary.take(places)  # may get the address of the one before
        value = statistic(run.method.scores(features, bank), against, module.likeness(bank, run.vocabulary))
        least = run.card.rejection.threshold(len(bank))
        for _ in range(2):
            np.testing.assert_array_equal(recognizer.judge(features, bank)[1], value < least)
        kept = len(recognizer._likest)
        del bank
        gc.collect()
        assert len(recognizer._likest) == kept - 1


@pytest.mark.parametrize("labels", [[], ["walk", "walk"], ["", "walk"]])
def test_useless_words_are_refused(recognizer: Recognizer, labels: list[str]) -> None:
    with pytest.raises(UserError, match="label"):
        recognizer.recognize(make_clip("s01", 1, 1), labels)


def test_flat_recordings_are_taken_and_said_to_be_flat(recognizer: Recognizer) -> None:
    clip = make_clip("s53", 2, 1, seed=77)
    layout = load_layout("coco17")
    own = [clip.layout.joints.index(joint) if joint in clip.layout.joints else clip.layout.joints.index("head")
           for joint in layout.joints]  # fmt: skip
    x = clip.positions[:, :, own, :2] * np.float32([100, -100]) + 300
    answer = recognizer.recognize(
        Clip(x, layout, Origin("flat"), fps=clip.fps, unit="px"), ["jumping jack", "sit down"]
    )
    assert answer.segments[0].labels[0].label == "jumping jack"
    assert any("2-D" in note for note in answer.notes)
