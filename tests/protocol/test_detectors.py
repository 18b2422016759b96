"""Detectors against other libraries and hand loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from skelzero.methods.scaling import Standardizer
from skelzero.protocol.detectors import DETECTORS, NEIGHBOURS, Evidence, ratings


@pytest.fixture
def evidence() -> Evidence:
    """Four seen classes far apart; half of the held clips are of one of them, half lie in between."""
    rng = np.random.default_rng(0)
    centres = 4 * np.eye(4, 6)
    truth = np.repeat(np.arange(4), 15)
    fitted = centres[truth] + 0.5 * rng.normal(size=(60, 6))
    known = centres[np.arange(20) % 4] + 0.5 * rng.normal(size=(20, 6))
    foreign = 2 + 0.5 * rng.normal(size=(20, 6))
    held = np.concatenate([known, foreign])
    x, h = fitted.astype(np.float32), held.astype(np.float32)
    scores = rng.normal(size=(60, 7)).astype(np.float32), rng.normal(size=(40, 7)).astype(np.float32)
    return Evidence(
        fitted_x=x, held_x=h, fitted_truth=truth, fitted_logits=3 * x[:, :4], held_logits=3 * h[:, :4],
        fitted_scores=scores[0], held_scores=scores[1], unseen_scores=scores[1][:, 4:], seen=np.arange(7) < 4,
    )  # fmt: skip


def test_logit_detectors_by_a_loop(evidence: Evidence) -> None:
    energy, confidence = DETECTORS["energy"](evidence)[0], DETECTORS["confidence"](evidence)[0]
    for i, row in enumerate(evidence.held_logits.astype(float)):
        total = sum(math.exp(v) for v in row)
        assert energy[i] == pytest.approx(math.log(total), rel=1e-5)
        p = max(math.exp(v) for v in row) / total
        assert confidence[i] == pytest.approx(min(14, math.log(p / (1 - p))) if p < 1 else 14, rel=1e-4)


def test_score_detectors_by_a_loop(evidence: Evidence) -> None:
    margin, best = DETECTORS["margin"](evidence)[0], DETECTORS["familiarity"](evidence)[0]
    for i, row in enumerate(evidence.held_scores):
        assert best[i] == max(row[:4]) and margin[i] == pytest.approx(max(row[:4]) - max(row[4:]))


def test_mahalanobis_is_scipys(evidence: Evidence) -> None:
    scale = Standardizer.of(evidence.fitted_x)
    fitted, held = scale(evidence.fitted_x).astype(float), scale(evidence.held_x).astype(float)
    means = np.stack([fitted[evidence.fitted_truth == k].mean(axis=0) for k in range(4)])
    spread = LedoitWolf(assume_centered=True).fit(fitted - means[evidence.fitted_truth]).covariance_
    for got, x in zip(DETECTORS["mahalanobis"](evidence), (held, fitted), strict=True):
        distance = cdist(x, means, "mahalanobis", VI=np.linalg.inv(spread)) ** 2
        np.testing.assert_allclose(-got, np.log(distance.min(axis=1)), atol=1e-3)


def test_neighbours_are_scikit_learns_and_leave_the_clip_itself_out(evidence: Evidence) -> None:
    fitted, held = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in evidence.scaled)
    search = NearestNeighbors().fit(fitted)
    got_held, got_fitted = DETECTORS["neighbours"](evidence)
    expected = search.kneighbors(held, NEIGHBOURS)[0][:, -1]
    np.testing.assert_allclose(-got_held, np.log(expected), atol=1e-3)
    own = search.kneighbors(fitted, NEIGHBOURS + 1)[0][:, -1]
    np.testing.assert_allclose(-got_fitted, np.log(own), atol=1e-3)


@pytest.mark.parametrize("name", ["confidence", "energy", "mahalanobis", "neighbours"])
def test_feature_detectors_tell_foreign_clips_apart(evidence: Evidence, name: str) -> None:
    held, _ = DETECTORS[name](evidence)
    assert (held[:20, None] > held[None, 20:]).mean() > (0.99 if name == "mahalanobis" else 0.8)


@pytest.mark.parametrize("name", list(DETECTORS))
def test_a_clips_rating_does_not_depend_on_the_other_held_clips(evidence: Evidence, name: str) -> None:
    whole, _ = DETECTORS[name](evidence)
    part = replace(
        evidence, held_x=evidence.held_x[:3], held_logits=evidence.held_logits[:3],
        held_scores=evidence.held_scores[:3], unseen_scores=evidence.unseen_scores[:3],
    )  # fmt: skip
    np.testing.assert_allclose(DETECTORS[name](part)[0], whole[:3], rtol=1e-5, atol=1e-5)


def test_ratings_are_less_the_fitted_clips_mean(evidence: Evidence) -> None:
    both = ratings(evidence, ["energy", "neighbours"])
    for column, name in zip(both.T, ("energy", "neighbours"), strict=True):
        held, fitted = DETECTORS[name](evidence)
        np.testing.assert_allclose(column, held - fitted.mean(), atol=1e-5)
