"""Numbers of a clip's time courses, which need no training: for methods, beside measured attributes and encoders."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from skelzero.kinematics.bodies import Bodies
from skelzero.kinematics.signals import HEAD, SIDES, Signals

VERSION = 4
"""Raised whenever the same clip gives other numbers, so that caches notice."""
BINS = 6
"""Stretches of the clip whose means make its course."""


def course_features(bodies: Bodies, signals: Signals | None = None) -> Float[Tensor, "N S"]:
    """Level, spread, ends, change and course of every time course.

    Sides are told as leading and other, so that mirrored performances give nearly equal features.
    """
    course = courses(Signals(bodies) if signals is None else signals)
    low, middle, high = torch.quantile(course, course.new_tensor([0.05, 0.5, 0.95]), dim=1)
    bins = torch.stack([part.mean(dim=1) for part in course.tensor_split(BINS, dim=1)], dim=1)
    shape = (bins - bins[:, :1])[:, 1:].flatten(1)
    change = course.diff(dim=1).abs().mean(dim=1)
    return torch.cat([middle, course.std(dim=1), low, high, change, shape], dim=1)


def courses(s: Signals) -> Float[Tensor, "N T S"]:
    """All time courses side by side; those with a left and a right count towards the leading arm's side."""
    x = s.bodies.joints
    lead = SIDES[s.arm_order[:, 0]][:, None]
    apart = (s.hand_places[:, :, 0] - s.hand_places[:, :, 1]).norm(dim=-1) / s.torso[:, None]
    to_head = (s.hand_places - x[:, :, HEAD, None]).norm(dim=-1) / s.torso[:, None, None]
    sided = torch.stack([s.trunk[..., 0], s.neck[..., 0], s.twist, s.heading, s.way[..., 0]], dim=-1) * lead[..., None]
    straight = torch.cat([s.trunk[..., 1:], s.neck[..., 1:], s.way[..., 1:], s.lowness[..., None]], dim=-1)
    feet_apart = (s.feet[:, :, 0] - s.feet[:, :, 1]).norm(dim=-1)
    parts = [s.hands.flatten(2), s.hand_heights, s.past_midline, s.elbows, apart[..., None], to_head,
             s.feet.flatten(2), s.foot_heights, s.knees, s.thighs, feet_apart[..., None], sided, straight]  # fmt: skip
    return torch.cat(parts, dim=-1)
