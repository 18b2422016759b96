"""Why a label was given: what its score loses when a part of the body or a moment is taken away from the recording.

Occlusion on the input, so that it holds for every method: the limbs and the head are taken away by calling their joints
missing, the trunk by undoing its movement (the limbs keep theirs), a moment by cutting its frames out. Methods that go
by motion attributes also say which of these agreed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import logsumexp

from skelzero.clips import COMMON_JOINTS, Clip, JointLayout
from skelzero.text.attributes.schema import load_schema

TRUNK = "trunk"
PARTS: dict[str, tuple[str, ...]] = {
    "left arm": ("left_elbow", "left_wrist", "left_hand"), "right arm": ("right_elbow", "right_wrist", "right_hand"),
    "left leg": ("left_knee", "left_ankle", "left_foot"), "right leg": ("right_knee", "right_ankle", "right_foot"),
    "head": ("head",), TRUNK: ("hip_center", "spine", "shoulder_center", "left_shoulder", "right_shoulder",
                               "left_hip", "right_hip"),
}  # fmt: skip
MOMENTS = 8
"""Stretches of equal length into which a window is cut."""
MOST_ATTRIBUTES = 6


@dataclass(frozen=True)
class AttributeReason:
    """A motion attribute that spoke for the label.

    Attributes
    ----------
    measured, described : float
        What was seen and what the label asks for, both in the schema's units.
    weight : float
        Share of the agreement of all attributes that spoke for the label, 0..1.
    """

    name: str
    says: str
    measured: float
    described: float
    weight: float


@dataclass(frozen=True)
class Reason:
    """What spoke for a label in one window.

    Attributes
    ----------
    label : str
    parts : tuple of (str, float)
        Parts of the body, the most important first: what the label's log-odds lose without them, as a share of the
        largest loss; 0 where nothing is lost.
    moments : tuple of (float, float, float)
        Start and end in seconds of the recording, and the same kind of weight.
    joints : dict of str to float
        The weight of its part for each joint of the recording's layout.
    attributes : tuple of AttributeReason
        Empty for methods that do not go by attributes.
    """

    label: str
    parts: tuple[tuple[str, float], ...]
    moments: tuple[tuple[float, float, float], ...]
    joints: dict[str, float]
    attributes: tuple[AttributeReason, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "label": self.label,
            "parts": [{"part": name, "weight": round(weight, 4)} for name, weight in self.parts],
            "moments": [
                {"start": round(start, 3), "end": round(end, 3), "weight": round(weight, 4)}
                for start, end, weight in self.moments
            ],
            "joints": {name: round(weight, 4) for name, weight in self.joints.items()},
            "attributes": [
                {"name": a.name, "says": a.says, "measured": round(a.measured, 3), "described": round(a.described, 3),
                 "weight": round(a.weight, 4)} for a in self.attributes
            ],
        }  # fmt: skip


def without_part(clip: Clip, part: str) -> Clip:
    """The clip in which a part of the body was not seen; without the trunk means without its movement."""
    if part == TRUNK:
        return clip.with_step("without trunk movement", still_trunk(clip))
    x = clip.positions.copy()
    x[:, :, joints_of(clip.layout)[part]] = np.nan
    return clip.with_step(f"without {part}", x)


def without_frames(clip: Clip, start: int, end: int) -> Clip:
    """The clip with frames [start, end) cut out; it lasts as long as before."""
    keep = np.r_[0:start, end : clip.frames]
    confidence = None if clip.confidence is None else clip.confidence[:, keep]
    return replace(clip, positions=np.ascontiguousarray(clip.positions[:, keep]), confidence=confidence,
                   fps=clip.fps * len(keep) / clip.frames)  # fmt: skip


def stretches(frames: int) -> list[tuple[int, int]]:
    """Frames [start, end) of each moment; none where a window is too short for two.

    >>> stretches(5), stretches(3)
    ([(0, 2), (2, 5)], [])
    """
    borders = np.linspace(0, frames, min(MOMENTS, frames // 2) + 1).round().astype(int).tolist()
    return list(pairwise(borders)) if len(borders) > 2 else []


def joints_of(layout: JointLayout) -> dict[str, list[int]]:
    """Joints of a layout by part of the body; those beyond the common body (fingers, face) go with their parent."""
    of_common = {joint: part for part, joints in PARTS.items() for joint in joints}
    found: dict[int, str] = {}
    for name in COMMON_JOINTS:
        ids = layout.common.get(name, ())
        # A joint that also stands for another one, as a mean of several, belongs to its own name first.
        for joint in ids:
            if len(ids) == 1 or joint not in found:
                found[joint] = of_common[name]
    parent = dict(layout.bones)
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    for joint in range(len(layout)):
        at: int | None = joint
        while at is not None and at not in found:
            at = parent.get(at)
        parts[TRUNK if at is None else found[at]].append(joint)
    return parts


def still_trunk(clip: Clip) -> Float32[np.ndarray, "P T V C"]:
    """Positions with the trunk held as in its first complete frame; the limbs move about it as they did."""
    x = clip.positions.astype(np.float64)
    names = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    ends = [list(clip.layout.common.get(name, ())) for name in names]
    if not all(ends):
        return clip.positions
    corners = np.stack([x[:, :, ids].mean(axis=2) for ids in ends], axis=2)
    for person, corner in zip(x, corners, strict=True):
        complete = np.flatnonzero(np.isfinite(corner).all(axis=(1, 2)))
        if not len(complete):
            continue
        centre, axes = _frame(corner)
        first = complete[0]
        # Out of each frame's trunk axes, into those of the first.
        local = np.einsum("tvc,tac->tva", person - centre[:, None], axes)
        person[:] = np.einsum("tva,ac->tvc", local, axes[first]) + centre[first]
    return x.astype(np.float32)


def _frame(corners: Float[np.ndarray, "T 4 C"]) -> tuple[Float[np.ndarray, "T C"], Float[np.ndarray, "T A C"]]:
    """Centre and orthonormal axes of the trunk in each frame, from both hips and both shoulders."""
    hips, shoulders = corners[:, :2].mean(axis=1), corners[:, 2:].mean(axis=1)
    up = shoulders - hips
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    if corners.shape[-1] == 2:
        return (hips + shoulders) / 2, np.stack([up, np.stack([up[:, 1], -up[:, 0]], axis=-1)], axis=1)
    left = (corners[:, 0] + corners[:, 2] - corners[:, 1] - corners[:, 3]) / 2
    left = left - (left * up).sum(axis=-1, keepdims=True) * up
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    return (hips + shoulders) / 2, np.stack([up, left, np.cross(left, up)], axis=1)


def log_odds(scores: Float[np.ndarray, "N K"], label: int, temperature: float) -> Float[np.ndarray, " N"]:
    """Of one label against all others; against the temperature where it is the only one."""
    logits = np.asarray(scores, dtype=np.float64) / temperature
    others = np.delete(logits, label, axis=-1)
    return logits[:, label] - (logsumexp(others, axis=-1) if others.shape[-1] else 0.0)


def explain(
    window: Clip, score: Callable[[list[Clip]], Float[np.ndarray, "N K"]], label: int, name: str, temperature: float,
    begin: float, fps: float,
) -> Reason:  # fmt: skip
    """What spoke for a label in one window of one person.

    Parameters
    ----------
    window : Clip
    score : callable
        Scores of some clips over the labels.
    label : int
        Column of the label.
    name : str
    temperature : float
        Of the calibration.
    begin : float
        Seconds of the recording at which the window begins.
    fps : float
    """
    moments = stretches(window.frames)
    own = joints_of(window.layout)
    shown = [part for part in PARTS if np.isfinite(window.positions[:, :, own[part]]).any()]
    changed = [without_part(window, part) for part in shown] + [without_frames(window, *s) for s in moments]
    odds = log_odds(score([window, *changed]), label, temperature)
    losses = np.maximum(odds[0] - odds[1:], 0)
    by_part = _shares(losses[: len(shown)])
    by_moment = _shares(losses[len(shown) :])
    weights = dict(zip(shown, by_part.tolist(), strict=True))
    joints = {window.layout.joints[joint]: weights.get(part, 0.0) for part, members in own.items() for joint in members}
    return Reason(
        label=name, parts=tuple(sorted(weights.items(), key=lambda item: -item[1])),
        moments=tuple((begin + a / fps, begin + b / fps, float(w))
                      for (a, b), w in zip(moments, by_moment, strict=True)), joints=joints,
    )  # fmt: skip


def attribute_reasons(
    contributions: Float[np.ndarray, "K A"], measured: Float[np.ndarray, " A"], described: Float[np.ndarray, " A"],
    label: int, probabilities: Float[np.ndarray, " K"],
) -> tuple[AttributeReason, ...]:  # fmt: skip
    """The attributes that spoke most for a label against its rivals, each rival as much as it is likely.

    Parameters
    ----------
    contributions : float (K, A)
        Parts of each label's score; they add up to it.
    measured, described : float (A,)
        Of the window and of the label, in the schema's units, NaN where unknown.
    """
    schema = load_schema()
    rivals = np.where(np.arange(len(probabilities)) == label, 0, probabilities + 1e-9)
    rivals = rivals / max(float(rivals.sum()), 1e-12)
    gain = np.maximum(contributions[label] - rivals @ contributions, 0)
    share = gain / max(float(gain.sum()), 1e-12)
    order = [i for i in np.argsort(-share)[:MOST_ATTRIBUTES] if share[i] > 0 and not np.isnan(described[i])]
    return tuple(
        AttributeReason(schema.names[i], schema.attributes[i].says, float(measured[i]), float(described[i]),
                        float(share[i])) for i in order
    )  # fmt: skip


def _shares(losses: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    return losses / max(float(losses.max(initial=0)), 1e-12)
