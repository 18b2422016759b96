"""Time courses against their truth and against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from stick_figure import ARM, FRAMES, LEG, Body, figure, filmed, raised, ramp, rounds, someone, to_and_fro

from skelzero.kinematics import to_bodies
from skelzero.kinematics.features import BINS, course_features, courses
from skelzero.kinematics.signals import Signals, extent


def signals(body: Body) -> Signals:
    return Signals(to_bodies([filmed(body)]))


def test_lengths_are_those_of_the_figure() -> None:
    s = signals(someone(0))
    assert (float(s.torso), float(s.arm_length), float(s.leg_length)) == pytest.approx((0.5, ARM, LEG), rel=0.01)


@pytest.mark.parametrize("turn", [-720, -90, 90, 360])
def test_heading_adds_up_whole_turns(turn: float) -> None:
    assert float(signals(figure(facing=turn * ramp(0.1, 0.9))).heading[0, -1]) == pytest.approx(
        math.radians(turn), abs=1e-3
    )


def test_twist_counts_to_the_left() -> None:
    assert float(signals(figure(twist=40)).twist[0, 0]) == pytest.approx(math.radians(40), abs=1e-3)
    assert float(signals(figure(twist=-40, facing=90)).twist[0, 0]) == pytest.approx(-math.radians(40), abs=1e-3)


@pytest.mark.parametrize("facing", [0, 90, 200])
def test_limbs_are_told_in_the_bodys_own_terms(facing: float) -> None:
    s = signals(
        figure(left_hand=(0.1, -0.5, 0.3), right_hand=(0.4, 0.2, -0.3), facing=facing, left_foot=(0.2, -0.9, 0))
    )
    expected = torch.tensor([[0.1, -0.5, 0.3], [0.4, 0.2, -0.3]])
    assert torch.allclose(s.hands_by_side[0], expected.expand(64, 2, 3), atol=1e-3)
    assert torch.allclose(s.feet_by_side[0, :, 0], torch.tensor([0.2, -0.9, 0.0]).expand(64, 3), atol=1e-3)


def test_the_limb_that_moves_more_leads() -> None:
    s = signals(figure(right_hand=raised(50 * to_and_fro(2)), left_foot=raised(20 * to_and_fro(2))))
    assert s.arm_order.tolist() == [[1, 0]] and s.leg_order.tolist() == [[0, 1]]
    assert torch.equal(s.hands[:, :, 0], s.hands_by_side[:, :, 1])


def test_bends_are_angles_between_bones() -> None:
    s = signals(someone(3))
    x = s.bodies.joints[0].double().numpy()
    for course, first, leads in ((s.elbows, 4, s.arm_order[0, 0]), (s.knees, 12, s.leg_order[0, 0])):
        a, b, c = (x[:, first + 4 * int(leads) + k] for k in range(3))
        cosine = ((b - a) * (c - b)).sum(-1) / np.linalg.norm(b - a, axis=-1) / np.linalg.norm(c - b, axis=-1)
        np.testing.assert_allclose(course[0, :, 0], np.degrees(np.arccos(cosine)) / 140, atol=1e-4)


def test_extent_is_numpys() -> None:
    x = np.random.default_rng(0).normal(size=(2, 50, 3, 4))
    low, high = np.quantile(x, [0.05, 0.95], axis=1)
    np.testing.assert_allclose(extent(torch.from_numpy(x)), np.linalg.norm(high - low, axis=-1), atol=1e-12)


def test_course_features_are_level_spread_ends_change_and_course() -> None:
    bodies = to_bodies([filmed(someone(1)), filmed(someone(2), someone(3)), filmed(someone(4, 30))])
    found = course_features(bodies).numpy()
    course = courses(Signals(bodies)).double().numpy()
    bins = np.stack([part.mean(axis=1) for part in np.array_split(course, BINS, axis=1)], axis=1)
    low, middle, high = np.quantile(course, [0.05, 0.5, 0.95], axis=1)
    expected = [middle, course.std(axis=1, ddof=1), low, high, np.abs(np.diff(course, axis=1)).mean(axis=1),
                *(bins[:, k] - bins[:, 0] for k in range(1, BINS))]  # fmt: skip
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-4)


def test_course_features_of_mirrored_performances_are_alike() -> None:
    waving = raised(90 + 40 * np.sin(rounds(3)), aside=90)
    left, right = (course_features(to_bodies([filmed(figure(lean=20 * ramp(), **{f"{side}_hand": waving}))]))
                   for side in ("left", "right"))  # fmt: skip
    torch.testing.assert_close(left, right, atol=2e-3, rtol=0)


def test_standing_still_changes_nothing() -> None:
    width = courses(signals(figure())).shape[-1]
    found = course_features(to_bodies([filmed(figure(FRAMES, facing=30))]))[0].split(width)
    level, spread, low, high, change = found[:5]
    assert torch.allclose(low, level, atol=1e-4) and torch.allclose(high, level, atol=1e-4)
    assert max(float(part.abs().max()) for part in (spread, change, *found[5:])) < 1e-4
