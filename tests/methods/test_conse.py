"""ConSE: the combination by hand, the classifier against scikit-learn, ready probabilities, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skelzero.errors import UserError
from skelzero.methods import Conse
from skelzero.methods.conse import conse_scores, convex_combination
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]


def probabilities(clips: int = 6, classes: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), clips)


@pytest.mark.parametrize("top_t", [1, 3, 5, 99])
def test_convex_combination_by_hand(top_t: int) -> None:
    p, vectors = probabilities(), np.random.default_rng(1).standard_normal((5, 4))
    mixed = convex_combination(p, vectors, top_t)
    for row, found in zip(p, mixed, strict=True):
        best = sorted(range(5), key=lambda c: -row[c])[:top_t]
        expected = sum(row[c] * vectors[c] for c in best) / sum(row[c] for c in best)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_of_tied_classes_the_first_counts() -> None:
    assert convex_combination(np.full((1, 3), 1 / 3), np.eye(3), 1).tolist() == [[1, 0, 0]]


def test_rows_need_not_add_up_to_one() -> None:
    p, vectors = probabilities(), np.eye(5)
    np.testing.assert_allclose(convex_combination(7 * p, vectors, 2), convex_combination(p, vectors, 2))


@pytest.mark.parametrize(
    ("p", "top_t", "message"),
    [
        (np.ones((2, 4)), 10, "do not fit"),
        (np.ones(5), 10, "do not fit"),
        (np.ones((2, 5)), 0, "do not fit"),
        (-np.ones((2, 5)), 10, "no probabilities"),
        (np.zeros((2, 5)), 10, "no probabilities"),
        (np.full((2, 5), np.nan), 10, "no probabilities"),
    ],
)
def test_what_is_no_probability_is_refused(p: np.ndarray, top_t: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        convex_combination(p, np.eye(5), top_t)


@pytest.mark.parametrize("centre", [True, False])
def test_scores_are_cosines_with_the_mixed_text(centre: bool) -> None:
    p, rng = probabilities(), np.random.default_rng(1)
    seen, asked = rng.standard_normal((5, 4)) + 3, rng.standard_normal((3, 4)) + 3
    scores = conse_scores(p, seen, asked, top_t=2, centre_text=centre)
    mean = seen.mean(0) if centre else 0
    directions = [(s - mean) / np.linalg.norm(s - mean) for s in seen]
    for i, row in enumerate(p):
        first, second = np.argsort(-row)[:2]
        mixed = row[first] * directions[first] + row[second] * directions[second]
        for k, text in enumerate(asked - mean):
            cosine = mixed @ text / np.linalg.norm(mixed) / np.linalg.norm(text)
            assert scores[i, k] == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 12])
def test_the_classifier_is_scikit_learns(problem: Problem, classes: int) -> None:
    x, y, bank = problem
    x, y = x[y < classes], y[y < classes]
    method = Conse(penalty=0.05).fit(x, y, bank.take(range(classes)))
    z = Standardizer.of(x)(x)
    reference = LogisticRegression(C=1 / (0.05 * len(x)), max_iter=500).fit(z.astype(np.float64), y)
    np.testing.assert_allclose(method.probabilities(x), reference.predict_proba(z.astype(np.float64)), atol=1e-6)
    cooler = Conse(penalty=0.05, temperature=0.5).fit(x, y, bank.take(range(classes))).probabilities(x)
    squares = method.probabilities(x) ** 2  # half the temperature doubles the logits
    np.testing.assert_allclose(cooler, squares / squares.sum(axis=1, keepdims=True), atol=1e-6)


def test_the_methods_scores_are_those_of_its_probabilities(problem: Problem) -> None:
    x, y, bank = problem
    method = Conse(top_t=3).fit(x, y, bank)
    expected = conse_scores(method.probabilities(x), bank.vectors(), bank.take([4, 1]).vectors(), top_t=3)
    np.testing.assert_array_equal(method.scores(x, bank.take([4, 1])), expected)


def test_a_class_without_clips_has_no_say(problem: Problem) -> None:
    x, y, bank = problem
    some = y != 5
    method = Conse().fit(x[some], y[some], bank)
    assert method.probabilities(x).shape == (len(x), 11)
    np.testing.assert_array_equal(method.seen_vectors_, bank.vectors()[[k for k in range(12) if k != 5]])


def test_unseen_classes_are_understood(many_classes: Problem) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = Conse().fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.25  # chance 0.083
    assert method.diagnostics_["training_accuracy"] > 0.9 and method.diagnostics_["converged"]


@pytest.mark.parametrize("wrong", [{"top_t": 0}, {"temperature": 0}, {"penalty": 0}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"conse: setting '{next(iter(wrong))}'"):
        Conse(**wrong)
