"""Motion attributes of clips: every attribute of the vocabulary, measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from skelzero.clips import Clip
from skelzero.kinematics.bodies import Bodies, to_bodies
from skelzero.kinematics.measures import ENDS, PARTS, required
from skelzero.kinematics.signals import Signals
from skelzero.text.attributes.schema import load_schema

TIMED = ("quick", "rhythm", "stillness", "arm-holds")
"""Unknown where nobody says how long a clip is."""


def measure(bodies: Bodies) -> Float[Tensor, "N A"]:
    """Attributes of bodies, differentiable; unknown ones are NaN, and ranges are not enforced."""
    signals = Signals(bodies)
    found = {name: value for part in PARTS for name, value in part(signals).items()}
    schema = load_schema()
    assert set(found) == set(schema.names), set(found) ^ set(schema.names)
    values = torch.stack([found[name] for name in schema.names], dim=1)
    return torch.where(known(bodies), values, torch.nan)


def known(bodies: Bodies) -> Bool[Tensor, "N A"]:
    """Which attributes the joints at hand, and the clock, can tell."""
    schema = load_schema()
    hands = torch.stack([bodies.present[:, list(pair)].any(dim=1) for pair in ENDS], dim=1).all(dim=1)
    columns = []
    for attribute in schema.attributes:
        joints, ends = required(attribute.name, attribute.part)
        column = bodies.present[:, sorted(joints)].all(dim=1)
        column = column & hands if ends else column
        columns.append(column & torch.isfinite(bodies.seconds) if attribute.name in TIMED else column)
    return torch.stack(columns, dim=1)


def measure_clips(clips: Sequence[Clip]) -> Float64[np.ndarray, "N A"]:
    """Attributes of clips in the units of the schema; NaN where unknown.

    Raises
    ------
    UserError
        A clip that cannot be brought to the common body, such as a 2-D one.
    """
    with torch.inference_mode():
        values = measure(to_bodies(clips)).double().numpy()
    return load_schema().settle(values)
