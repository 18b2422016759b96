"""Clips out of arrays that others have already prepared for an encoder: padded with zeros, Kinect v2 joints.

Absent people and padding are zeros there. Zero frames at the end are dropped, a person's other zero frames become NaN.
A single joint at the origin is no missing joint: these clips were moved so that the first frame's spine lies there.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import Skipped, name_numbers, to_float32
from skelzero.readers.class_codes import class_code
from skelzero.readers.ntu import FPS, NAME

JOINTS = 25
BODY = JOINTS * 3
MAX_PERSONS = 2


def flat_bodies(row: Float[np.ndarray, "T columns"]) -> Float[np.ndarray, "P T V 3"]:
    """Frames of 75 or 150 numbers (bodies one after the other) as bodies."""
    return row.reshape(len(row), -1, JOINTS, 3).transpose(1, 0, 2, 3)


def prepared_clip(
    values: Float[np.ndarray, "P T V 3"], origin: Origin, history: tuple[str, ...], fps: float
) -> Clip | Skipped:
    """A clip of Kinect v2 joints; what is wrong with one clip of many is told as `Skipped`."""
    x = to_float32(values)
    present = (x != 0).any(axis=(2, 3))  # (P, T)
    if not present.any():
        return Skipped(origin.name, "no body in any frame")
    last = int(np.flatnonzero(present.any(axis=0))[-1]) + 1
    people = present.any(axis=1)
    positions = np.where(present[people, :last, None, None], x[people, :last], np.float32(np.nan))
    try:
        return Clip(positions, load_layout("ntu25"), origin, fps, history=history)
    except UserError as error:
        return Skipped(origin.name, error.one_line())


def numbered_origin(name: str, dataset: str, number: int, file: str, *, where: object) -> Origin:
    """The origin of a clip of which only its class number (-1: not known) is known."""
    code = class_code(dataset, number, where=where) if number >= 0 else ""
    return Origin(name=name, dataset=dataset if code else "", code=code, file=file)


def ntu_origin(name: str, file: str) -> Origin | None:
    """The origin of a clip that has kept its NTU RGB+D name; None for other names."""
    ids = name_numbers(NAME, name)
    if not ids:
        return None
    return Origin(
        name=name,
        dataset="ntu120",
        code=f"A{ids['action']:03d}",
        subject=ids["subject"],
        camera=ids["camera"],
        setup=ids["setup"],
        replication=ids["replication"],
        file=file,
    )


__all__ = ["BODY", "FPS", "JOINTS", "MAX_PERSONS", "flat_bodies", "ntu_origin", "numbered_origin", "prepared_clip"]
