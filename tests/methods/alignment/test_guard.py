"""Statistics of a stream without labels, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.methods.alignment import Guard


def plain(scores: np.ndarray, temperature: float) -> tuple[float, float]:
    """Mean normalised entropy and confidence, clip by clip."""
    K, entropies, confidences = scores.shape[1], [], []
    for row in scores:
        p = [math.exp(s / temperature) for s in row]
        p = [e / sum(p) for e in p]
        entropies.append(-sum(e * math.log(e) for e in p) / math.log(K))
        confidences.append((max(p) - 1 / K) / (1 - 1 / K))
    return sum(entropies) / len(scores), sum(confidences) / len(scores)


def test_statistics_equal_a_hand_loop() -> None:
    rng = np.random.default_rng(0)
    reference, stream = rng.normal(size=(40, 4)), rng.normal(loc=[1.0, 0.0, 0.0], size=(25, 3))
    guard = Guard.of_scores(reference, temperature=0.5, foreign=0.2)
    found = guard.score_statistics(stream)
    counts = [sum(int(row.argmax() == k) for row in stream) for k in range(3)]
    spread = -sum(c / 25 * math.log(c / 25) for c in counts if c)
    assert found.balance == pytest.approx(spread / math.log(3))
    assert found.effective_classes == pytest.approx(math.exp(spread))
    own, other = plain(stream, 0.5), plain(reference, 0.5)
    assert found.entropy == pytest.approx(own[0] / other[0])
    assert found.confidence == pytest.approx(own[1] / other[1])
    threshold = np.quantile(reference.max(axis=1), 0.2)
    assert found.foreign == sum(max(row) < threshold for row in stream) / 25 > 0
    assert found.clips_a_class == pytest.approx(25 / 3)


def test_a_common_space_gives_the_statistics_of_its_cosines() -> None:
    rng = np.random.default_rng(1)
    v, t = rng.normal(size=(30, 5)), rng.normal(size=(4, 5))
    cosines = v @ t.T / np.outer(np.linalg.norm(v, axis=1), np.linalg.norm(t, axis=1))
    guard, other = Guard.of(v, t), Guard.of_scores(cosines)
    assert guard.model_dump() == pytest.approx(other.model_dump())
    assert guard.statistics(v[:9], t).model_dump() == pytest.approx(other.score_statistics(cosines[:9]).model_dump())


def test_the_reference_is_like_itself() -> None:
    scores = np.random.default_rng(2).normal(size=(200, 4))
    found = Guard.of_scores(scores, foreign=0.1).score_statistics(scores)
    assert found.entropy == pytest.approx(1) and found.confidence == pytest.approx(1)
    assert found.foreign == pytest.approx(0.1)


def test_streams_that_differ_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    texts = np.eye(5, 20)
    y = np.arange(100) % 5
    clips = texts[y] + 0.1 * rng.normal(size=(100, 20))
    guard = Guard.of(clips, texts)
    good = guard.statistics(clips + 0.01 * rng.normal(size=clips.shape), texts)
    foreign = guard.statistics(np.concatenate([clips[:40], rng.normal(size=(60, 20))]), texts)
    lacking = guard.statistics(clips[y < 2], texts)
    assert good.foreign < 0.15 < 0.5 < foreign.foreign
    assert lacking.balance < 0.5 < 0.95 < good.balance and lacking.effective_classes == pytest.approx(2)
    assert foreign.confidence < good.confidence and foreign.entropy > good.entropy


def test_streams_without_much_in_them_have_statistics() -> None:
    guard = Guard.of_scores(np.random.default_rng(4).normal(size=(30, 3)))
    empty = guard.score_statistics(np.zeros((0, 3)))
    assert (empty.balance, empty.entropy, empty.foreign, empty.clips_a_class) == (0.0, 1.0, 0.0, 0.0)
    one = guard.score_statistics(np.array([[9.0, 0.0, 0.0]]))
    assert (one.balance, one.effective_classes, one.foreign) == (0.0, 1.0, 0.0)
    single = guard.score_statistics(np.zeros((4, 1)))
    assert (single.balance, single.entropy) == (1.0, 0.0)


def test_a_guard_survives_its_card() -> None:
    guard = Guard.of_scores(np.random.default_rng(5).normal(size=(30, 3)))
    assert Guard.model_validate_json(guard.model_dump_json()) == guard


def test_a_guard_without_a_reference_is_refused() -> None:
    with pytest.raises(UserError, match="needs a reference"):
        Guard.of_scores(np.zeros((0, 3)))
    with pytest.raises(UserError, match="out of range"):
        Guard.of_scores(np.ones((3, 3)), foreign=1.5)
    with pytest.raises(UserError, match="out of range"):
        Guard.of_scores(np.ones((3, 3)), temperature=0.0)
    with pytest.raises(UserError, match="scores are not finite"):
        Guard.of_scores(np.full((3, 3), np.nan))
    with pytest.raises(UserError, match="different spaces"):
        Guard.of(np.ones((3, 4)), np.ones((2, 5)))
