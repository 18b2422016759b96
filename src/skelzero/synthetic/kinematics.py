"""Forward kinematics: joint angles of a jointed body to joint positions.

Frame of the body: x to the person's left, y up, z forward; the hip centre is the origin. Angles are degrees in the
words of `vocabulary.yaml`; each side of the body is described from its own point of view (`spread` leads away from the
midline on either side), so left and right need no table of their own.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from skelzero.clips import COMMON_JOINTS
from skelzero.synthetic.body import Body

LIMBS: dict[str, tuple[str, ...]] = {
    "arm": ("raise", "spread", "twist", "bend"),
    "leg": ("raise", "spread", "turn", "bend", "point"),
    "trunk": ("bend", "side", "twist"),
    "head": ("nod", "side", "turn"),
    "body": ("pitch", "roll", "turn"),
}
"""Angles of each kind of limb. raise: forward and up; spread: away from the midline; twist (arm): a bent forearm turns
inward; turn (leg): toes outward; side, twist and turn of trunk, head and body: to the left; point: toes down."""

MEMBERS: dict[str, tuple[str, slice]] = {
    "left arm": ("arm", slice(0, 4)),
    "right arm": ("arm", slice(4, 8)),
    "left leg": ("leg", slice(8, 13)),
    "right leg": ("leg", slice(13, 18)),
    "trunk": ("trunk", slice(18, 21)),
    "head": ("head", slice(21, 24)),
    "body": ("body", slice(24, 27)),
}
"""Where the angles of each limb lie in the 27 numbers of a posture."""

ANGLES = 27
SIDES = np.array([1.0, -1.0])
LOWER_TRUNK_SHARE = 0.45
"""How much of the trunk's bend happens at the hip centre; the rest happens at the spine joint."""
ANKLE_UP, ANKLE_DOWN = 25.0, 45.0
"""How far the foot may leave the right angle to stay level, degrees toes up and toes down."""
JOINT = {name: i for i, name in enumerate(COMMON_JOINTS)}


def rotations(vectors: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Rotation matrices of rotation vectors in radians (Rodrigues' formula)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    angle = np.sqrt(x * x + y * y + z * z)
    a = np.sinc(angle / np.pi)
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    R = np.empty((*angle.shape, 3, 3))
    bxy, bxz, byz = b * x * y, b * x * z, b * y * z
    c = np.cos(angle)
    R[..., 0, 0], R[..., 1, 1], R[..., 2, 2] = c + b * x * x, c + b * y * y, c + b * z * z
    R[..., 0, 1], R[..., 1, 0] = bxy - a * z, bxy + a * z
    R[..., 0, 2], R[..., 2, 0] = bxz + a * y, bxz - a * y
    R[..., 1, 2], R[..., 2, 1] = byz - a * x, byz + a * x
    return R


def joint_positions(angles: Float[np.ndarray, "T A"], body: Body) -> Float[np.ndarray, "T V 3"]:
    """Positions of the 20 common joints relative to the hip centre, metres.

    Parameters
    ----------
    angles : array (T, 27)
        Degrees, in the order of `MEMBERS`.
    body : Body
    """
    local = rotations(np.radians(_rotation_vectors(angles)))
    pelvis = local[0] @ local[1]
    lower = pelvis @ local[2]
    chest = lower @ local[3]
    out = np.zeros((len(angles), len(COMMON_JOINTS), 3))
    spine = out[:, JOINT["spine"]] = body.lower_trunk * lower[..., 1]
    neck = out[:, JOINT["shoulder_center"]] = spine + body.upper_trunk * chest[..., 1]
    skull = chest @ local[4]
    out[:, JOINT["head"]] = neck + body.neck * skull[..., 1] + body.face * skull[..., 2]
    _place_arms(out, body, chest, local[5:11])
    _place_legs(out, body, pelvis, local[11:], angles)
    return out


def _rotation_vectors(angles: Float[np.ndarray, "T A"]) -> Float[np.ndarray, "R T 3"]:
    """Degrees, one vector a rotation: turn, tilt, lower and upper trunk, head, then pairs (left, right) of shoulder
    swing, shoulder twist, elbow, hip swing, hip turn, knee."""
    v = np.zeros((17, len(angles), 3))
    trunk, head, whole = (angles[:, MEMBERS[name][1]].T for name in ("trunk", "head", "body"))
    v[0, :, 1] = whole[2]
    v[1, :, 0], v[1, :, 2] = whole[0], -whole[1]
    v[2:4] = np.stack([trunk[0], trunk[2], -trunk[1]], axis=-1)
    v[2] *= LOWER_TRUNK_SHARE
    v[3] *= 1 - LOWER_TRUNK_SHARE
    v[4, :, 0], v[4, :, 1], v[4, :, 2] = head[0], head[2], -head[1]
    for first, member, sense in ((5, "arm", -1), (11, "leg", 1)):
        for i, side in enumerate(("left", "right")):
            up, out, about, bend = angles[:, MEMBERS[f"{side} {member}"][1]].T[:4]
            v[first + i, :, 0], v[first + i, :, 2] = -up, SIDES[i] * out
            v[first + 2 + i, :, 1] = sense * SIDES[i] * about
            v[first + 4 + i, :, 0] = sense * bend
    return v


def _place_arms(
    out: Float[np.ndarray, "T V 3"],
    body: Body,
    chest: Float[np.ndarray, "T 3 3"],
    local: Float[np.ndarray, "6 T 3 3"],
) -> None:
    upper = chest @ local[0:2] @ local[2:4]
    fore = upper @ local[4:6]
    across = body.shoulder_width * chest[..., 0]
    base = out[:, JOINT["shoulder_center"]] - body.shoulder_drop * chest[..., 1]
    for i, side in enumerate(("left", "right")):
        start = JOINT[f"{side}_shoulder"]
        out[:, start] = base + SIDES[i] * across
        out[:, start + 1] = out[:, start] - body.upper_arm * upper[i, ..., 1]
        out[:, start + 2] = out[:, start + 1] - body.forearm * fore[i, ..., 1]
        out[:, start + 3] = out[:, start + 2] - body.hand * fore[i, ..., 1]


def _place_legs(
    out: Float[np.ndarray, "T V 3"],
    body: Body,
    pelvis: Float[np.ndarray, "T 3 3"],
    local: Float[np.ndarray, "6 T 3 3"],
    angles: Float[np.ndarray, "T A"],
) -> None:
    thigh = pelvis @ local[0:2] @ local[2:4]
    shank = thigh @ local[4:6]
    across, base = body.hip_width * pelvis[..., 0], -body.hip_drop * pelvis[..., 1]
    for i, side in enumerate(("left", "right")):
        start = JOINT[f"{side}_hip"]
        out[:, start] = base + SIDES[i] * across
        out[:, start + 1] = out[:, start] - body.thigh * thigh[i, ..., 1]
        out[:, start + 2] = out[:, start + 1] - body.shank * shank[i, ..., 1]
        point = angles[:, MEMBERS[f"{side} leg"][1]][:, 4]
        out[:, start + 3] = out[:, start + 2] + _foot(shank[i], point, body)


def _foot(shank: Float[np.ndarray, "T 3 3"], point: Float[np.ndarray, "T"], body: Body) -> Float[np.ndarray, "T 3"]:
    """From ankle to ball: level as far as the ankle can go, plus pointed toes."""
    level = np.degrees(np.arcsin(np.clip(shank[:, 1, 2], -1, 1)))
    down = np.radians(np.clip(level, -ANKLE_UP, ANKLE_DOWN) + point)
    drop = body.ankle_height - body.toe_height
    forward = body.foot * np.cos(down) - drop * np.sin(down)
    below = body.foot * np.sin(down) + drop * np.cos(down)
    return forward[:, None] * shank[..., 2] - below[:, None] * shank[..., 1]
