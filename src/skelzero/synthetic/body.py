"""Bodies of many sizes: bone lengths as shares of stature.

The shares are those of Drillis and Contini, Body Segment Parameters, 1966 (as drawn in Winter, Biomechanics and Motor
Control of Human Movement), moved from skin marks to joint centres where a Kinect-like skeleton has them inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARES = {
    "lower_trunk": 0.070,
    "upper_trunk": 0.190,
    "neck": 0.103,
    "face": 0.026,
    "shoulder_width": 0.108,
    "shoulder_drop": 0.012,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "hand": 0.055,
    "hip_width": 0.052,
    "hip_drop": 0.040,
    "thigh": 0.245,
    "shank": 0.246,
    "foot": 0.105,
    "ankle_height": 0.039,
    "toe_height": 0.012,
}
"""Share of stature. Widths are from the midline to one side; `hand` and `foot` end at the palm and the ball; `face` is
how far the middle of the head lies before the neck, which is why turning the head can be seen at all."""


@dataclass(frozen=True)
class Body:
    """Bone lengths in metres; see `SHARES` for what each one is."""

    stature: float
    lower_trunk: float
    upper_trunk: float
    neck: float
    face: float
    shoulder_width: float
    shoulder_drop: float
    upper_arm: float
    forearm: float
    hand: float
    hip_width: float
    hip_drop: float
    thigh: float
    shank: float
    foot: float
    ankle_height: float
    toe_height: float

    @classmethod
    def of_stature(cls, stature: float) -> Body:
        """The average body of that stature in metres."""
        return cls(stature, **{name: share * stature for name, share in SHARES.items()})

    @classmethod
    def sample(cls, random: np.random.Generator) -> Body:
        """A random adult or teenager: stature, then proportions of every bone."""
        stature = float(np.clip(random.normal(1.70, 0.11), 1.42, 2.0))
        scale = np.clip(random.normal(1.0, 0.035, len(SHARES)), 0.9, 1.1)
        return cls(
            stature,
            **{name: float(s * share * stature) for s, (name, share) in zip(scale, SHARES.items(), strict=True)},
        )
