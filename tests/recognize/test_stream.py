"""Live answers: the same segments as for the whole recording, in bounded memory; bad frames are refused."""

from __future__ import annotations

import math
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero import synthetic
from skelzero.clips import Clip, JointLayout, Origin, load_layout, write_store
from skelzero.errors import UserError
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.training import train_run
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.recognize.frames import read_frame
from skelzero.recognize.stream import LENGTH, STRIDE, WHOLE_BELOW, LiveRecognizer, _Watch
from skelzero.recognize.windows import find_windows, frame_rate
from skelzero.synthetic import make_clip

WORDS = ["do a deep squat", "jumping jack", "clap both hands", "kick with the left leg", "walk forward"]
LAYOUT = load_layout("common20")
WIDE = JointLayout("wide", tuple(f"j{i}" for i in range(500)), (), (), 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    """Kinematic features, and a fit that takes no time: the quickest real run that tells movements apart."""
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    write_store(
        path, synthetic.generate(list(synthetic.actions())[:16], subjects=6, replications=1), source="the tests"
    )
    asked = {"methods": ["skelzero"], "data": path, "splits": ["random:5#0"], "kinds": ["attributes"],
             "encoder": {"encoder": "kinematics"}}  # fmt: skip
    return Recognizer(train_run(plan_one(Request.model_validate(asked), seed=1)))


@pytest.fixture(scope="module")
def packaged() -> Recognizer:
    return Recognizer.load()


@pytest.fixture(scope="module")
def motion() -> np.ndarray:
    """Half a minute of one body that does one thing after another."""
    codes = ("s48", "s53", "s53", "s24", "s38", "s01", "s48", "s24", "s38", "s53")
    return np.concatenate([make_clip(code, 1 + i % 3, 1, seed=i).positions for i, code in enumerate(codes)], axis=1)


def streamed(live: LiveRecognizer, clip: Clip) -> list[dict[str, Any]]:
    """All events, each with the frame after which it came."""
    events = []
    for t in range(clip.frames):
        events += [{**event, "after": t + 1} for event in live.push(clip.positions[:, t])]
    return events + [{**event, "after": -1} for event in live.finish()]


def assert_equals_offline(recognizer: Recognizer, clip: Clip, top: int | None = None) -> list[dict[str, Any]]:
    live = LiveRecognizer(recognizer, WORDS, clip.layout, frame_rate(clip), persons=clip.persons, top=top)
    events = streamed(live, clip)
    got = sorted((e for e in events if e["event"] == "segment"), key=lambda e: (e["person"], e["start"]))
    expected = [s.to_json() for s in recognizer.recognize(clip, WORDS, top=top).segments]
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert {k: ours[k] for k in ("start", "end", "person", "none_of_these")} == {
            k: theirs[k] for k in ("start", "end", "person", "none_of_these")
        }
        # Windows are measured together offline and one by one here: sums over floats may end in another last bit.
        probabilities = [{r["label"]: r["probability"] for r in s["labels"]} for s in (ours, theirs)]
        assert probabilities[0] == pytest.approx(probabilities[1], abs=2e-4)
    return events


def recording(x: np.ndarray, fps: float = 30.0) -> Clip:
    return Clip(np.ascontiguousarray(x, dtype=np.float32), LAYOUT, Origin("r"), fps=fps)


def test_constants_are_those_of_whole_recordings() -> None:
    defaults = find_windows.__kwdefaults__
    assert defaults == {"length": LENGTH, "stride": STRIDE, "whole_below": WHOLE_BELOW}


@pytest.mark.parametrize("frames", [1, 40, 179, 180, 181, 200, 271, 400])
def test_short_and_long_recordings(trained: Recognizer, motion: np.ndarray, frames: int) -> None:
    assert_equals_offline(trained, recording(motion[:, :frames]))


@pytest.mark.parametrize("fps", [1.0, 9.7, 29.97, 50.0, 120.0])
def test_odd_frame_rates(trained: Recognizer, motion: np.ndarray, fps: float) -> None:
    assert_equals_offline(trained, recording(motion[:, : int(12 * fps) + 5], fps), top=2)


def test_several_people_who_come_and_go(trained: Recognizer, motion: np.ndarray) -> None:
    x = np.concatenate([motion, motion[:, ::-1], motion], axis=0)[:, :700].copy()
    x[0, 100:330] = np.nan  # away for longer than six seconds
    x[1, :250] = x[1, 395:] = np.nan  # less than six seconds in all
    x[2, 200:260] = x[2, 290:350] = x[2, 600:] = np.nan  # now and then
    events = assert_equals_offline(trained, recording(x))
    assert {e["person"] for e in events if e["event"] == "segment"} == {0, 1, 2}


def test_the_model_in_the_package(packaged: Recognizer, motion: np.ndarray) -> None:
    assert_equals_offline(packaged, recording(motion[:, :500]))


def test_people_in_pictures(trained: Recognizer, motion: np.ndarray) -> None:
    pixels = 300 + 100 * motion[:, :400, :, :2] * np.array([1, -1], dtype=np.float32)
    clip = Clip(pixels, replace(LAYOUT, dims=2), Origin("r"), fps=30.0, unit="px")
    assert_equals_offline(trained, clip)


def test_motion_capture(trained: Recognizer, recordings: Path, tmp_path: Path) -> None:
    with tarfile.open(recordings / "cmu_bvh.tar.xz") as archive:
        members = sorted((m for m in archive if m.name.endswith(".bvh")), key=lambda m: m.size)
        for i in (0, len(members) // 2, 3 * len(members) // 4):
            path = tmp_path / Path(members[i].name).name
            path.write_bytes(archive.extractfile(members[i]).read())  # type: ignore[union-attr]
            assert_equals_offline(trained, read_clip(path))


@st.composite
def visibility(draw: st.DrawFn) -> tuple[float, np.ndarray]:
    """A frame rate, and in which frames a person is seen: stretches of seen and unseen in turn."""
    fps = draw(st.sampled_from([1.0, 2.5, 5.0, 7.3, 10.0]))
    seconds = draw(st.lists(st.floats(0.0, 9.0), min_size=1, max_size=8))
    begins = draw(st.booleans())
    parts = [np.full(round(s * fps), bool(i % 2) ^ begins) for i, s in enumerate(seconds)]
    return fps, np.concatenate(parts)


@given(visibility())
@settings(max_examples=300, deadline=None)
def test_windows_are_those_of_the_whole_recording(case: tuple[float, np.ndarray]) -> None:
    """Windows, not answers: thousands of lengths and gaps, with frames that carry their number."""
    fps, seen = case
    if not seen.any():
        return
    numbers = np.arange(1, len(seen) + 1, dtype=np.float32)
    x = np.where(seen, numbers, np.nan)[None, :, None, None].repeat(20, axis=2).repeat(3, axis=3)
    clip = recording(x, fps)
    watch, found, waiting = _Watch(0, fps), [], []
    for t in range(len(seen)):
        window = watch.see(clip.positions[0, t], t + 1)
        if window is not None:
            np.testing.assert_array_equal(watch.cut(window), clip.positions[0, window.start : window.end])
            waiting.append(window)
        if watch._is_long():
            found += [w for w in waiting if w.end <= watch.last]
            waiting = [w for w in waiting if w.end > watch.last]
        assert len(watch.poses) <= WHOLE_BELOW * fps and len(waiting) <= 6
    last = watch.last_window()
    if last is not None:
        np.testing.assert_array_equal(watch.cut(last), clip.positions[0, last.start : last.end])
        found.append(last)
    assert found == find_windows(clip)


@given(visibility(), visibility())
@settings(max_examples=12, deadline=None)
def test_any_lengths_and_gaps(
    trained: Recognizer, motion: np.ndarray, one: tuple[float, np.ndarray], two: tuple[float, np.ndarray]
) -> None:
    frames = min(len(one[1]), len(two[1]), motion.shape[1])
    x = np.concatenate([motion, motion[:, ::-1]])[:, :frames].copy()
    for person, (_, seen) in enumerate((one, two)):
        x[person, ~seen[:frames]] = np.nan
    if np.isfinite(x).any():
        assert_equals_offline(trained, recording(x, one[0]))


def test_answers_come_at_once(trained: Recognizer, motion: np.ndarray) -> None:
    clip = recording(motion[:, :300])
    live = LiveRecognizer(trained, WORDS, LAYOUT, 30.0, top=2)
    now = [e for e in streamed(live, clip) if e["event"] == "now"]
    assert [e["after"] for e in now] == list(range(90, 301, 30))
    assert [e["time"] for e in now] == [e["after"] / 30 for e in now]
    assert all(set(e) == {"event", "time", "person", "labels", "none_of_these", "after"} for e in now)
    assert all(len(e["labels"]) == 2 for e in now)


def test_segments_come_when_they_can_no_longer_change(trained: Recognizer, motion: np.ndarray) -> None:
    clip = recording(motion)
    events = assert_equals_offline(trained, clip)
    during = [e for e in events if e["event"] == "segment" and e["after"] > 0]
    assert len(during) >= 2
    # The window that ended it reaches at most half a window beyond the border's midpoint of two windows, and a stride;
    # before `WHOLE_BELOW` all may still turn out to be one trimmed clip.
    assert all(e["after"] / 30 <= max(e["end"] + LENGTH / 2 + STRIDE, WHOLE_BELOW + 1 / 30) for e in during)


def test_another_recording_after_the_first(trained: Recognizer, motion: np.ndarray) -> None:
    clip = recording(motion[:, :330])
    live = LiveRecognizer(trained, WORDS, LAYOUT, 30.0)
    assert streamed(live, clip) == streamed(live, clip)
    assert live.finish() == [] and live.frames_held == 0


def test_memory_stays_flat_over_a_hundred_thousand_frames(trained: Recognizer, motion: np.ndarray) -> None:
    fps = 1000.0
    live = LiveRecognizer(trained, WORDS, LAYOUT, fps, persons=2)
    frame = np.full((2, 20, 3), np.nan, dtype=np.float32)
    held, sizes, segments = 0, [], 0
    for t in range(100_000):
        frame[0] = motion[0, t // 40 % motion.shape[1]]
        frame[1] = motion[0, t % 97] if t % 20_000 < 9_000 else np.nan
        segments += sum(event["event"] == "segment" for event in live.push(frame))
        held = max(held, live.frames_held)
        if t % 20_000 == 8_999:
            sizes.append(len(pickle.dumps((live._watches, live._stories))))
    assert held == 2 * WHOLE_BELOW * fps and segments >= 5
    assert len(sizes) == 5 and max(sizes) < 1.01 * min(sizes), "six seconds of two people, whatever came before"


def test_a_window_that_cannot_be_measured_is_told_and_left_out(trained: Recognizer, motion: np.ndarray) -> None:
    x = np.concatenate([motion, motion])[:, :400].copy()
    x[1, 115:245] = 1.0  # all joints in one place, in most of four windows, have no size
    live = LiveRecognizer(trained, WORDS, LAYOUT, 30.0, persons=2)
    events = streamed(live, recording(x))
    errors = [e for e in events if e["event"] == "error"]
    assert [(e["person"], e["after"]) for e in errors] == [(1, 180), (1, 210), (1, 240), (1, 270)]
    assert all("torso" in e["message"] and e["time"] == e["after"] / 30 for e in errors)
    answers = {
        person: [e["after"] for e in events if e["event"] == "now" and e["person"] == person] for person in (0, 1)
    }
    assert set(answers[0]) - set(answers[1]) == {180, 210, 240, 270}
    segments = [e for e in events if e["event"] == "segment" and e["person"] == 1]
    assert segments[0]["start"] == 0 and segments[-1]["end"] == pytest.approx(400 / 30, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": float("nan")}, "frame rate"), ({"fps": 0.5}, "frame rate"), ({"fps": 1e9}, "frame rate"),
        ({"persons": 0}, "no person"), ({"persons": 65}, "too many"),
        ({"labels": ["walk", "walk"]}, "label"),
        ({"layout": replace(LAYOUT, common={})}, "common body"), ({"false_accepts": 2.0}, "share"),
        ({"layout": WIDE, "fps": 1000.0, "persons": 10}, "too much to keep"),
    ],
)  # fmt: skip
def test_what_cannot_be_streamed_is_refused_before_the_first_frame(
    trained: Recognizer, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        LiveRecognizer(trained, **{"labels": WORDS, "layout": LAYOUT, "fps": 30.0, **change})


JOINTS = [[0.0, float(i), 1.0] for i in range(20)]


def test_frames_as_json_are_frames_as_arrays() -> None:
    array = np.array([JOINTS], dtype=np.float32)
    for given_frame in ({"joints": JOINTS}, {"persons": [JOINTS]}, array, array.astype(np.float64)):
        np.testing.assert_array_equal(read_frame(given_frame, LAYOUT, 1), array)
    absent = read_frame({"persons": [None, [*JOINTS[:-1], None]]}, LAYOUT, 3)
    assert np.isnan(absent[0]).all() and np.isnan(absent[1, 19]).all() and np.isnan(absent[2]).all()
    assert np.isfinite(absent[1, :19]).all()
    assert np.isnan(read_frame({"persons": []}, LAYOUT, 1)).all()
    assert np.isnan(read_frame({"joints": [[None, 1.0, 2.0], *JOINTS[1:]]}, LAYOUT, 1)[0, 0, 0])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({}, "no frame"), ([], "no frame"), (None, "no frame"), ({"joints": JOINTS[:5]}, "5 joints"),
        ({"joints": "abc"}, "joint layout"), ({"joints": [["1", 2, 3], *JOINTS[1:]]}, "joint layout"),
        ({"joints": [[1, 2], *JOINTS[1:]]}, "joint layout"), ({"joints": [[True, 2, 3], *JOINTS[1:]]}, "joint layout"),
        ({"joints": [[1e39, 2, 3], *JOINTS[1:]]}, "absurd"), ({"joints": [[math.inf, 2, 3], *JOINTS[1:]]}, "absurd"),
        ({"joints": [[10**400, 2, 3], *JOINTS[1:]]}, "joint layout"), ({"persons": 3}, "no frame"),
        ({"persons": [JOINTS, JOINTS]}, "more people"), (np.zeros((20, 3)), "joint layout"),
        (np.zeros((1, 20, 3), dtype=int), "joint layout"), (np.full((1, 20, 3), 2e6), "absurd"),
    ],
)  # fmt: skip
def test_bad_frames_are_refused_and_not_counted(
    trained: Recognizer, frame: Any, message: str, live_of: Callable[[], LiveRecognizer]
) -> None:
    live = live_of()
    with pytest.raises(UserError, match=message):
        live.push(frame)
    assert live.frames == 0 and live.frames_held == 0


@pytest.fixture(scope="module")
def live_of(trained: Recognizer) -> Callable[[], LiveRecognizer]:
    live = LiveRecognizer(trained, WORDS, LAYOUT, 30.0)
    return lambda: live
