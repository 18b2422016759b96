"""The published form and the balanced one, against hand loops and on made-up classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from skelzero.errors import UserError
from skelzero.methods.alignment import Alignment, AlignmentSettings, align

FORMS = ("prototypes", "balanced")


def made_up(seed: int, N: int, K: int, D: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, D)), rng.normal(size=(K, D))


def scattered(
    seed: int, counts: list[int], D: int = 24, text: float = 2.0, clip: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips close to their class, texts further from it: what an alignment is for."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(len(counts), D))
    y = np.repeat(np.arange(len(counts)), counts)
    return means[y] + clip * rng.normal(size=(len(y), D)), means + text * rng.normal(size=means.shape), y


def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == y).mean())


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True)) / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))


def published_by_hand(v: np.ndarray, t: np.ndarray, alpha: float, temperature: float) -> tuple[np.ndarray, list, list]:
    """pgfa.md, Test, in plain loops; gives prototypes, pseudo-labels and the kept clips."""
    classes: dict[int, list[tuple[float, int]]] = {k: [] for k in range(len(t))}
    labels = []
    for n, clip in enumerate(v):
        cosines = [cosine(clip, text) for text in t]
        p = [math.exp(c / temperature) for c in cosines]
        p = [e / sum(p) for e in p]
        labels.append(cosines.index(max(cosines)))
        classes[labels[-1]].append((-sum(e * math.log(e) for e in p), n))
    prototypes, kept = t.astype(float).copy(), []
    for k, members in classes.items():
        chosen = [n for _, n in sorted(members)[: math.floor(alpha * len(members))]]
        kept += chosen
        if chosen:
            prototypes[k] = sum(v[n] / math.sqrt(sum(e * e for e in v[n])) for n in chosen) / len(chosen)
    return prototypes, labels, sorted(kept)


@pytest.mark.parametrize("alpha", [1.0, 0.9, 0.4, 0.1])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_the_published_rule_equals_a_hand_loop(alpha: float, temperature: float) -> None:
    v, t = made_up(0, 60, 5, 7)
    found = align(v, t, AlignmentSettings(alpha=alpha, temperature=temperature))
    prototypes, labels, kept = published_by_hand(v, t, alpha, temperature)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(np.flatnonzero(found.kept), kept)
    for k, prototype in enumerate(prototypes):
        np.testing.assert_allclose(found.prototypes[k], prototype / np.linalg.norm(prototype), atol=1e-12)
    expected = [[cosine(clip, prototype) for prototype in prototypes] for clip in v]
    np.testing.assert_allclose(found.scores, expected, atol=1e-12)
    assert 0 < len(kept) <= 60 and (len(kept) < 60) == (alpha < 1)


def test_entropy_is_that_of_the_softmax() -> None:
    v, t = made_up(1, 9, 4, 6)
    p = np.exp(np.array([[cosine(clip, text) for text in t] for clip in v]) / 0.3)
    p /= p.sum(axis=1, keepdims=True)
    found = align(v, t, AlignmentSettings(temperature=0.3))
    np.testing.assert_allclose(found.entropy, -(p * np.log(p)).sum(axis=1), atol=1e-12)


@pytest.mark.parametrize(("alpha", "n", "kept"), [(0.29, 100, 29), (0.7, 10, 7), (0.9, 9, 8), (1.0, 3, 3), (0.4, 2, 0)])
def test_the_share_is_rounded_down_exactly(alpha: float, n: int, kept: int) -> None:
    v, _ = made_up(2, n, 1, 5)
    assert align(v, np.ones((1, 5)), AlignmentSettings(alpha=alpha)).kept.sum() == kept


def test_of_equal_entropies_the_better_fit_is_kept() -> None:
    v = np.array([[1.0, 0.5], [1.0, 0.1], [1.0, -2.0], [1.0, 0.2]])  # of a single class, where no clip is unsure
    np.testing.assert_array_equal(
        align(v, np.array([[1.0, 0.0]]), AlignmentSettings(alpha=0.5)).kept, [False, True, False, True]
    )


def same_bits(a: Alignment, b: Alignment) -> None:
    for name in ("scores", "prototypes", "labels", "kept", "entropy"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), N=st.integers(0, 40), K=st.integers(1, 6), D=st.integers(1, 8),
    alpha=st.floats(0.05, 1), softness=st.sampled_from([0.0, 0.3]), form=st.sampled_from(FORMS), coarse=st.booleans(),
)  # fmt: skip
def test_other_orders_of_clips_and_classes_give_the_same_bits(
    seed: int, N: int, K: int, D: int, alpha: float, softness: float, form: str, coarse: bool
) -> None:
    v, t = made_up(seed, N, K, D)
    if coarse:  # equal cosines and entropies of different clips
        v = np.unique(np.sign(np.round(v)), axis=0)
        v = v[np.random.default_rng(seed).permutation(len(v))]
    rng = np.random.default_rng(seed + 1)
    rows, columns = rng.permutation(len(v)), rng.permutation(K)
    choice = AlignmentSettings(alpha=alpha, softness=softness, form=form, rounds=2)
    plain, other = align(v, t, choice), align(v[rows], t[columns], choice)
    new_name = np.argsort(columns)
    same_bits(
        other,
        Alignment(
            plain.scores[rows][:, columns], plain.prototypes[columns], new_name[plain.labels[rows]], plain.kept[rows],
            plain.entropy[rows], plain.centre,
        ),
    )  # fmt: skip


def test_a_class_without_clips_keeps_its_text() -> None:
    v, t = np.array([[1.0, 0.1], [1.0, -0.1]]), np.array([[2.0, 0.0], [-3.0, 4.0]])
    found = align(v, t, AlignmentSettings())
    np.testing.assert_allclose(found.prototypes, [[1.0, 0.0], [-0.6, 0.8]], atol=1e-12)
    few = align(v, t, AlignmentSettings(alpha=0.4))  # floor(0.4 * 2) = 0
    np.testing.assert_array_equal(few.prototypes, [[1.0, 0.0], [-0.6, 0.8]])
    assert not few.kept.any()


def test_alpha_one_gives_the_class_means() -> None:
    v, t = made_up(3, 50, 4, 6)
    found = align(v, t, AlignmentSettings(alpha=1.0))
    units = v / np.linalg.norm(v, axis=1, keepdims=True)
    for k in range(4):
        mean = units[found.labels == k].mean(axis=0)
        np.testing.assert_allclose(found.prototypes[k], mean / np.linalg.norm(mean), atol=1e-12)
    assert found.kept.all()


def test_softness_and_prior_pull_towards_the_text() -> None:
    v, t = made_up(4, 50, 3, 6)
    text = t / np.linalg.norm(t, axis=1, keepdims=True)
    np.testing.assert_allclose(align(v, t, AlignmentSettings(softness=1.0)).prototypes, text, atol=1e-12)
    units = v / np.linalg.norm(v, axis=1, keepdims=True)
    labels = align(v, t, AlignmentSettings()).labels
    soft, prior = align(v, t, AlignmentSettings(softness=0.25)), align(v, t, AlignmentSettings(prior=5.0))
    for k in range(3):
        total = units[labels == k].sum(axis=0)
        mixed = 0.75 * total / np.linalg.norm(total) + 0.25 * text[k]
        np.testing.assert_allclose(soft.prototypes[k], mixed / np.linalg.norm(mixed), atol=1e-12)
        mixed = 5 * text[k] + total
        np.testing.assert_allclose(prior.prototypes[k], mixed / np.linalg.norm(mixed), atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_one_clip_keeps_its_class(form: str) -> None:
    v, t = made_up(5, 1, 4, 6)
    found = align(v, t, AlignmentSettings(form=form))
    assert found.scores.argmax() == found.labels[0] == (t / np.linalg.norm(t, axis=1)[:, None] @ v[0]).argmax()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prior", [0.0, 2.0])
def test_no_clips_give_no_scores_and_the_texts(form: str, prior: float) -> None:
    _, t = made_up(6, 0, 3, 5)
    found = align(np.zeros((0, 5), dtype=np.float32), t, AlignmentSettings(form=form, prior=prior))
    assert found.scores.shape == (0, 3) and found.labels.shape == found.kept.shape == found.entropy.shape == (0,)
    np.testing.assert_allclose(found.prototypes, t / np.linalg.norm(t, axis=1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_extreme_clips_stay_finite(form: str) -> None:
    v = np.array([[0.0, 0.0], [1e300, -1e300], [1e-310, 0.0], [1.0, 2.0], [-1.0, -2.0]])
    found = align(v, np.array([[1.0, 0.0]]), AlignmentSettings(form=form))
    assert np.isfinite(found.scores).all() and np.isfinite(found.prototypes).all()
    np.testing.assert_array_equal(found.entropy, 0.0)


def test_clips_that_cancel_leave_the_text() -> None:
    found = align(np.array([[0.3, 0.7], [-0.3, -0.7]]), np.array([[0.0, 2.0]]), AlignmentSettings())
    np.testing.assert_array_equal(found.prototypes, [[0.0, 1.0]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    v, t = made_up(7, 6, 3, 5)
    v[2, 1] = bad
    with pytest.raises(UserError, match=r"clips are not finite(.|\n)*1 of 6 rows"):
        align(v, t, AlignmentSettings())
    with pytest.raises(UserError, match="texts are not finite"):
        align(v[:2], np.full((3, 5), bad), AlignmentSettings())


def test_arrays_that_do_not_fit_are_refused() -> None:
    v, t = made_up(8, 6, 3, 5)
    with pytest.raises(UserError, match=r"different spaces(.|\n)*width 4(.|\n)*width 5"):
        align(v[:, :4], t, AlignmentSettings())
    with pytest.raises(UserError, match="clips do not fit"):
        align(v[0], t, AlignmentSettings())
    with pytest.raises(UserError, match="no class to align"):
        align(v, t[:0], AlignmentSettings())
    with pytest.raises(UserError, match=r"a text is all zero(.|\n)*row 1"):
        align(v, t * np.array([[1], [0], [1]]), AlignmentSettings())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"alpha": 0}, "greater than 0"), ({"alpha": 1.1}, "less than or equal to 1"), ({"softness": -0.1}, "softness"),
     ({"temperature": 0}, "temperature"), ({"epsilon": 0}, "epsilon"), ({"rounds": 0}, "rounds"),
     ({"form": "other"}, "'prototypes' or 'balanced'"), ({"beta": 1}, "beta")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AlignmentSettings(**wrong)


def test_alignment_raises_the_accuracy_where_clips_cluster_and_texts_miss() -> None:
    gains = {form: [] for form in FORMS}
    for seed in range(10):
        v, t, y = scattered(seed, [30] * 6, text=1.5, clip=0.8)
        before = accuracy(align(v, t, AlignmentSettings(softness=1.0)).scores, y)
        for form in FORMS:
            gains[form].append(accuracy(align(v, t, AlignmentSettings(form=form)).scores, y) - before)
    assert np.mean(gains["prototypes"]) > 0.1 and min(gains["prototypes"]) > 0.05
    assert np.mean(gains["balanced"]) > np.mean(gains["prototypes"])


def test_foreign_clips_lower_the_accuracy() -> None:
    losses = []
    for seed in range(10):
        v, t, y = scattered(seed, [10] * 6, text=0.8)
        foreign, _, _ = scattered(100 + seed, [60] * 4, clip=0.3)
        before = accuracy(align(v, t, AlignmentSettings(softness=1.0)).scores, y)
        mixed = align(np.concatenate([v, foreign]), t, AlignmentSettings()).scores[: len(v)]
        losses.append(before - accuracy(mixed, y))
        assert accuracy(align(v, t, AlignmentSettings()).scores, y) >= before
    assert np.mean(losses) > 0.1


def test_balance_hurts_where_there_is_none() -> None:
    v, t, y = scattered(3, [100, 4, 4, 4], text=0.5)
    published, balanced = (accuracy(align(v, t, AlignmentSettings(form=form)).scores, y) for form in FORMS)
    assert balanced < published - 0.1


def test_balanced_scores_are_the_last_assignment() -> None:
    """One round by hand: scale rows and columns of exp(cosine / epsilon) in turn until both shares hold."""
    v, t = made_up(9, 12, 3, 5)
    Q = np.exp(np.array([[cosine(clip, text) for text in t] for clip in v]) / 0.2)
    for _ in range(2000):
        for n in range(12):
            Q[n] /= Q[n].sum() * 12
        for k in range(3):
            Q[:, k] /= Q[:, k].sum() * 3
    found = align(v, t, AlignmentSettings(form="balanced", rounds=1, epsilon=0.2))
    np.testing.assert_allclose(np.exp(found.scores), 12 * Q, rtol=1e-5)
    units = v / np.linalg.norm(v, axis=1, keepdims=True)
    means = Q.T @ units
    np.testing.assert_allclose(found.prototypes, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-5)


def test_rounds_go_on_from_the_prototypes() -> None:
    v, t, _ = scattered(11, [8] * 3)
    one = align(v, t, AlignmentSettings(form="balanced", rounds=1))
    two = align(v, t, AlignmentSettings(form="balanced", rounds=2))
    again = align(v, one.prototypes, AlignmentSettings(form="balanced", rounds=1))
    np.testing.assert_allclose(two.scores, again.scores, atol=1e-9)
    assert np.abs(two.scores - one.scores).max() > 1e-3
