"""Every figure against scikit-learn, scipy or a loop that is too slow to be wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from skelzero.protocol import metrics


def case(seed: int, n: int = 60, seen: int = 4, unseen: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    K = seen + unseen
    truth = np.concatenate([np.arange(K), rng.integers(0, K, n - K)])
    scores = rng.normal(size=(n, K)) + 1.5 * np.eye(K)[truth]
    is_seen = np.zeros(K, dtype=bool)
    is_seen[rng.permutation(K)[:seen]] = True
    return scores + 0.8 * is_seen, truth, is_seen


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 7))
def test_top_k_is_scikit_learns(seed: int, k: int) -> None:
    scores, truth, _ = case(seed)
    if k < 7:
        expected = sk.top_k_accuracy_score(truth, scores, k=k, labels=range(7))
        assert metrics.top_k(scores, truth, k) == pytest.approx(expected)
    else:
        assert metrics.top_k(scores, truth, k) == 1


def test_top_1_of_equal_scores_is_argmax() -> None:
    truth = np.array([0, 1, 2, 0])
    assert metrics.top_k(np.zeros((4, 3)), truth) == 0.5
    assert metrics.top_k(np.zeros((4, 3)), truth, 2) == 0.75


@settings(deadline=None)
@given(st.integers(0, 200))
def test_per_class_figures_are_scikit_learns(seed: int) -> None:
    scores, truth, _ = case(seed)
    predicted = scores.argmax(axis=1)
    assert metrics.per_class_mean(predicted, truth) == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    recalls = sk.recall_score(truth, predicted, average=None)
    np.testing.assert_allclose(metrics.per_class(predicted, truth, 7), recalls)
    counts = sk.confusion_matrix(truth, predicted)
    expected = [[t, p, counts[t, p]] for t, p in np.argwhere(counts).tolist()]
    assert metrics.confusion(predicted, truth).tolist() == expected


def test_class_without_clips_has_no_accuracy() -> None:
    values = metrics.per_class(np.array([0, 2]), np.array([0, 0]), 3)
    assert values[0] == 0.5 and np.isnan(values[1:]).all()
    assert metrics.per_class_mean(np.array([0, 2]), np.array([0, 0])) == 0.5


@settings(deadline=None)
@given(st.integers(0, 100), st.floats(-4, 4))
def test_calibrated_figures_by_a_loop(seed: int, gamma: float) -> None:
    scores, truth, seen = case(seed)
    right = {True: [0, 0], False: [0, 0]}
    for row, t in zip(scores, truth, strict=True):
        shifted = [s - gamma * bool(seen[c]) for c, s in enumerate(row)]
        right[bool(seen[t])][0] += int(np.argmax(shifted) == t)
        right[bool(seen[t])][1] += 1
    s, u = (right[side][0] / right[side][1] for side in (True, False))
    expected = (s, u, 0.0 if s + u == 0 else 2 / (1 / s + 1 / u) if s * u else 0.0)
    assert metrics.branches(scores, truth, seen).at(gamma) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 100))
def test_curve_by_a_loop(seed: int) -> None:
    scores, truth, seen = case(seed)
    parts = metrics.branches(scores, truth, seen)
    curve = metrics.seen_unseen_curve(parts)
    for g, s, u in zip(curve.gamma, curve.S, curve.U, strict=True):
        assert parts.at(float(g))[:2] == pytest.approx((s, u))
    assert curve.U[0] == 0 and curve.S[-1] == 0
    assert curve.area == pytest.approx(sk.auc(curve.U, curve.S))
    assert curve.harmonics().max() == pytest.approx(max(parts.at(float(g))[2] for g in curve.gamma))
    assert metrics.oracle_gate(parts)[:2] == pytest.approx((curve.S[0], curve.U[-1]))


@settings(deadline=None)
@given(st.integers(0, 100))
def test_sampled_curve_falls_and_has_the_area(seed: int) -> None:
    curve = metrics.seen_unseen_curve(metrics.branches(*case(seed, n=400)))
    s = np.array(curve.sampled())
    assert len(s) == metrics.CURVE_POINTS and (np.diff(s) <= 1e-9).all() and s[0] == pytest.approx(curve.S.max())
    assert np.trapezoid(s, np.linspace(0, 1, len(s))) == pytest.approx(curve.area, abs=0.03)


def test_area_of_a_perfect_method_is_one() -> None:
    truth = np.array([0, 1, 2, 3])
    parts = metrics.branches(np.eye(4) * 5, truth, np.array([True, True, False, False]))
    assert metrics.ausuc(parts) == pytest.approx(1)
    assert metrics.gate_auc(parts) == 1


@settings(deadline=None)
@given(st.integers(0, 100))
def test_gate_auc_is_scikit_learns(seed: int) -> None:
    scores, truth, seen = case(seed)
    parts = metrics.branches(np.round(scores), truth, seen)  # rounding makes ties
    assert metrics.gate_auc(parts) == pytest.approx(sk.roc_auc_score(seen[truth], parts.margin))


def test_chance_is_what_random_scores_give() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(7).repeat(3000)
    seen = np.array([True] * 4 + [False] * 3)
    parts = metrics.branches(rng.normal(size=(truth.size, 7)), truth, seen)
    for name, value in zip("SUH", parts.at(0.0), strict=True):
        assert value == pytest.approx(metrics.chance(name, 4, 3), abs=0.01)
    assert metrics.ausuc(parts) == pytest.approx(metrics.chance("AUSUC", 4, 3), abs=0.005)
    unseen = rng.normal(size=(30000, 9))
    picks = rng.integers(0, 9, 30000)
    assert metrics.top_k(unseen, picks, 5) == pytest.approx(metrics.chance("top5", 4, 9), abs=0.01)
    assert metrics.chance("top5", 22, 3) == 1 and metrics.chance("oracle_gate_H", 2, 2) is None


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20).filter(lambda x: np.std(x) > 1e-6))
def test_interval_is_scipys(values: list[float]) -> None:
    got = metrics.interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (got.mean, got.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (got.low, got.high) == pytest.approx((low, high))


def test_one_value_has_no_interval() -> None:
    got = metrics.interval([0.5])
    assert got.mean == 0.5 and got.n == 1 and math.isnan(got.low) and math.isnan(got.sd)
    assert math.isnan(metrics.interval([]).mean)


def test_paired_difference_is_scipys() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=16)
    b = a + rng.normal(size=16) / 4 - 0.3
    expected = stats.ttest_rel(a, b).confidence_interval()
    got = metrics.paired_difference(a, b)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(AssertionError, match="same seeds"):
        metrics.paired_difference(a, b[1:])
