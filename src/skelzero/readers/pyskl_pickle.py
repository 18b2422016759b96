"""Annotation pickles of pyskl and mmaction2: COCO key points in pixels, or Kinect v2 joints in metres.

A file is {"split": ..., "annotations": [...]} or the bare list; an annotation has `frame_dir` (its name), `label` (from
0 on), `total_frames`, `keypoint` (people, frames, joints, 2 or 3) and mostly `keypoint_score` (people, frames, joints).
17 joints with 2 coordinates are COCO's (layout `coco17`, pixels), 25 with 3 are Kinect v2's (`ntu25`, metres); others
are skipped with the reason. NTU RGB+D names tell class and people; for other data the class code is the bare number.
Nothing in the pickle is ever run, and arrays stay in the file until their clip is asked for (`safe_pickle`).
Source: Duan, Wang, Chen, Lin, "PYSKL: Towards good practices for skeleton action recognition", ACM Multimedia 2022.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from jaxtyping import Float32

from skelzero.clips import Clip, JointLayout, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import LIKELY, NO, SURE, Reader, Skipped, Source, register, to_float32, zeros_are_missing
from skelzero.readers.prepared_arrays import FPS, ntu_origin
from skelzero.readers.safe_pickle import StoredArray, array_of, load_pickle

LAYOUTS = {(17, 2): ("coco17", "px", ()), (25, 3): ("ntu25", "m", ("pyskl-bodies",))}
"""Layout, unit and history by the number of joints and coordinates."""
WORDS = (b"frame_dir", b"keypoint", b"annotations", b"split")
MAX_REPEATS, FREE_BYTES = 2, 64 << 20
"""How often the bytes of a file may be used for clips: a pickle can name one large array a million times."""


@register
class PysklReader(Reader):
    name: ClassVar[str] = "pyskl"
    title: ClassVar[str] = "annotation pickles of pyskl and mmaction2 (.pkl)"
    suffixes: ClassVar[tuple[str, ...]] = (".pkl", ".pickle")

    def sniff(self, head: bytes, name: str) -> float:
        if head[:1] != b"\x80" or not 2 <= (head[1] if len(head) > 1 else 0) <= 5:
            return NO
        found = sum(word in head for word in WORDS)
        return SURE if found > 1 else LIKELY if found else NO

    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        value = load_pickle(source)
        annotations = value.get("annotations") if isinstance(value, dict) else value
        if not isinstance(annotations, list) or not annotations:
            raise UserError("no annotations in this pickle", where=source.where, got=type(annotations).__name__,
                            expected='{"annotations": [...]} or a list')  # fmt: skip
        left = MAX_REPEATS * source.size + FREE_BYTES
        for i, annotation in enumerate(annotations):
            name = f"{source.stem}-{i:06d}"
            if not isinstance(annotation, dict):
                yield Skipped(name, f"no annotation: {type(annotation).__name__}")
                continue
            given = annotation.get("frame_dir")
            name = given.rpartition("/")[2][:200] or name if isinstance(given, str) else name
            left -= sum(value.bytes for value in annotation.values() if isinstance(value, StoredArray))
            if left < 0:
                raise UserError("the pickle looks like a bomb", where=source.where,
                                got=f"more arrays than {source.size} bytes can hold")  # fmt: skip
            try:
                yield _clip(annotation, name, source)
            except UserError as error:
                yield Skipped(name, error.one_line())


def _clip(annotation: dict[str, object], name: str, source: Source) -> Clip:
    points = _array(annotation, "keypoint", 4, name)  # (P, T, V, C)
    layout_name, unit, history = LAYOUTS.get(points.shape[2:], ("", "", ()))  # type: ignore[call-overload]
    if not layout_name:
        raise UserError("joints that no layout fits", where=name, got=f"{points.shape[2:]} joints and coordinates",
                        expected="17 and 2 (COCO), or 25 and 3 (Kinect v2)")  # fmt: skip
    frames = annotation.get("total_frames", points.shape[1])
    if isinstance(frames, int) and frames != points.shape[1]:
        raise UserError("key points are not of every frame", where=name, got=points.shape[1], expected=frames)
    layout = load_layout(layout_name)
    positions = zeros_are_missing(to_float32(points))
    people = ~np.isnan(positions).all(axis=(1, 2, 3))
    if not people.any():
        raise UserError("nobody in any frame", where=name, next_step="leave this clip out")
    confidence = _confidence(annotation, positions, layout, name)
    return Clip(
        positions[people],
        layout,
        _origin(annotation, name, source),
        FPS if ntu_origin(name, "") else math.nan,
        None if confidence is None else confidence[people],
        unit,
        history,
    )


def _array(annotation: dict[str, object], key: str, dims: int, name: str) -> np.ndarray:
    array = array_of(annotation.get(key), where=f"{name}, {key}")
    if array.ndim != dims or array.dtype.kind not in "fiu":
        raise UserError(f"{key} has the wrong shape", where=name, got=f"{array.dtype} {array.shape}",
                        expected=f"numbers, {dims} axes: person, frame, joint ...")  # fmt: skip
    return array


def _confidence(
    annotation: dict[str, object], positions: Float32[np.ndarray, "P T V C"], layout: JointLayout, name: str
) -> Float32[np.ndarray, "P T V"] | None:
    if annotation.get("keypoint_score") is None:
        return None
    score = _array(annotation, "keypoint_score", 3, name)
    if score.shape != positions.shape[:3]:
        raise UserError("keypoint_score does not fit keypoint", where=name, got=score.shape,
                        expected=positions.shape[:3])  # fmt: skip
    return np.clip(np.nan_to_num(to_float32(score), nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)


def _origin(annotation: dict[str, object], name: str, source: Source) -> Origin:
    known = ntu_origin(name, source.name)
    label = annotation.get("label", -1)
    if known is not None:
        return known
    return Origin(name=name, code=str(label) if type(label) is int and label >= 0 else "", file=source.name)
