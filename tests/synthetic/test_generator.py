"""Synthetic clips: each is determined by its own numbers; classes can be told apart, though not by a glance."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skelzero import synthetic
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.synthetic.kinematics import JOINT


def test_a_clip_says_what_it_is() -> None:
    clip = synthetic.make_clip("s07", subject=3, replication=2, seed=5)
    assert clip.layout.name == "common20" and clip.unit == "m" and clip.fps == 30
    assert clip.persons == 1 and 45 <= clip.frames <= 150
    o = clip.origin
    assert (o.dataset, o.code, o.subject, o.camera, o.replication) == ("synthetic", "s07", 3, 2, 2)
    assert "synthetic" in o.name


def test_equal_numbers_give_equal_clips_in_any_order() -> None:
    every = list(synthetic.generate(["s05", "s44"], subjects=3, replications=2, seed=1))
    names = [clip.origin.name for clip in every]
    assert len(set(names)) == len(every) == 12
    for clip in reversed(every):
        o = clip.origin
        again = synthetic.make_clip(o.code, o.subject, o.replication, seed=1)
        np.testing.assert_array_equal(clip.positions, again.positions)


def test_a_fresh_process_gives_the_same_clip() -> None:
    code = (
        "from skelzero import synthetic; from skelzero.cards import sha256_array;"
        "print(sha256_array(synthetic.make_clip('s33', 2, 1, 9).positions))"
    )
    from skelzero.cards import sha256_array

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == sha256_array(synthetic.make_clip("s33", 2, 1, 9).positions)


def test_every_number_matters() -> None:
    def shape_of(*numbers: int) -> np.ndarray:
        return synthetic.make_clip("s05", *numbers).positions[0, :40, JOINT["left_hand"]]

    base = shape_of(1, 1, 0)
    for other in (shape_of(2, 1, 0), shape_of(1, 2, 0), shape_of(1, 1, 1)):
        assert not np.allclose(base, other, atol=1e-3, equal_nan=True)


def test_a_subject_keeps_the_body_over_classes_and_replications() -> None:
    def upper_arm(clip: Clip) -> float:
        x = clip.positions[0]
        return float(np.nanmedian(np.linalg.norm(x[:, JOINT["left_elbow"]] - x[:, JOINT["left_shoulder"]], axis=-1)))

    lengths = [upper_arm(synthetic.make_clip(c, 4, r)) for c in ("s01", "s48", "s60") for r in (1, 2)]
    assert np.ptp(lengths) < 0.015
    assert np.ptp([upper_arm(synthetic.make_clip("s01", s, 1)) for s in range(1, 12)]) > 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("s999", 1, 1, 0), "unknown synthetic class"), (("s01", 0, 1, 0), "no such subject"),
     (("s01", 1, 0, 0), "no such replication"), (("s01", 1, 1, -1), "no such seed")],
)  # fmt: skip
def test_wrong_numbers_are_refused(arguments: tuple[str, int, int, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        synthetic.make_clip(*arguments)


def test_wrong_requests_are_refused_before_the_first_clip() -> None:
    with pytest.raises(UserError, match="unknown synthetic class"):
        synthetic.generate(["s01", "walk"])
    with pytest.raises(UserError, match="no synthetic clip was asked for"):
        synthetic.generate(subjects=0)
    with pytest.raises(UserError, match="no synthetic clip was asked for"):
        synthetic.generate([])


def test_joints_are_missing_now_and_then() -> None:
    clips = list(synthetic.generate(["s01", "s20", "s49"], subjects=8, replications=3))
    missing = [np.isnan(clip.positions).mean() for clip in clips]
    assert 0.4 < np.mean(np.array(missing) > 0) < 1 and np.mean(missing) < 0.05
    lowest = [np.isnan(clip.positions[0, :, JOINT["left_ankle"], 0]).mean() for clip in clips]
    assert max(lowest) > 0.15, "somebody's legs were out of sight"


def statistics(clip: Clip) -> np.ndarray:
    """Mean, spread and extremes of hip-centred joints, turned the way the person first faces, and the way travelled."""
    x = clip.positions[0].astype(float)
    root = x[:, :1]
    across = np.nanmean(x[:5, JOINT["left_shoulder"]] - x[:5, JOINT["right_shoulder"]], axis=0)
    turn = np.arctan2(-across[2], across[0])
    c, s = np.cos(turn), np.sin(turn)
    forward = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    stature = np.nanmedian(x[:, JOINT["head"], 1]) - np.nanmin(x[..., 1])
    y = (x - root) @ forward.T / stature
    speed = np.nanmean(np.abs(np.diff(y, axis=0)), axis=0)
    travel = (root[-1, 0] - root[0, 0]) @ forward.T
    parts = [np.nanmean(y, 0), np.nanstd(y, 0), np.nanmin(y, 0), np.nanmax(y, 0), speed, y[0], y[-1], travel]
    return np.nan_to_num(np.concatenate([p.ravel() for p in parts]))


def test_classes_can_be_told_apart_across_bodies_but_not_trivially() -> None:
    clips = list(synthetic.generate(subjects=6, replications=2, seed=3))
    x = np.stack([statistics(clip) for clip in clips])
    y = np.array([clip.origin.code for clip in clips])
    train = np.array([clip.origin.subject % 2 == 1 for clip in clips])
    linear = make_pipeline(StandardScaler(), RidgeClassifier(10.0)).fit(x[train], y[train]).score(x[~train], y[~train])
    nearest = KNeighborsClassifier(1).fit(x[train], y[train]).score(x[~train], y[~train])
    assert linear > 0.85 and 0.4 < nearest < 0.97


def test_a_core_makes_hundreds_of_clips_a_second() -> None:
    list(synthetic.generate(["s01"], subjects=2))
    started = time.process_time()
    count = len(list(synthetic.generate(subjects=2, replications=1)))
    assert count / (time.process_time() - started) > 150, "300 and more on an idle core; half of it in a busy test run"
