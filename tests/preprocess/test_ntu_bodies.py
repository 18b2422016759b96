"""Body selection on tracks whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.preprocess.ntu_bodies import select_bodies

NTU = load_layout("ntu25")


def person(frames: slice, T: int = 60, *, moves: float = 0.1, wide: bool = False, seed: int = 0) -> np.ndarray:
    """A track (T V 3): 1.7 high and 0.5 wide (or the other way round), moving sideways; NaN outside `frames`."""
    rng = np.random.default_rng(seed)
    size = np.array([1.7, 0.5, 0.3] if wide else [0.5, 1.7, 0.3])
    x = np.full((T, 25, 3), np.nan, dtype=np.float32)
    body = rng.random((25, 3)) * size
    x[frames] = body + np.linspace(0, moves, T)[frames, None, None] * np.array([1, 0, 0])
    return x


def clip(*tracks: np.ndarray) -> Clip:
    return Clip(np.stack(tracks), NTU, Origin("made-up"))


def test_short_and_wide_tracks_are_dropped() -> None:
    actor, ghost, sofa = person(slice(0, 60)), person(slice(20, 30), seed=1), person(slice(0, 60), wide=True, seed=2)
    out = select_bodies(clip(ghost, sofa, actor))
    assert out.persons == 1
    np.testing.assert_array_equal(out.positions[0], actor)


def test_the_more_active_of_two_comes_first_and_a_third_is_dropped() -> None:
    quiet, lively = person(slice(0, 60), moves=0.1), person(slice(0, 60), moves=2.0, seed=1)
    still = person(slice(0, 60), moves=0.0, seed=2)
    out = select_bodies(clip(quiet, still, lively))
    assert out.persons == 2
    np.testing.assert_array_equal(out.positions[0], lively)


def test_pieces_of_one_person_under_two_ids_are_joined() -> None:
    first, second = person(slice(0, 30), moves=1.0), person(slice(30, 60), moves=1.0, seed=1)
    out = select_bodies(clip(first, second))
    assert out.persons == 1 and np.isfinite(out.positions).all()
    np.testing.assert_array_equal(out.positions[0, :30], first[:30])
    np.testing.assert_array_equal(out.positions[0, 30:], second[30:])


def test_a_single_track_is_kept_even_when_short() -> None:
    out = select_bodies(clip(person(slice(0, 5))))
    assert out.persons == 1


def test_no_body_at_all_is_a_users_error() -> None:
    with pytest.raises(UserError, match="no body"):
        select_bodies(clip(np.zeros((10, 25, 3), dtype=np.float32)))
