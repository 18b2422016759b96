"""The stream: equal to one pass, bounded, and restorable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.errors import UserError
from skelzero.methods.alignment import AlignmentSettings, StreamAligner, align
from skelzero.methods.alignment.memory import ClassMemory


def made_up(seed: int, N: int, K: int, D: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, D)), rng.normal(size=(K, D))


def chunks(v: np.ndarray, size: int) -> list[np.ndarray]:
    return [v[start : start + size] for start in range(0, len(v), size)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), N=st.integers(0, 60), K=st.integers(1, 6), D=st.integers(1, 8),
    alpha=st.floats(0.05, 1), softness=st.sampled_from([0.0, 0.4]), prior=st.sampled_from([0.0, 3.0]),
    memory=st.sampled_from([1, 7, 256]), coarse=st.booleans(),
)  # fmt: skip
def test_the_whole_set_in_one_update_gives_the_bits_of_one_pass(
    seed: int, N: int, K: int, D: int, alpha: float, softness: float, prior: float, memory: int, coarse: bool
) -> None:
    v, t = made_up(seed, N, K, D)
    v = np.sign(np.round(v)) if coarse else v.astype(np.float32)
    choice = AlignmentSettings(alpha=alpha, softness=softness, prior=prior)
    stream, one_pass = StreamAligner(t, choice, memory), align(v, t, choice)
    np.testing.assert_array_equal(stream.update(v), one_pass.scores)
    np.testing.assert_array_equal(stream.prototypes, one_pass.prototypes)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 20), alpha=st.floats(0.05, 1))
def test_below_the_bound_every_update_equals_one_pass_so_far(seed: int, size: int, alpha: float) -> None:
    v, t = made_up(seed, 40, 3, 5)
    choice = AlignmentSettings(alpha=alpha)
    stream, came = StreamAligner(t, choice, memory=40), 0
    for part in chunks(v, size):
        came += len(part)
        expected = align(v[:came], t, choice)
        np.testing.assert_allclose(stream.update(part), expected.scores[came - len(part) :], atol=1e-12)
        np.testing.assert_allclose(stream.prototypes, expected.prototypes, atol=1e-12)
        np.testing.assert_array_equal(stream.seen, np.bincount(expected.labels, minlength=3))


def test_the_state_does_not_grow_with_the_stream() -> None:
    v, t = made_up(0, 6000, 3, 4)
    stream, sizes = StreamAligner(t, AlignmentSettings(alpha=0.6), memory=16), []
    for part in chunks(v, 37):
        stream.update(part)
        sizes.append(sum(array.nbytes for array in stream.state().values()))
        assert np.bincount(stream.state()["classes"], minlength=3).max() <= 16
    assert max(sizes) <= 8 * (3 * 16 * (4 + 4) + 2 * 3 * 4)
    assert stream.seen.sum() == 6000


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=60), most=st.integers(1, 20), seed=st.integers(0, 1000)
)  # fmt: skip
def test_merging_keeps_the_account(weights: list[int], most: int, seed: int) -> None:
    rng, n = np.random.default_rng(seed), len(weights)
    before = ClassMemory(rng.random(n), rng.random(n), np.array(weights, dtype=float), rng.normal(size=(n, 3)))
    after = before.bounded(most)
    assert len(after.weight) <= most and (after is before) == (n <= most)
    assert after.weight.sum() == sum(weights)
    assert n <= most or after.weight.max() <= max(2 * sum(weights) / most, max(weights))
    np.testing.assert_allclose(after.sums.sum(axis=0), before.sums.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(after.entropy @ after.weight, before.entropy @ before.weight)
    assert n <= most or (np.diff(after.entropy) > 0).all()


def test_with_alpha_one_the_bound_loses_nothing() -> None:
    v, t = made_up(1, 800, 3, 6)
    stream = StreamAligner(t, AlignmentSettings(), memory=5)
    for part in chunks(v, 9):
        stream.update(part)
    np.testing.assert_allclose(stream.prototypes, align(v, t, AlignmentSettings()).prototypes, atol=1e-10)


def test_beyond_the_bound_the_share_is_kept() -> None:
    """Cosines with the prototypes of one pass; the most confident clips alone, as alpha shrinks, would miss them."""
    v, t = made_up(2, 4000, 3, 6)
    choice = AlignmentSettings(alpha=0.5)
    stream = StreamAligner(t, choice, memory=32)
    for part in chunks(v, 5):
        stream.update(part)
    exact = align(v, t, choice).prototypes
    near = (stream.prototypes * exact).sum(axis=1)
    few = (align(v, t, AlignmentSettings(alpha=32 / 1300)).prototypes * exact).sum(axis=1)
    assert near.min() > 0.999 > few.max()


def test_a_clip_counts_for_its_own_score() -> None:
    v, t = made_up(3, 1, 2, 4)
    scores = StreamAligner(t, AlignmentSettings()).update(v)
    np.testing.assert_allclose(scores.max(), 1.0)


def test_a_prior_calms_the_first_clips() -> None:
    v, t = made_up(4, 1, 1, 4)
    unit, text = v[0] / np.linalg.norm(v), t[0] / np.linalg.norm(t)
    stream = StreamAligner(t, AlignmentSettings(prior=4.0))
    stream.update(v)
    mixed = 4 * text + unit
    np.testing.assert_allclose(stream.prototypes[0], mixed / np.linalg.norm(mixed), atol=1e-12)


def test_no_clips_change_nothing() -> None:
    v, t = made_up(5, 4, 3, 5)
    stream = StreamAligner(t, AlignmentSettings())
    assert stream.update(v[:0]).shape == (0, 3)
    np.testing.assert_allclose(stream.prototypes, t / np.linalg.norm(t, axis=1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("came", [0, 3, 100])
def test_a_restored_stream_goes_on_to_the_same_bits(came: int) -> None:
    v, t = made_up(6, 150, 4, 5)
    choice = AlignmentSettings(alpha=0.7)
    first, second = StreamAligner(t, choice, memory=8), StreamAligner(t, choice, memory=8)
    first.update(v[:came])
    second.restore({name: array.copy() for name, array in first.state().items()})
    np.testing.assert_array_equal(second.prototypes, first.prototypes)
    for part in chunks(v[came:], 10):
        np.testing.assert_array_equal(second.update(part), first.update(part))


def test_a_state_is_a_copy() -> None:
    v, t = made_up(7, 20, 2, 4)
    stream = StreamAligner(t, AlignmentSettings())
    stream.update(v)
    kept = stream.prototypes
    for array in stream.state().values():
        array[:] = 0
    np.testing.assert_array_equal(stream.prototypes, kept)
    np.testing.assert_array_equal(stream.seen.sum(), 20)


def test_a_smaller_memory_is_held_after_restoring() -> None:
    v, t = made_up(8, 100, 2, 4)
    large, small = StreamAligner(t, AlignmentSettings(), 50), StreamAligner(t, AlignmentSettings(), 4)
    large.update(v)
    small.restore(large.state())
    assert np.bincount(small.state()["classes"]).max() <= 4 and small.seen.sum() == 100


def test_wrong_states_are_refused() -> None:
    v, t = made_up(9, 20, 2, 4)
    stream = StreamAligner(t, AlignmentSettings())
    stream.update(v)
    state = stream.state()
    with pytest.raises(UserError, match=r"no state of a stream(.|\n)*sums(.|\n)*nothing"):
        stream.restore({name: array for name, array in state.items() if name != "sums"})
    with pytest.raises(UserError, match=r"no state of a stream(.|\n)*entropy"):
        stream.restore({**state, "entropy": state["entropy"][:3]})
    with pytest.raises(UserError, match=r"no state of a stream(.|\n)*fit"):
        stream.restore({**state, "fit": np.full_like(state["fit"], np.nan)})
    with pytest.raises(UserError, match=r"classes, weight(.|\n)*0\.\.1"):
        stream.restore({**state, "classes": state["classes"] + 1})
    with pytest.raises(UserError, match="other texts"):
        StreamAligner(t[::-1], AlignmentSettings()).restore(state)


def test_bad_clips_leave_the_state_as_it_was() -> None:
    v, t = made_up(10, 20, 2, 4)
    stream = StreamAligner(t, AlignmentSettings())
    stream.update(v)
    before = stream.state()
    with pytest.raises(UserError, match="clips are not finite"):
        stream.update(np.full((1, 4), np.nan))
    with pytest.raises(UserError, match="different spaces"):
        stream.update(v[:, :3])
    for name, array in stream.state().items():
        np.testing.assert_array_equal(array, before[name])


def test_wrong_streams_are_refused() -> None:
    _, t = made_up(11, 1, 2, 4)
    with pytest.raises(UserError, match=r"cannot be balanced(.|\n)*call align"):
        StreamAligner(t, AlignmentSettings(form="balanced"))
    with pytest.raises(UserError, match="needs memory"):
        StreamAligner(t, AlignmentSettings(), memory=0)
    with pytest.raises(UserError, match="texts are not finite"):
        StreamAligner(np.full((2, 4), np.inf), AlignmentSettings())
