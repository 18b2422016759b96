"""MSR-Action3D: one text file a clip, 20 lines a frame of `x y z confidence`, metres, Kinect v1, 15 frames a second.

Frames in which the tracker lost the person are all zero; they become NaN.
Source: Li, Zhang, Liu, "Action recognition based on a bag of 3D points", CVPR workshops 2010.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import (
    LIKELY,
    NO,
    SURE,
    Reader,
    Source,
    name_numbers,
    register,
    zeros_are_missing,
)
from skelzero.readers.numbers import number_table, numbers_in_line

FPS = 15.0
JOINTS = 20
NAME = re.compile(
    r"^a(?P<action>[0-9]{1,3})_s(?P<subject>[0-9]{1,3})_e(?P<replication>[0-9]{1,3})(?:_skeleton(?:3D)?)?$"
)


@register
class MsrAction3dReader(Reader):
    name: ClassVar[str] = "msr-action3d"
    title: ClassVar[str] = "MSR-Action3D real-world skeletons (.txt)"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    dataset: ClassVar[str] = "msr_action3d"
    limit: ClassVar[int] = 64 << 20

    def sniff(self, head: bytes, name: str) -> float:
        lines = head.splitlines()[:3]
        if len(lines) < 3 or any(numbers_in_line(line) != 4 for line in lines[:2]):
            return NO
        return SURE if name_numbers(NAME, name.rpartition("/")[2].rpartition(".")[0]) else LIKELY

    def clips(self, source: Source) -> Iterator[Clip]:
        table = number_table(source.read(self.limit), 4, where=source.where)  # (T * V, 4)
        if len(table) % JOINTS:
            raise UserError("cut in the middle of a frame", where=source.where, got=f"{len(table)} lines",
                            expected=f"a multiple of {JOINTS}, one line a joint")  # fmt: skip
        values = table.reshape(1, -1, JOINTS, 4)  # (1, T, V, 4)
        ids = name_numbers(NAME, source.stem)
        origin = Origin(
            name=re.sub(r"_skeleton(3D)?$", "", source.stem),
            dataset=self.dataset,
            code=f"a{ids['action']:02d}" if ids else "",
            subject=ids.get("subject", -1),
            replication=ids.get("replication", -1),
            file=source.name,
        )
        positions = zeros_are_missing(np.ascontiguousarray(values[..., :3]))
        confidence = np.clip(np.nan_to_num(values[..., 3], nan=0.0), 0.0, 1.0)
        yield Clip(positions, load_layout("kinect20-msr"), origin, FPS, confidence)
