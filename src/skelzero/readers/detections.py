"""People found frame by frame, as pose estimators write them: who is who over time, and which frame is when.

Estimators give the people of a frame in no order. They are linked to the people seen before by the mean distance of
their joints, all pairs of a frame at once (the assignment of least cost), in units of the body's own size. Who moved
farther than `FARTHEST`, or was away for longer than `AWAY` frames, counts as somebody new.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from skelzero.clips.clip import MAX_FRAMES, MAX_PERSONS
from skelzero.errors import UserError
from skelzero.readers.base import Source

JSON_BYTES = 128 << 20
"""Largest JSON file; parsed, one can take twenty times its size."""
FARTHEST = 0.5
"""Mean way of a body's joints from sight to sight, in diagonals of the box around it."""
AWAY = 30
"""Frames after which nobody is waited for any more."""
CROWD = 128
"""People in one frame, and people who are waited for."""
MAX_NUMBERS = 1 << 27
"""Coordinates in one clip; of more people those seen in most frames are kept."""
FEW_FRAMES, HOLES = 1000, 10
"""Numbers of frames that span more than `FEW_FRAMES` and `HOLES` times their count are no numbers of frames."""


def frame_places(numbers: Sequence[int]) -> Int[np.ndarray, " D"]:
    """Places in time, from 0 on, of what carries these frame numbers; frames left out stay holes.

    Every n-th frame counts as every frame. Numbers too far apart to be a recording's only say the order.

    >>> frame_places([12, 14, 14, 20]).tolist(), frame_places([5, 10**30, 7]).tolist()
    ([0, 1, 1, 4], [0, 2, 1])
    """
    distinct = sorted(set(numbers))
    step = math.gcd(*(b - a for a, b in itertools.pairwise(distinct))) or 1
    if (distinct[-1] - distinct[0]) // step < max(FEW_FRAMES, HOLES * len(distinct)):
        place = {number: (number - distinct[0]) // step for number in distinct}
    else:
        place = {number: i for i, number in enumerate(distinct)}
    return np.array([place[number] for number in numbers], dtype=np.int64)


def link(points: Float32[np.ndarray, "D V C"], frames: Int[np.ndarray, " D"], *, where: str) -> Int[np.ndarray, " D"]:
    """The number of the person of every detection; frames in ascending order.

    Raises
    ------
    UserError
        More than `CROWD` people in one frame.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and most formats number their people

    people = np.empty(len(points), dtype=np.int64)
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    size = _sizes(points)
    known = np.zeros(0, dtype=np.int64)  # for everybody waited for, the row in which they were seen last
    count = 0
    for start, stop in zip(starts, [*starts[1:], len(points)], strict=True):
        rows = np.arange(start, stop)
        if len(rows) > CROWD:
            raise UserError("too many people in one frame", where=where, got=len(rows), expected=f"<= {CROWD}")
        known = known[frames[known] >= frames[start] - AWAY][-CROWD:]
        way = _distances(points[known], points[rows]) / np.maximum(size[known][:, None], size[rows])
        old, new = linear_sum_assignment(np.where(way < FARTHEST, way, 2 * FARTHEST))
        fits = way[old, new] < FARTHEST
        people[rows] = -1
        people[rows[new[fits]]] = people[known[old[fits]]]
        strangers = rows[people[rows] < 0]
        people[strangers] = np.arange(count, count + len(strangers))
        count += len(strangers)
        known = np.concatenate([np.delete(known, old[fits]), rows])
    return people


def by_person(
    values: Float32[np.ndarray, "D *rest"], frames: Int[np.ndarray, " D"], people: Int[np.ndarray, " D"],
    *, length: int, where: str,
) -> Float32[np.ndarray, "P T *rest"]:  # fmt: skip
    """Detections as one course of `length` frames a person, in order of appearance; NaN where somebody is not seen.

    Raises
    ------
    UserError
        More frames than a clip can have.
    """
    room = MAX_NUMBERS // (length * math.prod(values.shape[1:]))
    if length > MAX_FRAMES or room < 1:
        raise UserError("too many frames", where=where, got=length, next_step="cut the recording into shorter ones")
    present, first, row, counts = np.unique(people, return_index=True, return_inverse=True, return_counts=True)
    longest = np.argsort(-counts, kind="stable")[: min(MAX_PERSONS, room)]
    order = longest[np.argsort(first[longest], kind="stable")]
    place = np.full(len(present), -1)
    place[order] = np.arange(len(order))
    kept = place[row] >= 0
    found = np.full((len(order), length, *values.shape[1:]), np.nan, dtype=np.float32)
    found[place[row][kept], frames[kept]] = values[kept]
    return found


def confidence_of(scores: Float32[np.ndarray, "P T V"]) -> Float32[np.ndarray, "P T V"]:
    """Scores as a clip's confidence: 0 where nobody is seen, 1 at most."""
    return np.clip(np.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)


def bad_file(source: Source, title: str, error: Exception, expected: str) -> UserError:
    """The message for JSON that cannot be parsed or holds something else than the format does."""
    return UserError(f"not a readable {title} file", where=source.where,
                     got=f"{type(error).__name__}: {str(error)[:200]}", expected=expected)  # fmt: skip


def _sizes(points: Float32[np.ndarray, "D V C"]) -> Float[np.ndarray, " D"]:
    """Diagonals of the boxes around the joints that are seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody seen at all: NaN, near to no one
        box = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
    return np.maximum(np.linalg.norm(box.astype(np.float64), axis=-1), 1e-9)


def _distances(a: Float32[np.ndarray, "A V C"], b: Float32[np.ndarray, "B V C"]) -> Float[np.ndarray, "A B"]:
    """Mean distance of the joints that both have; infinite where there is none."""
    each = np.linalg.norm(a[:, None] - b[None], axis=-1)
    both = np.isfinite(each)
    total = np.where(both, each, 0).sum(axis=-1)
    return np.where(both.any(axis=-1), total / np.maximum(both.sum(axis=-1), 1), np.inf)
