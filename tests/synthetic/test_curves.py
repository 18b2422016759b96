"""Curves through postures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skelzero.synthetic.curves import flowing, minimum_jerk, stop_and_go

KNOTS = np.array([0.0, 0.2, 0.7, 1.0])
VALUES = np.array([[0.0, 5.0], [90.0, 5.0], [30.0, -5.0], [0.0, 5.0]])


def test_minimum_jerk_starts_and_ends_at_rest() -> None:
    s = np.linspace(0, 1, 2001)
    y = minimum_jerk(s)
    speed, acceleration = np.gradient(y, s), np.gradient(np.gradient(y, s), s)
    assert (y[0], y[1000], y[-1]) == pytest.approx((0, 0.5, 1))
    assert np.all(np.diff(y) >= 0) and speed.max() == pytest.approx(1.875, abs=1e-3)
    assert abs(speed[[0, -1]]).max() < 1e-2 and abs(acceleration[[1, -2]]).max() < 0.1
    assert minimum_jerk(np.array([-3.0, 4.0])).tolist() == [0, 1]


@given(st.floats(0, 1))
def test_stop_and_go_by_hand(phase: float) -> None:
    i = 0 if phase < 0.2 else 1 if phase < 0.7 else 2
    s = (phase - KNOTS[i]) / (KNOTS[i + 1] - KNOTS[i])
    eased = 10 * s**3 - 15 * s**4 + 6 * s**5
    expected = [VALUES[i, c] + eased * (VALUES[i + 1, c] - VALUES[i, c]) for c in range(2)]
    np.testing.assert_allclose(stop_and_go(np.array([phase]), KNOTS, VALUES)[0], expected, atol=1e-9)


@pytest.mark.parametrize("curve", [stop_and_go, flowing])
def test_both_kinds_pass_through_every_posture(curve: object) -> None:
    np.testing.assert_allclose(curve(KNOTS, KNOTS, VALUES), VALUES, atol=1e-9)  # type: ignore[operator]


def test_flowing_does_not_stop_or_jerk_at_a_posture_nor_at_the_end_of_the_round() -> None:
    phase = np.arange(0, 2, 1e-4)
    y = flowing(phase % 1.0, KNOTS, VALUES)
    speed = np.diff(y, axis=0) / 1e-4
    assert np.abs(np.diff(speed, axis=0)).max() < 2, "the slope is continuous"
    assert abs(speed[2000, 1]) > 5, "between 5 and -5 the second angle does not pause at 0.2"


def test_flowing_goes_round_evenly() -> None:
    """A whole turn in four quarters: the angle grows at one speed, also across the end of the round."""
    knots, turn = np.linspace(0, 1, 5), np.linspace(0, 360, 5)[:, None]
    phase = np.linspace(0, 1, 101)
    np.testing.assert_allclose(flowing(phase, knots, turn)[:, 0], 360 * phase, atol=1e-9)
