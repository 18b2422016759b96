"""Where the joints of a BVH file are: forward kinematics, all frames of a stretch at once.

A joint's rotation is the product of its rotation channels in the order of the file, about the axes as already turned;
its place is its parent's place plus its offset turned by its parent. With R the rotation down to a joint, multiplying
by a rotation about one axis only mixes two columns of R, so no 3 x 3 product is ever formed.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from skelzero.readers.bvh_text import BvhFile, Channel

JOINT_FRAMES = 100_000
"""Joints times frames that are worked on at once (about 10 MB of rotations)."""
NEXT = ((1, 2), (2, 0), (0, 1))
"""The two columns that a rotation about x, y, z mixes."""


def joint_positions(file: BvhFile) -> Float32[np.ndarray, "T V 3"]:
    """Places of all joints in file units.

    Position channels are on any joint. Programs differ in whether they stand for the offset or add to it; whichever of
    offset and zero lies nearer to the channel's median decides.
    """
    T, V = len(file.motion), len(file.joints)
    base = _base_offsets(file)
    step = max(1, JOINT_FRAMES // V)
    out = np.empty((T, V, 3), np.float32)
    for start in range(0, T, step):
        with np.errstate(over="ignore"):
            out[start : start + step] = _positions(file, base, file.motion[start : start + step])
    return out


def rest_positions(file: BvhFile) -> Float64[np.ndarray, "V 3"]:
    """Places of the joints relative to the root when nothing is rotated."""
    places = np.zeros((len(file.joints), 3))
    for j, (parent, offset) in enumerate(zip(file.parents, file.offsets, strict=True)):
        if parent >= 0:
            places[j] = places[parent] + offset
    return places


def _base_offsets(file: BvhFile) -> Float64[np.ndarray, "V 3"]:
    """Offsets to which position channels add; zero where a channel stands for the offset."""
    base, column = file.offsets, 0
    for j, joint in enumerate(file.joints):
        for i, channel in enumerate(joint.channels):
            if not channel.rotation:
                middle = float(np.median(file.motion[:, column + i]))
                if abs(middle - base[j, channel.axis]) <= abs(middle):
                    base[j, channel.axis] = 0.0
        column += len(joint.channels)
    return base


def _positions(
    file: BvhFile, base: Float64[np.ndarray, "V 3"], motion: Float64[np.ndarray, "T columns"]
) -> Float64[np.ndarray, "T V 3"]:
    T, V = len(motion), len(file.joints)
    turn = np.deg2rad(motion.T)  # (columns, T); also of position channels, unused
    cosine, sine = np.cos(turn), np.sin(turn)
    places = np.zeros((V, 3, T))
    rotations = np.zeros((V, 3, 3, T))  # joint, column, row, frame
    column = 0
    for j, joint in enumerate(file.joints):
        offset = np.repeat(base[j][:, None], T, axis=1)  # (3, T)
        for i, channel in enumerate(joint.channels):
            if not channel.rotation:
                offset[channel.axis] += motion[:, column + i]
        if joint.parent < 0:
            places[j], rotations[j] = offset, np.eye(3)[:, :, None]
        else:
            above = rotations[joint.parent]
            places[j] = places[joint.parent] + (above * offset[:, None]).sum(axis=0)
            rotations[j] = above
        end = column + len(joint.channels)
        _turn(rotations[j], joint.channels, cosine[column:end], sine[column:end])
        column = end
    return places.transpose(2, 0, 1)


def _turn(
    rotation: Float64[np.ndarray, "3 3 T"],
    channels: tuple[Channel, ...],
    cosine: Float64[np.ndarray, "n T"],
    sine: Float64[np.ndarray, "n T"],
) -> None:
    """Multiply by the rotations of the channels, in place."""
    for channel, c, s in zip(channels, cosine, sine, strict=True):
        if channel.rotation:
            a, b = NEXT[channel.axis]
            rotation[a], rotation[b] = rotation[a] * c + rotation[b] * s, rotation[b] * c - rotation[a] * s
