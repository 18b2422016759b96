"""ESZSL against the publication's formula in loops, its objective, and two ridge regressions in a row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skelzero.errors import UserError
from skelzero.methods import METHODS, Eszsl
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
GAMMA, PENALTY = 0.3, 0.7


@pytest.fixture(scope="module")
def fitted(problem: Problem) -> Eszsl:
    return Eszsl(gamma=GAMMA, penalty=PENALTY).fit(*problem)


def z_scored(x: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    return np.clip((wide - wide.mean(0)) / wide.std(0), -5, 5)


def semantics(bank: TextBank, mean: np.ndarray | None = None) -> np.ndarray:
    vectors = bank.vectors().astype(np.float64)
    centred = vectors - (vectors.mean(0) if mean is None else mean)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def signs(y: np.ndarray, classes: int) -> np.ndarray:
    return np.array([[1.0 if label == k else -1.0 for k in range(classes)] for label in y])


def test_the_closed_form_in_loops(fitted: Eszsl, problem: Problem) -> None:
    """Equation 6 of the publication, every product a loop over clips and classes."""
    x, y, bank = problem
    X, S, Y = z_scored(x), semantics(bank), signs(y, len(bank))
    of_clips, of_classes = GAMMA * len(X) * np.eye(X.shape[1]), PENALTY * np.eye(S.shape[1])
    middle = np.zeros((X.shape[1], S.shape[1]))
    for i in range(len(X)):
        of_clips += np.outer(X[i], X[i])
        for k in range(len(S)):
            middle += Y[i, k] * np.outer(X[i], S[k])
    for k in range(len(S)):
        of_classes += np.outer(S[k], S[k])
    V = np.linalg.inv(of_clips) @ middle @ np.linalg.inv(of_classes)
    np.testing.assert_allclose(fitted.weights_, V, atol=1e-5 * np.abs(V).max())
    scores = np.array([[X[i] @ V @ S[k] for k in (4, 1)] for i in range(5)])
    np.testing.assert_allclose(fitted.scores(x[:5], bank.take([4, 1])), scores, rtol=1e-3, atol=1e-5)


def test_the_weights_are_where_the_published_objective_is_flat(fitted: Eszsl, problem: Problem) -> None:
    """Equations 3 and 5: squared error and the penalties of V S', X V and V itself, with beta = gamma lambda."""
    x, y, bank = problem
    X, S, Y = (torch.from_numpy(a) for a in (z_scored(x), semantics(bank), signs(y, len(bank))))
    gamma = GAMMA * len(X)

    def slope(V: torch.Tensor) -> float:
        V = V.clone().requires_grad_()
        loss = ((X @ V @ S.T - Y) ** 2).sum() + gamma * ((V @ S.T) ** 2).sum()
        loss = loss + PENALTY * ((X @ V) ** 2).sum() + gamma * PENALTY * (V**2).sum()
        loss.backward()
        assert V.grad is not None
        return float(V.grad.norm())

    found = torch.from_numpy(fitted.weights_).double()
    assert slope(found) < 1e-4 * slope(torch.zeros_like(found))


def test_it_is_one_ridge_regression_of_clips_and_one_of_classes(fitted: Eszsl, problem: Problem) -> None:
    from sklearn.linear_model import Ridge

    x, y, bank = problem
    X, S = z_scored(x), semantics(bank)
    of_clips = Ridge(alpha=GAMMA * len(X), fit_intercept=False).fit(X, signs(y, len(bank))).coef_
    V = Ridge(alpha=PENALTY, fit_intercept=False).fit(S, of_clips).coef_
    np.testing.assert_allclose(fitted.weights_, V, atol=1e-5 * np.abs(V).max())


def test_unseen_classes_are_centred_by_the_seen_ones(problem: Problem) -> None:
    x, y, bank = problem
    seen = y < 9
    method = Eszsl().fit(x[seen], y[seen], bank.take(range(9)))
    mean = bank.take(range(9)).vectors().astype(np.float64).mean(0)
    z = np.clip((x - x[seen].mean(0)) / x[seen].std(0), -5, 5)
    expected = z @ method.weights_ @ semantics(bank, mean).T
    np.testing.assert_allclose(method.scores(x, bank), expected, atol=1e-5)


def test_the_penalty_of_features_is_per_clip(problem: Problem) -> None:
    x, y, bank = problem
    once = Eszsl().fit(x, y, bank)
    twice = Eszsl().fit(np.concatenate([x, x]), np.concatenate([y, y]), bank)
    np.testing.assert_allclose(once.scores(x, bank), twice.scores(x, bank), atol=1e-5)


def test_every_candidate_is_possible_and_the_default_comes_first() -> None:
    found = METHODS["eszsl"].candidates()
    assert Eszsl(**found[0]).settings == Eszsl().settings and len(found) == 6
    assert len({Eszsl(**settings).settings for settings in found}) == 6
    for wrong in ({"gamma": 0}, {"penalty": -1}):
        with pytest.raises(UserError, match=f"eszsl: setting '{next(iter(wrong))}'"):
            Eszsl(**wrong)
