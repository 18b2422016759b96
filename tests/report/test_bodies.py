"""Bones have sides, frames are spread evenly, and people are seen from the front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skelzero.clips import Clip, Origin, layout_names, load_layout
from skelzero.report.bodies import (
    bones_by_side,
    bounds,
    facing,
    facts,
    legend,
    present,
    segments,
    shown_frames,
    time_label,
    title,
)

UCLA = load_layout("kinect20-ucla")


def standing(front: float, persons: int = 1) -> Clip:
    """People whose face is turned `front` radians from +z towards +x; the second, if any, faces the first."""
    body = np.zeros((persons, 3, 20, 3))
    for i, name in enumerate(UCLA.joints):
        side = -1 if name.startswith("left") else 1 if name.startswith("right") else 0
        # A body that faces -z has its left at -x.
        body[:, :, i] = [side * 0.2, 1.0 + 0.03 * i, 2.5]
    for person in range(persons):
        a = front + np.pi * (person + 1)
        turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        body[person] = body[person] @ turn.T
    return Clip(body.astype(np.float32), UCLA, Origin("x"), fps=30.0)


@pytest.mark.parametrize("name", layout_names())
def test_every_bone_has_one_side(name: str) -> None:
    layout = load_layout(name)
    sides = bones_by_side(layout)
    assert sorted((c, p) for bones in sides for c, p in bones.pairs.tolist()) == sorted(layout.bones)
    count = {bones.side: len(bones.pairs) for bones in sides}
    assert count["left"] == count["right"] and 0 not in count.values()
    for bones in sides:
        others = {"left": "right_", "right": "left_"}.get(bones.side, "left_")
        assert not any(layout.joints[c].startswith(others) for c, _ in bones.pairs)


def test_segments_leave_gaps_and_drop_missing_joints() -> None:
    joints = np.array([[0.0, 1.0], [2.0, 3.0], [np.nan, 4.0], [5.0, 6.0]])
    line = segments(joints, np.array([[1, 0], [2, 1], [3, 0]]))
    nan = [np.nan, np.nan]
    np.testing.assert_array_equal(line, [[2, 3], [0, 1], nan, [5, 6], [0, 1], nan])
    assert segments(joints, np.array([[2, 1]])).shape == (0, 2)


@given(st.integers(1, 5000), st.integers(2, 400))
def test_frames_are_spread_from_first_to_last(frames: int, most: int) -> None:
    shown = shown_frames(frames, most)
    assert len(shown) == min(frames, most) and shown[0] == 0 and shown[-1] == frames - 1
    assert np.ptp(np.diff(shown)) <= 1 if len(shown) > 2 else True


@pytest.mark.parametrize("front", [0.0, 0.5, 1.6, 3.1, -2.0])
def test_facing_is_found_from_left_and_right(front: float) -> None:
    np.testing.assert_allclose(facing(standing(front)), [np.sin(front), 0, np.cos(front)], atol=1e-6)


def test_people_who_face_each_other_are_seen_from_the_sensor() -> None:
    np.testing.assert_array_equal(facing(standing(1.5, persons=2)), [0, 0, -1])


def test_recorded_people_face_the_sensor_and_their_toes_point_there(recordings: object) -> None:
    from skelzero.readers import read_clips

    for archive in ("utd_mhad.zip", "msr_action3d.tar.xz"):
        for _, clip in zip(range(8), read_clips(recordings / archive), strict=False):  # type: ignore[operator]
            front = facing(clip)
            ids = {name: list(joints) for name, joints in clip.layout.common.items()}
            x = clip.positions[0]
            toes = sum(x[:, ids[f"{side}_foot"]] - x[:, ids[f"{side}_ankle"]] for side in ("left", "right"))
            assert front[2] < -0.7 and np.nanmean(toes.reshape(-1, 3) @ front) > 0, clip.origin.name


def test_padding_is_nobody() -> None:
    clip = standing(0.0, persons=2)
    positions = clip.positions.copy()
    positions[1] = 0
    assert present(replace(clip, positions=positions)).tolist() == [True, False]
    assert present(replace(clip, positions=np.zeros_like(positions))).tolist() == [True, True]


def test_one_wild_joint_does_not_stretch_the_room() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, size=(100, 20, 3))
    points[3, 4] = 900
    low, high = bounds(points, 0.5)
    assert (low > -1.5).all() and (high < 1.5).all()
    low, high = bounds(np.zeros((5, 3)), 0.5)
    np.testing.assert_allclose(high - low, 0.5)


def test_words() -> None:
    clip = standing(0.0)
    origin = Origin("n" * 80, "synthetic", "s01", subject=3, replication=0)
    words = " ".join(facts(replace(clip, origin=origin, history=("common-64",))))
    for part in (
        "class s01 of synthetic",
        "no person was recorded",
        "subject 3",
        "replication 0",
        "0.1 s",
        "common-64",
    ):
        assert part in words
    assert "camera" not in words and len(title(replace(clip, origin=origin))) < 70
    assert time_label(clip, 15) == "0.50 s" and time_label(replace(clip, fps=float("nan")), 15) == "frame 15"
    assert [legend(*a) for a in ((0, 1, "left"), (0, 2, "left"), (1, 2, "left"), (3, 5, "left"))] == [
        "left", "left, person 1", "left, person 2", "left, others"
    ]  # fmt: skip
