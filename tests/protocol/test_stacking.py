"""Calibrated stacking: the chosen constant is good where it is chosen, and it carries over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.protocol.metrics import Branches, branches, seen_unseen_curve, side_margin
from skelzero.protocol.stacking import best_constant, fit_stacking, location_and_spread, stacked


def scores(
    seed: int, seen: int, unseen: int, n: int = 30, lead: float = 4.0, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores in which seen classes lead whatever the clip is, as contrastive training makes them."""
    rng = np.random.default_rng(seed)
    truth = np.arange(seen + unseen).repeat(n)
    is_seen = np.arange(seen + unseen) < seen
    values = rng.normal(size=(truth.size, seen + unseen)) + 3 * np.eye(seen + unseen)[truth] + lead * is_seen
    return values * scale, truth, is_seen


@settings(deadline=None)
@given(st.integers(0, 300))
def test_constant_is_near_the_best_one(seed: int) -> None:
    held = branches(*scores(seed, 6, 3, n=8))
    best = max(held.at(float(g))[2] for g in held.margin)
    assert held.at(best_constant(held))[2] >= 0.9 * best


def test_without_a_right_unseen_clip_the_gate_alone_decides() -> None:
    margin = np.array([5.0, 6.0, 7.0, 1.0, 2.0, 3.0])
    is_seen = np.array([True] * 3 + [False] * 3)
    held = Branches(margin, is_seen, right=is_seen.copy())
    assert seen_unseen_curve(held).harmonics().max() == 0
    assert best_constant(held) == pytest.approx(4, abs=0.05)


def test_equal_margins_still_give_a_constant() -> None:
    held = Branches(np.ones(4), np.array([True, True, False, False]), np.ones(4, dtype=bool))
    assert np.isfinite(best_constant(held))
    assert location_and_spread(np.ones(4)) == (1.0, 1.0)


@pytest.mark.parametrize("scale", [1.0, 100.0, 0.01])
@pytest.mark.parametrize(("seen", "unseen"), [(20, 5), (8, 2), (5, 5), (12, 12)])
def test_carries_over_to_other_scales_and_numbers_of_classes(seen: int, unseen: int, scale: float) -> None:
    pseudo, truth, is_seen = scores(1, 6, 3, n=60)
    reference = side_margin(pseudo[is_seen[truth]], is_seen)
    stacking = fit_stacking(branches(pseudo, truth, is_seen), reference)
    final, truth, is_seen = scores(2, seen, unseen, n=60, scale=scale, lead=5.0)
    held = branches(final, truth, is_seen)
    gamma = stacking.constant(side_margin(final[is_seen[truth]], is_seen))
    assert held.at(0.0)[2] < 0.2
    assert held.at(gamma)[2] >= 0.93 * seen_unseen_curve(held).harmonics().max()


def test_stacked_scores_agree_with_the_branches() -> None:
    values, truth, is_seen = scores(5, 6, 3)
    held = branches(values, truth, is_seen)
    right = stacked(values, is_seen, 3.7).argmax(axis=1) == truth
    assert held.at(3.7)[:2] == pytest.approx((right[is_seen[truth]].mean(), right[~is_seen[truth]].mean()))


def test_survives_json() -> None:
    values, truth, is_seen = scores(5, 6, 3)
    stacking = fit_stacking(branches(values, truth, is_seen), side_margin(values, is_seen))
    again = type(stacking).model_validate_json(stacking.model_dump_json())
    reference = side_margin(values * 3, is_seen)
    assert again.constant(reference) == stacking.constant(reference) == pytest.approx(3 * stacking.gamma)
