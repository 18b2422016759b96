"""The floor: contact, steps and flight."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.synthetic.body import Body
from skelzero.synthetic.ground import GRAVITY, flight, joint_radii, stand
from skelzero.synthetic.kinematics import JOINT, MEMBERS, joint_positions
from skelzero.synthetic.performer import average_rest

BODY = Body.of_stature(1.7)


def standing(frames: int) -> np.ndarray:
    return np.repeat(average_rest()[None], frames, axis=0)


def test_feet_rest_on_the_floor_and_stay_where_they_are_while_the_body_goes_down() -> None:
    angles = standing(40)
    for side in ("left", "right"):
        leg = MEMBERS[f"{side} leg"][1]
        angles[:, leg.start + 1 : leg.start + 3] = 0
        angles[:, leg.start] += np.linspace(0, 80, 40)
        angles[:, leg.start + 3] += np.linspace(0, 100, 40)
    x = stand(joint_positions(angles, BODY), np.zeros(40), BODY)
    assert (x[..., 1] - joint_radii(BODY)).min(axis=1) == pytest.approx(0, abs=1e-9)
    for joint in ("left_ankle", "right_ankle"):
        assert np.ptp(x[:, JOINT[joint]], axis=0) == pytest.approx(0, abs=0.02)
    assert x[-1, 0, 1] < x[0, 0, 1] - 0.3 and x[-1, 0, 2] < -0.1, "the hips go down and back"


def test_a_leg_that_swings_back_on_the_floor_carries_the_body_forward() -> None:
    angles = standing(20)
    angles[:, MEMBERS["left leg"][1].start] = np.linspace(20, -20, 20)
    angles[:, MEMBERS["right leg"][1].start] = 60
    angles[:, MEMBERS["right leg"][1].start + 3] = 90
    x = stand(joint_positions(angles, BODY), np.zeros(20), BODY)
    leg = BODY.thigh + BODY.shank
    assert x[-1, 0, 2] - x[0, 0, 2] == pytest.approx(2 * leg * np.sin(np.radians(20)), rel=0.05)
    assert np.ptp(x[:, JOINT["left_foot"], 2]) < 0.03


def test_flight_is_a_fall_under_gravity() -> None:
    phase = np.arange(0, 1, 0.001)
    height = flight(phase, (0.3, 0.7), seconds=1.5)
    inside = (phase > 0.31) & (phase < 0.69)
    acceleration = np.gradient(np.gradient(height, 0.0015), 0.0015)[inside]
    np.testing.assert_allclose(acceleration, -GRAVITY, rtol=1e-3)
    assert height[(phase < 0.3) | (phase > 0.7)].max() == 0
    assert height.max() == pytest.approx(GRAVITY * 0.6**2 / 8, rel=1e-3)
