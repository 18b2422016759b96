"""What is measured from: places of hands, feet and trunk in the body's own terms, frame by frame.

Coordinates are (outward, up, forward): outward is away from the midline on the limb's own side, forward is where the
trunk faces in that frame. Limbs come in the order (leading, other): the one that moves more leads, whichever side it
is, so that left- and right-handed performances of an action are one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from skelzero.kinematics.bodies import JOINT, Bodies

HIPS, SPINE, NECK, HEAD = (JOINT[name] for name in ("hip_center", "spine", "shoulder_center", "head"))
ARMS = torch.tensor([[JOINT[f"{s}_{j}"] for j in ("shoulder", "elbow", "wrist", "hand")] for s in ("left", "right")])
LEGS = torch.tensor([[JOINT[f"{s}_{j}"] for j in ("hip", "knee", "ankle", "foot")] for s in ("left", "right")])
SIDES = torch.tensor([1.0, -1.0])
"""The sign that makes "towards the left" outward: left limbs, right limbs."""
TINY = 1e-6
FACING_WINDOW = 9
"""Frames over which the facing is averaged: sensors swap shoulders for single frames."""


@dataclass(frozen=True)
class Signals:
    """Time courses of N clips."""

    bodies: Bodies

    @cached_property
    def axes(self) -> Float[Tensor, "N T 3 3"]:
        """Rows: towards the left, up, forward; of the trunk in each frame."""
        x = self.bodies.joints
        line = x[:, :, ARMS[0, 0]] - x[:, :, ARMS[1, 0]] + x[:, :, LEGS[0, 0]] - x[:, :, LEGS[1, 0]]
        line = torch.stack([line[..., 0], torch.zeros_like(line[..., 0]), line[..., 2]], dim=-1)
        left = _unit(_averaged(line, FACING_WINDOW))
        up = torch.zeros_like(left)
        up[..., 1] = 1.0
        return torch.stack([left, up, torch.linalg.cross(left, up)], dim=-2)

    @cached_property
    def torso(self) -> Float[Tensor, " N"]:
        x = self.bodies.joints
        return (x[:, :, NECK] - x[:, :, HIPS]).norm(dim=-1).median(dim=1).values.clamp(min=TINY)

    @cached_property
    def arm_length(self) -> Float[Tensor, " N"]:
        return _limb_length(self.bodies.joints, ARMS)

    @cached_property
    def leg_length(self) -> Float[Tensor, " N"]:
        """From the hip to the ankle."""
        return _limb_length(self.bodies.joints, LEGS[:, :3])

    @cached_property
    def hands_by_side(self) -> Float[Tensor, "N T 2 3"]:
        """Left and right hand from their shoulders, in arm lengths, outward on each one's own side."""
        x = self.bodies.joints
        return self._own_terms(x[:, :, ARMS[:, 3]] - x[:, :, ARMS[:, 0]]) / self.arm_length[:, None, None, None]

    @cached_property
    def feet_by_side(self) -> Float[Tensor, "N T 2 3"]:
        """Left and right ankle from their hips, in leg lengths."""
        x = self.bodies.joints
        return self._own_terms(x[:, :, LEGS[:, 2]] - x[:, :, LEGS[:, 0]]) / self.leg_length[:, None, None, None]

    @cached_property
    def arm_extent(self) -> Float[Tensor, "N 2"]:
        """How far each hand (left, right) travels about its shoulder, in arm lengths."""
        return extent(self.hands_by_side)

    @cached_property
    def leg_extent(self) -> Float[Tensor, "N 2"]:
        return extent(self.feet_by_side)

    @cached_property
    def arm_order(self) -> Int[Tensor, "N 2"]:
        """(leading, other) as 0 for left and 1 for right."""
        return torch.argsort(self.arm_extent, dim=1, descending=True, stable=True)

    @cached_property
    def leg_order(self) -> Int[Tensor, "N 2"]:
        return torch.argsort(self.leg_extent, dim=1, descending=True, stable=True)

    @cached_property
    def hands(self) -> Float[Tensor, "N T 2 3"]:
        """Leading and other hand from their shoulders."""
        return _in_order(self.hands_by_side, self.arm_order)

    @cached_property
    def feet(self) -> Float[Tensor, "N T 2 3"]:
        return _in_order(self.feet_by_side, self.leg_order)

    @cached_property
    def hand_places(self) -> Float[Tensor, "N T 2 3"]:
        """Leading and other hand in the room."""
        return _in_order(self.bodies.joints[:, :, ARMS[:, 3]], self.arm_order)

    @cached_property
    def hand_heights(self) -> Float[Tensor, "N T 2"]:
        """Above the hip joints, in lengths from hip joints to shoulder joints: 0 hip, 1 shoulder."""
        x = self.bodies.joints[..., 1]
        # From hip joints to shoulder joints, since hip and shoulder centres lie elsewhere with every sensor.
        unit = (x[:, :, ARMS[:, 0]].mean(dim=2) - x[:, :, LEGS[:, 0]].mean(dim=2)).median(dim=1).values
        unit = torch.maximum(unit, 0.5 * self.torso)  # who lies throughout has no such height
        return (self.hand_places[..., 1] - self.hip_level[..., None]) / unit[:, None, None]

    @cached_property
    def past_midline(self) -> Float[Tensor, "N T 2"]:
        """How far each hand is on the other side of the neck, in arm lengths."""
        x = self.bodies.joints
        places = self._own_terms(x[:, :, ARMS[:, 3]] - x[:, :, NECK, None])
        return -_in_order(places[..., :1], self.arm_order)[..., 0] / self.arm_length[:, None, None]

    @cached_property
    def elbows(self) -> Float[Tensor, "N T 2"]:
        """Bend of leading and other elbow: 0 stretched, 1 folded (140 degrees)."""
        return _in_order(_bend(self.bodies.joints, ARMS)[..., None], self.arm_order)[..., 0]

    @cached_property
    def knees(self) -> Float[Tensor, "N T 2"]:
        return _in_order(_bend(self.bodies.joints, LEGS)[..., None], self.leg_order)[..., 0]

    @cached_property
    def thighs(self) -> Float[Tensor, "N T 2"]:
        """How far leading and other thigh are raised forward: 0 hanging, 0.6 level."""
        x = self.bodies.joints
        thigh = self._own_terms(x[:, :, LEGS[:, 1]] - x[:, :, LEGS[:, 0]])
        angle = torch.atan2(thigh[..., 2], -thigh[..., 1])
        return _in_order(angle[..., None] / math.radians(150), self.leg_order)[..., 0]

    @cached_property
    def floor(self) -> Float[Tensor, " N"]:
        """Height of the lower ankle when it is lowest."""
        return torch.quantile(self.bodies.joints[:, :, LEGS[:, 2], 1].amin(dim=2), 0.05, dim=1)

    @cached_property
    def foot_heights(self) -> Float[Tensor, "N T 2"]:
        """Leading and other ankle above the floor, in leg lengths."""
        height = self.bodies.joints[:, :, LEGS[:, 2], 1] - self.floor[:, None, None]
        return _in_order(height[..., None], self.leg_order)[..., 0] / self.leg_length[:, None, None]

    @cached_property
    def hip_level(self) -> Float[Tensor, "N T"]:
        """Height of the hip joints."""
        return self.bodies.joints[:, :, LEGS[:, 0], 1].mean(dim=2)

    @cached_property
    def lowness(self) -> Float[Tensor, "N T"]:
        """How far the hips are below standing, in leg lengths: 0 standing, 1 on the floor."""
        return 1 - (self.hip_level - self.floor[:, None]) / self.leg_length[:, None]

    @cached_property
    def trunk(self) -> Float[Tensor, "N T 3"]:
        """The spine's direction as (left, up, forward) parts."""
        x = self.bodies.joints
        return torch.einsum("ntij,ntj->nti", self.axes, _unit(x[:, :, NECK] - x[:, :, HIPS]))

    @cached_property
    def neck(self) -> Float[Tensor, "N T 3"]:
        """The head's direction from the neck as (left, along the spine, forward of the spine) parts."""
        x = self.bodies.joints
        spine = _unit(x[:, :, NECK] - x[:, :, HIPS])
        forward = _unit(torch.linalg.cross(self.axes[:, :, 0], spine))
        frame = torch.stack([torch.linalg.cross(spine, forward), spine, forward], dim=-2)
        return torch.einsum("ntij,ntj->nti", frame, _unit(x[:, :, HEAD] - x[:, :, NECK]))

    @cached_property
    def twist(self) -> Float[Tensor, "N T"]:
        """Turn of the shoulders against the hips about the vertical, in radians, to the left."""
        x = self.bodies.joints
        lines = [x[:, :, pair[0]] - x[:, :, pair[1]] for pair in (ARMS[:, 0], LEGS[:, 0])]
        shoulders, hips = (torch.atan2(-line[..., 2], line[..., 0]) for line in lines)
        return _wrapped(shoulders - hips)

    @cached_property
    def heading(self) -> Float[Tensor, "N T"]:
        """Where the trunk faces, in radians to the left of the start; whole turns add up."""
        left = self.axes[:, :, 0]
        angle = torch.atan2(-left[..., 2], left[..., 0])
        steps = _wrapped(angle.diff(dim=1))
        return torch.cat([torch.zeros_like(angle[:, :1]), steps.cumsum(dim=1)], dim=1)

    @cached_property
    def way(self) -> Float[Tensor, "N T 3"]:
        """The hips' way from where they began: to the left, up, forward of the facing at the start."""
        x = self.bodies.joints[:, :, HIPS]
        return torch.einsum("nij,ntj->nti", self.axes[:, 0], x - x[:, :1])

    @cached_property
    def frame_seconds(self) -> Float[Tensor, " N"]:
        """Time from frame to frame; that of a clip of one second where nobody says how long it is."""
        # A number even there, since NaN would reach the derivatives of everything else.
        return self.bodies.seconds.nan_to_num(1.0).clamp(min=TINY) / self.bodies.joints.shape[1]

    @cached_property
    def speeds(self) -> Float[Tensor, "N T-1 4"]:
        """Of both hands and both ankles in the room, metres of the unit body a second."""
        x = self.bodies.joints[:, :, torch.cat([ARMS[:, 3], LEGS[:, 2]])]
        return x.diff(dim=1).norm(dim=-1) / self.frame_seconds[:, None, None]

    def _own_terms(self, vectors: Float[Tensor, "N T 2 3"]) -> Float[Tensor, "N T 2 3"]:
        """Vectors of left and right limbs as (outward, up, forward)."""
        turned = torch.einsum("ntij,ntsj->ntsi", self.axes, vectors)
        return torch.cat([turned[..., :1] * SIDES[:, None], turned[..., 1:]], dim=-1)


def extent(places: Float[Tensor, "N T S C"]) -> Float[Tensor, "N S"]:
    """Size of the region in which points move: the diagonal between their 5th and 95th percentiles."""
    low, high = torch.quantile(places, places.new_tensor([0.05, 0.95]), dim=1)
    return (high - low).norm(dim=-1)


def _in_order(values: Float[Tensor, "N T 2 C"], order: Int[Tensor, "N 2"]) -> Float[Tensor, "N T 2 C"]:
    index = order[:, None, :, None].expand(-1, values.shape[1], -1, values.shape[3])
    return values.gather(2, index)


def _limb_length(x: Float[Tensor, "N T V 3"], chains: Int[Tensor, "2 J"]) -> Float[Tensor, " N"]:
    """Sum of a limb's bones (median over time), mean of both sides."""
    points = x[:, :, chains]
    bones = points.diff(dim=3).norm(dim=-1).median(dim=1).values
    return bones.sum(dim=-1).mean(dim=-1).clamp(min=TINY)


def _bend(x: Float[Tensor, "N T V 3"], chains: Int[Tensor, "2 J"]) -> Float[Tensor, "N T 2"]:
    """Angle between upper and lower part of each limb as a share of 140 degrees."""
    upper = x[:, :, chains[:, 1]] - x[:, :, chains[:, 0]]
    lower = x[:, :, chains[:, 2]] - x[:, :, chains[:, 1]]
    # atan2 of sine and cosine, since the arc cosine has no derivative at a stretched limb.
    sine = torch.linalg.cross(upper, lower).norm(dim=-1)
    return torch.atan2(sine, (upper * lower).sum(dim=-1)) / math.radians(140)


def _unit(vectors: Float[Tensor, "... 3"]) -> Float[Tensor, "... 3"]:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=TINY)


def _averaged(x: Float[Tensor, "N T C"], window: int) -> Float[Tensor, "N T C"]:
    padded = F.pad(x.transpose(1, 2), (window // 2, window // 2), mode="replicate")
    return F.avg_pool1d(padded, window, stride=1).transpose(1, 2)


def _wrapped(angle: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The same angle between -pi and pi."""
    return torch.atan2(torch.sin(angle), torch.cos(angle))
