"""Bodies: proportions that add up to a person."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.synthetic.body import SHARES, Body


def test_shares_add_up_to_the_tables() -> None:
    """Drillis and Contini: hip 0.530, knee 0.285, shoulder 0.818 of stature above the floor; hip to shoulder 0.288."""
    b = Body.of_stature(1.0)
    knee = b.ankle_height + b.shank
    hip = knee + b.thigh
    shoulder = hip + b.hip_drop + b.lower_trunk + b.upper_trunk - b.shoulder_drop
    assert (knee, hip, shoulder) == pytest.approx((0.285, 0.530, 0.818), abs=0.002)
    assert shoulder + b.shoulder_drop + b.neck == pytest.approx(0.93, abs=0.01), "middle of the head"
    assert b.upper_arm + b.forearm == pytest.approx(0.332, abs=0.002)


def test_sampled_bodies_differ_and_stay_human() -> None:
    bodies = [Body.sample(np.random.default_rng(i)) for i in range(200)]
    statures = np.array([b.stature for b in bodies])
    assert 1.4 <= statures.min() < 1.55 and 1.85 < statures.max() <= 2.0
    for name, share in SHARES.items():
        measured = np.array([getattr(b, name) for b in bodies]) / statures
        assert np.all(np.abs(measured / share - 1) <= 0.1001) and measured.std() > 0
