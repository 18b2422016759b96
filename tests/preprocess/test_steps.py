"""Steps against torch, hand-made truths and properties."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.preprocess import steps
from skelzero.preprocess.gaps import fill_from_neighbours, interpolate_gaps

UCLA = load_layout("kinect20-ucla")


def standing(frames: int = 30, persons: int = 1, seed: int = 0) -> Clip:
    """A person-like clip: standard bones hanging down or up from the hips, with a little motion."""
    rng = np.random.default_rng(seed)
    x = np.zeros((persons, frames, 20, 3))
    direction = {"spine": (0, 1, 0), "shoulder_center": (0, 1, 0), "head": (0, 1, 0)}
    for child, parent in sorted(UCLA.bones, key=lambda b: steps.bone_depth(UCLA, b[0])):
        name = UCLA.joints[child]
        side = 1 if name.startswith("left") else -1
        way = direction.get(name, (side, 0, 0) if name.endswith(("shoulder", "hip")) else (0, -1, 0.1))
        length = steps.STANDARD_BONES[name.replace("right_", "left_")]
        x[:, :, child] = x[:, :, parent] + length * np.array(way)
    x += 0.01 * rng.standard_normal(x.shape) + rng.standard_normal((persons, 1, 1, 3))
    return Clip(x.astype(np.float32), UCLA, Origin("standing"), fps=30)


@given(st.integers(1, 200), st.sampled_from([16, 50, 64]))
@settings(max_examples=25, deadline=None)
def test_resample_is_torch_interpolation(frames: int, target: int) -> None:
    x = np.random.default_rng(frames).standard_normal((2, frames, 3, 3)).astype(np.float32)
    flat = torch.from_numpy(x).permute(0, 2, 3, 1).reshape(2, 9, frames)
    expected = torch.nn.functional.interpolate(flat, size=target, mode="linear", align_corners=False)
    np.testing.assert_allclose(
        steps.resample(x, target), expected.reshape(2, 3, 3, target).permute(0, 3, 1, 2).numpy(), atol=1e-4
    )


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_rotation_between_turns_a_into_b(seed: int) -> None:
    a, b = np.random.default_rng(seed).standard_normal((2, 3))
    R = steps.rotation_between(a, b)
    np.testing.assert_allclose(R @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-9)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(R) == pytest.approx(1)


def test_rotation_between_opposite_directions_keeps_up_up() -> None:
    R = steps.rotation_between(np.array([1.0, 0, 0]), np.array([-1.0, 0, 0]))
    np.testing.assert_allclose(R @ [1, 0, 0], [-1, 0, 0])
    np.testing.assert_allclose(R @ [0, 1, 0], [0, 1, 0])


@given(st.floats(-math.pi, math.pi), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_face_forward_undoes_any_turn(angle: float, seed: int) -> None:
    clip = standing(seed=seed)
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=np.float32)
    turned = clip.with_step("turn", (clip.positions @ turn.T).astype(np.float32))
    np.testing.assert_allclose(steps.face_forward(turned).positions, steps.face_forward(clip).positions, atol=1e-4)
    left = steps.common_joint(steps.face_forward(turned), "left_shoulder")
    right = steps.common_joint(steps.face_forward(turned), "right_shoulder")
    assert ((left - right)[..., 0] > 0).all()


def test_unify_bones_gives_every_body_the_same_bones_and_keeps_directions() -> None:
    small = standing()
    clip = small.with_step("grow", small.positions * np.float32(1.7))
    out = steps.unify_bones(steps.to_common_joints(clip))
    for child, parent in out.layout.bones:
        before = clip.positions[0, :, child] - clip.positions[0, :, parent]
        after = out.positions[0, :, child] - out.positions[0, :, parent]
        length = steps.STANDARD_BONES[out.layout.joints[child].replace("right_", "left_")]
        np.testing.assert_allclose(np.linalg.norm(after, axis=-1), length, rtol=1e-4)
        cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-4)


def test_unit_torso_removes_body_size() -> None:
    clip = standing()
    large = clip.with_step("grow", clip.positions * np.float32(1.3))
    np.testing.assert_allclose(steps.unit_torso(large).positions, steps.unit_torso(clip).positions, atol=1e-4)


def test_common_joints_of_ntu_come_from_the_right_joints() -> None:
    ntu = load_layout("ntu25")
    x = np.arange(25 * 3, dtype=np.float32).reshape(1, 1, 25, 3)
    out = steps.to_common_joints(Clip(x, ntu, Origin("a")))
    names = {"shoulder_center": "spine_shoulder", "left_hand": "left_hand", "hip_center": "spine_base"}
    for common, source in names.items():
        np.testing.assert_array_equal(
            out.positions[0, 0, out.layout.joints.index(common)], x[0, 0, ntu.joints.index(source)]
        )


def test_two_dimensional_sources_stay_two_dimensional_on_the_common_body() -> None:
    coco = load_layout("coco17")
    x = np.random.default_rng(0).random((1, 2, 17, 2)).astype(np.float32)
    out = steps.to_common_joints(Clip(x, coco, Origin("a"), unit="px"))
    assert out.layout == load_layout("common20-image") and out.unit == "px"
    assert {**out.layout.to_json(), "name": "", "source": ""} == {
        **load_layout("common20").to_json(), "name": "", "source": "", "dims": 2,
    }  # fmt: skip
    head, ears = out.layout.joints.index("head"), [coco.joints.index(f"{side}_ear") for side in ("left", "right")]
    np.testing.assert_allclose(out.positions[:, :, head], x[:, :, ears].mean(axis=2), rtol=1e-6)
    assert np.isnan(out.positions[:, :, out.layout.joints.index("left_hand")]).all()


@pytest.mark.parametrize("step", [steps.face_forward, steps.turn_shoulders_to_x, steps.spine_to_z_shoulders_to_x])
def test_pictures_are_not_turned_in_space(step: Callable[[Clip], Clip]) -> None:
    clip = Clip(np.ones((1, 2, 17, 2), dtype=np.float32), load_layout("coco17"), Origin("a"), unit="px")
    with pytest.raises(UserError, match=r"(?s)cannot be turned in space.*coco17 \(2-D\).*image-64.*kinematics"):
        step(clip)


def test_interpolate_gaps_against_numpy_interp() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 5)).astype(np.float32)
    x[rng.random(x.shape) < 0.4] = np.nan
    x[:, 4] = np.nan
    out = interpolate_gaps(x)
    for k in range(4):
        seen = np.flatnonzero(np.isfinite(x[:, k]))
        np.testing.assert_allclose(out[:, k], np.interp(np.arange(40), seen, x[seen, k]), atol=1e-6)
    assert np.isnan(out[:, 4]).all()


def test_a_hand_never_seen_lands_on_its_wrist() -> None:
    x = standing().positions[0].copy()
    hand, wrist = UCLA.joints.index("left_hand"), UCLA.joints.index("left_wrist")
    x[:, hand] = np.nan
    np.testing.assert_array_equal(fill_from_neighbours(x, UCLA)[:, hand], x[:, wrist])


def test_absent_people_stay_absent_when_gaps_are_filled() -> None:
    clip = standing(persons=2)
    x = clip.positions.copy()
    x[1, :10] = np.nan
    x[1, 15, 3] = np.nan
    out = steps.fill_missing(clip.with_step("lose", x)).positions
    assert np.isnan(out[1, :10]).all() and np.isfinite(out[1, 10:]).all() and np.isfinite(out[0]).all()


def test_the_most_moving_person_comes_first() -> None:
    clip = standing(persons=2)
    x = clip.positions.copy()
    x[1] += np.linspace(0, 2, clip.frames, dtype=np.float32)[:, None, None]
    step = steps.most_moving_persons(1)
    np.testing.assert_array_equal(step(clip.with_step("walk", x)).positions[0], x[1])


def test_the_frame_of_the_public_weights() -> None:
    # As a Kinect sees a person who faces it: the left side lies towards -x.
    clip = standing().with_step("turn", standing().positions * np.array([-1, 1, -1], dtype=np.float32))
    turned = steps.centre_each_frame(steps.spine_to_z_shoulders_to_x(clip))
    hip, spine = (steps.common_joint(turned, n)[0, 0] for n in ("hip_center", "spine"))
    left, right = (steps.common_joint(turned, f"{s}_shoulder")[0, 0] for s in ("left", "right"))
    np.testing.assert_allclose((right - left)[1:] / np.linalg.norm(right - left), 0, atol=1e-5)
    assert (right - left)[0] > 0 and (spine - hip)[2] > 0.9 * np.linalg.norm(spine - hip)
    np.testing.assert_allclose(turned.positions[0, :, turned.layout.root], 0, atol=1e-6)


def test_repeat_goes_on_from_the_start_and_cuts_what_is_too_long() -> None:
    x = np.arange(5, dtype=np.float32).reshape(1, 5, 1, 1)
    assert steps.repeat(x, 12).ravel().tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert steps.repeat(x, 3).ravel().tolist() == [0, 1, 2]
