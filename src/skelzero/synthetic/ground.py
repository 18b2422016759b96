"""The floor: the lowest part of the body rests on it, and what rests there does not slide."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from skelzero.clips import COMMON_JOINTS
from skelzero.synthetic.body import Body

GRIP = 0.012
"""Metres above the floor at which a joint's hold on it has fallen to 1/e."""
GRIP_IN_FLIGHT = 0.1
"""The same in the air, counted from the lowest joint: both feet, not the lower one alone, say where a jump ends."""
FLESH = 0.055
"""Share of stature between floor and joint centre where a trunk, knee, elbow or head lies on it."""
GRAVITY = 9.81


def joint_radii(body: Body) -> Float[np.ndarray, "V"]:
    """Height of each joint's centre when that joint lies on the floor, metres."""
    radius = np.full(len(COMMON_JOINTS), FLESH * body.stature)
    for i, joint in enumerate(COMMON_JOINTS):
        if joint.endswith("ankle"):
            radius[i] = body.ankle_height
        elif joint.endswith(("foot", "hand", "wrist")):
            radius[i] = body.toe_height
    return radius


def stand(pose: Float[np.ndarray, "T V 3"], lift: Float[np.ndarray, "T"], body: Body) -> Float[np.ndarray, "T V 3"]:
    """Put a body that was posed around its hip centre onto the floor y = 0.

    Parameters
    ----------
    pose : array (T, V, 3)
        Joints relative to the hip centre, already turned the way the person faces.
    lift : array (T,)
        Metres that the lowest joint is above the floor (jumps).
    body : Body

    Returns
    -------
    array (T, V, 3)
        The hip centre starts above the origin. Whatever touches the floor holds the body there, so steps carry it on;
        in the air the lowest joints stay above where they were, so jumps come down where they began.
    """
    clearance = pose[..., 1] - joint_radii(body)
    height = -clearance.min(axis=1)
    grip = np.where(lift > 0, GRIP_IN_FLIGHT, GRIP)
    hold = np.exp(-(clearance + height[:, None]) / grip[:, None])
    hold = hold[1:] * hold[:-1]
    hold /= hold.sum(axis=1, keepdims=True)
    slip = np.einsum("tv,tvc->tc", hold, np.diff(pose[..., ::2], axis=0))
    root = np.zeros((len(pose), 1, 3))
    root[:, 0, 1] = height + lift
    root[1:, 0, ::2] = -np.cumsum(slip, axis=0)
    return pose + root


def flight(phase: Float[np.ndarray, "T"], window: tuple[float, float], seconds: float) -> Float[np.ndarray, "T"]:
    """Height of a free flight that lasts from one phase of a round to another: a parabola under gravity, metres."""
    start, end = window
    share = np.clip((phase - start) / (end - start), 0, 1)
    return 0.5 * GRAVITY * ((end - start) * seconds) ** 2 * share * (1 - share)
