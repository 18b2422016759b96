"""Forward kinematics against a joint-by-joint chain made with scipy's rotations."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skelzero.clips import COMMON_JOINTS, load_layout
from skelzero.synthetic.body import Body
from skelzero.synthetic.kinematics import (
    ANGLES,
    ANKLE_DOWN,
    ANKLE_UP,
    JOINT,
    LIMBS,
    LOWER_TRUNK_SHARE,
    MEMBERS,
    joint_positions,
    rotations,
)
from skelzero.synthetic.performer import average_rest, mirrored

BODY = Body.of_stature(1.7)


def turned(x: float, y: float, z: float) -> Rotation:
    return Rotation.from_rotvec(np.radians([x, y, z]))


def by_hand(angles: np.ndarray, b: Body) -> dict[str, np.ndarray]:
    """One frame, one joint after another, in the words of the vocabulary."""
    a = {
        member: dict(zip(LIMBS[limb], angles[where], strict=True))
        for member, (limb, where) in MEMBERS.items()
    }  # fmt: skip
    t, h, w = a["trunk"], a["head"], a["body"]
    pelvis = turned(0, w["turn"], 0) * turned(w["pitch"], 0, -w["roll"])
    trunk = np.array([t["bend"], t["twist"], -t["side"]])
    lower = pelvis * turned(*(LOWER_TRUNK_SHARE * trunk))
    chest = lower * turned(*((1 - LOWER_TRUNK_SHARE) * trunk))
    at = {"hip_center": np.zeros(3)}
    at["spine"] = lower.apply([0, b.lower_trunk, 0])
    neck = at["shoulder_center"] = at["spine"] + chest.apply([0, b.upper_trunk, 0])
    at["head"] = neck + (chest * turned(h["nod"], h["turn"], -h["side"])).apply([0, b.neck, b.face])
    for side, s in (("left", 1), ("right", -1)):
        arm, leg = a[f"{side} arm"], a[f"{side} leg"]
        upper = chest * turned(-arm["raise"], 0, s * arm["spread"]) * turned(0, -s * arm["twist"], 0)
        fore = upper * turned(-arm["bend"], 0, 0)
        at[f"{side}_shoulder"] = neck + chest.apply([s * b.shoulder_width, -b.shoulder_drop, 0])
        at[f"{side}_elbow"] = at[f"{side}_shoulder"] + upper.apply([0, -b.upper_arm, 0])
        at[f"{side}_wrist"] = at[f"{side}_elbow"] + fore.apply([0, -b.forearm, 0])
        at[f"{side}_hand"] = at[f"{side}_wrist"] + fore.apply([0, -b.hand, 0])
        thigh = pelvis * turned(-leg["raise"], 0, s * leg["spread"]) * turned(0, s * leg["turn"], 0)
        shank = thigh * turned(leg["bend"], 0, 0)
        at[f"{side}_hip"] = pelvis.apply([s * b.hip_width, -b.hip_drop, 0])
        at[f"{side}_knee"] = at[f"{side}_hip"] + thigh.apply([0, -b.thigh, 0])
        at[f"{side}_ankle"] = at[f"{side}_knee"] + shank.apply([0, -b.shank, 0])
        up = np.degrees(np.arcsin(np.clip(shank.apply([0, 0, 1])[1], -1, 1)))
        foot = shank * turned(np.clip(up, -ANKLE_UP, ANKLE_DOWN) + leg["point"], 0, 0)
        at[f"{side}_foot"] = at[f"{side}_ankle"] + foot.apply([0, b.toe_height - b.ankle_height, b.foot])
    return at


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_every_joint_is_where_the_chain_by_hand_puts_it(seed: int) -> None:
    angles = np.random.default_rng(seed).uniform(-170, 170, (3, ANGLES))
    found = joint_positions(angles, BODY)
    for t in range(3):
        expected = by_hand(angles[t], BODY)
        np.testing.assert_allclose(found[t], [expected[j] for j in COMMON_JOINTS], atol=1e-9)


def test_rotations_are_those_of_scipy() -> None:
    vectors = np.random.default_rng(0).normal(0, 2, (50, 3))
    vectors[0] = 0
    np.testing.assert_allclose(rotations(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)


def test_bones_keep_their_length_in_any_posture() -> None:
    angles = np.random.default_rng(1).uniform(-180, 180, (40, ANGLES))
    x = joint_positions(angles, BODY)
    for child, parent in load_layout("common20").bones:
        length = np.linalg.norm(x[:, child] - x[:, parent], axis=-1)
        np.testing.assert_allclose(length, length[0], rtol=1e-9)


def test_a_standing_person_faces_forward_with_the_left_hand_on_the_left() -> None:
    x = joint_positions(average_rest()[None], BODY)[0]
    assert x[JOINT["left_hand"], 0] > 0.2 > -0.2 > x[JOINT["right_hand"], 0]
    assert x[JOINT["left_foot"], 2] > x[JOINT["left_ankle"], 2] + 0.1, "toes point to +z"
    assert x[JOINT["head"], 1] > 0.5 and x[JOINT["left_foot"], 1] < -0.9


def test_mirrored_angles_give_the_mirrored_body() -> None:
    angles = np.random.default_rng(2).uniform(-90, 90, (5, ANGLES))
    x, y = joint_positions(angles, BODY), joint_positions(mirrored(angles), BODY)
    swapped = y.copy()
    for left, right in load_layout("common20").mirror:
        swapped[:, [left, right]] = y[:, [right, left]]
    np.testing.assert_allclose(swapped * [-1, 1, 1], x, atol=1e-9)
