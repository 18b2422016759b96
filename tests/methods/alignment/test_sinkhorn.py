"""Equal class shares: marginals, a plain loop, and cases without a choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from skelzero.methods.alignment import balanced_assignment


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), N=st.integers(2, 60), K=st.integers(1, 8), scale=st.floats(0.01, 100))
def test_the_shares_are_right(seed: int, N: int, K: int, scale: float) -> None:
    logits = np.random.default_rng(seed).normal(size=(N, K)) * scale
    Q = np.exp(balanced_assignment(logits)) / N
    np.testing.assert_allclose(Q.sum(axis=1), 1 / N, rtol=1e-12)
    np.testing.assert_allclose(Q.sum(axis=0), 1 / K, rtol=2e-6)


def test_it_equals_a_plain_loop() -> None:
    logits = np.random.default_rng(0).normal(size=(15, 4)) * 3
    Q = np.exp(logits)
    for _ in range(5000):
        for k in range(4):
            Q[:, k] *= (1 / 4) / sum(Q[n, k] for n in range(15))
        for n in range(15):
            Q[n] *= (1 / 15) / sum(Q[n, k] for k in range(4))
    np.testing.assert_allclose(np.exp(balanced_assignment(logits, tolerance=1e-13)) / 15, Q, rtol=1e-9)


def test_bonuses_of_clips_and_classes_change_nothing() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(20, 3))
    moved = logits + 500 * rng.normal(size=(20, 1)) + 50 * rng.normal(size=3)
    np.testing.assert_allclose(balanced_assignment(moved), balanced_assignment(logits), atol=1e-5)


def test_a_favoured_class_gives_clips_away() -> None:
    logits = np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.5, 0.0]]) * 20
    np.testing.assert_array_equal(balanced_assignment(logits).argmax(axis=1), [0, 0, 1, 1])


def test_without_convergence_rows_are_right_still() -> None:
    logits = np.random.default_rng(2).normal(size=(10, 3)) * 50
    once = balanced_assignment(logits, iterations=1)
    np.testing.assert_allclose(np.exp(once).sum(axis=1), 1.0)
    assert np.abs(np.exp(once).sum(axis=0) * 3 / 10 - 1).max() > 1e-3


def test_sharp_logits_give_the_best_assignment() -> None:
    """In the limit it is the assignment problem, which scipy solves: 4 clips for each of 5 classes."""
    similarity = np.random.default_rng(3).normal(size=(20, 5))
    rows, seats = linear_sum_assignment(-np.repeat(similarity, 4, axis=1))
    np.testing.assert_array_equal(balanced_assignment(similarity * 300).argmax(axis=1)[rows], seats // 4)


@pytest.mark.parametrize("N", [0, 1])
def test_fewer_than_two_clips_are_not_balanced(N: int) -> None:
    logits = np.array([[1.0, 2.0, 4.0]])[:N]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(balanced_assignment(logits)), expected)
