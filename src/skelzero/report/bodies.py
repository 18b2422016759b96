"""What every picture of a clip needs: bones by side, the frames to show, where people face, and the facts in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from skelzero.clips import Clip, JointLayout

SIDES = ("left", "right", "middle")
COLOURS = (
    {"left": "#1b7ec2", "right": "#d1495b", "middle": "#4a4a4a"},
    {"left": "#3fa796", "right": "#e59b2f", "middle": "#9a9a9a"},
)
"""Of the first person, and of the others."""
TITLE = 60


@dataclass(frozen=True)
class Bones:
    """The bones of one side of the body as pairs of joint numbers."""

    side: str
    pairs: Int[np.ndarray, "B 2"]


def bones_by_side(layout: JointLayout) -> list[Bones]:
    """The layout's bones, left, right and middle, of which there are any; a bone is on the side of its outer end."""
    lefts, rights = ({pair[i] for pair in layout.mirror} for i in (0, 1))
    found: dict[str, list[tuple[int, int]]] = {side: [] for side in SIDES}
    for child, parent in layout.bones:
        found["left" if child in lefts else "right" if child in rights else "middle"].append((child, parent))
    return [Bones(side, np.array(pairs, dtype=np.int64).reshape(-1, 2)) for side, pairs in found.items() if pairs]


def segments(joints: Float[np.ndarray, "V C"], pairs: Int[np.ndarray, "B 2"]) -> Float[np.ndarray, "L C"]:
    """The bones as one line with gaps: joint, joint, NaN, joint, joint, NaN; bones with a missing end are left out."""
    ends = joints[pairs]  # (B, 2, C)
    ends = ends[np.isfinite(ends).all(axis=(1, 2))]
    gap = np.full((len(ends), 1, joints.shape[1]), np.nan)
    return np.concatenate([ends, gap], axis=1).reshape(-1, joints.shape[1])


def shown_frames(frames: int, most: int) -> Int[np.ndarray, "T"]:
    """At most `most` frame numbers, evenly spaced, the first and the last among them."""
    return np.unique(np.linspace(0, frames - 1, min(frames, most)).round().astype(np.int64))


def present(clip: Clip) -> Bool[np.ndarray, "P"]:
    """Persons of whom anything is seen; one of zeros only is padding, unless there is nobody else."""
    seen = np.nan_to_num(clip.positions).any(axis=(1, 2, 3))
    return seen if seen.any() else ~seen


def facing(clip: Clip) -> Float[np.ndarray, "3"]:
    """The horizontal direction, of length 1, from which most of a 3-D clip is seen from the front.

    Recordings are right-handed with y up, so a body whose left lies towards `l` faces `l` x up. Where people face each
    other, or turn around, there is no one direction: then (0, 0, -1), where a depth camera stands.
    """
    x = clip.positions[present(clip)].astype(np.float64)
    ids = clip.layout.common
    towards = np.zeros(3)
    with np.errstate(invalid="ignore", divide="ignore"):
        for joint in ("hip", "shoulder"):
            if f"left_{joint}" in ids and f"right_{joint}" in ids:
                left, right = (x[:, :, list(ids[f"{side}_{joint}"])].mean(axis=2) for side in SIDES[:2])
                left = left - right  # (P, T, 3)
                front = np.stack([-left[..., 2], np.zeros(left.shape[:2]), left[..., 0]], axis=-1)
                front = (front / np.linalg.norm(front, axis=-1, keepdims=True)).reshape(-1, 3)
                front = front[np.isfinite(front).all(axis=1)]
                towards += front.mean(axis=0) if len(front) else 0
    length = float(np.linalg.norm(towards))
    return towards / length if length > 0.6 else np.array([0.0, 0.0, -1.0])


def bounds(points: Float[np.ndarray, "*any C"], least: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corner of a box around the points with some room; single wild joints do not stretch it.

    `least` is the smallest side of the box.
    """
    flat = points.reshape(-1, points.shape[-1])
    low, high = np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)
    least_seen, most_seen = np.nanquantile(flat, [0.001, 0.999], axis=0)
    wild = high - low > 2 * (most_seen - least_seen)
    low, high = np.where(wild, least_seen, low), np.where(wild, most_seen, high)
    middle, half = (low + high) / 2, (high - low) / 2
    half = np.maximum(half + 0.08 * half.max(), least / 2)
    return middle - half, middle + half


def colour(nth: int, side: str) -> str:
    return COLOURS[min(nth, 1)][side]


def legend(nth: int, people: int, side: str) -> str:
    """What a colour means: the side, and whose where there are several people."""
    whose = "person 1" if nth == 0 else "person 2" if people == 2 else "others"
    return side if people == 1 else f"{side}, {whose}"


def title(clip: Clip) -> str:
    """The clip's name, cut in the middle when it is long."""
    name = clip.origin.name
    return name if len(name) <= TITLE else f"{name[: TITLE // 2]}...{name[-TITLE // 2 :]}"


def facts(clip: Clip) -> list[str]:
    """What is known of the clip, in words."""
    origin = clip.origin
    known = [f"class {origin.code} of {origin.dataset or 'an unknown data set'}"] if origin.code else []
    known += ["synthetic motion, no person was recorded"] if origin.dataset == "synthetic" else []
    for name in ("subject", "camera", "setup", "replication"):
        if getattr(origin, name) >= 0:
            known.append(f"{name} {getattr(origin, name)}")
    known.append(f"{clip.frames} frames" + ("" if np.isnan(clip.fps) else f", {clip.frames / clip.fps:.1f} s"))
    known.append("1 person" if clip.persons == 1 else f"{clip.persons} bodies")
    known.append(f"{clip.layout.name}, {len(clip.layout)} joints")
    return [*known, *([f"prepared: {', '.join(clip.history)}"] if clip.history else [])]


def time_label(clip: Clip, frame: int) -> str:
    """When a frame was: seconds, or its number where the rate is not known."""
    return f"frame {frame}" if np.isnan(clip.fps) else f"{frame / clip.fps:.2f} s"
