"""Where must the arm's angles be for the hand to be there? Two-bone inverse kinematics in closed form."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from skelzero.synthetic.body import Body


def arm_to(
    target: Float[np.ndarray, "3"], elbow: Float[np.ndarray, "3"], body: Body
) -> tuple[float, float, float, float]:
    """Angles (raise, spread, twist, bend) in degrees that bring the hand to a point.

    Parameters
    ----------
    target : array (3,)
        The hand, metres from the shoulder centre in the frame of the chest: outward, up, forward. Points out of reach
        are drawn in to where the arm is almost straight.
    elbow : array (3,)
        Direction to which the elbow points, in the same frame.
    body : Body

    Notes
    -----
    The triangle shoulder, elbow, hand has two known sides (upper arm; forearm and hand in line), so the law of cosines
    gives its angles; the plane of the triangle is the one that holds `elbow`.
    """
    upper, fore = body.upper_arm, body.forearm + body.hand
    line = target - np.array([body.shoulder_width, -body.shoulder_drop, 0.0])
    reach = float(np.clip(np.linalg.norm(line), abs(upper - fore) + 0.01, 0.995 * (upper + fore)))
    along = line / np.linalg.norm(line)
    aside = elbow - along * (along @ elbow)
    aside /= np.linalg.norm(aside)
    at_shoulder = _corner(upper, reach, fore)
    humerus = np.cos(at_shoulder) * along + np.sin(at_shoulder) * aside
    forearm = reach * along - upper * humerus
    swing = np.arctan2(np.hypot(humerus[0], humerus[2]), -humerus[1])
    axis = np.array([-humerus[2], 0.0, humerus[0]]) / max(np.hypot(humerus[0], humerus[2]), 1e-9)
    local = _turn_back(forearm, axis, swing)
    twist = -np.arctan2(local[0], local[2])
    bend = np.pi - _corner(upper, fore, reach)
    raise_, spread, twist_, bend_ = np.degrees([-swing * axis[0], swing * axis[2], twist, bend])
    return float(raise_), float(spread), float(twist_), float(bend_)


def _corner(a: float, b: float, opposite: float) -> float:
    """Angle between sides a and b of a triangle, radians."""
    return float(np.arccos(np.clip((a * a + b * b - opposite * opposite) / (2 * a * b), -1, 1)))


def _turn_back(v: Float[np.ndarray, "3"], axis: Float[np.ndarray, "3"], angle: float) -> Float[np.ndarray, "3"]:
    c, s = np.cos(angle), np.sin(angle)
    return v * c - np.cross(axis, v) * s + axis * (axis @ v) * (1 - c)
