"""None of these: the asked share of false accepts is held, for lists of any length, against a vocabulary or not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from skelzero.errors import UserError
from skelzero.protocol.rejection import LIKE, SOFTNESS, Rejection, fit_rejection, statistic


def drawn(rng: np.random.Generator, clips: int = 3000, classes: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of clips whose own class stands out by 2, on top of how high a clip's scores are altogether."""
    y = rng.integers(classes, size=clips)
    level = 3 * rng.standard_normal((clips, 1))
    scores = rng.standard_normal((clips, classes))
    scores[np.arange(clips), y] += 2
    return scores + level, y, rng.standard_normal((clips, 200)) + level


@pytest.mark.parametrize("length", [2, 5, 7, 10, 20])
@pytest.mark.parametrize("asked", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("with_vocabulary", [False, True])
def test_the_asked_share_of_false_accepts_is_held(length: int, asked: float, with_vocabulary: bool) -> None:
    scores, y, vocabulary = drawn(np.random.default_rng(0))
    fitted = fit_rejection(scores, y, vocabulary=vocabulary if with_vocabulary else None)
    scores, y, vocabulary = drawn(np.random.default_rng(1))
    foreign = y >= length
    value = statistic(scores[:, :length], vocabulary if with_vocabulary else None)
    named = value >= fitted.threshold(length, asked)
    assert named[foreign].mean() == pytest.approx(asked, abs=0.03)
    assert named[~foreign].mean() > named[foreign].mean()


def test_a_vocabulary_tells_clips_apart_that_score_high_altogether() -> None:
    scores, y, vocabulary = drawn(np.random.default_rng(2))
    foreign = y >= 5
    shares = []
    for against in (None, vocabulary):
        fitted = fit_rejection(scores, y, vocabulary=against)
        shares.append((statistic(scores[:, :5], against) >= fitted.threshold(5, 0.2))[~foreign].mean())
    assert shares[1] > shares[0] + 0.2


def test_the_statistic_by_hand() -> None:
    scores, vocabulary = np.array([[0.3, 0.1]]), np.array([[0.2, 0.25, 0.9]])
    soft = SOFTNESS * (logsumexp(vocabulary[0] / SOFTNESS) - np.log(3))
    assert statistic(scores, vocabulary)[0] == pytest.approx(0.3 - soft)
    assert statistic(scores)[0] == 0.3
    # The third movement is another name of the second listed word, and does not speak against it.
    likeness = np.array([[0.0, 0.1, 0.2], [0.0, 0.1, LIKE]])
    soft = SOFTNESS * (logsumexp(vocabulary[0, :2] / SOFTNESS) - np.log(2))
    assert statistic(scores, vocabulary, likeness)[0] == pytest.approx(0.3 - soft)
    assert statistic(scores, vocabulary, np.ones((2, 3)))[0] > 5, "nothing is left that could speak against it"


def test_longer_lists_need_higher_scores_and_fewer_false_accepts_too() -> None:
    scores, y, _ = drawn(np.random.default_rng(3))
    fitted = fit_rejection(scores, y)
    by_length = [fitted.threshold(n, 0.2) for n in (1, 2, 4, 8, 16, 1000)]
    assert by_length == sorted(by_length) and by_length[0] == by_length[1]
    by_share = [fitted.threshold(5, share) for share in (1.0, 0.5, 0.1, 0.0)]
    assert by_share == sorted(by_share) and fitted.threshold(5) == fitted.threshold(5, 0.5)
    assert Rejection.model_validate_json(fitted.model_dump_json()) == fitted


def test_classes_count_alike_and_lists_keep_to_what_is_allowed() -> None:
    scores, y, _ = drawn(np.random.default_rng(4))
    rows = np.flatnonzero((y > 0) | (np.arange(len(y)) % 10 == 0))
    rare, common = fit_rejection(scores[rows], y[rows]), fit_rejection(scores, y)
    assert rare.threshold(5, 0.2) == pytest.approx(common.threshold(5, 0.2), abs=0.15)
    allowed = np.zeros(scores.shape, dtype=bool)
    allowed[:, :4] = True
    high = np.where(allowed, scores, scores + 100)
    assert fit_rejection(high, y, allowed=allowed).threshold(2, 0.0) < 50


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    scores, y, _ = drawn(np.random.default_rng(5), clips=100)
    with pytest.raises(UserError, match="share"):
        fit_rejection(scores, y).threshold(3, share)


def test_too_few_classes() -> None:
    with pytest.raises(UserError, match="too few classes"):
        fit_rejection(np.zeros((4, 2)), np.array([0, 1, 0, 1]))
