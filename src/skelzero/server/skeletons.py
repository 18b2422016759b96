"""The numbers from which a page draws a recording: few enough to send, exact enough to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from skelzero.clips import Clip
from skelzero.recognize.windows import frame_rate
from skelzero.report.bodies import bones_by_side, bounds, facing, present

MAX_FPS = 30.0
MAX_NUMBERS = 1_500_000
"""Coordinates in one answer, about 8 MB; beyond it frames are left out."""
STEPS = {2: 10, 3: 1000}
"""Parts of a unit that are told apart: tenths of pixels, millimetres."""
LEAST_ROOM = 0.6


def skeleton(clip: Clip) -> dict[str, Any]:
    """Joints, bones and positions of a clip for drawing.

    Parameters
    ----------
    clip : Clip
        Any layout.

    Returns
    -------
    dict
        `joints` (names), `bones` (child, parent, side), `dims`, `unit`, `times` (seconds of the frames that are kept),
        `low` and `high` (the box to show), `front` (where people face, x and z), and `people`: number and `frames`,
        each one list of whole numbers in steps of 1 / `steps` of the unit, null where a joint was not seen.
    """
    C, fps = clip.layout.dims, frame_rate(clip)
    people = np.flatnonzero(present(clip))
    keep = _kept(clip, len(people), fps)
    shown = clip.positions[people][:, keep].astype(np.float64)
    low, high = bounds(clip.positions[people].astype(np.float64), LEAST_ROOM if clip.unit == "m" else 1e-6)
    front = facing(clip) if C == 3 else np.array([0.0, 0.0, -1.0])
    bones = [[int(a), int(b), group.side] for group in bones_by_side(clip.layout) for a, b in group.pairs]
    return {
        "joints": list(clip.layout.joints), "bones": bones, "dims": C, "unit": clip.unit, "steps": STEPS[C],
        "times": np.round(keep / fps, 3).tolist(), "low": low.round(3).tolist(), "high": high.round(3).tolist(),
        "front": [round(float(front[0]), 3), round(float(front[2]), 3)],
        "people": [{"person": int(p), "frames": _whole(x, STEPS[C])} for p, x in zip(people, shown, strict=True)],
    }  # fmt: skip


def _kept(clip: Clip, people: int, fps: float) -> np.ndarray:
    """Frame numbers at no more than `MAX_FPS`, and no more of them than fit into an answer."""
    most = max(2, MAX_NUMBERS // (people * len(clip.layout) * clip.layout.dims))
    step = max(1.0, fps / MAX_FPS, clip.frames / most)
    return np.unique(np.arange(0, clip.frames, step).round().astype(np.int64).clip(max=clip.frames - 1))


def _whole(positions: np.ndarray, steps: int) -> list[list[int | None]]:
    """Frames as flat lists (joint after joint) of whole numbers; a joint with a missing coordinate is missing."""
    seen = np.isfinite(positions).all(axis=-1, keepdims=True) & np.ones(positions.shape, dtype=bool)
    numbers = np.where(seen, positions * steps, 0).round().astype(np.int64).astype(object)
    numbers[~seen] = None
    return numbers.reshape(len(positions), -1).tolist()
