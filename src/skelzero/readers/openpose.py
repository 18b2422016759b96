"""OpenPose key points (`--write_json`): one JSON file a frame, or a JSON list of such frames; pixels, y down.

A frame is {"version": ..., "people": [{"pose_keypoints_2d": [x, y, score, ...]}]}. The number of points tells the body
model: 25 are BODY_25 (`openpose25`) or BODY_25B (`openpose25b`), whose bones then are the shorter ones; 18 are COCO's
with a neck (`openpose18`), 15 MPII's (`openpose15`), and 135 begin with those of BODY_25B. A folder or archive with the
files of one recording gives one clip (`frame_files`); `null` stands for a frame whose file is missing. A score of 0
means that the point was not found.
People have no identity in these files: they are linked from frame to frame by place (`detections`). The frame rate is
not given. Points in 3-D, of faces and of hands are left out.
Source: Cao, Hidalgo, Simon, Wei, Sheikh, "OpenPose", TPAMI 2019; `doc/02_output.md` of its repository.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int

from skelzero.clips import Clip, JointLayout, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import LIKELY, NO, SURE, Reader, Source, register, to_float32
from skelzero.readers.detections import JSON_BYTES, bad_file, by_person, confidence_of, link

LAYOUTS = {25: ("openpose25", "openpose25b"), 18: ("openpose18",), 15: ("openpose15",), 135: ("openpose25b",)}
"""By number of points, the likely one first."""
MUCH_SHORTER = 0.8
"""Of the likely model's bones, below which another one's show that it is that model."""
KEYS = ("pose_keypoints_2d", "pose_keypoints")
"""Today's name of the points of a body, and that of versions before 1.2."""
FORM = '{"people": [{"pose_keypoints_2d": [x, y, score, ...]}]} a frame, 25, 18, 15 or 135 points'


@register
class OpenPoseReader(Reader):
    name: ClassVar[str] = "openpose"
    title: ClassVar[str] = "OpenPose key points, one file a frame or one list of frames (.json)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    limit: ClassVar[int] = JSON_BYTES

    def sniff(self, head: bytes, name: str) -> float:
        if not head.lstrip().startswith((b"{", b"[")) or b'"people"' not in head:
            return NO
        return SURE if b'"pose_keypoints' in head else LIKELY

    def clips(self, source: Source) -> Iterator[Clip]:
        points, frames, count = _detections(source)
        layout = _layout_of(points)
        points = points[:, : len(layout)]
        people = link(points[..., :2], frames, where=source.where)
        courses = by_person(points, frames, people, length=count, where=source.where)
        name = source.stem.removesuffix("keypoints").rstrip("_") or "recording"
        yield Clip(
            np.ascontiguousarray(courses[..., :2]),
            layout,
            Origin(name=name, file=source.name),
            confidence=confidence_of(courses[..., 2]),
            unit="px",
        )


def _detections(source: Source) -> tuple[Float32[np.ndarray, "D V 3"], Int[np.ndarray, " D"], int]:
    """Bodies of all frames with the number of the frame, and how many frames there are."""
    try:
        value = json.loads(source.read(OpenPoseReader.limit))
        content = value if isinstance(value, list) else [value]
        rows = [(i, row) for i, frame in enumerate(content) for row in _bodies(frame)]
        flat = np.asarray([row for _, row in rows], dtype=np.float64)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise bad_file(source, "OpenPose", error, FORM) from error
    if not rows:
        raise UserError("nobody in any frame", where=source.where, next_step="leave this recording out")
    if flat.ndim != 2 or flat.shape[1] not in [3 * count for count in LAYOUTS]:
        raise UserError("bodies have the wrong number of points", where=source.where, got=flat.shape[1:],
                        expected="25 (BODY_25), 18 (COCO), 15 (MPI) or 135 (BODY_135) points x 3")  # fmt: skip
    points = to_float32(flat.reshape(len(flat), -1, 3))
    points[~(points[..., 2] > 0)] = np.nan
    seen = np.isfinite(points).all(axis=-1).any(axis=-1)
    if not seen.any():
        raise UserError("no point was found in any frame", where=source.where, got="scores of 0 only",
                        next_step="leave this recording out")  # fmt: skip
    points, frames = points[seen], np.array([i for i, _ in rows])[seen]
    if np.nanmax(np.abs(points[..., :2])) <= 1:
        raise UserError("points are shares of the picture, whose proportions are not known", where=source.where,
                        expected="pixels", next_step="run OpenPose with --keypoint_scale 0")  # fmt: skip
    return points, frames, len(content)


def _layout_of(points: Float32[np.ndarray, "D V 3"]) -> JointLayout:
    """The body model; of two with as many points, the one whose bones are shorter."""
    likely, *others = (load_layout(name) for name in LAYOUTS[points.shape[1]])
    best = MUCH_SHORTER * _bone_length(points, likely)
    return next((other for other in others if _bone_length(points, other) < best), likely)


def _bone_length(points: Float32[np.ndarray, "D V 3"], layout: JointLayout) -> float:
    """Mean length of the bones that are seen, of somebody typical; NaN where none is."""
    child, parent = np.array(layout.bones).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # bodies of whom no bone is seen
        lengths = np.linalg.norm(points[:, child, :2] - points[:, parent, :2], axis=-1)
        return float(np.nanmedian(np.nanmean(lengths, axis=1)))


def _bodies(frame: Any) -> Iterator[list[float]]:
    """Numbers of each body in a frame; a person of whom there is only a hand or a face has none."""
    if frame is None:
        return
    for person in frame["people"]:
        row = next((person[key] for key in KEYS if key in person), None)
        if row:
            yield row
