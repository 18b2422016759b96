"""The attributes of the vocabulary, measured from time courses; one function a part, all clips at once.

Every number here is a smooth or piecewise smooth function of the joints but for the choice of the leading side and of
the period of a repetition.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from skelzero.kinematics.bodies import JOINT
from skelzero.kinematics.rhythm import rhythm
from skelzero.kinematics.signals import ARMS, HEAD, HIPS, LEGS, NECK, SPINE, TINY, Signals, extent

Measured = dict[str, Float[Tensor, " N"]]

WIDE_ARM, WIDE_LEG = 1.4, 1.0
"""Extents (arm and leg lengths) that count as widest: an arm from hanging to level, a leg up to 60 degrees."""
HANGING = torch.tensor([0.15, -0.95, 0.1])
"""Where a hanging hand is from its shoulder, in arm lengths."""
NEAR, FAR = 0.3, 0.8
"""Torso lengths between joints that touch, and between joints that surely do not."""
ORDINARY_SPEED = 2.0
"""Metres a second of the unit body at which `quick` is 0.5."""
SLOW = 0.25
"""Metres a second below which a hand or foot is still: above the jitter of a depth camera."""


def arms(s: Signals) -> Measured:
    """Ways, places and shapes of both arms."""
    hand, height, elbow = s.hands, s.hand_heights, s.elbows
    moves = (s.arm_extent.gather(1, s.arm_order) / WIDE_ARM).clamp(0, 1)
    away = working(hand[:, :, 0])
    velocity = hand[:, :, 0].diff(dim=1)
    speed = velocity.norm(dim=-1, keepdim=True)
    stroke = (velocity * speed**2).sum(dim=1) / (speed**3).sum(dim=1).clamp(min=TINY)
    shares = velocity.abs().sum(dim=1)
    shares = shares / shares.sum(dim=-1, keepdim=True).clamp(min=TINY)
    again = rhythm(hand.flatten(2))
    together, in_turn = harmony(hand)
    return {
        "arm-moves": moves[:, 0], "other-arm-moves": moves[:, 1],
        "arms-together": together, "arms-in-turn": in_turn,
        "hand-top": top(height[..., 0]), "hand-bottom": -top(-height[..., 0]),
        "hand-works-at": weighted(height[..., 0], away), "other-hand-top": top(height[..., 1]),
        "reach-forward": top(hand[:, :, 0, 2]), "reach-side": top(hand[:, :, 0, 0]),
        "reach-across": top(s.past_midline[..., 0]), "reach-back": top(-hand[:, :, 0, 2]),
        "stroke-out": stroke[:, 0], "stroke-up": stroke[:, 1], "stroke-forward": stroke[:, 2],
        "along-side": shares[:, 0], "along-vertical": shares[:, 1], "along-forward": shares[:, 2],
        "path-round": roundness(hand[:, :, 0]),
        "elbow-bent": weighted(elbow[..., 0], away), "elbow-works": extent(elbow[..., None])[:, 0],
        "arm-repeats": again.certainty * ((again.rounds - 1) / 3).clamp(0, 1),
        "arm-holds": holding(s),
    }  # fmt: skip


def contacts(s: Signals) -> Measured:
    """Nearness of hands to parts of the body."""
    x, unit = s.bodies.joints, s.torso[:, None, None]
    hand = x[:, :, ARMS[:, 3]]  # (N, T, 2, 3)
    middle = (x[:, :, NECK] + x[:, :, SPINE]) / 2
    chest = torch.stack([x[:, :, NECK], middle, x[:, :, SPINE]], dim=2)
    bent = (_elbows_by_side(s) / 0.3).clamp(0, 1)

    def near(a: Float[Tensor, "N T A 3"], b: Float[Tensor, "N T B 3"]) -> Float[Tensor, "N T A"]:
        """Closeness of each point of `a` to the nearest of `b`: 1 touching, 0 far."""
        distance = (a[:, :, :, None] - b[:, :, None]).norm(dim=-1).amin(dim=-1) / unit
        return ((FAR - distance) / (FAR - NEAR)).clamp(0, 1)

    opposite = torch.stack([x[:, :, ARMS[1, 0]], x[:, :, ARMS[0, 0]]], dim=2)
    body = torch.maximum(near(hand, chest), (1 - (hand - opposite).norm(dim=-1) / unit / FAR).clamp(0, 1))
    forearms = [torch.stack([x[:, :, ARMS[k, 1]], x[:, :, ARMS[k, 1:3]].mean(dim=2)], dim=2) for k in (1, 0)]
    at_arm = torch.cat([near(hand[:, :, k : k + 1], forearms[k]) for k in (0, 1)], dim=2)
    hips = torch.stack([x[:, :, LEGS[0, 0]], x[:, :, LEGS[1, 0]], x[:, :, HIPS]], dim=2)
    low = x[:, :, LEGS[:, 1:3].flatten()]
    return {
        "hand-at-head": top(near(hand, x[:, :, HEAD, None]).amax(dim=2)),
        "hand-at-chest": top((body * bent).amax(dim=2)),
        "hands-meet": top(near(hand[:, :, :1], hand[:, :, 1:])[..., 0]),
        "hand-at-hip": top((near(hand, hips) * bent).amax(dim=2)),
        "hand-at-leg": top(near(hand, low).amax(dim=2)),
        "hand-at-arm": top(at_arm.amax(dim=2)),
    }


def legs(s: Signals) -> Measured:
    """Ways and shapes of both legs."""
    foot = s.feet
    moves = (s.leg_extent.gather(1, s.leg_order) / WIDE_LEG).clamp(0, 1)
    again = rhythm(foot.flatten(2))
    airborne = s.foot_heights.amin(dim=-1)
    return {
        "leg-moves": moves[:, 0], "other-leg-moves": moves[:, 1],
        "legs-in-turn": harmony(foot)[1],
        "foot-top": top(s.foot_heights[..., 0]),
        "knee-bend": top(s.knees[..., 0]), "thigh-up": top(s.thighs[..., 0]),
        "leg-forward": top(foot[:, :, 0, 2]), "leg-side": top(foot[:, :, 0, 0]), "leg-back": top(-foot[:, :, 0, 2]),
        "leg-repeats": again.certainty * ((again.rounds - 1) / 3).clamp(0, 1),
        "jump": ((top(airborne) - 0.06) / 0.2).clamp(0, 1),
    }  # fmt: skip


def trunk(s: Signals) -> Measured:
    """Bends and turns of the trunk, and the head on it."""
    side, up, forward = s.trunk.unbind(dim=-1)
    bow = torch.atan2(forward, up.clamp(min=TINY))
    # Against the plane of the bow, not against the vertical: a level trunk has hardly any upward part.
    lean = torch.atan2(side.abs(), torch.hypot(up, forward).clamp(min=TINY))
    again = rhythm(s.trunk)
    sway = (extent(s.trunk[:, :, None])[:, 0] / 0.35).clamp(0, 1)
    turned = (s.twist - torch.quantile(s.twist, 0.5, dim=1, keepdim=True)).abs()
    return {
        "bend-forward": top(bow) / (math.pi / 2), "bend-back": top(-bow) / (math.pi / 3),
        "bend-side": top(lean) / (math.pi / 3), "twist": top(turned) / (math.pi / 3),
        "trunk-repeats": sway * again.certainty * ((again.rounds - 1) / 3).clamp(0, 1),
        "head-moves": extent(s.neck[:, :, None])[:, 0] / 0.8,
    }  # fmt: skip


def posture(s: Signals) -> Measured:
    """How high the hips are at the beginning, at the lowest moment and at the end."""
    low = s.lowness
    few = max(1, low.shape[1] // 10)
    level = 1 - s.trunk[..., 1].abs()
    return {
        "hip-drop": top(low), "starts-low": low[:, :few].mean(dim=1), "ends-low": low[:, -few:].mean(dim=1),
        "lies": top(level * ((low - 0.3) / 0.2).clamp(0, 1)),
    }  # fmt: skip


def travel(s: Signals) -> Measured:
    """The whole body's way through the room."""
    way = s.way[..., [0, 2]]
    few = max(1, way.shape[1] // 10)
    net = way[:, -few:].mean(dim=1)
    return {
        "travels": top(way.norm(dim=-1)) / 2, "travels-forward": net[:, 1] / 2, "travels-sideways": net[:, 0].abs() / 2,
        "turns": top(s.heading.abs()) / math.pi,
    }  # fmt: skip


def whole(s: Signals) -> Measured:
    """Manner, rhythm, side and return."""
    fastest = top(s.speeds.amax(dim=-1))
    again = rhythm(torch.cat([s.hands, s.feet], dim=2).flatten(2))
    pose = torch.cat([s.hands, s.feet], dim=2).flatten(2)
    few = max(1, pose.shape[1] // 10)
    begin, end = pose[:, :few].mean(dim=1), pose[:, -few:].mean(dim=1)
    farthest = (pose - begin[:, None]).norm(dim=-1).amax(dim=1).clamp(min=TINY)
    right_over_left = [(e[:, 1] - e[:, 0]) / (e[:, 0] + e[:, 1]).clamp(min=TINY) for e in (s.arm_extent, s.leg_extent)]
    by_arm = s.arm_extent.amax(dim=1) / WIDE_ARM > s.leg_extent.amax(dim=1) / WIDE_LEG
    return {
        "quick": fastest / (fastest + ORDINARY_SPEED),
        "rhythm": again.certainty / (again.period * s.frame_seconds) / 3,
        "stillness": (s.speeds.amax(dim=-1) < SLOW).float().mean(dim=1),
        "returns": 1 - (end - begin).norm(dim=-1) / farthest,
        "side": torch.where(by_arm, *right_over_left),
    }


def company(s: Signals) -> Measured:
    """A second person: there, touched, nearer or farther at the end."""
    x, other = s.bodies.joints, s.bodies.partner
    there = torch.isfinite(other[:, 0, HIPS, 0])
    other = other.nan_to_num(0.0)  # NaN would reach the derivatives of everything else
    hands = torch.cat([x[:, :, ARMS[:, 3]], x[:, :, LEGS[:, 2]]], dim=2)
    distance = (hands[:, :, :, None] - other[:, :, None]).norm(dim=-1).amin(dim=(2, 3)) / s.torso[:, None]
    apart = (x[:, :, HIPS] - other[:, :, HIPS]).norm(dim=-1)
    few = max(1, apart.shape[1] // 10)
    nearer = (apart[:, :few].mean(dim=1) - apart[:, -few:].mean(dim=1)) / 1.0
    unknown = torch.full_like(nearer, math.nan)
    return {
        "another-person": there.float(),
        "touches-other": torch.where(there, top(((FAR - distance) / (FAR - NEAR)).clamp(0, 1)), unknown),
        "other-nears": torch.where(there, nearer, unknown),
    }


PARTS: tuple[Callable[[Signals], Measured], ...] = (arms, contacts, legs, trunk, posture, travel, whole, company)

_ARM = ("shoulder", "elbow")
_HAND = frozenset(JOINT[f"{s}_{j}"] for s in ("left", "right") for j in _ARM)
_LEG = frozenset(JOINT[f"{s}_{j}"] for s in ("left", "right") for j in ("hip", "knee", "ankle"))
ENDS = tuple((JOINT[f"{s}_wrist"], JOINT[f"{s}_hand"]) for s in ("left", "right"))
"""Of each pair one is enough: a hand that is missing is taken for its wrist."""


def required(name: str, part: str) -> tuple[frozenset[int], bool]:
    """Joints without which an attribute is unknown, and whether the ends of the arms are needed too."""
    if name == "hand-at-head":
        return _HAND | {HEAD}, True
    if name == "hand-at-leg":
        return _HAND | _LEG, True
    if name == "head-moves":
        return frozenset({HEAD, NECK, HIPS}), False
    by_part = {"arms": (_HAND, True), "contact": (_HAND, True), "legs": (_LEG, False), "posture": (_LEG, False),
               "trunk": (frozenset({HIPS, NECK}), False), "travel": (frozenset({HIPS}), False)}  # fmt: skip
    return by_part.get(part, (frozenset(), False))


def working(hand: Float[Tensor, "N T 3"]) -> Float[Tensor, "N T"]:
    """How much a hand is at work in a frame: by its distance from where it would hang."""
    return ((hand - HANGING).norm(dim=-1) - 0.25).clamp(min=0) + 1e-3


def holding(s: Signals) -> Float[Tensor, " N"]:
    """Share of the time in which the leading or the other hand is up and still."""
    x = s.bodies.joints[:, :, ARMS[:, 3]] - s.bodies.joints[:, :, HIPS, None]
    slow = x.diff(dim=1).norm(dim=-1) / s.frame_seconds[:, None, None] < SLOW
    up = (s.hands_by_side[:, 1:] - HANGING).norm(dim=-1) > 0.5
    return (slow & up).any(dim=-1).float().mean(dim=1)


def harmony(places: Float[Tensor, "N T 2 3"]) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Whether two limbs move together (mirrored or side by side) and whether they take turns; 0 to 1 each.

    Limbs that take turns move oppositely or one while the other rests.
    """
    velocity = places.diff(dim=1)
    first, second = velocity[:, :, 0], velocity[:, :, 1]
    mirrored = (first * second).sum(dim=(1, 2))
    same_way = (first * second * torch.tensor([-1.0, 1.0, 1.0])).sum(dim=(1, 2))
    size = ((first**2).sum(dim=(1, 2)) * (second**2).sum(dim=(1, 2))).clamp(min=TINY**2).sqrt()
    together = torch.maximum(mirrored, same_way) / size
    # What goes sideways only is opposite in one of the two senses although the limbs move together, as in clapping.
    opposite = -torch.minimum(mirrored, same_way) / size - together.clamp(min=0)
    speeds = velocity.norm(dim=-1)
    centred = speeds - speeds.mean(dim=1, keepdim=True)
    one_rests = -(centred[..., 0] * centred[..., 1]).sum(dim=1) / centred.norm(dim=1).prod(dim=-1).clamp(min=TINY)
    balance = (extent(places).amin(dim=1) / extent(places).amax(dim=1).clamp(min=TINY)).clamp(0, 1)
    # Speeds of limbs that never move together are correlated by about -0.5, since both rest at times.
    return (together * balance).clamp(0, 1), (torch.maximum(opposite, 2 * one_rests) * balance).clamp(0, 1)


def roundness(places: Float[Tensor, "N T 3"]) -> Float[Tensor, " N"]:
    """Half for turning about the middle of the path at all, half for always turning the same way."""
    centre = (places.amax(dim=1, keepdim=True) + places.amin(dim=1, keepdim=True)) / 2
    spoke, velocity = (places - centre)[:, 1:], places.diff(dim=1)
    turning = torch.linalg.cross(spoke, velocity)
    whole = (spoke.norm(dim=-1) * velocity.norm(dim=-1)).sum(dim=1).clamp(min=TINY)
    return 0.5 * turning.norm(dim=-1).sum(dim=1) / whole + 0.5 * turning.sum(dim=1).norm(dim=-1) / whole


def top(values: Float[Tensor, "N T"]) -> Float[Tensor, " N"]:
    """The highest value that is no outlier: the 97th percentile over time."""
    return torch.quantile(values, 0.97, dim=1)


def weighted(values: Float[Tensor, "N T"], weights: Float[Tensor, "N T"]) -> Float[Tensor, " N"]:
    return (values * weights).sum(dim=1) / weights.sum(dim=1)


def _elbows_by_side(s: Signals) -> Float[Tensor, "N T 2"]:
    back = torch.argsort(s.arm_order, dim=1)
    return s.elbows.gather(2, back[:, None].expand(-1, s.elbows.shape[1], -1))
