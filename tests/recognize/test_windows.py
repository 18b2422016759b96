"""Windows cover a recording; segments say when."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.clips import Clip, Origin, load_layout
from skelzero.recognize.segments import merge_windows
from skelzero.recognize.windows import Window, cut, find_windows


def recording(frames: int, persons: int = 1, fps: float = 30.0) -> Clip:
    x = np.random.default_rng(0).standard_normal((persons, frames, 20, 3)).astype(np.float32)
    return Clip(x, load_layout("common20"), Origin("r"), fps=fps)


@given(st.integers(1, 2000), st.sampled_from([15.0, 30.0, 120.0]))
@settings(max_examples=40, deadline=None)
def test_windows_cover_every_frame_and_stay_inside(frames: int, fps: float) -> None:
    windows = find_windows(recording(frames, fps=fps))
    covered = np.zeros(frames, dtype=bool)
    for w in windows:
        assert 0 <= w.start < w.end <= frames
        covered[w.start : w.end] = True
    assert covered.all()
    assert len({w.end - w.start for w in windows}) == 1


def test_a_short_recording_is_one_window() -> None:
    assert find_windows(recording(150)) == [Window(0, 0, 150)]


def test_each_person_apart_and_unseen_stretches_left_out() -> None:
    clip = recording(150, persons=2)
    x = clip.positions.copy()
    x[1, :100] = np.nan
    windows = find_windows(clip.with_step("hide", x))
    assert windows == [Window(0, 0, 150), Window(1, 100, 150)]
    part = cut(clip, windows[1])
    np.testing.assert_array_equal(part.positions[0], clip.positions[1, 100:150])
    assert part.origin.start_frame == 100


def test_neighbours_with_one_answer_become_one_segment() -> None:
    windows = [Window(0, 0, 90), Window(0, 30, 120), Window(0, 60, 150), Window(0, 90, 180)]
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
    first, second = merge_windows(windows, p, np.zeros(4, dtype=bool), ["walk", "wave"], fps=30)
    assert (first.start, second.end) == (0, 6)
    assert first.end == second.start == 3.0  # midway between the centres of frames 75 and 105
    assert first.labels[0].label == "walk" and first.labels[0].probability == np.mean([0.9, 0.7])
    assert second.labels[0].label == "wave" and not second.none_of_these


def test_rejected_windows_do_not_join_accepted_ones() -> None:
    windows = [Window(0, 0, 90), Window(0, 30, 120)]
    p = np.array([[0.9, 0.1], [0.9, 0.1]])
    out = merge_windows(windows, p, np.array([False, True]), ["walk", "wave"], fps=30)
    assert [s.none_of_these for s in out] == [False, True]
