"""The steps of which pipelines are made: each takes a clip and returns it with its name added to the history."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

from skelzero.clips import COMMON_JOINTS, Clip, JointLayout, load_layout
from skelzero.errors import UserError
from skelzero.preprocess.gaps import fill_from_neighbours, interpolate_gaps

TORSO = 0.5
"""Metres from hip centre to shoulder centre of the unit body."""


def drop_empty_frames(clip: Clip) -> Clip:
    """Leave out frames in which nobody is seen."""
    seen = np.isfinite(clip.positions).any(axis=(0, 2, 3))
    return clip.with_step("drop-empty-frames", clip.positions[:, seen], confidence=None)


def most_moving_persons(count: int) -> Callable[[Clip], Clip]:
    """Step: keep the `count` people who move most, the most active first."""

    def step(clip: Clip) -> Clip:
        if clip.persons <= 1:
            return clip
        with np.errstate(invalid="ignore"):
            spread = np.nanstd(np.where(np.isfinite(clip.positions), clip.positions, np.nan), axis=1)
        motion = np.nansum(spread, axis=(1, 2))
        order = np.argsort(-motion, kind="stable")[:count]
        return clip.with_step(f"most-moving-{count}", clip.positions[order], confidence=None)

    return step


def fill_missing(clip: Clip) -> Clip:
    """Fill joints that come and go in time, and joints that never came along the bones; absent people stay absent.

    A frame in which a person has no joint at all counts as absent for clips of several people, and as a gap to be
    filled for clips of one.
    """
    bodies = []
    for body in clip.positions:
        filled = fill_from_neighbours(interpolate_gaps(body), clip.layout)
        if clip.persons > 1:
            filled = np.where(np.isnan(body).all(axis=(1, 2))[:, None, None], np.nan, filled)
        bodies.append(filled)
    return clip.with_step("fill-missing", np.stack(bodies).astype(np.float32), confidence=None)


def absent_to_zero(clip: Clip) -> Clip:
    """Write absent bodies as zeros, as the encoders expect them."""
    return clip.with_step("absent-zero", np.nan_to_num(clip.positions, nan=0.0))


def centre_on_first_root(clip: Clip) -> Clip:
    """Put the origin at the root joint of the first person in the first frame in which it is seen."""
    roots = clip.positions[0, :, clip.layout.root]
    seen = np.flatnonzero(np.isfinite(roots).all(axis=-1))
    if not len(seen):
        raise UserError(
            "the root joint is never seen", where=clip.origin.name, expected=clip.layout.joints[clip.layout.root]
        )
    return clip.with_step("centre-first-root", clip.positions - roots[seen[0]])


def turn_shoulders_to_x(clip: Clip) -> Clip:
    """Turn the clip so that the first person's shoulder line in the first frame lies along x (SMIE/PGFA's chain)."""
    _check_in_space(clip)
    left, right = (common_joint(clip, f"{side}_shoulder")[0] for side in ("left", "right"))
    seen = np.flatnonzero(np.isfinite(left - right).all(axis=-1))
    if not len(seen):
        raise UserError("the shoulders are never seen together", where=clip.origin.name)
    rotation = rotation_between((left - right)[seen[0]], np.array([1.0, 0.0, 0.0]))
    return clip.with_step("shoulders-to-x", _rotate(clip.positions, rotation))


def centre_each_frame(clip: Clip) -> Clip:
    """Put the origin at the first person's root in every frame, so that walking about leaves no trace."""
    roots = interpolate_gaps(clip.positions[0, :, clip.layout.root])
    return clip.with_step("centre-each-frame", (clip.positions - roots[None, :, None]).astype(np.float32))


def spine_to_z_shoulders_to_x(clip: Clip) -> Clip:
    """Turn the clip so that in its first frame the lower spine stands along z and the shoulders lie along x.

    The right shoulder points along +x. It is the frame of reference of the public Shift-GCN weights, as the statistics
    of their input normalisation show.
    """
    _check_in_space(clip)
    hip, spine, left, right = (
        _first_seen(clip, name) for name in ("hip_center", "spine", "left_shoulder", "right_shoulder")
    )
    upright = rotation_between(spine - hip, np.array([0.0, 0.0, 1.0]))
    level = rotation_between(upright @ (right - left), np.array([1.0, 0.0, 0.0]))
    return clip.with_step("spine-to-z-shoulders-to-x", _rotate(clip.positions, level @ upright))


def _first_seen(clip: Clip, name: str) -> Float[np.ndarray, "3"]:
    places = common_joint(clip, name)[0]
    seen = np.flatnonzero(np.isfinite(places).all(axis=-1))
    if not len(seen):
        raise UserError("a joint that is needed is never seen", where=clip.origin.name, got=name)
    return places[seen[0]].astype(np.float64)


def face_forward(clip: Clip) -> Clip:
    """Turn the clip about the vertical so that the first person looks along +z at the start (left side along +x).

    The side-to-side direction is the mean of shoulder and hip lines over the first tenth of the clip.
    """
    _check_in_space(clip)
    head = max(1, clip.frames // 10)
    pairs = [(common_joint(clip, f"left_{p}")[0], common_joint(clip, f"right_{p}")[0]) for p in ("shoulder", "hip")]
    side = sum(np.nanmean((left - right)[:head], axis=0) for left, right in pairs)
    angle = math.atan2(float(side[2]), float(side[0])) if np.isfinite(side).all() else 0.0
    c, s = math.cos(angle), math.sin(angle)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return clip.with_step("face-forward", _rotate(clip.positions, about_y))


def unit_torso(clip: Clip) -> Clip:
    """Scale every clip so that the first person's torso (hip centre to shoulder centre, median) is 0.5."""
    torso = common_joint(clip, "shoulder_center")[0] - common_joint(clip, "hip_center")[0]
    length = float(np.nanmedian(np.linalg.norm(torso, axis=-1)))
    if not length > 1e-6:
        raise UserError("the torso has no length", where=clip.origin.name, got=length, next_step="leave this clip out")
    return clip.with_step("unit-torso", (clip.positions * (TORSO / length)).astype(np.float32), unit="relative")


def smooth(clip: Clip) -> Clip:
    """Weigh each frame with its neighbours (1 2 1), which halves sensor jitter and keeps motions below 5 Hz."""
    if clip.frames < 3:
        return clip
    x = clip.positions
    padded = np.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
    return clip.with_step("smooth-121", ((padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4).astype(np.float32))


def to_common_joints(clip: Clip) -> Clip:
    """Map any layout to the 20 joints of the common body; joints that the source lacks are NaN, 2-D clips stay 2-D."""
    if not {"left_shoulder", "right_shoulder", "left_hip", "right_hip"} <= set(clip.layout.common):
        raise UserError("this joint layout has no known place on the common body", where=clip.origin.name,
                        got=clip.layout.name, expected="shoulders and hips that can be told by name")  # fmt: skip
    mapped = np.stack([common_joint(clip, name) for name in COMMON_JOINTS], axis=2)
    return clip.with_step(
        "common-joints", mapped.astype(np.float32), layout=common_layout(clip.layout), confidence=None
    )


def common_layout(source: JointLayout) -> JointLayout:
    """The common body in as many dimensions as a source has."""
    return load_layout("common20" if source.dims == 3 else "common20-image")


def _check_in_space(clip: Clip) -> None:
    if clip.layout.dims != 3:
        raise UserError("people in a picture cannot be turned in space", where=clip.origin.name,
                        got=f"{clip.layout.name} (2-D)", expected="a 3-D source, or the pipeline image-64",
                        next_step="leave out --pipeline and pass --encoder kinematics")  # fmt: skip


STANDARD_BONES = {
    "spine": 0.25, "shoulder_center": 0.25, "head": 0.22,
    "left_shoulder": 0.18, "left_elbow": 0.28, "left_wrist": 0.25, "left_hand": 0.08,
    "left_hip": 0.10, "left_knee": 0.42, "left_ankle": 0.40, "left_foot": 0.14,
}  # fmt: skip
"""Bone lengths of the unit body in units in which the torso is 0.5; the right side mirrors the left."""


def unify_bones(clip: Clip) -> Clip:
    """Give the common body standard bone lengths; directions of bones and the path of the hips are kept.

    The hips' path is scaled by the standard over the measured leg length, so that a step stays a step.
    """
    layout = clip.layout
    assert layout.name == "common20", "unify_bones works on the common body"
    x = clip.positions.astype(np.float64)
    out = np.empty_like(x)
    out[:, :, 0] = x[:, :, 0] * _leg_ratio(x, layout)
    for child, parent in sorted(layout.bones, key=lambda bone: bone_depth(layout, bone[0])):
        vector = x[:, :, child] - x[:, :, parent]
        length = np.linalg.norm(vector, axis=-1, keepdims=True)
        target = STANDARD_BONES[layout.joints[child].replace("right_", "left_")]
        out[:, :, child] = out[:, :, parent] + vector / np.maximum(length, 1e-6) * np.where(length > 1e-6, target, 0.0)
    return clip.with_step("unify-bones", out.astype(np.float32), unit="relative")


def _leg_ratio(x: Float[np.ndarray, "P T V 3"], layout: JointLayout) -> float:
    index = {name: i for i, name in enumerate(layout.joints)}
    bones = [(f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))]
    measured = sum(np.nanmedian(np.linalg.norm(x[:, :, index[a]] - x[:, :, index[b]], axis=-1)) for a, b in bones)
    standard = 2 * (STANDARD_BONES["left_knee"] + STANDARD_BONES["left_ankle"])
    return float(standard / measured) if measured > 1e-6 else 1.0


def bone_depth(layout: JointLayout, joint: int) -> int:
    """Number of bones from a joint up to the top of its tree."""
    parents = dict(layout.bones)
    depth = 0
    while joint in parents:
        joint, depth = parents[joint], depth + 1
    return depth


def common_joint(clip: Clip, name: str) -> Float32[np.ndarray, "P T C"]:
    """Where a joint of the common body is in a clip of any layout; NaN when the layout has no such joint."""
    ids = clip.layout.common.get(name)
    if ids is None:
        return np.full((clip.persons, clip.frames, clip.layout.dims), np.nan, dtype=np.float32)
    return clip.positions[:, :, list(ids)].mean(axis=2)


def resample(x: Float32[np.ndarray, "P T V C"], frames: int) -> Float32[np.ndarray, "P F V C"]:
    """Linear resampling in time to `frames` frames, each at the centre of its share of the clip.

    The same sampling points as `torch.nn.functional.interpolate(mode="linear", align_corners=False)`.
    """
    T = x.shape[1]
    place = np.clip((np.arange(frames) + 0.5) * (T / frames) - 0.5, 0, T - 1)
    low = np.minimum(place.astype(np.int64), T - 1)
    high = np.minimum(low + 1, T - 1)
    weight = (place - low).astype(np.float32)[None, :, None, None]
    return x[:, low] * (1 - weight) + x[:, high] * weight


def repeat(x: Float32[np.ndarray, "P T V C"], frames: int) -> Float32[np.ndarray, "P F V C"]:
    """The clip over and over at its own speed until there are `frames` frames; a longer one is cut."""
    times = -(-frames // x.shape[1])
    return np.tile(x, (1, times, 1, 1))[:, :frames]


def rotation_between(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that turns direction `a` into direction `b` (Rodrigues)."""
    a, b = (v / max(float(np.linalg.norm(v)), 1e-12) for v in (a.astype(np.float64), b.astype(np.float64)))
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -1 + 1e-9:
        # Opposite directions: half a turn about the vertical, which keeps people upright.
        return np.diag([-1.0, 1.0, -1.0])
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + k + k @ k / (1 + cosine)


def _rotate(x: Float32[np.ndarray, "P T V 3"], rotation: Float[np.ndarray, "3 3"]) -> Float32[np.ndarray, "P T V 3"]:
    return (x @ rotation.T.astype(np.float32)).astype(np.float32)
