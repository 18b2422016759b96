"""What a camera sees of motion in space, and what its pictures say of the attributes that were there.

An attribute measured in a picture is off in a way that is always the same: a hand before the chest seems to touch it, a
way to the front shows only as its slope. Synthetic motion, seen from about the front, tells the most likely value in
space of each value in a picture: a straight line for each attribute. Run
`python -m skelzero.kinematics.pictures > src/skelzero/kinematics/pictures.yaml` after a change of the schema or the
measurements (write it elsewhere first).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64

from skelzero.clips import Clip
from skelzero.kinematics.attributes import measure, measure_clips
from skelzero.kinematics.bodies import to_bodies
from skelzero.preprocess.steps import face_forward
from skelzero.synthetic import generate
from skelzero.text.attributes.schema import load_schema

VIEWS = (0.0, 15.0, -15.0, 30.0, -30.0)
"""Degrees past the camera that people look."""
SUBJECTS, REPLICATIONS, SEED = 3, 2, 13
PIXELS = 100.0
"""In a metre; any number, since people are scaled by their torso."""


def picture(clip: Clip) -> Clip:
    """What a camera far away sees that looks along -z: pixels, y down."""
    flat = np.ascontiguousarray(clip.positions[..., :2] * np.array([PIXELS, -PIXELS], dtype=np.float32))
    layout = replace(clip.layout, name=f"{clip.layout.name}-image", dims=2)
    return replace(clip, positions=flat, layout=layout, unit="px", confidence=None)


def picture_from_front(clip: Clip, degrees: float = 0.0) -> Clip:
    """The same, of somebody who looks so many degrees past the camera at the start."""
    facing = face_forward(clip)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=np.float32)
    return picture(replace(facing, positions=facing.positions @ about_y.T, history=clip.history))


def measure_as_seen(clips: Sequence[Clip]) -> Float64[np.ndarray, "N A"]:
    """Attributes of pictures as if they lay in space: nothing unknown for want of depth, nothing made up for."""
    with torch.inference_mode():
        bodies = to_bodies(clips)
        values = measure(replace(bodies, flat=torch.zeros_like(bodies.flat))).double().numpy()
    return load_schema().settle(values)


def both_ways() -> tuple[Float64[np.ndarray, "N A"], Float64[np.ndarray, "N A"]]:
    """Attributes of synthetic clips as seen from all `VIEWS`, and of the same clips in space."""
    clips = list(generate(subjects=SUBJECTS, replications=REPLICATIONS, seed=SEED))
    seen = [measure_as_seen([picture_from_front(clip, view) for clip in clips]) for view in VIEWS]
    return np.concatenate(seen), np.tile(measure_clips(clips), (len(VIEWS), 1))


def fit_lines(seen: Float64[np.ndarray, "N A"], space: Float64[np.ndarray, "N A"]) -> dict[str, list[float]]:
    """Slope and offset from pictures to space of every attribute; 1 and 0 where the clips do not tell."""
    return {name: _line(x, y) for name, x, y in zip(load_schema().names, seen.T, space.T, strict=True)}


def varies(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> Bool[np.ndarray, " N"]:
    """Clips in which both are known; none where one of them never changes."""
    both = np.isfinite(x) & np.isfinite(y)
    told = both.sum() > 2 and x[both].std() > 1e-6 and y[both].std() > 1e-6
    return both & told


def _line(x: Float64[np.ndarray, " N"], y: Float64[np.ndarray, " N"]) -> list[float]:
    both = varies(x, y)
    if not both.any():
        return [1.0, 0.0]
    slope, offset = np.polyfit(x[both], y[both], 1)
    return [round(float(slope), 4), round(float(offset), 4)]


if __name__ == "__main__":
    sys.stdout.write("# Made by `python -m skelzero.kinematics.pictures`: slope and offset that lead from an\n"
                     "# attribute measured in a picture to its most likely value in space.\n")  # fmt: skip
    for name, row in fit_lines(*both_ways()).items():
        sys.stdout.write(f"{name}: {row}\n")
