"""Frames of a stream, checked: arrays, or JSON as anyone's program writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from skelzero.clips import JointLayout
from skelzero.clips.clip import MAX_COORDINATE
from skelzero.errors import UserError


def read_frame(
    frame: np.ndarray | Mapping[str, Any], layout: JointLayout, persons: int
) -> Float32[np.ndarray, "P V C"]:  # fmt: skip
    """One frame of `persons` people, NaN where a joint or a person is missing.

    Raises
    ------
    UserError
        Other shapes than the layout's, more people than expected, infinite or absurd coordinates.
    """
    given = frame if isinstance(frame, np.ndarray) else _from_json(frame, layout)
    V, C = len(layout), layout.dims
    if given.dtype.kind != "f" or given.ndim != 3 or given.shape[1:] != (V, C):
        raise UserError("a frame does not fit the joint layout", got=f"{given.dtype} {given.shape}",
                        expected=f"float (person, {V}, {C}) for layout {layout.name}")  # fmt: skip
    if len(given) > persons:
        raise UserError("more people in a frame than were announced", got=len(given), expected=f"at most {persons}",
                        next_step="start the stream for more persons")  # fmt: skip
    if np.isinf(given).any() or np.nanmax(np.abs(given), initial=0) > MAX_COORDINATE:
        raise UserError("infinite or absurd coordinates", expected=f"|x| <= {MAX_COORDINATE:g} or null")
    poses = np.full((persons, V, C), np.nan, dtype=np.float32)
    poses[: len(given)] = given
    return poses


def _from_json(frame: object, layout: JointLayout) -> Float32[np.ndarray, "P V C"]:
    found = dict(frame) if isinstance(frame, Mapping) else {}
    people = found.get("persons", [found["joints"]] if "joints" in found else None)
    if not isinstance(people, list):
        raise UserError("this is no frame", expected='{"joints": [[x, y, z], ...]} or {"persons": [[...], ...]}')
    if not people:
        return np.empty((0, len(layout), layout.dims), dtype=np.float32)
    return np.stack([_body(joints, layout) for joints in people])


def _body(joints: object, layout: JointLayout) -> Float32[np.ndarray, "V C"]:
    """The joints of one person, each a list of numbers or null; null for a person who is not seen."""
    V, C = len(layout), layout.dims
    if joints is None:
        return np.full((V, C), np.nan, dtype=np.float32)
    missing = [None] * C
    rows = [missing if joint is None else joint for joint in joints] if isinstance(joints, list) else []
    if len(rows) != V or not all(isinstance(row, list) and len(row) == C and all(map(_is_number, row)) for row in rows):
        raise UserError("a body does not fit the joint layout", got=f"{len(rows)} joints",
                        expected=f"{V} joints, each {C} numbers or null, for layout {layout.name}")  # fmt: skip
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        return np.array([[np.nan if x is None else float(x) for x in row] for row in rows]).astype(np.float32)


def _is_number(value: object) -> bool:
    """A number that fits a float, or null."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= MAX_COORDINATE
    return value is None or isinstance(value, float)
