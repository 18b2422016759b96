"""Who is who over time, against a slow second opinion, and which frame is when."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.errors import UserError
from skelzero.readers.detections import AWAY, CROWD, FARTHEST, by_person, frame_places, link


def crowd(people: int, frames: int, seed: int) -> np.ndarray:
    """Bodies (T, P, 5, 2) of size about 1 that wander, three apart."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(1, people, 5, 2)) * 0.3 + 3 * np.arange(people)[:, None, None]
    return (start + rng.normal(scale=0.02, size=(frames, people, 5, 2)).cumsum(axis=0)).astype(np.float32)


def linked_slowly(points: np.ndarray, frames: np.ndarray) -> list[int]:
    """All ways to pair the people of a frame with those waited for; the pairing of least cost."""
    seen: dict[int, int] = {}  # person -> row
    people: list[int] = [-1] * len(points)
    for frame in np.unique(frames):
        rows = np.flatnonzero(frames == frame).tolist()
        waiting = [p for p, row in seen.items() if frame - frames[row] <= AWAY]

        def cost(row: int, person: int, seen: dict[int, int] = seen) -> float:
            a, b = points[seen[person]], points[row]
            size = max(np.linalg.norm(np.ptp(x, axis=0)) for x in (a, b))
            return min(float(np.linalg.norm(a - b, axis=1).mean() / size), 2 * FARTHEST)

        choices = itertools.permutations([*waiting, *[None] * len(rows)], len(rows))
        best = min(
            choices, key=lambda c: sum(2 * FARTHEST if p is None else cost(r, p) for r, p in zip(rows, c, strict=True))
        )
        for row, person in zip(rows, best, strict=True):
            known = person is not None and cost(row, person) < FARTHEST
            people[row] = person if known else 1 + max(people)
        seen.update({people[row]: row for row in rows})
    return people


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 6))
def test_people_keep_their_numbers_in_whatever_order_they_come(seed: int, people: int, frames: int) -> None:
    x = crowd(people, frames, seed)
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(people) for _ in range(frames)])
    points = np.take_along_axis(x, orders[:, :, None, None], axis=1).reshape(-1, 5, 2)
    frame = np.repeat(np.arange(frames), people)
    found = link(points, frame, where="x")
    assert found.tolist() == linked_slowly(points, frame)
    again = by_person(points, frame, found, length=frames, where="x")
    np.testing.assert_array_equal(again, x[:, orders[0]].transpose(1, 0, 2, 3))


def test_who_jumps_or_was_long_away_is_somebody_else() -> None:
    x = crowd(1, 4, 0)[:, 0]
    assert link(x, np.array([0, 1, 2, 3]), where="x").tolist() == [0, 0, 0, 0]
    assert link(x, np.array([0, 1, 2 + AWAY, 3 + AWAY]), where="x").tolist() == [0, 0, 1, 1]
    x[2:] += 5
    assert link(x, np.array([0, 1, 2, 3]), where="x").tolist() == [0, 0, 1, 1]


def test_missing_joints_count_neither_way() -> None:
    x = crowd(2, 6, 1).reshape(12, 5, 2)
    x[3, 2:], x[6, :3] = np.nan, np.nan
    assert link(x, np.repeat(np.arange(6), 2), where="x").tolist() == [0, 1] * 6
    nothing_common = np.full((2, 5, 2), np.nan, np.float32)
    nothing_common[0, :2], nothing_common[1, 3:] = x[0, :2], x[0, 3:]
    assert link(nothing_common, np.array([0, 1]), where="x").tolist() == [0, 1]


def test_absent_people_are_nan_and_the_rarest_give_way() -> None:
    people = np.array([*range(70), *range(1, 70)])
    frames = np.array([0] * 70 + [1] * 69)
    values = np.arange(139, dtype=np.float32)[:, None, None] + np.zeros((1, 5, 2), np.float32)
    found = by_person(values, frames, people, length=3, where="x")
    assert found.shape == (64, 3, 5, 2)
    assert found[0, :2, 0, 0].tolist() == [1, 70]  # person 0 was seen once only
    assert np.isnan(found[:, 2]).all()


def test_bounds() -> None:
    with pytest.raises(UserError, match="too many people in one frame"):
        link(crowd(CROWD + 1, 1, 0)[0], np.zeros(CROWD + 1, int), where="x")
    with pytest.raises(UserError, match="too many frames"):
        by_person(crowd(1, 1, 0)[0], np.zeros(1, int), np.zeros(1, int), length=10**9, where="x")


def test_numbers_that_are_none_of_frames_say_the_order() -> None:
    assert frame_places([0]).tolist() == [0]
    assert frame_places([3, 6, 6, 12]).tolist() == [0, 1, 1, 3]
    assert frame_places([391895, 522418, 184613]).tolist() == [1, 2, 0]
