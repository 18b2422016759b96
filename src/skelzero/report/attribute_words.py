"""The vocabulary of movement in words: what a value means, on which scale, and the tables of `docs/attributes.md`.

`python -m skelzero.report.attribute_words` prints those tables.
"""

from __future__ import annotations

import math
import sys
from itertools import pairwise

from skelzero.kinematics.measures import FAR, NEAR, ORDINARY_SPEED, WIDE_ARM, WIDE_LEG
from skelzero.text.attributes.schema import UNKNOWN, Attribute, Schema, load_schema

PARTS = {
    "arms": "The arms",
    "contact": "What the hands come near",
    "legs": "The legs",
    "trunk": "Trunk and head",
    "posture": "Posture",
    "travel": "Way through the room",
    "whole": "The movement as a whole",
    "company": "Two people",
}
"""The parts of the vocabulary in the order in which people read them."""
OWN = 0.25
"""Share of the way to the next mark in which a value has a mark's meaning; others lie between two."""
NEAR_A_MARK = 0.1
"""Share of the range by which a value beyond the last mark still has its meaning, unless it is nearer to rest."""

_HEIGHT = "torso lengths above the hip joints: 0 is the hip, 1 the shoulder"
_ARM_WAY = f"size of the hand's region about the shoulder; 1 is {WIDE_ARM:g} arm lengths, as from hanging to level"
_LEG_WAY = f"size of the foot's region about the hip; 1 is {WIDE_LEG:g} leg length, as from hanging to 60 degrees"
_REACH = "arm lengths from the shoulder"
_LEG_REACH = "leg lengths from the hip"
_LOW = "leg lengths below standing: 0 standing, 1 hips on the floor"
_ROUNDS = "rounds: 0 is one, 1 is four or more"
_NEARNESS = f"nearness: 1 within {NEAR:g} torso lengths, 0 beyond {FAR:g}"
_STROKE = "direction of the fastest stretch of the way; 1 or -1 is straight along this axis"
_PATH = "share of the path; the three directions add up to 1"
_TIME = "share of the time"
_WAY = "1 is four torso lengths, about two metres"
SCALES = {
    "arm-moves": _ARM_WAY, "other-arm-moves": _ARM_WAY, "hand-top": _HEIGHT, "hand-bottom": _HEIGHT,
    "hand-works-at": _HEIGHT, "other-hand-top": _HEIGHT, "reach-forward": _REACH, "reach-side": _REACH,
    "reach-back": _REACH, "reach-across": "arm lengths past the midline", "stroke-up": _STROKE, "stroke-out": _STROKE,
    "stroke-forward": _STROKE, "along-vertical": _PATH, "along-side": _PATH, "along-forward": _PATH,
    "elbow-bent": "angle; 1 is 140 degrees", "elbow-works": "change of the angle; 1 is 140 degrees",
    "arm-repeats": _ROUNDS, "leg-repeats": _ROUNDS, "trunk-repeats": _ROUNDS,
    "quick": f"speed of the fastest hand or foot: 0.5 is {ORDINARY_SPEED:g} m/s, and 1 is never quite reached",
    "rhythm": "rounds a second; 1 is three", "arm-holds": _TIME, "stillness": _TIME,
    "hand-at-head": _NEARNESS, "hand-at-chest": _NEARNESS, "hands-meet": _NEARNESS, "hand-at-hip": _NEARNESS,
    "hand-at-leg": _NEARNESS, "hand-at-arm": _NEARNESS, "leg-moves": _LEG_WAY, "other-leg-moves": _LEG_WAY,
    "foot-top": "leg lengths above the floor", "knee-bend": "angle; 1 is 140 degrees",
    "thigh-up": "angle; 1 is 150 degrees", "leg-forward": _LEG_REACH, "leg-side": _LEG_REACH, "leg-back": _LEG_REACH,
    "jump": "height of the lower foot; 1 is a quarter of a leg length", "bend-forward": "angle; 1 is 90 degrees",
    "bend-back": "angle; 1 is 60 degrees", "bend-side": "angle; 1 is 60 degrees", "twist": "angle; 1 is 60 degrees",
    "hip-drop": _LOW, "starts-low": _LOW, "ends-low": _LOW, "travels": _WAY, "travels-forward": _WAY,
    "travels-sideways": _WAY, "turns": "angle; 1 is 180 degrees",
    "returns": "share of the way back: 0 ends where it went farthest, 1 ends as it began",
    "side": "how much more one side's limb moves than the other's", "another-person": "0 alone, 1 with another person",
    "touches-other": _NEARNESS, "other-nears": "1 is two torso lengths nearer, about a metre",
}  # fmt: skip
"""What 1 means, or the unit; attributes that are not here are a matter of degree."""
DEGREE = "degree: 0 not at all, 1 fully"


def scale_of(attribute: Attribute) -> str:
    return SCALES.get(attribute.name, DEGREE)


def number(value: float) -> str:
    """At most two decimals, without a minus before zero."""
    return UNKNOWN if math.isnan(value) else f"{round(value, 2) + 0.0:g}"


def range_of(attribute: Attribute) -> str:
    return f"{number(attribute.low)} to {number(attribute.high)}"


def marks_of(attribute: Attribute) -> list[str]:
    return [f"{number(value)} {meaning}" for value, meaning in attribute.marks]


def needs_of(attribute: Attribute) -> str:
    """Under which condition the attribute is known; empty where always."""
    if attribute.needs is None:
        return ""
    name, least = attribute.needs
    return f"{name} of at least {number(least)}"


def meaning_of(attribute: Attribute, value: float) -> str:
    """What the marks say of a value; empty where they say nothing, as far beyond the last one.

    >>> hand_top = load_schema().attributes[load_schema().index["hand-top"]]
    >>> meaning_of(hand_top, 1.85), meaning_of(hand_top, 0.05)
    ('overhead', 'between hanging by the thigh and waist')
    """
    if not attribute.marks or math.isnan(value):
        return ""
    for (low, lower), (high, higher) in pairwise(attribute.marks):
        if low <= value <= high:
            share = (value - low) / (high - low)
            return lower if share < OWN else higher if share > 1 - OWN else f"between {lower} and {higher}"
    nearest, meaning = min(attribute.marks, key=lambda mark: abs(mark[0] - value))
    beyond = abs(nearest - value)
    near = beyond <= NEAR_A_MARK * (attribute.high - attribute.low) and not abs(attribute.rest - value) < beyond
    return meaning if near else ""


def markdown_tables(schema: Schema) -> str:
    """One table a part, as `docs/attributes.md` has them."""
    sections = []
    for part in PARTS:
        rows = [_row(a) for a in schema.attributes if a.part == part]
        head = "| attribute | what it says | range | at rest | scale | marks |\n|---|---|---|---|---|---|"
        sections.append("\n".join([f"### {PARTS[part]}\n", head, *rows]))
    return "\n\n".join(sections)


def _row(a: Attribute) -> str:
    says = a.says + (f"; known with {needs_of(a)}" if a.needs else "")
    cells = (f"`{a.name}`", says, range_of(a), number(a.rest), scale_of(a), "; ".join(marks_of(a)))
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown_tables(load_schema()) + "\n")
