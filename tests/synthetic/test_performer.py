"""Performances: lengths, limits of the joints, contact with the floor - for every class."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.clips import load_layout
from skelzero.synthetic.generator import person
from skelzero.synthetic.ground import joint_radii
from skelzero.synthetic.kinematics import JOINT, MEMBERS
from skelzero.synthetic.performer import FPS, LONGEST, SHORTEST, perform, plan, pose
from skelzero.synthetic.vocabulary import actions

LAYOUT = load_layout("common20")
TRUNK = 0.03
"""Share of stature around the spine's line into which no arm may go."""


def performances(code: str, count: int = 4) -> list[tuple[np.ndarray, float]]:
    found = []
    for i in range(1, count + 1):
        random = np.random.default_rng([i, 7])
        someone = person(i).on_a_day(random)
        found.append((perform(actions()[code], someone, random), someone.body.stature))
    return found


@pytest.mark.parametrize("code", actions())
def test_a_body_stays_a_body(code: str) -> None:
    for i, (x, stature) in enumerate(performances(code), start=1):
        assert SHORTEST * FPS <= len(x) <= LONGEST * FPS and np.isfinite(x).all()
        for child, parent in LAYOUT.bones:
            length = np.linalg.norm(x[:, child] - x[:, parent], axis=-1)
            assert np.ptp(length) < 1e-9, LAYOUT.joints[child]
        clearance = x[..., 1] - joint_radii(person(i).body)
        assert clearance.min() > -1e-9, "nothing is below the floor"
        if not actions()[code].air:
            assert np.abs(clearance.min(axis=1)).max() < 1e-9, "something always touches the floor"
        speed = np.linalg.norm(np.diff(x, axis=0), axis=-1).max() * FPS
        assert speed < 10 * stature, "no joint jumps"


@pytest.mark.parametrize("code", actions())
def test_knees_and_elbows_bend_the_right_way(code: str) -> None:
    random = np.random.default_rng(3)
    someone = person(2).on_a_day(random)
    line = plan(actions()[code], someone.tempo, random)
    angles = pose(actions()[code], someone, line, random)
    for member in ("left arm", "right arm", "left leg", "right leg"):
        bend = angles[:, MEMBERS[member][1]][:, 3]
        assert bend.min() >= 0 and bend.max() <= 150
    for x, _ in performances(code, 2):
        across = x[:, JOINT["left_hip"]] - x[:, JOINT["right_hip"]]
        across /= np.linalg.norm(across, axis=-1, keepdims=True)
        for side in ("left", "right"):
            thigh = x[:, JOINT[f"{side}_knee"]] - x[:, JOINT[f"{side}_hip"]]
            shank = x[:, JOINT[f"{side}_ankle"]] - x[:, JOINT[f"{side}_knee"]]
            fold = np.einsum("tc,tc->t", np.cross(thigh, shank), across)
            assert fold.min() > -0.01, "a knee never bends forward"


@pytest.mark.parametrize("code", actions())
def test_arms_stay_out_of_the_trunk(code: str) -> None:
    for x, stature in performances(code):
        low, high = x[:, JOINT["hip_center"]], x[:, JOINT["shoulder_center"]]
        axis = high - low
        for side in ("left", "right"):
            elbow, wrist, hand = (x[:, JOINT[f"{side}_{j}"]] for j in ("elbow", "wrist", "hand"))
            for point in (elbow, 0.5 * (elbow + wrist), wrist, hand):
                share = np.clip(((point - low) * axis).sum(-1) / (axis * axis).sum(-1), 0, 1)
                distance = np.linalg.norm(point - low - share[:, None] * axis, axis=-1)
                assert distance.min() > TRUNK * stature


def test_timelines_hold_whole_rounds_within_the_time_allowed() -> None:
    for code, action in actions().items():
        for i in range(20):
            line = plan(action, 1.0, np.random.default_rng([i, action.number]))
            assert SHORTEST * FPS <= len(line.phase) <= LONGEST * FPS
            assert np.all(np.diff(line.phase) >= 0) and line.share.min() >= 0 and line.share.max() <= 1
            assert np.ptp(line.phase) >= 0.9 or action.rhythmic, code


def test_people_differ_in_manner_and_days_differ_little() -> None:
    people = [person(i) for i in range(1, 40)]
    assert np.std([p.tempo for p in people]) > 0.04 and np.std([p.amplitude for p in people]) > 0.025
    days = [people[0].on_a_day(np.random.default_rng(i)) for i in range(40)]
    assert {d.body for d in days} == {people[0].body}
    assert np.std([d.rest for d in days], axis=0).mean() < np.std([p.rest for p in people], axis=0).mean()
