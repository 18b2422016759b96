"""A depth camera before a person: where it stands, how it trembles, which joints it loses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.signal import lfilter

from skelzero.clips import COMMON_JOINTS
from skelzero.synthetic.kinematics import JOINT, rotations

VIEWS = {1: 0.0, 2: 40.0, 3: -40.0}
"""Degrees by which a person is turned in the middle of each view: to the front, to their left, to their right."""
EXTREMES = {"hand": 1.6, "foot": 1.6, "wrist": 1.3, "ankle": 1.3, "elbow": 1.0, "knee": 1.0}
MEMORY = 0.6
"""Correlation of the noise from one frame to the next."""
LOWER_LEGS = [JOINT[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle", "foot")]


@dataclass(frozen=True)
class Recorder:
    """One placing of the camera.

    Attributes
    ----------
    turn, tilt : float
        Degrees that the person is turned about the vertical and the camera is tilted down.
    place : tuple of 3 floats
        The floor below the middle of the person's way, metres, in the axes of the camera before its tilt: x to the left
        of a person who faces it, y up, z towards it, so that z is negative for a person before the camera.
    noise : float
        Standard deviation of a middle joint, metres.
    gaps : float
        Expected number of gaps in single joints.
    legs_lost : float
        Probability that both lower legs are out of sight for a while.
    """

    turn: float = 0.0
    tilt: float = 0.0
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    noise: float = 0.0
    gaps: float = 0.0
    legs_lost: float = 0.0

    @classmethod
    def sample(cls, view: int, random: np.random.Generator) -> Recorder:
        turn = float(np.clip(random.normal(VIEWS[view], 10.0), -65, 65))
        place = (random.uniform(-0.5, 0.5), random.uniform(-1.3, -0.7), random.uniform(-3.8, -2.4))
        return cls(turn, float(random.normal(0, 3.0)), place, random.uniform(0.004, 0.014), 2.0, 0.04)

    def record(self, motion: Float[np.ndarray, "T V 3"], random: np.random.Generator) -> Float32[np.ndarray, "T V 3"]:
        """The motion as this camera sees it; lost joints are NaN."""
        about, down = rotations(np.radians([[0.0, self.turn, 0.0], [self.tilt, 0.0, 0.0]]))
        middle = motion[:, 0].mean(axis=0) * [1, 0, 1]
        seen = ((motion - middle) @ about.T + np.array(self.place)) @ down.T
        if self.noise:
            seen += self.noise * _trembling(motion.shape, random)
        self._lose(seen, random)
        return seen.astype(np.float32)

    def _lose(self, seen: Float[np.ndarray, "T V 3"], random: np.random.Generator) -> None:
        frames, joints = seen.shape[:2]
        for _ in range(random.poisson(self.gaps)):
            start, length = int(random.integers(frames)), int(random.integers(2, 9))
            # The first and last frame stay whole, so that a gap always lies between two sightings.
            seen[max(start, 1) : min(start + length, frames - 1), random.integers(joints)] = np.nan
        if random.random() < self.legs_lost:
            length = int(frames * random.uniform(0.2, 0.6))
            start = int(random.integers(1, frames - length))
            seen[start : start + length, LOWER_LEGS] = np.nan


def _trembling(shape: tuple[int, ...], random: np.random.Generator) -> Float[np.ndarray, "T V 3"]:
    """Noise of unit variance at a middle joint, correlated in time, larger at hands and feet."""
    fresh = np.sqrt(1 - MEMORY**2)
    white = random.standard_normal(shape)
    white[0] /= fresh  # the first frame has the variance of the others
    size = np.array([next((s for end, s in EXTREMES.items() if j.endswith(end)), 0.8) for j in COMMON_JOINTS])
    return lfilter([fresh], [1.0, -MEMORY], white, axis=0) * size[:, None]
