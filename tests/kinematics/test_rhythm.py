"""Repetition against the autocorrelation taken by a hand loop, and where the round is certain."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float

from skelzero.kinematics.rhythm import SHORTEST, SURE, UNSURE, rhythm

T = 64


def by_hand(places: Float[np.ndarray, "T C"]) -> float:
    """The highest correlation of the velocity with itself later, once it has been negative."""
    velocity = np.diff(places, axis=0)
    turned, best = False, -1.0
    for lag in range(len(velocity) // 2 + 1):
        early, late = velocity[: len(velocity) - lag], velocity[lag:]
        correlation = (early * late).sum() / math.sqrt((early**2).sum() * (late**2).sum())
        turned = turned or correlation < 0
        if turned and lag >= SHORTEST:
            best = max(best, correlation)
    return float(np.clip((best - UNSURE) / (SURE - UNSURE), 0, 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_certainty_is_that_of_a_hand_loop(seed: int, width: int) -> None:
    places = np.random.default_rng(seed).normal(size=(T, width)).cumsum(axis=0)
    found = rhythm(torch.from_numpy(places)[None])
    assert float(found.certainty) == pytest.approx(by_hand(places), abs=1e-4)


@pytest.mark.parametrize("period", range(5, 33))
def test_the_round_is_one_round_and_not_several(period: int) -> None:
    """As many frames later everything is as it was, but so it is two rounds later."""
    angle = 2 * math.pi * torch.arange(T) / period
    found = rhythm(torch.stack([angle.sin(), angle.cos()], dim=-1)[None])
    assert float(found.certainty) == 1 and abs(float(found.period) - period) <= 1
    assert float(found.rounds) == pytest.approx((T - 1) / period, rel=0.1)


def test_a_round_of_two_unlike_strokes_is_both_of_them() -> None:
    """A high stroke and a low one in turn: half a round is like the whole, though not enough."""
    frame = torch.arange(T)
    height = torch.where(frame // 8 % 2 == 0, 1.0, 0.5) * (1 - torch.cos(2 * math.pi * frame / 8))
    assert float(rhythm(height[None, :, None]).period) == 16


def test_stillness_and_one_way_have_no_rhythm() -> None:
    for places in (torch.zeros(1, T, 3), torch.linspace(0, 1, T)[None, :, None].expand(1, T, 3)):
        found = rhythm(places)
        assert float(found.certainty) == 0 and math.isfinite(found.rounds) and math.isfinite(found.period)
