"""Profiles: what the body does in a class, as one value an attribute; written by hand, and edited by users, as YAML.

A profile names what differs from somebody who stands still with hanging arms; everything else has its value at rest.
`unknown` is a legal value and means that nothing is claimed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from skelzero.errors import UserError, unknown_choice
from skelzero.text.attributes.files import read_yaml, shipped
from skelzero.text.attributes.schema import UNKNOWN, Attribute, load_schema

Values = Float64[np.ndarray, " A"]


def read_profile(given: Mapping[str, Any], *, where: object = None) -> Values:
    """Values in the schema's order; NaN where unknown.

    Raises
    ------
    UserError
        An attribute that the schema does not have, no number, or a number out of its range.

    Examples
    --------
    >>> values = read_profile({"hand-top": 1.8, "arm-moves": 1, "side": "unknown"})
    >>> float(values[load_schema().index["hand-top"]])
    1.8
    """
    schema = load_schema()
    values = schema.rest.copy()
    for name, value in given.items():
        if name not in schema.index:
            raise unknown_choice("attribute", str(name), schema.names, where=where)
        attribute = schema.attributes[schema.index[name]]
        if value == UNKNOWN:
            values[schema.index[name]] = math.nan
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not attribute.low <= value <= attribute.high:
            raise UserError(f"attribute {name!r} cannot have this value", where=where, got=repr(value),
                            expected=f"{attribute.low:g} to {attribute.high:g}, or {UNKNOWN}: {attribute.says}"
                            )  # fmt: skip
        values[schema.index[name]] = float(value)
    return schema.settle(values)


def write_profile(values: Float[np.ndarray, " A"]) -> dict[str, float | str]:
    """What differs from rest, rounded for people; `read_profile` takes it back.

    >>> write_profile(read_profile({"jump": 1, "knee-bend": 0.5}))
    {'knee-bend': 0.5, 'jump': 1.0}
    """
    schema = load_schema()
    found: dict[str, float | str] = {}
    for attribute, value in zip(schema.attributes, np.asarray(values, dtype=np.float64), strict=True):
        if math.isnan(value):
            if not math.isnan(attribute.rest) and not _follows(attribute, values):
                found[attribute.name] = UNKNOWN
        elif math.isnan(attribute.rest) or abs(value - attribute.rest) >= 0.005:
            found[attribute.name] = round(float(value), 2)
    return found


def _follows(attribute: Attribute, values: Float[np.ndarray, " A"]) -> bool:
    """Whether an attribute is unknown because of another one's value, as that value is written."""
    if attribute.needs is None:
        return False
    name, least = attribute.needs
    return round(float(values[load_schema().index[name]]), 2) < least


@functools.cache
def shipped_profiles(class_set: str) -> dict[str, dict[str, Any]]:
    """Written profiles of a shipped class set by class code; empty where nobody wrote any."""
    path = shipped("profiles", f"{class_set}.yaml")
    if not path.is_file():
        return {}
    profiles = read_yaml(path)["profiles"]
    return {str(code): {name: value if value == UNKNOWN else float(value) for name, value in profile.items()}
            for code, profile in profiles.items()}  # fmt: skip


@functools.cache
def movements() -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Described movements beyond the class sets, to learn from: (label, motion text, profile)."""
    folder = shipped("movements")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    entries = [entry for f in files for entry in read_yaml(f)["movements"]]
    return tuple((entry["label"], entry["motion"], entry["profile"]) for entry in entries)
