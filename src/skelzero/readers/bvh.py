"""BVH motion capture: any hierarchy, any channel order; the joint layout is built from the file.

Every joint and every end of a chain (`End Site`, named `<parent>_end`) becomes a joint of the clip. Lengths in BVH have
no declared unit: the one is taken in which the body is as tall as people are (table `UNITS`), and the factor is written
into the clip's history; a body of no human proportions is scaled to a middling height, and one whose joints cannot be
told by name keeps its numbers, with the unit `relative`.

Files of the CMU set (`SS_TT.bvh`: subject and trial) are recognised by name. The public conversions of that set begin
with a made-up frame (arms spread) that is blended into the recording over about five frames; where such frames are
found they are dropped (`calibration-pose-dropped` in the history, `start_frame` says how many).
Source: as in `bvh_text`; CMU Graphics Lab Motion Capture Database, conversion by B. Hahne (cgspeed).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Float64

from skelzero.clips import Clip, JointLayout, Origin
from skelzero.readers.base import NO, SURE, Reader, Source, name_numbers, register, to_float32
from skelzero.readers.bvh_kinematics import joint_positions, rest_positions
from skelzero.readers.bvh_names import find_parts
from skelzero.readers.bvh_text import BvhFile, parse_bvh

BEGIN = re.compile(rb"(\xef\xbb\xbf)?\s*HIERARCHY\s", re.IGNORECASE)
CMU_NAME = re.compile(r"^(?P<subject>[0-9]{2,3})_(?P<trial>[0-9]{2,3})$")
UNITS = {
    "metres": 1.0, "decimetres": 0.1, "centimetres": 0.01, "millimetres": 0.001, "feet": 0.3048, "inches": 0.0254,
    "CMU units": 0.0254 / 0.45,
}  # fmt: skip
"""Metres in each unit that is met with; CMU's own files count in 1/0.45 inches."""
SHORTEST, TALLEST = 1.15, 2.0
"""Metres along the bones from head to hips and on to the ankle, from a child to a giant. Neighbouring units differ by
more than the ratio of these two, so at most one fits."""
MIDDLING = 1.5
BLEND, JUMP = 10, 4.0
"""Frames within which a calibration pose is left, and how much larger than any later step its steps are."""


@register
class BvhReader(Reader):
    name: ClassVar[str] = "bvh"
    title: ClassVar[str] = "Biovision motion capture (.bvh)"
    suffixes: ClassVar[tuple[str, ...]] = (".bvh",)

    def sniff(self, head: bytes, name: str) -> float:
        return SURE if BEGIN.match(head) else NO

    def clips(self, source: Source) -> Iterator[Clip]:
        file = parse_bvh(source.read(self.limit), source.where)
        layout = layout_of(file)
        positions = joint_positions(file)
        history = []
        scale, step = metres_per_unit(file, layout)
        if step:
            positions = to_float32(positions * np.float64(scale))
            history.append(step)
        if z_is_up(file, layout.common, positions):
            positions = np.stack([positions[..., 0], positions[..., 2], -positions[..., 1]], axis=-1)
            history.append("z-up-to-y-up")
        start = calibration_frames(positions)
        if start:
            positions = positions[start:]
            history.append("calibration-pose-dropped")
        ids = name_numbers(CMU_NAME, source.stem)
        origin = Origin(
            name=source.stem,
            dataset="cmu_bvh" if ids else "",
            subject=ids.get("subject", -1),
            replication=ids.get("trial", -1),
            start_frame=start,
            file=source.name,
        )
        unit = "m" if step else "relative"
        yield Clip(np.ascontiguousarray(positions[None]), layout, origin, file.fps, unit=unit, history=tuple(history))


def calibration_frames(positions: Float32[np.ndarray, "T V 3"]) -> int:
    """How many frames at the beginning are no part of the motion.

    Converted collections (CMU's among them) put a T-pose in front of every recording and blend from it into the motion
    within a few frames. Nobody moves like that: half of the joints go several times farther from frame to frame than
    ever after.
    """
    if len(positions) < 3 * BLEND:
        return 0
    steps = np.median(np.linalg.norm(np.diff(positions, axis=0), axis=-1), axis=1)
    usual = steps[BLEND:].max() + 1e-6
    if steps[:BLEND].max() < JUMP * usual:
        return 0
    return int(np.flatnonzero(steps[:BLEND] > usual)[-1]) + 1


def layout_of(file: BvhFile) -> JointLayout:
    """The joint layout of a file. Files with the same joint names and nesting have the same layout."""
    parts = find_parts(file.joints)
    names = tuple(joint.name for joint in file.joints)
    bones = tuple((child, parent) for child, parent in enumerate(file.parents) if parent >= 0)
    digest = hashlib.sha256(repr((names, bones)).encode()).hexdigest()
    return JointLayout(
        name=f"bvh{len(names)}-{digest[:8]}",
        joints=names,
        bones=bones,
        mirror=parts.mirror,
        root=parts.common.get("hip_center", (0,))[0],
        common=parts.common,
        source="The hierarchy in the BVH file.",
    )


def metres_per_unit(file: BvhFile, layout: JointLayout) -> tuple[float, str]:
    """The factor from file units to metres and the step that says so; no step when the names do not tell the body."""
    stature = _stature(file, layout.common)
    if not stature > 0:
        return 1.0, ""
    fitting = [unit for unit in UNITS.values() if SHORTEST <= stature * unit <= TALLEST]
    if fitting:
        return fitting[0], f"bvh-metres-x{fitting[0]:.6g}"
    # Without the factor, which differs from body to body: files of one collection then share their history.
    return MIDDLING / stature, f"bvh-body-to-{MIDDLING:g}m"


def _stature(file: BvhFile, common: Mapping[str, tuple[int, ...]]) -> float:
    """Length along the bones from the head joint down to the hips, and of the longer leg down to the ankle."""
    lengths = np.linalg.norm(file.offsets, axis=1)
    head = _way(file, common.get("head", ())[:1], common.get("hip_center", ()))
    legs = [_way(file, common.get(f"{side}_ankle", ()), common.get(f"{side}_hip", ())) for side in ("left", "right")]
    leg = max(lengths[way].sum() for way in legs)
    return float(lengths[head].sum() + leg) if head and leg > 0 else 0.0


def _way(file: BvhFile, start: tuple[int, ...], stop: tuple[int, ...]) -> list[int]:
    """The joints from `start` up to but without `stop`; empty when one is unknown or not above the other."""
    way: list[int] = []
    joint = start[0] if start and stop else -1
    while joint >= 0 and joint != stop[0]:
        way.append(joint)
        joint = file.joints[joint].parent
    return way if joint >= 0 else []


def z_is_up(file: BvhFile, common: Mapping[str, tuple[int, ...]], positions: Float32[np.ndarray, "T V 3"]) -> bool:
    """Whether the file counts heights along z: people stand along it both at rest and in most frames.

    Both are asked, because someone may lie down for a whole recording, and some programs give rest poses with every
    bone along one axis.
    """
    rest = _spine(rest_positions(file)[None], common)
    moving = _spine(positions, common)
    return bool(len(rest) and np.abs(rest).argmax() == 2 and np.median(np.abs(moving[:, 2])) > 0.7)


def _spine(
    positions: Float32[np.ndarray, "T V 3"] | Float64[np.ndarray, "T V 3"], common: Mapping[str, tuple[int, ...]]
) -> Float64[np.ndarray, "T 3"]:
    """Direction from the hips to the head in each frame; no row when the names do not tell."""
    if "head" not in common or "hip_center" not in common:
        return np.zeros((0, 3))
    way = positions[:, common["head"][0]].astype(np.float64) - positions[:, common["hip_center"][0]]
    return way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-12)
