"""UTD-MHAD: one MATLAB file a clip, variable `d_skel` (20 joints, 3, frames), metres, Kinect v1, 30 frames a second.

Source: Chen, Jafari, Kehtarnavaz, "UTD-MHAD: A multimodal dataset for human action recognition", ICIP 2015.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

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
    to_float32,
    zeros_are_missing,
)
from skelzero.readers.mat5 import MAGIC, read_variable

FPS = 30.0
VARIABLE = "d_skel"
NAME = re.compile(r"^a(?P<action>[0-9]{1,3})_s(?P<subject>[0-9]{1,3})_t(?P<trial>[0-9]{1,3})(?:_skeleton)?$")


@register
class UtdMhadReader(Reader):
    name: ClassVar[str] = "utd-mhad"
    title: ClassVar[str] = "UTD-MHAD skeletons (MATLAB 5 .mat)"
    suffixes: ClassVar[tuple[str, ...]] = (".mat",)
    dataset: ClassVar[str] = "utd_mhad"
    limit: ClassVar[int] = 64 << 20

    def sniff(self, head: bytes, name: str) -> float:
        if not head.startswith(MAGIC):
            return NO
        return SURE if name_numbers(NAME, name.rpartition("/")[2].rpartition(".")[0]) else LIKELY

    def clips(self, source: Source) -> Iterator[Clip]:
        values = read_variable(source.read(self.limit), VARIABLE, where=source.where)  # (V, C, T)
        if values.ndim != 3 or values.shape[:2] != (20, 3):
            raise UserError(f"{VARIABLE} has the wrong shape", where=source.where, got=values.shape,
                            expected="(20 joints, 3, frames)")  # fmt: skip
        positions = zeros_are_missing(to_float32(values.transpose(2, 0, 1)[None]))  # (1, T, V, C)
        ids = name_numbers(NAME, source.stem)
        origin = Origin(
            name=source.stem.removesuffix("_skeleton"),
            dataset=self.dataset,
            code=f"a{ids['action']}" if ids else "",
            subject=ids.get("subject", -1),
            replication=ids.get("trial", -1),
            file=source.name,
        )
        yield Clip(positions, load_layout("kinect20-utd"), origin, FPS)
