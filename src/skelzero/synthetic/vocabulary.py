"""The vocabulary of motion: named postures, and classes written as paths through them.

Both are data files (`vocabulary.yaml`, `classes.yaml`); this module gives them types and checks them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from skelzero.synthetic.kinematics import LIMBS, MEMBERS

REST = "rest"
STAY = "stay"
GROUPS = {
    **{member: ((member, 0.0),) for member in MEMBERS},
    "both arms": (("left arm", 0.0), ("right arm", 0.0)),
    "both legs": (("left leg", 0.0), ("right leg", 0.0)),
    "arms in turn": (("left arm", 0.0), ("right arm", 0.5)),
    "legs in turn": (("left leg", 0.0), ("right leg", 0.5)),
}
"""Who is meant by the left-hand side of a part, and by how much of a round each one is late."""


@dataclass(frozen=True)
class Posture:
    """A named posture of one limb: angles that differ from rest, or a place for the hand.

    Attributes
    ----------
    angles : mapping of str to float
        Degrees by name of the angle.
    reach, elbow : tuple of 3 floats or None
        Where the hand is (shares of stature) and where the elbow points; arms only.
    """

    angles: Mapping[str, float]
    reach: tuple[float, float, float] | None = None
    elbow: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Part:
    """One limb's, or one pair's, way through a round.

    Attributes
    ----------
    limb : str
        `arm`, `leg`, `trunk`, `head` or `body`.
    members : tuple of (str, float)
        Which ones, and their delay in shares of a round.
    stops : tuple of str
        Postures in order; the first is where the round begins.
    times : tuple of float
        When each posture is reached, from 0 to 1.
    flowing : bool
        Through the postures without stopping.
    """

    limb: str
    members: tuple[tuple[str, float], ...]
    stops: tuple[str, ...]
    times: tuple[float, ...]
    flowing: bool

    @property
    def winds(self) -> bool:
        """The limb goes round: the last posture is the first one a whole turn later."""
        return self.flowing and self.stops[0] != self.stops[-1]


@dataclass(frozen=True)
class Action:
    """One synthetic class; see the head of `classes.yaml` for the meaning of the fields."""

    code: str
    label: str
    seconds: tuple[float, float]
    rounds: tuple[int, int]
    parts: tuple[Part, ...]
    rhythmic: bool = False
    ends_elsewhere: bool = False
    held: bool = False
    on_hands_and_feet: bool = False
    either_side: bool = False
    air: tuple[tuple[float, float], ...] = ()

    @property
    def number(self) -> int:
        return int(self.code[1:])


@functools.cache
def postures() -> Mapping[str, Mapping[str, Posture]]:
    """Every posture by limb and name."""
    table = _read("vocabulary.yaml")
    assert set(table) == set(LIMBS)
    return {limb: {name: _posture(limb, entry) for name, entry in entries.items()} for limb, entries in table.items()}


@functools.cache
def actions() -> Mapping[str, Action]:
    """Every class by code, in order."""
    found = [_action(entry) for entry in _read("classes.yaml")]
    assert len({a.code for a in found}) == len(found) == len({a.label for a in found}), "codes and labels are unique"
    return MappingProxyType({action.code: action for action in found})


def _read(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((resources.files("skelzero.synthetic") / name).read_text(encoding="utf-8"), Loader=loader)


def _posture(limb: str, entry: dict[str, Any]) -> Posture:
    if "reach" in entry:
        assert limb == "arm" and set(entry) == {"reach", "elbow"}, entry
        return Posture({}, tuple(entry["reach"]), tuple(entry["elbow"]))
    assert set(entry) <= set(LIMBS[limb]), entry
    return Posture({name: float(value) for name, value in entry.items()})


def _action(entry: dict[str, Any]) -> Action:
    fields = {key.replace(" ", "_"): value for key, value in entry.items()}
    for key in ("seconds", "rounds"):
        fields[key] = tuple(fields[key])
    fields["air"] = tuple((start, end) for start, end in fields.get("air", ()))
    fields["parts"] = tuple(_part(group, path) for group, path in fields["parts"].items())
    return Action(**fields)


def _part(group: str, path: str) -> Part:
    members = GROUPS[group]
    limb = MEMBERS[members[0][0]][0]
    flowing = "~" in path
    stops: list[str] = []
    weights: list[float] = []
    for word in path.split("~" if flowing else ">"):
        name, _, weight = word.strip().partition("*")
        stops.append(stops[-1] if name == STAY else name)
        weights.append(float(weight or 1))
        assert stops[-1] in postures()[limb], f"{limb} has no posture {name!r}"
    weights[0] = 0.0
    times = [sum(weights[: i + 1]) / sum(weights) for i in range(len(weights))]
    return Part(limb, members, tuple(stops), tuple(times), flowing)
