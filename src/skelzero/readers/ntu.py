"""NTU RGB+D 60 and 120 `.skeleton` text: Kinect v2, 25 joints, metres, 30 frames a second.

A file is: number of frames; per frame the number of bodies; per body a line of ten numbers that begins with the
tracking id, a line with the number of joints, and per joint a line of twelve numbers: x y z, depth x y, colour x y,
orientation w x y z, tracking state. Position and state are read. Every tracking id becomes one person, in order of
appearance; which of them are people is for preprocessing to say.
Source: Shahroudy et al., CVPR 2016; Liu et al., TPAMI 2020; file names SsssCcccPpppRrrrAaaa.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from jaxtyping import Float32

from skelzero.clips import Clip, Origin, load_layout
from skelzero.clips.clip import MAX_PERSONS
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
from skelzero.readers.decimals import parse_decimals
from skelzero.readers.ntu_text import BODY_WORDS, JOINTS, BodyTable, find_bodies

FPS = 30.0
CONFIDENCE = np.array([0.0, 0.5, 1.0], np.float32)
"""Of the tracking states not tracked, inferred, tracked."""
MAX_PERSON_FRAMES = 1_000_000
NAME = re.compile(
    r"S(?P<setup>[0-9]{3})C(?P<camera>[0-9]{3})P(?P<subject>[0-9]{3})R(?P<replication>[0-9]{3})A(?P<action>[0-9]{3})"
)


@register
class NtuReader(Reader):
    name: ClassVar[str] = "ntu"
    title: ClassVar[str] = "NTU RGB+D 60/120 (.skeleton)"
    suffixes: ClassVar[tuple[str, ...]] = (".skeleton",)
    dataset: ClassVar[str] = "ntu120"
    limit: ClassVar[int] = 128 << 20

    def sniff(self, head: bytes, name: str) -> float:
        lines = [line.split() for line in head.splitlines()[:5]]
        if len(lines) < 3 or any(len(line) != 1 or not line[0].isdigit() for line in lines[:2]):
            return NO
        bodyless = lines[1] == [b"0"] and all(len(line) in (1, BODY_WORDS) for line in lines)
        if len(lines[2]) == BODY_WORDS and lines[3:4] == [[b"25"]]:
            return SURE
        return LIKELY if bodyless or self.fits_name(name) else NO

    def clips(self, source: Source) -> Iterator[Clip]:
        bodies = find_bodies(source.read(self.limit), source.where)
        persons = len(bodies.ids)
        if persons > MAX_PERSONS or persons * bodies.frames > MAX_PERSON_FRAMES:
            raise UserError("too many bodies", where=source.where, got=f"{persons} in {bodies.frames} frames",
                            expected=f"<= {MAX_PERSONS}, and <= {MAX_PERSON_FRAMES} person-frames")  # fmt: skip
        values = _coordinates(bodies, source.where)  # (B, V, C)
        states = np.frombuffer(bodies.data, np.uint8)[bodies.states] - np.uint8(ord("0"))  # (B, V)
        positions = np.full((persons, bodies.frames, JOINTS, 3), np.nan, np.float32)
        confidence = np.zeros((persons, bodies.frames, JOINTS), np.float32)
        positions[bodies.person, bodies.frame] = zeros_are_missing(values)
        confidence[bodies.person, bodies.frame] = CONFIDENCE[np.minimum(states, 2)]
        yield Clip(positions, load_layout("ntu25"), self._origin(source), FPS, confidence)

    def _origin(self, source: Source) -> Origin:
        ids = name_numbers(NAME, source.stem)
        return Origin(
            name=source.stem,
            dataset=self.dataset,
            code=f"A{ids['action']:03d}" if ids else "",
            subject=ids.get("subject", -1),
            camera=ids.get("camera", -1),
            setup=ids.get("setup", -1),
            replication=ids.get("replication", -1),
            file=source.name,
        )


def _coordinates(bodies: BodyTable, where: str) -> Float32[np.ndarray, "B V C"]:
    try:
        values = parse_decimals(bodies.data, bodies.starts.ravel(), bodies.ends.ravel())
    except ValueError as error:
        raise UserError("a coordinate is not a number", where=where, got=str(error)[:120]) from error
    return to_float32(values.reshape(bodies.starts.shape))
