"""What must not matter to the measurements, and what must: side, size, place, facing, camera's rate, company."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float64
from stick_figure import FPS, FRAMES, Body, filmed, someone, turned

from skelzero import synthetic
from skelzero.clips import Clip, load_layout
from skelzero.kinematics import measure_clips
from skelzero.text.attributes.schema import load_schema

SCHEMA = load_schema()
COUNTED = ("stillness", "arm-holds", "rhythm", "arm-repeats", "leg-repeats", "trunk-repeats")
"""Counted in frames: one more or less changes the value by a step."""
SEEDS = st.integers(0, 1000)
FEW = settings(max_examples=10, deadline=None)


def attributes(*bodies: Body, fps: float = FPS) -> Float64[np.ndarray, " A"]:
    return measure_clips([filmed(*bodies, fps=fps)])[0]


def assert_alike(found: np.ndarray, expected: np.ndarray, within: float = 2e-3, counted: float = 0.05) -> None:
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    for name, a, b in zip(SCHEMA.names, found.T, expected.T, strict=True):
        np.testing.assert_allclose(a, b, atol=counted if name in COUNTED else within, err_msg=name)


def mirrored(body: Body) -> Body:
    """As a mirror shows it: left is right."""
    pairs = load_layout("common20").mirror
    order = np.arange(20)
    for left, right in pairs:
        order[[left, right]] = right, left
    return body[:, order] * [-1, 1, 1]


@FEW
@given(SEEDS, st.floats(-math.pi, math.pi), st.tuples(*[st.floats(-3, 3)] * 3), st.floats(0.6, 1.4))
def test_facing_place_and_size_do_not_matter(seed: int, angle: float, place: tuple[float, ...], size: float) -> None:
    body = someone(seed)
    changed = size * turned(body, np.full(FRAMES, angle)) + np.array(place)
    assert_alike(attributes(changed), attributes(body))


@FEW
@given(SEEDS)
def test_a_mirror_changes_the_side_and_nothing_else(seed: int) -> None:
    body = someone(seed)
    found, expected = attributes(mirrored(body)), attributes(body)
    side = SCHEMA.index["side"]
    assert abs(expected[side]) > 0.1, "somebody with a side"
    expected[side] *= -1
    assert_alike(found, expected)


@FEW
@given(SEEDS, st.sampled_from([75, 150, 240]))
def test_the_cameras_rate_does_not_matter(seed: int, frames: int) -> None:
    """To a tenth of the range: the largest difference of 3,000 such pairs is 0.08."""
    found, expected = attributes(someone(seed, frames), fps=FPS * frames / FRAMES), attributes(someone(seed))
    side = SCHEMA.index["side"]
    found[side], expected[side] = abs(found[side]), abs(expected[side])  # which of two equal hands leads is a tie
    assert_alike(found, expected, within=0.1, counted=0.1)


@FEW
@given(SEEDS)
def test_twice_as_fast_is_quicker_and_otherwise_the_same(seed: int) -> None:
    slow, fast = attributes(someone(seed)), attributes(someone(seed), fps=2 * FPS)
    timeless = [i for i, name in enumerate(SCHEMA.names) if name not in ("quick", "rhythm", "stillness", "arm-holds")]
    np.testing.assert_array_equal(slow[timeless], fast[timeless])
    quick, rhythm, still = (SCHEMA.index[name] for name in ("quick", "rhythm", "stillness"))
    assert fast[quick] == pytest.approx(2 * slow[quick] / (1 + slow[quick]))  # q = v / (v + 2)
    assert fast[rhythm] == pytest.approx(2 * slow[rhythm]) and fast[still] <= slow[still]


def test_clips_together_are_measured_as_one_by_one() -> None:
    clips = [filmed(someone(1)), filmed(someone(2), someone(3)), filmed(someone(4, 40), fps=math.nan),
             *synthetic.generate(["s01", "s53"], subjects=2, replications=1)]  # fmt: skip
    one_by_one = np.concatenate([measure_clips([clip]) for clip in clips])
    assert_alike(measure_clips(clips), one_by_one, within=1e-5, counted=1e-5)
    np.testing.assert_array_equal(measure_clips(clips[::-1]), measure_clips(clips)[::-1])


def test_the_second_person_matters_only_to_company() -> None:
    alone, together = attributes(someone(5)), attributes(someone(5), 0.1 * someone(6) + np.array([0, 0, 2]))
    company = SCHEMA.of_part("company")
    np.testing.assert_array_equal(alone[~company], together[~company])
    assert alone[SCHEMA.index["another-person"]] == 0 and together[SCHEMA.index["another-person"]] == 1


def wild(seed: int) -> Clip:
    """Nothing that a person could do."""
    x = np.random.default_rng(seed).normal(0, 3, (1 + seed % 2, 5 + seed % 60, 20, 3))
    return filmed(*x, fps=float(1 + seed % 100))


@FEW
@given(SEEDS)
def test_values_lie_in_the_ranges_of_the_schema(seed: int) -> None:
    wide = filmed(3 * someone(seed) ** 3)
    found = measure_clips([wild(seed), filmed(someone(seed)), wide])
    np.testing.assert_array_equal(np.clip(found, SCHEMA.low, SCHEMA.high), found)


def test_one_frame_is_a_still_person() -> None:
    found = dict(zip(SCHEMA.names, attributes(someone(7)[:1]), strict=True))
    assert found["stillness"] == 1 and found["quick"] == 0 and found["returns"] == 1
    assert found["arm-moves"] == found["travels"] == found["turns"] == pytest.approx(0, abs=1e-5)
