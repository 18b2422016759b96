"""What methods of motion attributes read, and the cosine over what is known, against a loop."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skelzero.errors import UserError
from skelzero.methods.described import agreement, described, measured_columns
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

Problem = tuple[np.ndarray, np.ndarray, TextBank]
A = 5
GRADES = st.sampled_from([0.0, 0.0, -3.0, -1.5, -0.25, 0.5, 1.0, 3.0])
CLIPS = arrays(np.float32, st.tuples(st.integers(1, 4), st.just(A)), elements=GRADES)
WEIGHTS = arrays(np.float32, A, elements=st.sampled_from([0.25, 0.5, 1.0]))


def by_hand(measured: np.ndarray, profile: np.ndarray, weights: np.ndarray) -> float:
    product = own = other = 0.0
    for a, b, w in zip(measured.tolist(), profile.tolist(), weights.tolist(), strict=True):
        if a != 0 and b != 0:
            product, own, other = product + w * a * b, own + w * a * a, other + w * b * b
    return product / math.sqrt(own * other) if own * other > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(CLIPS, CLIPS, WEIGHTS)
def test_agreement_is_the_cosine_over_what_both_sides_know(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> None:
    found = agreement(a, b, weights)
    assert found.shape == (len(a), len(b)) and found.dtype == np.float32
    for n in range(len(a)):
        for k in range(len(b)):
            assert found[n, k] == pytest.approx(by_hand(a[n], b[k], weights), abs=1e-5)
    assert (np.abs(found) <= 1 + 1e-5).all()


@settings(max_examples=30, deadline=None)
@given(CLIPS, CLIPS, WEIGHTS, st.permutations(range(A)), st.sampled_from([0.01, 0.5, 40.0]))
def test_neither_order_nor_length_matters(
    a: np.ndarray, b: np.ndarray, weights: np.ndarray, order: list[int], factor: float
) -> None:  # fmt: skip
    found = agreement(a, b, weights)
    np.testing.assert_allclose(agreement(a[:, order], b[:, order], weights[order]), found, atol=1e-5)
    np.testing.assert_allclose(agreement(np.float32(factor) * a, b, weights), found, atol=1e-5)
    np.testing.assert_allclose(agreement(a, np.float32(factor) * b, weights), found, atol=1e-5)
    np.testing.assert_allclose(agreement(a, b, np.float32(factor) * weights), found, atol=1e-5)
    np.testing.assert_allclose(agreement(b, a, weights), found.T, atol=1e-5)
    np.testing.assert_allclose(agreement(-a, b, weights), -found, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(CLIPS, CLIPS, st.integers(0, A - 1), st.floats(-3, 3, width=32))
def test_what_the_other_side_does_not_know_counts_for_nothing(
    a: np.ndarray, b: np.ndarray, column: int, value: float
) -> None:  # fmt: skip
    ones, unknown, changed = np.ones(A, dtype=np.float32), a.copy(), b.copy()
    unknown[:, column], changed[:, column] = 0, value
    np.testing.assert_allclose(agreement(unknown, changed, ones), agreement(unknown, b, ones), atol=1e-5)


def test_nothing_in_common_is_no_agreement() -> None:
    a, b = np.array([[1, 0, 2]], dtype=np.float32), np.array([[0, 3, 0]], dtype=np.float32)
    assert agreement(a, b, np.ones(3, dtype=np.float32)).tolist() == [[0.0]]


def test_written_profiles_come_before_read_ones(problem: Problem, describe: Callable[..., TextBank]) -> None:
    bank = problem[2]
    read = describe(bank, "read-attributes")
    assert described(read).shape == (len(bank), len(load_schema()))
    np.testing.assert_array_equal(described(read), read.pooled["read-attributes"])
    both = describe(read)
    both.pooled["attributes"][:] = 7
    assert (described(both) == 7).all()


def test_padding_is_no_attribute(problem: Problem, describe: Callable[..., TextBank]) -> None:
    bank = problem[2]
    wide = TextBank(bank.classes, bank.labels, ("action",), {"action": np.ones((12, 90), dtype=np.float32)},
                    bank.tokens, bank.mask, bank.encoder, bank.text_sha256)  # fmt: skip
    assert describe(wide).pooled["attributes"].shape == (12, 90)
    np.testing.assert_array_equal(described(describe(wide)), described(describe(bank)))


def test_what_is_missing_is_told_with_a_next_step(problem: Problem) -> None:
    with pytest.raises(UserError, match="no motion attributes") as caught:
        described(problem[2])
    assert caught.value.got == "action, motion" and caught.value.next_step == "add attributes to --semantics"
    assert measured_columns({"network": (0, 9), "attributes": (9, 12)}, "match") == (9, 12)
    for blocks, got in (({}, "none"), ({"network": (0, 9), "courses": (9, 12)}, "network, courses")):
        with pytest.raises(UserError, match="match needs measured motion attributes") as caught:
            measured_columns(blocks, "match")
        assert caught.value.got == got and "kinematics" in str(caught.value.next_step)
