"""Profiles as vectors: zero where unknown and only there, and back again."""

from __future__ import annotations

import math
from importlib import resources

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import FARTHEST, _scaled, clip_vectors, profile_vectors, typical, values_of

SCHEMA = load_schema()
CENTRE, SPREAD = typical()[0]

share = st.one_of(st.floats(0, 1), st.just(math.nan))
profiles = hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.just(len(SCHEMA))), elements=share).map(
    lambda shares: SCHEMA.low + shares * (SCHEMA.high - SCHEMA.low)
)


def test_what_is_typical_is_legal_and_spreads() -> None:
    for centre, spread in typical():
        assert centre.shape == spread.shape == (len(SCHEMA),) and np.isfinite(centre).all()
        assert (spread > 0.01).all() and (spread < 2).all()
        assert ((centre >= SCHEMA.low) & (centre <= SCHEMA.high)).all()
    text = (resources.files("skelzero.text.attributes") / "typical.yaml").read_text(encoding="utf-8")
    assert tuple(yaml.safe_load(text)) == SCHEMA.names


@given(profiles)
def test_zero_is_unknown_and_nothing_else_is(values: np.ndarray) -> None:
    for vectors in (profile_vectors(values), clip_vectors(values)):
        assert vectors.dtype == np.float32 and np.isfinite(vectors).all() and (abs(vectors) <= FARTHEST).all()
        np.testing.assert_array_equal(vectors == 0, np.isnan(values))


def test_typical_movement_is_known() -> None:
    """A value that is just typical is no unknown one, however near it comes."""
    for nearness in (0.0, 1e-300, 1e-17):
        vectors = profile_vectors((CENTRE + nearness)[None])
        assert (vectors != 0).all() and (abs(vectors) < 1e-5).all()
    assert (_scaled(np.full((1, 2), 1e-60), (np.zeros(2), np.ones(2))) != 0).all()  # zero in single precision
    np.testing.assert_allclose(clip_vectors(typical()[1][0][None]), 0, atol=1e-5)


@given(profiles)
def test_vectors_turn_back_into_values(values: np.ndarray) -> None:
    found = values_of(profile_vectors(values))
    near = np.clip(values, CENTRE - FARTHEST * SPREAD, CENTRE + FARTHEST * SPREAD)
    np.testing.assert_allclose(found, near, atol=1e-5)
    padded = np.pad(profile_vectors(values), [(0, 0), (0, 9)], constant_values=7)
    np.testing.assert_array_equal(values_of(padded), found)


def test_vectors_by_hand() -> None:
    values = np.full((1, len(SCHEMA)), math.nan)
    jump, bend = SCHEMA.index["jump"], SCHEMA.index["knee-bend"]
    values[0, jump], values[0, bend] = 1, CENTRE[bend] - SPREAD[bend]
    vectors = profile_vectors(values)[0]
    assert vectors[jump] == pytest.approx(min((1 - CENTRE[jump]) / SPREAD[jump], FARTHEST))
    assert vectors[bend] == pytest.approx(-1) and np.count_nonzero(vectors) == 2
