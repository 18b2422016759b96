"""Alignment of scores: a hand loop, orders, degenerate sets, and a case where it helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.errors import UserError
from skelzero.methods.alignment import AlignmentSettings, align, align_scores, balanced_assignment

FORMS = ("prototypes", "balanced")


def made_up(seed: int, N: int, K: int, D: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, D)) + 3, rng.normal(size=(N, K))


def units_of(x: np.ndarray) -> np.ndarray:
    rest = x - x.mean(axis=0)
    return rest / np.linalg.norm(rest, axis=1, keepdims=True)


def test_it_equals_a_hand_loop() -> None:
    x, s = made_up(0, 40, 4, 6)
    s[:, 3] -= 5.0  # a class that no clip prefers
    found = align_scores(x, s, AlignmentSettings(alpha=0.5, temperature=2.0))
    p = np.exp(s / 2)
    p /= p.sum(axis=1, keepdims=True)
    entropy, labels, units = -(p * np.log(p)).sum(axis=1), s.argmax(axis=1), units_of(x)
    for k in range(4):
        members = sorted((entropy[n], n) for n in range(40) if labels[n] == k)
        chosen = [n for _, n in members[: len(members) // 2]] or [int(p[:, k].argmax())]
        assert found.kept[chosen].all()
        mean = sum(units[n] for n in chosen)
        np.testing.assert_allclose(found.prototypes[k], mean / np.linalg.norm(mean), atol=1e-12)
    assert not (labels == 3).any()
    np.testing.assert_allclose(found.scores, units @ found.prototypes.T, atol=1e-12)
    np.testing.assert_allclose(found.centre, x.mean(axis=0))


def test_cosines_of_centred_clips_give_what_the_common_space_gives() -> None:
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(60, 6)), rng.normal(size=(3, 6))
    x -= x.mean(axis=0)
    cosines = units_of(x) @ (t / np.linalg.norm(t, axis=1, keepdims=True)).T
    for form in FORMS:
        choice = AlignmentSettings(form=form, alpha=0.8)
        np.testing.assert_allclose(align_scores(x, cosines, choice).scores, align(x, t, choice).scores, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), N=st.integers(0, 30), K=st.integers(1, 5), D=st.integers(1, 6),
    alpha=st.floats(0.05, 1), softness=st.sampled_from([0.0, 0.5]), form=st.sampled_from(FORMS),
)  # fmt: skip
def test_other_orders_of_clips_and_classes_give_the_same_bits(
    seed: int, N: int, K: int, D: int, alpha: float, softness: float, form: str
) -> None:
    x, s = made_up(seed, N, K, D)
    rng = np.random.default_rng(seed + 1)
    rows, columns = rng.permutation(N), rng.permutation(K)
    choice = AlignmentSettings(alpha=alpha, softness=softness, form=form, rounds=2)
    plain, other = align_scores(x, s, choice), align_scores(x[rows], s[rows][:, columns], choice)
    np.testing.assert_array_equal(other.scores, plain.scores[rows][:, columns])
    np.testing.assert_array_equal(other.prototypes, plain.prototypes[columns])
    np.testing.assert_array_equal(other.kept, plain.kept[rows])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_softness_one_predicts_what_the_method_does(seed: int) -> None:
    x, s = made_up(seed, 20, 4, 6)
    s = s * 100 + 1000
    found = align_scores(x, s, AlignmentSettings(softness=1.0))
    np.testing.assert_array_equal(found.scores.argmax(axis=1), s.argmax(axis=1))
    cosines = align_scores(x, s, AlignmentSettings()).scores
    np.testing.assert_allclose(found.scores.std(), cosines.std())


def test_one_balanced_round_is_that_of_the_scores_alone() -> None:
    x, s = made_up(2, 30, 3, 5)
    choice = AlignmentSettings(form="balanced", rounds=1, epsilon=0.5, temperature=4.0)
    np.testing.assert_allclose(align_scores(x, s, choice).scores, balanced_assignment(s / 2), atol=1e-9)
    more = align_scores(x, s, choice.model_copy(update={"rounds": 3}))
    np.testing.assert_allclose(np.exp(more.scores).sum(axis=0), 10, rtol=2e-6)


@pytest.mark.parametrize("form", FORMS)
def test_clips_that_do_not_differ_keep_their_scores(form: str) -> None:
    x, s = made_up(3, 7, 3, 4)
    for same, given_scores in ((x[:1], s[:1]), (np.repeat(x[:1], 7, axis=0), s)):
        found = align_scores(same, given_scores, AlignmentSettings(form=form))
        np.testing.assert_array_equal(found.scores, given_scores)
        assert not found.kept.any() and not found.prototypes.any()


@pytest.mark.parametrize("form", FORMS)
def test_no_clips_give_no_scores(form: str) -> None:
    found = align_scores(np.zeros((0, 4)), np.zeros((0, 3)), AlignmentSettings(form=form))
    assert found.scores.shape == (0, 3) and found.prototypes.shape == (3, 4)


def test_bad_arrays_are_refused() -> None:
    x, s = made_up(4, 7, 3, 4)
    with pytest.raises(UserError, match=r"different clips(.|\n)*6 scores(.|\n)*7"):
        align_scores(x, s[:6], AlignmentSettings())
    with pytest.raises(UserError, match="features are not finite"):
        align_scores(np.full_like(x, np.nan), s, AlignmentSettings())
    with pytest.raises(UserError, match="scores are not finite"):
        align_scores(x, np.where(s > 0, s, np.nan), AlignmentSettings())
    with pytest.raises(UserError, match=r"cannot count as clips(.|\n)*prior 1"):
        align_scores(x, s, AlignmentSettings(prior=1.0))


def test_it_raises_the_accuracy_where_clips_cluster() -> None:
    gains = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        means, y = rng.normal(size=(5, 16)), np.repeat(np.arange(5), 30)
        x = means[y] + 0.4 * rng.normal(size=(150, 16))
        s = 1.5 * np.eye(5)[y] + rng.normal(size=(150, 5))
        after = align_scores(x, s, AlignmentSettings(alpha=0.7)).scores
        gains.append((after.argmax(axis=1) == y).mean() - (s.argmax(axis=1) == y).mean())
    assert min(gains) > 0.05
