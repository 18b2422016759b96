"""The vocabulary of movement is sound, and its conditions are applied."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skelzero.text.attributes.schema import Attribute, Schema, load_schema

SCHEMA = load_schema()
PARTS = ("arms", "whole", "contact", "legs", "trunk", "posture", "travel", "company")

anything = st.one_of(st.floats(-3, 3), st.just(math.nan), st.sampled_from([0.15, 0.2, 0.5]))
rows = hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.just(len(SCHEMA))), elements=anything)


@pytest.mark.parametrize("attribute", SCHEMA.attributes, ids=lambda a: a.name)
def test_every_attribute_is_sensible(attribute: Attribute) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", attribute.name) and attribute.part in PARTS
    assert attribute.low < attribute.high and abs(attribute.low) <= 2.5 and attribute.high <= 2.5
    assert math.isnan(attribute.rest) or attribute.low <= attribute.rest <= attribute.high
    assert len(attribute.says.split()) >= 3 and attribute.says[0].islower() and attribute.says[-1] not in ".!?"
    values = [value for value, _ in attribute.marks]
    assert values == sorted(set(values)) and all(attribute.low <= v <= attribute.high for v in values)
    assert all(meaning.strip() for _, meaning in attribute.marks)


@pytest.mark.parametrize("attribute", [a for a in SCHEMA.attributes if a.needs], ids=lambda a: a.name)
def test_conditions_are_on_attributes_without_a_condition(attribute: Attribute) -> None:
    """`settle` looks at each condition once, so none may hang on another."""
    assert attribute.needs is not None
    name, least = attribute.needs
    other = SCHEMA.attributes[SCHEMA.index[name]]
    assert other.name != attribute.name and other.needs is None and other.low < least <= other.high


def test_the_table_as_a_whole() -> None:
    assert SCHEMA.parts == PARTS and len(SCHEMA) == len(SCHEMA.names) == len(set(SCHEMA.names))
    assert len({a.says for a in SCHEMA.attributes}) == len(SCHEMA)
    assert [SCHEMA.index[name] for name in SCHEMA.names] == list(range(len(SCHEMA)))
    np.testing.assert_array_equal(sum(SCHEMA.of_part(part).astype(int) for part in PARTS), np.ones(len(SCHEMA)))
    for name in ("low", "high", "rest"):
        np.testing.assert_array_equal(getattr(SCHEMA, name), [getattr(a, name) for a in SCHEMA.attributes])
    assert {a.name for a in SCHEMA.attributes if math.isnan(a.rest)} == {"side"}
    assert load_schema() is SCHEMA


def test_the_hash_follows_what_values_mean() -> None:
    first = SCHEMA.attributes[0]
    changes: list[dict[str, Any]] = [{"high": 2.0}, {"rest": 0.1}, {"name": "x"}, {"needs": ("jump", 1.0)}]
    hashes = {Schema((replace(first, **change), *SCHEMA.attributes[1:])).sha256 for change in changes}
    assert len(hashes) == 4 and SCHEMA.sha256 not in hashes
    assert Schema((replace(first, says="in other words"), *SCHEMA.attributes[1:])).sha256 == SCHEMA.sha256


@given(rows)
def test_settling_by_hand(values: np.ndarray) -> None:
    given_values = values.copy()
    settled = SCHEMA.settle(values)
    np.testing.assert_array_equal(values, given_values)
    for row, found in zip(values, settled, strict=True):
        for i, attribute in enumerate(SCHEMA.attributes):
            expected = row[i] if math.isnan(row[i]) else min(max(row[i], attribute.low), attribute.high)
            if attribute.needs is not None and row[SCHEMA.index[attribute.needs[0]]] < attribute.needs[1]:
                expected = math.nan
            assert found[i] == expected or (math.isnan(found[i]) and math.isnan(expected)), attribute.name
    np.testing.assert_array_equal(SCHEMA.settle(settled), settled)
    np.testing.assert_array_equal(SCHEMA.settle(values[0]), settled[0])


@pytest.mark.parametrize(("moves", "known"), [(0.19, False), (0.2, True), (1.0, True), (math.nan, True)])
def test_what_hangs_on_an_arm_that_does_not_move(moves: float, known: bool) -> None:
    """Exactly as much as is needed is enough, and an unknown condition decides nothing."""
    values = SCHEMA.rest.copy()
    values[SCHEMA.index["arm-moves"]] = moves
    assert math.isnan(SCHEMA.settle(values)[SCHEMA.index["stroke-up"]]) is not known


def test_somebody_who_stands_still() -> None:
    """Nothing can be said of strokes, turns and company of what does not move."""
    settled = SCHEMA.settle(SCHEMA.rest)
    unknown = {name for name, value in zip(SCHEMA.names, settled, strict=True) if math.isnan(value)}
    assert unknown == {"side"} | {a.name for a in SCHEMA.attributes if a.needs}
