"""The camera: rigid when it does not tremble, trembling in the stated way, losing joints only in between."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.synthetic.kinematics import JOINT
from skelzero.synthetic.performer import Person, perform
from skelzero.synthetic.recorder import LOWER_LEGS, MEMORY, Recorder
from skelzero.synthetic.vocabulary import actions

MOTION = perform(actions()["s64"], Person.average(), np.random.default_rng(0))


def distances(x: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x[:, :, None] - x[:, None], axis=-1)


def test_a_still_camera_only_moves_the_body_rigidly() -> None:
    camera = Recorder(turn=40, tilt=5, place=(0.3, -1.0, -3.0))
    seen = camera.record(MOTION, np.random.default_rng(0))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(distances(seen), distances(MOTION), atol=1e-5)
    assert seen[:, 0, 2].max() < -0.5, "the person stays before the camera"


def test_turning_a_person_to_the_left_brings_their_left_side_away_from_the_camera() -> None:
    standing = MOTION[:1]
    seen = Recorder(turn=40).record(standing, np.random.default_rng(0))
    assert seen[0, JOINT["left_shoulder"], 2] < seen[0, JOINT["right_shoulder"], 2]
    face = seen[0, JOINT["left_foot"]] - seen[0, JOINT["left_ankle"]]
    assert face[0] > 0.03, "who turns to the left looks to the left"


def test_noise_has_the_stated_size_and_memory() -> None:
    still = np.zeros((4000, 20, 3))
    seen = Recorder(noise=0.01).record(still, np.random.default_rng(1)).astype(float)
    elbow, hand = seen[:, JOINT["left_elbow"]], seen[:, JOINT["left_hand"]]
    assert elbow.std() == pytest.approx(0.01, rel=0.05) and hand.std() == pytest.approx(0.016, rel=0.05)
    assert np.corrcoef(elbow[:-1, 0], elbow[1:, 0])[0, 1] == pytest.approx(MEMORY, abs=0.05)


def test_joints_are_lost_only_between_two_sightings() -> None:
    for seed in range(30):
        seen = Recorder(gaps=5).record(MOTION, np.random.default_rng(seed))
        assert np.isfinite(seen[[0, -1]]).all()
    assert np.isnan(seen).any() and np.isnan(seen).mean() < 0.1


def test_lower_legs_go_out_of_sight_together() -> None:
    seen = Recorder(legs_lost=1.0).record(MOTION, np.random.default_rng(0))
    lost = np.isnan(seen[..., 0])
    assert lost[:, LOWER_LEGS].any() and not np.delete(lost, LOWER_LEGS, axis=1).any()
    assert all((row == row[0]).all() for row in lost[:, LOWER_LEGS])
    assert 0.15 < lost[:, LOWER_LEGS[0]].mean() < 0.65


def test_sampled_cameras_keep_the_views_apart() -> None:
    turns = {
        view: np.array([Recorder.sample(view, np.random.default_rng(i)).turn for i in range(200)]) for view in (1, 2, 3)
    }
    assert abs(turns[1].mean()) < 3 and turns[2].mean() > 35 and turns[3].mean() < -35
    assert max(abs(t).max() for t in turns.values()) <= 65
