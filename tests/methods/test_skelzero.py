"""`skelzero`: each of its opinions against a direct computation, what it may know, and what it must not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skelzero.errors import UserError
from skelzero.methods import METHODS, Skelzero, load_method
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

Problem = tuple[np.ndarray, np.ndarray, TextBank]
A = len(load_schema())
WIDTH, SEEN = 6, 8
BLOCKS = {"network": (0, WIDTH), "attributes": (WIDTH, WIDTH + A)}
MEASURED = {"predicted": 0.0, "texts": 0.0}


@pytest.fixture(scope="module")
def own(problem: Problem, describe: Callable[..., TextBank], measure: Callable[..., np.ndarray]) -> Problem:
    """Few features and measured attributes; one attribute is never measured, one in no profile."""
    x, y, bank = problem
    bank = describe(bank)
    measured = measure(bank, y)
    measured[:, 5] = 0
    bank.pooled["attributes"][:, 9] = 0
    return np.concatenate([x[:, :WIDTH], measured], axis=1), y, bank


@pytest.fixture(scope="module")
def fitted(own: Problem) -> Skelzero:
    return fit(own)


def fit(own: Problem, **settings: float) -> Skelzero:
    """On the first classes; the others are unseen."""
    x, y, bank = own
    seen = y < SEEN
    method = Skelzero(**settings)
    return method.fit(x[seen], y[seen], bank.take(range(SEEN)), blocks=BLOCKS)


def sides(own: Problem, prior: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Measured attributes of all clips and profiles of all classes less the seen classes' shrunken means, by loops."""
    x, y, bank = own
    measured, profiles = x[:, WIDTH:].astype(np.float64), bank.pooled["attributes"][:, :A].astype(np.float64)
    share = SEEN / (SEEN + prior)
    a, b = np.zeros_like(measured), np.zeros_like(profiles)
    for j in range(A):
        of_clips = share * np.mean([measured[y == k, j].mean() for k in range(SEEN)])
        known = [p for p in profiles[:SEEN, j] if p != 0]
        of_profiles = share * np.mean(known) if known else 0.0
        a[:, j] = [v - of_clips if v != 0 else 0.0 for v in measured[:, j]]
        b[:, j] = [v - of_profiles if v != 0 else 0.0 for v in profiles[:, j]]
    return a, b


def by_reliability(own: Problem) -> np.ndarray:
    a, b = sides(own)
    y, weights = own[1], []
    for j in range(A):
        u, v = np.array([a[y == k, j].mean() for k in range(SEEN)]), b[:SEEN, j]
        agreed = np.mean(u * v) / np.sqrt((np.mean(u * u) + 0.1) * (np.mean(v * v) + 0.1))
        weights.append((0.5 + 0.5 * min(max(agreed, 0.0), 1.0)) ** 2)
    return np.array(weights)


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def predicted(own: Problem, targets: np.ndarray) -> np.ndarray:
    """What scikit-learn's ridge regression on all features says of all clips, as directions."""
    x, y, _ = own
    seen = y < SEEN
    z = x - x[seen].mean(axis=0)
    spread = x[seen].std(axis=0)
    z = np.clip(np.divide(z, spread, out=np.zeros_like(z), where=spread > 1e-6), -5, 5)
    model = Ridge(alpha=float(seen.sum()), fit_intercept=False).fit(z[seen], targets[y[seen]])
    return of_length_one(model.predict(z))


def test_reliability_is_how_measurement_and_description_agree(fitted: Skelzero, own: Problem) -> None:
    expected = by_reliability(own)
    np.testing.assert_allclose(fitted.arrays_["reliability"], expected, atol=1e-5)
    assert (expected >= 0.25).all() and (expected <= 1).all() and expected.max() > 0.6
    np.testing.assert_allclose(expected[[5, 9]], 0.25)
    np.testing.assert_allclose(fitted.diagnostics_["reliability"], expected, atol=1e-3)


def test_the_measured_opinion(fitted: Skelzero, own: Problem) -> None:
    x, y, bank = own
    (a, b), weights, seen = sides(own), by_reliability(own), y < SEEN
    moves = Ridge(alpha=3.0 * seen.sum(), fit_intercept=False).fit(a[seen], b[y[seen]] - a[seen]).coef_.T
    corrected = a + a @ moves
    expected = np.zeros((20, len(bank)))
    for i, n in enumerate(range(0, len(x), 12)):
        for k in range(len(bank)):
            both = [j for j in range(A) if a[n, j] != 0 and b[k, j] != 0]
            u, v, w = corrected[n, both], b[k, both], weights[both]
            expected[i, k] = (w * u * v).sum() / np.sqrt((w * u * u).sum() * (w * v * v).sum())
    np.testing.assert_allclose(fitted.at(MEASURED).scores(x[::12], bank), expected, atol=1e-4)


def test_the_opinion_of_predicted_attributes(fitted: Skelzero, own: Problem) -> None:
    x, _, bank = own
    directions = of_length_one(sides(own)[1])
    with_it = fitted.at({"predicted": 2.0, "texts": 0.0}).scores(x, bank)
    expected = 2 * predicted(own, directions[:SEEN]) @ directions.T
    np.testing.assert_allclose(with_it - fitted.at(MEASURED).scores(x, bank), expected, atol=1e-4)


def test_the_opinion_of_texts(fitted: Skelzero, own: Problem) -> None:
    x, _, bank = own
    vectors = bank.vectors(["action", "motion"]).astype(np.float64)
    directions = of_length_one(vectors - vectors[:SEEN].mean(axis=0))
    with_it = fitted.at({"predicted": 0.0, "texts": 0.5}).scores(x, bank)
    expected = 0.5 * predicted(own, directions[:SEEN]) @ directions.T
    np.testing.assert_allclose(with_it - fitted.at(MEASURED).scores(x, bank), expected, atol=1e-4)


def test_unseen_classes_are_found(fitted: Skelzero, own: Problem) -> None:
    x, y, bank = own
    unseen = y >= SEEN
    right = fitted.predict(x[unseen], bank.take(range(SEEN, len(bank)))) == y[unseen] - SEEN
    assert right.mean() > 0.8  # chance 0.25


def test_stages_are_mixtures_and_the_default_is_the_first(fitted: Skelzero, own: Problem) -> None:
    x, _, bank = own
    stages = fitted.stages()
    assert stages[0] == {"predicted": 0.0, "texts": 0.25} and MEASURED in stages and len(stages) == 4
    np.testing.assert_array_equal(fitted.at(stages[0]).scores(x, bank), fitted.scores(x, bank))
    before = fitted.scores(x, bank)
    assert not np.allclose(fitted.at(stages[3]).scores(x, bank), before)
    np.testing.assert_array_equal(fitted.scores(x, bank), before)
    assert fit(own, predicted=0.3).stages() == [{"predicted": 0.3, "texts": 0.25}, {"predicted": 0.3, "texts": 0.0}]
    assert fit(own, predicted=0.3, texts=1.0).stages() == [{"predicted": 0.3, "texts": 1.0}]
    assert METHODS["skelzero"].method.staged


def test_without_texts_there_is_no_opinion_of_texts(own: Problem) -> None:
    x, y, bank = own
    alone = bank.only(["attributes"])
    method = fit((x, y, alone))
    assert [stage["texts"] for stage in method.stages()] == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(method.scores(x, alone), fit(own).at(MEASURED).scores(x, bank))


def test_attributes_that_were_not_measured_do_not_count(fitted: Skelzero, own: Problem) -> None:
    x, _, bank = own
    blind = x.copy()
    blind[:, WIDTH + 3] = 0
    changed = bank.take(range(len(bank)))
    changed.pooled["attributes"][:, [3, 5]] += 2
    method = fitted.at(MEASURED)
    np.testing.assert_allclose(method.scores(blind, changed), method.scores(blind, bank), atol=1e-6)
    assert not np.allclose(method.scores(x, changed), method.scores(x, bank), atol=1e-3)


def test_attributes_that_nobody_described_do_not_count(own: Problem) -> None:
    x, _, bank = own
    changed = x.copy()
    changed[:, WIDTH + 9] = np.where(x[:, WIDTH + 9] != 0, x[:, WIDTH + 9] + 2, 0)
    method = fit(own, correction=1e12).at(MEASURED)  # a correction may well learn of one attribute from another
    np.testing.assert_allclose(method.scores(changed, bank), method.scores(x, bank), atol=1e-6)
    changed[:, WIDTH + 8] = np.where(x[:, WIDTH + 8] != 0, x[:, WIDTH + 8] + 2, 0)
    assert not np.allclose(method.scores(changed, bank), method.scores(x, bank), atol=1e-3)


def test_a_clip_of_which_nothing_is_known_has_no_measured_opinion(fitted: Skelzero, own: Problem) -> None:
    x, _, bank = own
    blind = np.concatenate([x[:3, :WIDTH], np.zeros((3, A), dtype=np.float32)], axis=1)
    assert (fitted.at(MEASURED).scores(blind, bank) == 0).all()
    assert np.isfinite(fitted.scores(blind, bank)).all()


def test_more_features_than_clips_or_fewer_give_the_same_formula(own: Problem) -> None:
    """The smaller of both normal equations is solved; a column that says nothing must not matter."""
    x, y, bank = own
    rows = np.flatnonzero(y < SEEN)
    wide = np.concatenate([x, np.ones((len(x), 200), dtype=np.float32)], axis=1)
    assert x.shape[1] < len(rows) < wide.shape[1]
    seen = bank.take(range(SEEN))
    narrow, other = (
        Skelzero(predicted=1.0).fit(z[rows], y[rows], seen, blocks=BLOCKS).scores(z, bank) for z in (x, wide)
    )
    np.testing.assert_allclose(narrow, other, atol=1e-4)


def test_a_chosen_stage_is_saved_with_it(fitted: Skelzero, own: Problem, tmp_path: Path) -> None:
    x, _, bank = own
    chosen = fitted.at({"predicted": 0.5, "texts": 0.25})
    chosen.save(tmp_path / "m")
    loaded = load_method(tmp_path / "m")
    np.testing.assert_array_equal(loaded.scores(x, bank), chosen.scores(x, bank))
    assert loaded.stages() == fitted.stages() and loaded.diagnostics_ == fitted.diagnostics_


def test_what_it_needs_is_asked_for(own: Problem) -> None:
    x, y, bank = own
    with pytest.raises(UserError, match=r"skelzero needs measured motion attributes(.|\n)*next step(.|\n)*kinematics"):
        Skelzero().fit(x, y, bank, blocks={"network": (0, WIDTH)})
    with pytest.raises(UserError, match=r"no motion attributes(.|\n)*next step: add attributes to --semantics"):
        Skelzero().fit(x, y, bank.only(["action"]), blocks=BLOCKS)
    for wrong in ("prior", "predicted", "texts", "ridge", "correction"):
        with pytest.raises(UserError, match=f"skelzero: setting '{wrong}'"):
            Skelzero(**{wrong: -1})
