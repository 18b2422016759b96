"""The way of a hand as words tell it, and what follows from it: heights, reaches, strokes, shares of the path, elbow.

A place is (height, forward, outward): height in torso lengths above the hips as in the schema, the other two in arm
lengths from the hand's own shoulder. An arm measures `ARM` torso lengths, so that a hanging hand is at -0.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Place = tuple[float, float, float]
Way = tuple[float, float, float]

ARM = 1.2
SHOULDER = 1.0
MIDLINE = -0.3
REST: Place = (-0.2, 0.1, 0.15)
LOWEST = -0.35
FLOOR_REACH = -1.7
FULL_SWING = 1.75
"""Arm lengths between the ends of a path that count as swinging the whole arm."""

SHORT = 0.25
"""A stroke this short, in arm lengths, leaves a hand that is held somewhere where it is."""

SETUP = 0.4
"""How much the way to where the action begins counts."""

ROUNDS = 4
"""How much longer the path gets when a stroke is repeated over and over."""


@dataclass
class Stroke:
    """A straight piece of the way; `force` is how much it counts as the action itself, `repeats` as in the schema."""

    start: Place
    end: Place
    force: float = 1.0
    repeats: float = 0.0
    both_ways: bool = False
    setup: bool = False
    """Only how the hand came to where the action begins."""

    @property
    def way(self) -> Way:
        return ((self.end[0] - self.start[0]) / ARM, self.end[1] - self.start[1], self.end[2] - self.start[2])

    @property
    def length(self) -> float:
        return math.hypot(*self.way)


@dataclass
class HandPath:
    """One hand's way through the action, from hanging on."""

    at: Place = REST
    strokes: list[Stroke] = field(default_factory=list)
    held: list[tuple[Place, float]] = field(default_factory=list)
    straight: bool = False

    @property
    def moves(self) -> bool:
        return bool(self.strokes)

    def start_at(self, place: Place) -> None:
        """The hand comes to where the words begin; that counts little."""
        self.go(place, force=0.4, setup=not self.moves)

    def go(self, place: Place, force: float = 1.0, repeats: float = 0.0, setup: bool = False) -> None:
        place = within_reach(place, self.straight)
        if math.dist(place, self.at) > 0.02:
            self.strokes.append(
                Stroke(self.at, place, force, repeats, both_ways=repeats > 0.4 and force < 1.5, setup=setup)
            )
        self.at = place

    def sway(self, way: Way, repeats: float, force: float = 1.0) -> None:
        """To and fro about the present place."""
        half = (way[0] * ARM / 2, way[1] / 2, way[2] / 2)
        ends = [within_reach((self.at[0] + s * half[0], self.at[1] + s * half[1], self.at[2] + s * half[2]))
                for s in (-1, 1)]  # fmt: skip
        self.strokes.append(Stroke(ends[0], ends[1], force, repeats, both_ways=True))

    def wheel(self, repeats: float) -> None:
        """The whole arm round and round about its shoulder."""
        self.straight = True
        self.go(REST, repeats=repeats)
        for place in ((1.0, 1.0, 0.1), (2.2, 0.0, 0.1), (1.0, -0.9, 0.3), REST):
            self.go(place, repeats=repeats)

    def hold(self, share: float) -> None:
        self.held.append((self.at, share))

    def drop(self) -> None:
        """Back to hanging, as an action usually ends."""
        self.straight = False
        only = all(stroke.setup or stroke.length < SHORT for stroke in self.strokes)
        self.go(REST, force=0.9, setup=only)

    @property
    def places(self) -> list[Place]:
        return [REST, self.at, *(p for s in self.strokes for p in (s.start, s.end))]

    @property
    def extent(self) -> float:
        """How far apart the ends of the path are, as `arm-moves` counts it."""
        own = [p for s in self.strokes if not s.setup for p in (s.start, s.end)]
        farthest = max((_distance(a, b) for a in own for b in own), default=0.0)
        setup = max((s.length for s in self.strokes if s.setup), default=0.0)
        return min(1.0, max(farthest, SETUP * setup) / FULL_SWING)

    @property
    def top(self) -> float:
        return max(place[0] for place in self.places)

    @property
    def works_at(self) -> Place:
        """Where the hand is while it does the action: where it stays and where the repeated and strong strokes are."""
        spots = [(place, 0.5 + share) for place, share in self.held]
        for stroke in self.strokes:
            weight = stroke.length * stroke.force * (1 + ROUNDS * stroke.repeats)
            middle = tuple((a + b) / 2 for a, b in zip(stroke.start, stroke.end, strict=True))
            spots.append((middle if stroke.both_ways else stroke.end, weight * (stroke.end != REST)))  # type: ignore[arg-type]
        total = sum(weight for _, weight in spots)
        if not total:
            return self.at
        height, forward, outward = (sum(place[i] * w for place, w in spots) / total for i in range(3))
        return height, forward, outward


def _distance(a: Place, b: Place) -> float:
    # What the hand sinks below hanging it sinks with the trunk, and hardly about its shoulder.
    fall = max(a[0], LOWEST) - max(b[0], LOWEST)
    return math.hypot(fall / ARM, a[1] - b[1], a[2] - b[2])


def reach_of(place: Place) -> float:
    """How far the hand is from its shoulder, 1 with a straight arm."""
    return math.hypot((place[0] - SHOULDER) / ARM, place[1], place[2])


def within_reach(place: Place, straight: bool = False) -> Place:
    """The nearest place that the arm reaches; with a straight arm, the one on the same line from the shoulder.

    Below hanging the trunk bends along, so that only the height of the floor limits it.
    """
    if place[0] < REST[0]:
        return max(place[0], FLOOR_REACH), min(max(place[1], -0.9), 0.9), min(max(place[2], -0.9), 0.9)
    reach = reach_of(place)
    if reach <= 1 and not (straight and reach > 0.05):
        return place
    return SHOULDER + (place[0] - SHOULDER) / reach, place[1] / reach, place[2] / reach


def at_height(height: float, ahead: float, out: float, stretched: bool = False) -> Place:
    """A place at just that height, as far ahead and outward as the arm reaches there; if stretched, no less far."""
    up = min(1.0, abs(height - SHOULDER) / ARM)
    room = math.sqrt(1 - up * up) * 0.95
    flat = math.hypot(ahead, out)
    if flat == 0 or (flat <= room and not stretched):
        return height, ahead, out
    return height, room * ahead / flat, room * out / flat


def bend_at(place: Place) -> float:
    """How bent the elbow is with the hand there: 0 straight, 0.5 at a right angle."""
    return 1 - 2 * math.asin(min(1.0, reach_of(place))) / math.pi if place[0] >= REST[0] else 0.15


def path_attributes(path: HandPath) -> dict[str, float]:
    """What the way of the leading hand says about the arms' attributes."""
    places = path.places
    works = path.works_at
    bends = [bend_at(p) for s in path.strokes if not s.setup for p in (s.start, s.end)] or [0.0]
    found = {
        "arm-moves": path.extent,
        "hand-top": path.top,
        "hand-bottom": min(place[0] for place in places),
        "hand-works-at": works[0],
        "reach-forward": max(place[1] for place in places),
        "reach-side": max(place[2] for place in places),
        "reach-across": max(0.0, *(1.6 * (MIDLINE - place[2]) for place in places)),
        "reach-back": max(0.05, *(-place[1] for place in places)),
        "elbow-bent": bend_at(works),
        "elbow-works": 0.85 * (max(bends) - min(bends)),
    }
    return found | _shares(path) | _main_stroke(path)


def _shares(path: HandPath) -> dict[str, float]:
    """Shares of the path that go up or down, sideways, and forward or back."""
    sums = [0.05, 0.05, 0.05]
    for stroke in path.strokes:
        for i, step in enumerate(stroke.way):
            sums[i] += abs(step) * (1 + ROUNDS * stroke.repeats) * (SETUP if stroke.setup else 1)
    total = sum(sums)
    return dict(zip(("along-vertical", "along-forward", "along-side"), (s / total for s in sums), strict=True))


def _main_stroke(path: HandPath) -> dict[str, float]:
    """Which way the strokes go on the whole; strokes to and fro, and up and down alike, cancel."""
    total = [0.0, 0.0, 0.0]
    weights = 1e-9
    for stroke in path.strokes:
        weight = stroke.force**2 * (SETUP if stroke.setup else 1) * (1 + ROUNDS * stroke.repeats / 2) * stroke.length
        weights += weight
        if not stroke.both_ways:
            for i, step in enumerate(stroke.way):
                total[i] += step / max(stroke.length, 1e-9) * weight
    return dict(zip(("stroke-up", "stroke-forward", "stroke-out"), (t / weights for t in total), strict=True))
