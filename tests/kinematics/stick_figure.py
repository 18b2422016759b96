"""A stick figure that is posed by where its hands and feet are, so that every clip's truth is known beforehand.

It stands facing +z with its left side along +x, y up. Arms and legs have two equal bones, so that a hand at `r` arm
lengths from its shoulder bends the elbow by 2 arccos(r), and a foot at `r` leg lengths from its hip the knee likewise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from skelzero.clips import COMMON_JOINTS, Clip, Origin, load_layout
from skelzero.kinematics import measure_clips
from skelzero.text.attributes.schema import load_schema

FPS = 30.0
FRAMES = 90
TORSO, ARM, LEG = 0.5, 0.6, 0.9
"""Metres: hips to neck, shoulder to hand, hip to ankle."""
SHOULDER, HIP, NECK = 0.18, 0.1, 0.25
"""Metres: shoulder and hip joints from the midline, neck to the middle of the head."""
UPRIGHT, TOES = np.array([0.0, LEG + 0.05, 0.0]), np.array([0.0, -0.03, 0.14])
"""Metres: the hips above the floor, the foot from the ankle."""
HAND, FOOT = np.array([0.3, -0.3, 0.35]), np.array([0.1, -0.8, 0.0])
"""About where the hands and feet of somebody who moves are, in arm and leg lengths."""
HANGING = STANDING = (0.0, -1.0, 0.0)
ELBOW_POINTS, KNEE_POINTS = (0.4, -0.6, -0.7), (0.0, 0.0, 1.0)
"""Where a bent elbow and knee go: outward, up, forward."""

Course = Float[np.ndarray, " T"]
Body = Float[np.ndarray, "T 20 3"]
Truth = float | tuple[float, float]
"""What must be measured: about a value, or within a range."""


@dataclass(frozen=True)
class Scene:
    """A clip and what must be measured in it."""

    clip: Clip
    truths: Mapping[str, Truth]


def figure(
    frames: int = FRAMES, *, left_hand: ArrayLike = HANGING, right_hand: ArrayLike = HANGING,
    left_foot: ArrayLike = STANDING, right_foot: ArrayLike = STANDING, hips: ArrayLike = (0.0, 0.0, 0.0),
    lean: ArrayLike = 0.0, tip: ArrayLike = 0.0, twist: ArrayLike = 0.0, nod: ArrayLike = 0.0, facing: ArrayLike = 0.0,
) -> Body:  # fmt: skip
    """The joints of somebody who moves; every argument is one value or one a frame.

    Parameters
    ----------
    left_hand, right_hand : (outward, up, forward)
        From the shoulder, in arm lengths.
    left_foot, right_foot : (outward, up, forward)
        From the hip to the ankle, in leg lengths.
    hips : (x, y, z)
        The hips' way in the room from where they stand at first, metres.
    lean, tip, twist, nod, facing : float
        Degrees: trunk forward, trunk to the left, shoulders to the left, head forward, all to the left.
    """
    lean, tip, twist, nod, facing = (_over(frames, np.radians(angle)) for angle in (lean, tip, twist, nod, facing))
    x = {"hip_center": np.zeros((frames, 3))}
    x["spine"] = TORSO / 2 * _upward(lean, tip)
    x["shoulder_center"] = TORSO * _upward(lean, tip)
    x["head"] = x["shoulder_center"] + NECK * _upward(lean + nod, tip)
    left = np.stack([np.cos(twist), np.zeros(frames), -np.sin(twist)], axis=-1)
    for side, out, hand, foot in (("left", 1, left_hand, left_foot), ("right", -1, right_hand, right_foot)):
        own = np.array([out, 1, 1])
        shoulder, hip = x["shoulder_center"] + out * SHOULDER * left, np.tile([out * HIP, 0.0, 0.0], (frames, 1))
        hand, foot = ARM * own * _over(frames, hand, 3), LEG * own * _over(frames, foot, 3)
        elbow = _joint_between(hand, ARM / 2, own * ELBOW_POINTS)
        knee = _joint_between(foot, LEG / 2, own * KNEE_POINTS)
        arm = {"shoulder": 0 * hand, "elbow": elbow, "wrist": elbow + (hand - elbow) * 5 / 6, "hand": hand}
        leg = {"hip": 0 * foot, "knee": knee, "ankle": foot, "foot": foot + TOES}
        x |= {f"{side}_{name}": shoulder + place for name, place in arm.items()}
        x |= {f"{side}_{name}": hip + place for name, place in leg.items()}
    body = np.stack([x[name] for name in COMMON_JOINTS], axis=1)
    return turned(body, facing) + (_over(frames, hips, 3) + UPRIGHT)[:, None]


def someone(seed: int, frames: int = FRAMES) -> Body:
    """Smooth motion of all limbs and the trunk; the right arm and the left leg move more than the others."""
    random = np.random.default_rng(seed)
    time = (np.arange(frames) + 0.5) / frames

    def sway(size: float, width: int) -> Float[np.ndarray, "T W"]:
        weights, phases = random.uniform(0.5, 1, (3, width)), random.uniform(0, 2 * math.pi, (3, width))
        waves = np.sin(2 * math.pi * np.arange(1, 4)[:, None] * time[:, None, None] + phases)
        return size * (weights * waves).sum(axis=1) / weights.sum(axis=0)

    hands = {f"{side}_hand": _reachable(HAND + sway(s, 3)) for side, s in (("left", 0.3), ("right", 0.6))}
    feet = {f"{side}_foot": _reachable(FOOT + sway(s, 3)) for side, s in (("left", 0.4), ("right", 0.2))}
    lean, tip, twist, nod, facing = sway(25, 5).T
    return figure(frames, **hands, **feet, hips=sway(0.3, 3), lean=lean, tip=tip, twist=twist, nod=nod, facing=facing)


def turned(body: Body, angle: ArrayLike) -> Body:
    """The body turned to the left about the vertical through the origin, radians."""
    c, s = np.cos(angle)[..., None], np.sin(angle)[..., None]
    x, y, z = np.moveaxis(body, -1, 0)
    return np.stack([c * x + s * z, y, c * z - s * x], axis=-1)


def opposite(distance: float, aside: float = 0.0, **pose: ArrayLike) -> Body:
    """Another person before the first one and face to face, metres away."""
    return turned(figure(**pose), np.full(FRAMES, math.pi)) + np.array([aside, 0.0, distance])


def filmed(*bodies: Body, fps: float = FPS, name: str = "by hand") -> Clip:
    return Clip(np.stack(bodies).astype(np.float32), load_layout("common20"), Origin(name), fps=fps)


def measured(clip: Clip) -> dict[str, float]:
    """The attributes of one clip by name, in the schema's units."""
    return dict(zip(load_schema().names, measure_clips([clip])[0].tolist(), strict=True))


def ramp(start: float = 0.3, stop: float = 0.7, frames: int = FRAMES) -> Course:
    """From 0 to 1 without a jerk, between two shares of the clip."""
    done = np.clip(((np.arange(frames) + 0.5) / frames - start) / (stop - start), 0, 1)
    return (1 - np.cos(math.pi * done)) / 2


def there_and_back(frames: int = FRAMES) -> Course:
    """From 0 to 1, which is held for a while, and back."""
    return ramp(0.1, 0.4, frames) - ramp(0.6, 0.9, frames)


def rounds(count: float, frames: int = FRAMES) -> Course:
    """Angle of something that goes round evenly `count` times, radians."""
    return 2 * math.pi * count * (np.arange(frames) + 0.5) / frames


def to_and_fro(count: float, frames: int = FRAMES) -> Course:
    """From 0 to 1 and back, `count` times."""
    return (1 - np.cos(rounds(count, frames))) / 2


def raised(degrees: ArrayLike, aside: float = 0.0) -> Float[np.ndarray, "T 3"]:
    """Where the end of a straight limb is that is raised from hanging: forward, or `aside` from there, degrees."""
    up, out = np.radians(degrees), math.radians(aside)
    return np.stack([np.sin(up) * math.sin(out), -np.cos(up), np.sin(up) * math.cos(out)], axis=-1)


def between(start: ArrayLike, end: ArrayLike, course: Course) -> Float[np.ndarray, "T 3"]:
    """A straight way from one place to another."""
    return np.asarray(start) + (np.asarray(end) - np.asarray(start)) * course[:, None]


def circle(middle: ArrayLike, first: ArrayLike, second: ArrayLike, angle: Course) -> Float[np.ndarray, "T 3"]:
    """A circle (or ellipse) about a place, with two half axes."""
    return np.asarray(middle) + np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second


def _over(frames: int, values: ArrayLike, width: int = 0) -> Float[np.ndarray, "T ..."]:
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (frames, width) if width else (frames,)).copy()


def _reachable(place: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    return place / np.maximum(np.linalg.norm(place, axis=-1, keepdims=True) / 0.97, 1)


def _upward(lean: Course, tip: Course) -> Float[np.ndarray, "T 3"]:
    return np.stack([np.sin(tip), np.cos(tip) * np.cos(lean), np.cos(tip) * np.sin(lean)], axis=-1)


def _joint_between(
    end: Float[np.ndarray, "T 3"], bone: float, points: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "T 3"]:
    """The joint between two equal bones that lead from the origin to `end`."""
    along = end / np.maximum(np.linalg.norm(end, axis=-1, keepdims=True), 1e-9)
    aside = points - (along @ points)[:, None] * along
    aside /= np.maximum(np.linalg.norm(aside, axis=-1, keepdims=True), 1e-9)
    return end / 2 + np.sqrt(np.maximum(bone**2 - (end**2).sum(axis=-1, keepdims=True) / 4, 0)) * aside
