"""Motion attributes of clips: every attribute of the vocabulary, measured."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from skelzero.clips import COMMON_JOINTS, Clip
from skelzero.kinematics.bodies import Bodies, to_bodies
from skelzero.kinematics.measures import ENDS, PARTS, required
from skelzero.kinematics.signals import Signals
from skelzero.text.attributes.files import read_yaml
from skelzero.text.attributes.schema import load_schema

TIMED = ("quick", "rhythm", "stillness", "arm-holds")
"""Unknown where nobody says how long a clip is."""
IN_ROOM = ("jump", "travels", "travels-forward", "travels-sideways", "touches-other", "other-nears")
"""Unknown where everybody's own hips are the origin of every frame."""


def measure(bodies: Bodies, signals: Signals | None = None) -> Float[Tensor, "N A"]:
    """Attributes of bodies, differentiable; unknown ones are NaN, and ranges are not enforced.

    Of flat bodies the most likely values in space are given. Who has the bodies' signals already gives them, too.
    """
    signals = Signals(bodies) if signals is None else signals
    found = {name: value for part in PARTS for name, value in part(signals).items()}
    schema = load_schema()
    assert set(found) == set(schema.names), set(found) ^ set(schema.names)
    values = torch.stack([found[name] for name in schema.names], dim=1)
    values = torch.where(bodies.flat[:, None], _in_space(values), values)
    return torch.where(known(bodies), values, torch.nan)


@functools.cache
def lines() -> Float64[np.ndarray, "A 2"]:
    """Slope and offset that lead from an attribute measured in a picture to its most likely value in space.

    `pictures.yaml` is made by `kinematics.pictures` from synthetic motion.
    """
    table = read_yaml(resources.files("skelzero.kinematics") / "pictures.yaml")
    return np.array([table[name] for name in load_schema().names], dtype=np.float64)


def _in_space(values: Float[Tensor, "N A"]) -> Float[Tensor, "N A"]:
    schema = load_schema()
    low, high, slope, offset = (values.new_tensor(row) for row in (schema.low, schema.high, *lines().T))
    return values.clamp(low, high) * slope + offset


def known(bodies: Bodies) -> Bool[Tensor, "N A"]:
    """Which attributes the joints at hand, the clock, the dimensions and the origin can tell."""
    joints, ends, depth, room, timed = _needs()
    hands = torch.stack([bodies.present[:, list(pair)].any(dim=1) for pair in ENDS], dim=1).all(dim=1)
    found = (bodies.present[:, None] | ~joints).all(dim=2) & (hands[:, None] | ~ends)
    found = found & ~(bodies.flat[:, None] & depth) & ~(bodies.anchored[:, None] & room)
    return found & (torch.isfinite(bodies.seconds)[:, None] | ~timed)


@functools.cache
def _needs() -> tuple[
    Bool[Tensor, "A 20"], Bool[Tensor, " A"], Bool[Tensor, " A"], Bool[Tensor, " A"], Bool[Tensor, " A"]
]:
    """What each attribute needs: joints, an end of both arms, depth, the room, a clock."""
    schema = load_schema()
    needed = [required(a.name, a.part) for a in schema.attributes]
    joints = torch.zeros(len(schema), len(COMMON_JOINTS), dtype=torch.bool)
    for row, (own, _) in zip(joints, needed, strict=True):
        row[sorted(own)] = True
    flags = ([bool(ends) for _, ends in needed], schema.depth.tolist(), [name in IN_ROOM for name in schema.names],
             [name in TIMED for name in schema.names])  # fmt: skip
    ends, depth, room, timed = (torch.tensor(flag, dtype=torch.bool) for flag in flags)
    return joints, ends, depth, room, timed


def measure_clips(clips: Sequence[Clip]) -> Float64[np.ndarray, "N A"]:
    """Attributes of clips in the units of the schema; NaN where unknown.

    Raises
    ------
    UserError
        A clip that cannot be brought to the common body.
    """
    with torch.inference_mode():
        values = measure(to_bodies(clips)).double().numpy()
    return load_schema().settle(values)
