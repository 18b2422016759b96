"""Where to look in a recording: the whole of a short one, overlapping windows of a long one, each person apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from skelzero.clips import Clip

DEFAULT_FPS = 30.0
"""Assumed where a source does not say; times in answers are then counted in units of 1/30 s and said to be assumed."""

LENGTH, STRIDE, WHOLE_BELOW = 3.0, 1.0, 6.0
"""Seconds: of a window, between the starts of two, and of a recording that is taken as one trimmed clip."""


@dataclass(frozen=True)
class Window:
    """A stretch of one person's frames: [start, end)."""

    person: int
    start: int
    end: int


def find_windows(
    clip: Clip, *, length: float = LENGTH, stride: float = STRIDE, whole_below: float = WHOLE_BELOW
) -> list[Window]:  # fmt: skip
    """The windows of a recording, in order of person and time.

    Parameters
    ----------
    clip : Clip
        Any recording; stretches in which a person is not seen are left out.
    length, stride : float
        Seconds of a window and between the starts of two.
    whole_below : float
        Recordings shorter than this many seconds are taken as one trimmed clip.
    """
    fps = frame_rate(clip)
    found = []
    for person in range(clip.persons):
        seen = np.flatnonzero(np.isfinite(clip.positions[person]).any(axis=(1, 2)))
        if not len(seen):
            continue
        first, last = int(seen[0]), int(seen[-1]) + 1
        size, step = max(2, round(length * fps)), max(1, round(stride * fps))
        if last - first <= max(whole_below * fps, size):
            found.append(Window(person, first, last))
            continue
        starts = list(range(first, last - size + 1, step))
        if starts[-1] + size < last:
            # The end of a recording is looked at too, by one last window that overlaps more.
            starts.append(last - size)
        found += [Window(person, start, start + size) for start in starts if _is_seen(seen, start, start + size)]
    return found


def cut(clip: Clip, window: Window) -> Clip:
    """The frames of one window and one person, as a clip of its own."""
    positions = clip.positions[window.person : window.person + 1, window.start : window.end]
    origin = replace(clip.origin, start_frame=clip.origin.start_frame + window.start)
    return replace(clip, positions=positions, confidence=None, origin=origin)


def frame_rate(clip: Clip) -> float:
    return DEFAULT_FPS if math.isnan(clip.fps) else clip.fps


def _is_seen(seen: np.ndarray, start: int, end: int) -> bool:
    inside = np.searchsorted(seen, end) - np.searchsorted(seen, start)
    return bool(inside >= 0.5 * (end - start))
