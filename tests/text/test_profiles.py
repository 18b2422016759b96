"""Profiles: what people write is read, checked and written back; every shipped class has one."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skelzero.errors import UserError
from skelzero.text.attributes.profiles import movements, read_profile, shipped_profiles, write_profile
from skelzero.text.attributes.schema import UNKNOWN, load_schema
from skelzero.text.attributes.translator import SECOND
from skelzero.text.class_sets import class_set_names, load_class_set
from skelzero.text.rules import words_of

SCHEMA = load_schema()
SETS = {"msr_action3d": 20, "ntu120": 120, "nw_ucla": 10, "pku_mmd": 51, "synthetic": 67, "utd_mhad": 27}
TWICE = {"arm wrestling", "conducting an orchestra", "tug of war", "walking backwards"}
"""Movements that stand in both files, in two descriptions."""


def value_of(profile: np.ndarray, name: str) -> float:
    return float(profile[SCHEMA.index[name]])


def written(name: str) -> st.SearchStrategy[float | str]:
    attribute = SCHEMA.attributes[SCHEMA.index[name]]
    return st.one_of(st.floats(attribute.low, attribute.high), st.just(UNKNOWN))


some_profile = st.lists(st.sampled_from(SCHEMA.names), unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: written(name) for name in names})
)


@given(some_profile)
def test_what_is_written_is_read_again(profile: dict[str, Any]) -> None:
    """To two decimals, and unknown where it was unknown, be it said or because of another value."""
    values = read_profile(profile)
    again = read_profile(write_profile(values))
    np.testing.assert_array_equal(np.isnan(again), np.isnan(values))
    np.testing.assert_allclose(again, values, atol=0.00501)
    assert write_profile(again) == write_profile(values)


def test_an_unknown_stroke_stays_unknown() -> None:
    """It does not follow from another value here, so it must be written down."""
    profile = {"arm-moves": 0.8, "stroke-up": UNKNOWN}
    assert write_profile(read_profile(profile)) == profile
    assert write_profile(read_profile({"arm-moves": 0.1, "stroke-up": UNKNOWN})) == {"arm-moves": 0.1}
    assert write_profile(read_profile({"arm-moves": UNKNOWN}))["arm-moves"] == UNKNOWN


def test_what_is_not_mentioned_is_as_at_rest() -> None:
    np.testing.assert_array_equal(read_profile({}), SCHEMA.settle(SCHEMA.rest))
    assert write_profile(read_profile({})) == {} == write_profile(SCHEMA.rest)
    values = read_profile({"jump": 1, "side": -1, "hip-drop": UNKNOWN})
    assert value_of(values, "jump") == 1 and value_of(values, "side") == -1 and math.isnan(value_of(values, "hip-drop"))
    assert write_profile(values) == {"jump": 1.0, "side": -1.0, "hip-drop": UNKNOWN}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"arm-mvoes": 1}, r"unknown attribute[\s\S]*my file[\s\S]*'arm-mvoes'[\s\S]*did you mean 'arm-moves'"),
        ({3: 1}, r"unknown attribute[\s\S]*'3'"),
        ({"jump": 1.01}, r"'jump' cannot have this value[\s\S]*my file[\s\S]*got: 1.01[\s\S]*0 to 1, or unknown: both"),
        ({"hand-top": -1.1}, r"'hand-top'[\s\S]*expected: -1 to 2.2, or unknown: highest place"),
        ({"jump": math.nan}, r"'jump'[\s\S]*got: nan"),
        ({"jump": math.inf}, r"'jump'[\s\S]*got: inf"),
        ({"jump": True}, r"'jump'[\s\S]*got: True"),
        ({"jump": False}, r"'jump'[\s\S]*got: False"),
        ({"jump": "1"}, r"'jump'[\s\S]*got: '1'"),
        ({"jump": "Unknown"}, r"'jump'[\s\S]*got: 'Unknown'"),
        ({"jump": None}, r"'jump'[\s\S]*got: None"),
        ({"jump": [1]}, r"'jump'[\s\S]*got: \[1\]"),
        ({"jump": 10**30}, r"'jump'[\s\S]*got: 1000"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_one_message(profile: dict[Any, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_profile(profile, where="my file")


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_shipped_class_has_a_legal_profile(name: str) -> None:
    classes, profiles = load_class_set(name), shipped_profiles(name)
    assert tuple(profiles) == classes.codes and len(profiles) == SETS[name]
    for c in classes.classes:
        values = read_profile(profiles[c.code])
        assert len(profiles[c.code]) >= 4, f"{c.code} {c.label}: hardly anything is said of it"
        np.testing.assert_array_equal(c.profile, values)
    assert len({tuple(sorted(p.items())) for p in profiles.values()}) == len(profiles), "two classes are the same"


def test_every_shipped_set_is_profiled_or_a_second_wording() -> None:
    assert set(SETS) == {name for name in class_set_names() if not name.endswith(SECOND)}
    for name in class_set_names():
        if name.endswith(SECOND):
            assert shipped_profiles(name) == {} and load_class_set(name).classes[0].profile is None
    assert shipped_profiles("no_such_set") == {}


@pytest.mark.parametrize("name", class_set_names())
def test_profiled_sets_are_as_if_read_from_a_file(name: str) -> None:
    """Profiles are joined to the classes without pydantic's check; they must look as if it had been made."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_class_set(name).sha256) == 64
        first = load_class_set(name).classes[0]
        assert type(first).model_validate(first.model_dump()) == first


def test_movements_are_legal_and_told_apart() -> None:
    labels = Counter(label for label, _, _ in movements())
    assert len(movements()) >= 390 and {label for label, count in labels.items() if count > 1} == TWICE
    assert len({motion for _, motion, _ in movements()}) == len(movements())
    for label, motion, profile in movements():
        assert label.strip() and len(motion.split()) >= 6 and len(profile) >= 2, label
        assert np.isfinite(read_profile(profile)).any()


@pytest.mark.parametrize("label", sorted(TWICE))
def test_movements_that_stand_twice_agree(label: str) -> None:
    one, other = (read_profile(profile) for name, _, profile in movements() if name == label)
    known = np.isfinite(one) & np.isfinite(other)
    assert known.sum() > 40 and np.abs((one - other)[known]).mean() < 0.15


def test_movements_give_no_class_away() -> None:
    """What is learned besides the class sets is no class of theirs under its own words."""
    classes = [c for name in class_set_names() for c in load_class_set(name).classes]
    labels = {words_of(c.label) for c in classes}
    texts = {words_of(text) for c in classes for text in (c.action, c.motion)}
    for label, motion, _ in movements():
        assert words_of(label) not in labels and words_of(motion) not in texts, label
