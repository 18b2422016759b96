"""PKU-MMD 1 and 2: one text file a recording, cut into clips by a label file of the same name.

Skeletons: one line a frame of 150 numbers, two bodies of 25 Kinect v2 joints in metres, 30 frames a second; an absent
body is all zero. Labels: `class,start,end,confidence` a line, in frames, class 1 to 51. Labels are looked for below a
folder whose name contains `label` (`label/0002-L.txt` beside `skeleton/0002-L.txt`); a recording without labels is one
untrimmed clip. The last letter of the name is the camera: L, M or R.
Source: Liu, Hu, Li, Song, Liu, "PKU-MMD: A large scale benchmark for continuous multi-modal human action
understanding", ACM Multimedia workshop 2017, and the data set's README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import NO, SURE, Reader, Skipped, Source, register, zeros_are_missing
from skelzero.readers.numbers import number_table, numbers_in_line

FPS = 30.0
PERSONS, JOINTS = 2, 25
COLUMNS = PERSONS * JOINTS * 3
MAX_LABELS = 1000
LABEL_BYTES = 1 << 20
CAMERAS = {"L": 1, "M": 2, "R": 3}
CAMERA = re.compile(r"-(?P<camera>[LMR])$")


class Interval(NamedTuple):
    """A labelled stretch of frames: class number, first frame, frame after the last."""

    code: int
    start: int
    end: int


@register
class PkuMmdReader(Reader):
    name: ClassVar[str] = "pku-mmd"
    title: ClassVar[str] = "PKU-MMD skeletons with label files (.txt)"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    dataset: ClassVar[str] = "pku_mmd"

    def sniff(self, head: bytes, name: str) -> float:
        first, line_end, _ = head.partition(b"\n")
        return SURE if line_end and numbers_in_line(first) == COLUMNS else NO

    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        table = number_table(source.read(self.limit), COLUMNS, where=source.where)  # (T, 150)
        values = table.reshape(-1, PERSONS, JOINTS, 3).transpose(1, 0, 2, 3)  # (P, T, V, C)
        camera = CAMERA.search(source.stem)
        origin = Origin(
            name=source.stem,
            dataset=self.dataset,
            camera=CAMERAS[camera["camera"]] if camera else -1,
            file=source.name,
        )
        if source.labels is None:
            yield _clip(values, origin)
            return
        for interval in read_intervals(source.labels):
            name = f"{source.stem}_{interval.start:05d}_{interval.end:05d}_{interval.code:02d}"
            try:
                part = _cut(values, interval, source.labels.where)
                yield _clip(part, replace(origin, name=name, code=str(interval.code), start_frame=interval.start))
            except UserError as error:
                yield Skipped(name, error.one_line())


def read_intervals(labels: Source) -> list[Interval]:
    """The labelled stretches of a recording.

    Raises
    ------
    UserError
        A line that is not `class,start,end[,confidence]`, or no line at all.
    """
    lines = [line.strip() for line in labels.read(LABEL_BYTES).splitlines()]
    intervals = []
    for number, line in enumerate(lines):
        words = line.split(b",")
        if line and (len(words) < 3 or not all(word.strip().isdigit() and len(word) < 10 for word in words[:3])):
            raise UserError("a label cannot be read", where=f"{labels.where}, line {number + 1}",
                            got=repr(line[:60])[1:], expected="class,start,end,confidence, whole numbers")  # fmt: skip
        if line:
            intervals.append(Interval(*(int(word) for word in words[:3])))
    if not 0 < len(intervals) <= MAX_LABELS:
        raise UserError("no label, or too many", where=labels.where, got=len(intervals), expected=f"1..{MAX_LABELS}")
    return intervals


def _cut(values: Float32[np.ndarray, "P T V C"], interval: Interval, where: str) -> Float32[np.ndarray, "P t V C"]:
    frames = values.shape[1]
    # Some labels end a frame or two after the recording; what begins after its end is wrong.
    if not interval.start < min(interval.end, frames):
        got = f"frames {interval.start}-{interval.end}"
        expected = f"within 0-{frames}, start before end"
        raise UserError("a label does not fit its recording", where=where, got=got, expected=expected)
    return values[:, interval.start : interval.end]


def _clip(values: Float32[np.ndarray, "P T V C"], origin: Origin) -> Clip:
    """One clip with the bodies that are in it; the others are all zero."""
    present = [person for person in range(PERSONS) if values[person].any()]
    kept = np.ascontiguousarray(values[present or [0]])  # nobody: the clip's own check says so
    return Clip(zeros_are_missing(kept), load_layout("ntu25"), origin, FPS)
