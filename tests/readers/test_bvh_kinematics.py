"""Forward kinematics against a loop over frames and joints with scipy's rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from examples import BODY, bvh_file
from skelzero.readers import bvh_kinematics
from skelzero.readers.bvh_kinematics import joint_positions, rest_positions
from skelzero.readers.bvh_text import BvhFile, Channel, Joint, parse_bvh


def by_hand(file: BvhFile) -> np.ndarray:
    """One frame after another, one joint after another; position channels add to the offset."""
    out = np.zeros((len(file.motion), len(file.joints), 3))
    for t, row in enumerate(file.motion):
        numbers, turns = iter(row), []
        for j, joint in enumerate(file.joints):
            move, own = np.array(joint.offset), Rotation.identity()
            for channel in joint.channels:
                value = next(numbers)
                if channel.rotation:
                    own = own * Rotation.from_euler("XYZ"[channel.axis], value, degrees=True)
                else:
                    move[channel.axis] += value
            above = Rotation.identity() if joint.parent < 0 else turns[joint.parent]
            out[t, j] = above.apply(move) + (0 if joint.parent < 0 else out[t, joint.parent])
            turns.append(above * own)
    return out


@st.composite
def files(draw: st.DrawFn) -> BvhFile:
    numbers = st.floats(-100, 100, allow_nan=False).map(lambda value: round(value, 3))
    rotation = st.builds(Channel, st.integers(0, 2), st.just(True))
    joints, columns = [], 0
    for j in range(draw(st.integers(1, 7))):
        channels = draw(st.lists(rotation, max_size=3))
        if j == 0:
            channels = [*[Channel(axis, False) for axis in draw(st.permutations(range(3)))], *channels]
        offset = (0.0, 0.0, 0.0) if j == 0 else draw(st.tuples(numbers, numbers, numbers))
        joints.append(Joint(f"j{j}", draw(st.integers(0, j - 1)) if j else -1, False, offset, tuple(channels)))
        columns += len(channels)
    frames = draw(st.integers(1, 4))
    motion = draw(st.lists(numbers, min_size=frames * columns, max_size=frames * columns))
    return BvhFile(tuple(joints), np.array(motion).reshape(frames, columns), 30.0)


@settings(max_examples=60, deadline=None)
@given(files())
def test_equal_to_the_loop_by_hand(file: BvhFile) -> None:
    np.testing.assert_allclose(joint_positions(file), by_hand(file), atol=2e-4, rtol=1e-5)


def test_pieces_of_a_long_file_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = parse_bvh(bvh_file(50), "x")
    whole = joint_positions(file)
    monkeypatch.setattr(bvh_kinematics, "JOINT_FRAMES", 3 * len(file.joints))
    np.testing.assert_array_equal(joint_positions(file), whole)


def test_bones_keep_their_length() -> None:
    file = parse_bvh(bvh_file(40), "x")
    x = joint_positions(file).astype(np.float64)
    for j, joint in enumerate(file.joints):
        if joint.parent >= 0:
            length = np.linalg.norm(x[:, j] - x[:, joint.parent], axis=-1)
            np.testing.assert_allclose(length, np.linalg.norm(joint.offset), rtol=1e-5)


def test_rest_pose_is_the_sum_of_offsets() -> None:
    file = parse_bvh(bvh_file(1), "x")
    rest = {joint.name: place for joint, place in zip(file.joints, rest_positions(file), strict=True)}
    assert rest["lHand"].tolist() == [4 + 14 + 28 + 26, 12 + 36, 0]
    assert rest["hip"].tolist() == [0, 0, 0]
    motion = np.zeros_like(file.motion)
    still = joint_positions(BvhFile(file.joints, motion, 30.0))[0]
    np.testing.assert_allclose(still - still[0], rest_positions(file), atol=1e-4)


def test_a_quarter_turn_by_eye() -> None:
    # Turning the left upper leg by -90 degrees about x brings the shin from below to the front.
    joints = (
        Joint("hip", -1, False, (0.0, 0.0, 0.0), (Channel(0, True),)),
        Joint("knee", 0, False, (0.0, -4.0, 0.0), ()),
    )
    x = joint_positions(BvhFile(joints, np.array([[0.0], [-90.0]]), 30.0))
    np.testing.assert_allclose(x[:, 1], [[0, -4, 0], [0, 0, 4]], atol=1e-6)


@pytest.mark.parametrize("adds", [True, False])
def test_position_channels_of_inner_joints_add_or_replace(adds: bool) -> None:
    joints = (
        Joint("hip", -1, False, (0.0, 0.0, 0.0), (Channel(1, True),)),
        Joint("arm", 0, False, (0.0, 30.0, 0.0), tuple(Channel(axis, False) for axis in range(3))),
    )
    moves = np.array([[0.5, 0.2, 0.1], [0.1, -0.3, 0.0], [0.2, 0.1, 0.2]])
    expected = moves + np.array([0, 30, 0])
    given_numbers = moves if adds else expected
    motion = np.concatenate([np.zeros((3, 1)), given_numbers], axis=1)
    np.testing.assert_allclose(joint_positions(BvhFile(joints, motion, 30.0))[:, 1], expected, atol=1e-6)


def test_the_example_body_has_all_its_joints() -> None:
    assert len(parse_bvh(bvh_file(1), "x").joints) == len(BODY.strip().splitlines())
