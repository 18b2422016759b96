"""The vocabulary of movement: named, graded attributes of what the body does."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

from skelzero.cards import sha256_of
from skelzero.text.attributes.files import read_yaml, shipped

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes
    ----------
    name : str
    part : str
        The part of the vocabulary that it belongs to: arms, contact, legs, trunk, posture, travel, whole or company.
    says : str
        The sentence that a user reads.
    low, high : float
        Range of legal values.
    rest : float
        Of somebody who stands still with hanging arms; NaN where that says nothing.
    marks : tuple of (float, str)
        What some values mean.
    needs : (str, float), optional
        Unknown where the named attribute is smaller than that.
    depth : bool
        Whether a recording in two dimensions cannot tell it.
    """

    name: str
    part: str
    says: str
    low: float
    high: float
    rest: float
    marks: tuple[tuple[float, str], ...] = ()
    needs: tuple[str, float] | None = None
    depth: bool = False


@dataclass(frozen=True)
class Schema:
    """All attributes in their order, A of them; vectors and matrices of values have one column each."""

    attributes: tuple[Attribute, ...]

    def __len__(self) -> int:
        return len(self.attributes)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(a.name for a in self.attributes)

    @functools.cached_property
    def index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the vocabulary, in order."""
        return tuple(dict.fromkeys(a.part for a in self.attributes))

    @functools.cached_property
    def low(self) -> Float64[np.ndarray, " A"]:
        return np.array([a.low for a in self.attributes])

    @functools.cached_property
    def high(self) -> Float64[np.ndarray, " A"]:
        return np.array([a.high for a in self.attributes])

    @functools.cached_property
    def rest(self) -> Float64[np.ndarray, " A"]:
        return np.array([a.rest for a in self.attributes])

    @functools.cached_property
    def depth(self) -> Bool[np.ndarray, " A"]:
        return np.array([a.depth for a in self.attributes])

    @functools.cached_property
    def sha256(self) -> str:
        return sha256_of([(a.name, a.low, a.high, a.rest, a.needs) for a in self.attributes])

    def of_part(self, part: str) -> Bool[np.ndarray, " A"]:
        """Which attributes belong to a part."""
        return np.array([a.part == part for a in self.attributes])

    def settle(self, values: Float[np.ndarray, "... A"]) -> Float64[np.ndarray, "... A"]:
        """Values within their ranges; what depends on an attribute that is too small becomes unknown (NaN).

        An unknown condition decides nothing.
        """
        settled = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        conditions = settled.copy()
        for i, attribute in enumerate(self.attributes):
            if attribute.needs is not None:
                name, least = attribute.needs
                settled[..., i] = np.where(conditions[..., self.index[name]] < least, np.nan, settled[..., i])
        return settled


@functools.cache
def load_schema() -> Schema:
    """The vocabulary that ships with the package (`schema.yaml`).

    >>> schema = load_schema()
    >>> schema.attributes[schema.index["hand-top"]].marks[6]
    (1.8, 'overhead')
    """
    table = read_yaml(shipped("schema.yaml"))
    return Schema(tuple(_attribute(name, entry) for name, entry in table.items()))


def _attribute(name: str, entry: dict[str, Any]) -> Attribute:
    low, high = (float(v) for v in entry["range"])
    rest = float("nan") if entry["rest"] == UNKNOWN else float(entry["rest"])
    assert low < high and not rest < low and not rest > high, name
    marks = tuple((float(value), str(meaning)) for value, meaning in entry.get("marks", {}).items())
    needs = entry.get("needs")
    return Attribute(name, entry["part"], entry["says"], low, high, rest, marks,
                     (str(needs[0]), float(needs[1])) if needs else None, bool(entry.get("depth", False)))  # fmt: skip
