"""Curves through postures: how angles run from one named posture to the next."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def minimum_jerk(share: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Smooth step from 0 to 1, at rest at both ends (Flash and Hogan, 1985): 10 s^3 - 15 s^4 + 6 s^5."""
    s = np.clip(share, 0, 1)
    return s * s * s * (10 + s * (6 * s - 15))


def stop_and_go(
    phase: Float[np.ndarray, "T"], knots: Float[np.ndarray, "K"], values: Float[np.ndarray, "K A"]
) -> Float[np.ndarray, "T A"]:
    """Minimum-jerk movement from posture to posture, at rest in each."""
    i = np.clip(np.searchsorted(knots, phase, side="right") - 1, 0, len(knots) - 2)
    eased = minimum_jerk((phase - knots[i]) / (knots[i + 1] - knots[i]))
    return values[i] + eased[:, None] * (values[i + 1] - values[i])


def flowing(
    phase: Float[np.ndarray, "T"], knots: Float[np.ndarray, "K"], values: Float[np.ndarray, "K A"]
) -> Float[np.ndarray, "T A"]:
    """Movement through the postures without stopping: a closed cubic spline with central-difference slopes.

    The end of the round is its beginning, also where the last value is a whole turn ahead of the first.
    """
    steps = np.diff(knots)[:, None]
    slopes = np.diff(values, axis=0) / steps
    before = np.roll(slopes, 1, axis=0)
    tangent = 0.5 * (slopes + before)
    tangent = np.concatenate([tangent, tangent[:1]])
    i = np.clip(np.searchsorted(knots, phase, side="right") - 1, 0, len(knots) - 2)
    h = steps[i]
    s = ((phase - knots[i]) / h[:, 0])[:, None]
    rise = values[i + 1] - values[i]
    m0, m1 = tangent[i] * h, tangent[i + 1] * h
    return values[i] + s * (m0 + s * (3 * rise - 2 * m0 - m1 + s * (m0 + m1 - 2 * rise)))
