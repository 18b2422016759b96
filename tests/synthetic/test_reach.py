"""Inverse kinematics of the arm, undone by forward kinematics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skelzero.synthetic.body import Body
from skelzero.synthetic.kinematics import ANGLES, JOINT, MEMBERS, joint_positions
from skelzero.synthetic.reach import arm_to

BODY = Body.of_stature(1.7)
coordinate = st.floats(-0.5, 0.5)


def arm(target: np.ndarray, elbow: np.ndarray, side: str) -> dict[str, np.ndarray]:
    """Joints of an arm that was sent somewhere, from the base of the neck; the first axis points outward."""
    angles = np.zeros((1, ANGLES))
    angles[0, MEMBERS[f"{side} arm"][1]] = arm_to(target, elbow, BODY)
    x = joint_positions(angles, BODY)[0]
    own = np.array([1 if side == "left" else -1, 1, 1])
    return {j: (x[JOINT[f"{side}_{j}"]] - x[JOINT["shoulder_center"]]) * own for j in ("shoulder", "elbow", "hand")}


@settings(max_examples=80, deadline=None)
@given(st.tuples(coordinate, coordinate, coordinate), st.sampled_from(["left", "right"]))
def test_the_hand_arrives_and_the_elbow_points_where_it_should(place: tuple[float, ...], side: str) -> None:
    target, elbow = np.array(place), np.array([0.7, -0.6, -0.3])
    line = target - [BODY.shoulder_width, -BODY.shoulder_drop, 0]
    reach = np.linalg.norm(line)
    assume(0.1 < reach < 0.98 * (BODY.upper_arm + BODY.forearm + BODY.hand))
    assume(np.linalg.norm(np.cross(line / reach, elbow)) > 0.1)
    at = arm(target, elbow, side)
    np.testing.assert_allclose(at["hand"], target, atol=1e-6)
    bulge = at["elbow"] - at["shoulder"]
    bulge -= line * (bulge @ line) / reach**2
    assert bulge @ elbow > 0 and abs(bulge @ np.cross(line, elbow)) < 1e-6


def test_a_place_out_of_reach_stretches_the_arm_towards_it() -> None:
    at = arm(np.array([0.1, 0.0, 5.0]), np.array([0.0, -1.0, 0.0]), "right")
    direction = (at["hand"] - at["shoulder"]) / np.linalg.norm(at["hand"] - at["shoulder"])
    assert direction[2] > 0.99
    length = np.linalg.norm(at["hand"] - at["shoulder"])
    assert length == pytest.approx(0.995 * (BODY.upper_arm + BODY.forearm + BODY.hand))
