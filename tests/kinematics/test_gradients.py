"""Measurements can be differentiated, so that motion may be fitted to words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from stick_figure import figure, filmed, raised, someone, there_and_back

from skelzero import synthetic
from skelzero.clips import Clip
from skelzero.kinematics import measure, to_bodies
from skelzero.kinematics.bodies import JOINT
from skelzero.kinematics.features import course_features
from skelzero.text.attributes.schema import load_schema

NAMES = load_schema().names
COUNTS = {"stillness", "arm-holds", "another-person"}
"""Steps, whose slope is 0 nearly everywhere."""


def without_legs() -> Clip:
    clip = filmed(someone(5))
    x = clip.positions.copy()
    x[:, :, [i for name, i in JOINT.items() if name.endswith(("knee", "ankle", "foot"))]] = math.nan
    return replace(clip, positions=x)


CLIPS = {
    "someone": filmed(someone(1)),
    "no clock": filmed(someone(2), fps=math.nan),
    "two people": filmed(someone(3), someone(4)),
    "no legs": without_legs(),
    "standing still": filmed(figure()),
    "stretched limbs": filmed(figure(right_hand=raised(90 * there_and_back()))),
    "a noisy camera": next(iter(synthetic.generate(["s49"], subjects=1, replications=1))),
}


@pytest.mark.parametrize("name", CLIPS)
def test_gradients_of_all_that_is_known_are_finite(name: str) -> None:
    """One NaN of what is unknown would otherwise spread to every joint."""
    bodies = to_bodies([CLIPS[name]])
    x = bodies.joints.clone().requires_grad_()
    values = measure(replace(bodies, joints=x))
    for numbers in (values[torch.isfinite(values)], course_features(replace(bodies, joints=x))):
        (slope,) = torch.autograd.grad(numbers.sum(), x)
        assert torch.isfinite(slope).all()


@pytest.fixture(scope="module")
def slopes() -> tuple[torch.Tensor, torch.Tensor]:
    """Slopes of all attributes of two people in one direction: by differentiation, and by finite differences."""
    bodies = to_bodies([filmed(someone(8), someone(9))])
    x, other = bodies.joints.double(), bodies.partner.double()
    way = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(0))

    def values(step: torch.Tensor) -> torch.Tensor:
        moved = replace(bodies, joints=x + step * way, seconds=bodies.seconds.double(), partner=other)
        return measure(moved)[0]

    zero, little = torch.zeros((), dtype=x.dtype), torch.tensor(1e-7, dtype=x.dtype)
    exact = torch.autograd.functional.jacobian(values, zero, vectorize=True)
    return exact, (values(little) - values(-little)) / (2 * little)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in COUNTS])
def test_slopes_are_those_of_finite_differences(name: str, slopes: tuple[torch.Tensor, torch.Tensor]) -> None:
    exact, differences = (float(s[NAMES.index(name)]) for s in slopes)
    assert exact == pytest.approx(differences, rel=1e-4, abs=1e-5)


def test_the_slopes_tell_something(slopes: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert (slopes[0] != 0).sum() > 45


def test_following_the_slope_raises_the_hand() -> None:
    bodies = to_bodies([filmed(someone(8))])
    column = NAMES.index("hand-top")
    x = bodies.joints.clone()
    before = measure(bodies)[0, column]
    for _ in range(5):
        x.requires_grad_()
        (slope,) = torch.autograd.grad(measure(replace(bodies, joints=x))[0, column], x)
        x = (x + 0.05 * slope / slope.norm()).detach()
    assert measure(replace(bodies, joints=x))[0, column] > before + 0.1
