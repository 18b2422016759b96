"""What a reader of clauses notes down: claims about attributes, and marks about the text as a whole."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from skelzero.text.attributes.clauses import Clause, Data, Part

Claims = dict[str, tuple[float, float]]
"""Attribute -> value and weight."""

SURE, DERIVED, ASSUMED = 0.95, 0.8, 0.4
"""Weights of what is said, of what follows from it, and of what is only likely."""

SLOWER = 0.5
"""How fast fingers and wrists count beside arms."""

FIXED = frozenset({
    "hand-top", "hand-bottom", "hand-works-at", "other-hand-top", "stroke-up", "stroke-out", "stroke-forward", "quick",
    "rhythm", "travels-forward", "returns", "side", "starts-low", "ends-low", "lies", "other-nears", "stillness",
    "legs-in-turn",
})  # fmt: skip
"""Attributes that no adverb of degree stretches."""


@dataclass
class Manner:
    """The manners of one clause: scale of extents, speed, repeats, share held, elbow's bend; None where not said."""

    scale: float = 1.0
    quick: float | None = None
    repeats: float | None = None
    rhythm: float | None = None
    holds: float | None = None
    bent: float | None = None
    turns: bool = False

    def repeats_of(self, verb: Data) -> float:
        """How often a verb's movement is repeated: as said, else as such movements are."""
        repeats = self.repeats if self.repeats is not None else float(verb.get("repeats", 0.0))
        return max(repeats, 0.8) if self.turns else repeats


def manner_of(clause: Clause, lexicon: Data) -> Manner:
    """All manners of a clause in one."""
    manner = Manner()
    for name in clause.manners:
        entry = lexicon["manners"][name]
        manner.scale *= entry.get("scale", 1.0)
        for key in ("quick", "repeats", "rhythm", "holds", "bent"):
            if key in entry:
                before = getattr(manner, key)
                setattr(manner, key, entry[key] if before is None else max(before, entry[key]))
        manner.turns |= "turns" in entry
    manner.scale = min(max(manner.scale, 0.3), 1.9)
    return manner


class Notes:
    """Claims by attribute, and marks such as "both" (hands are at work) or "legs-turn"."""

    def __init__(self, lexicon: Data) -> None:
        self.lexicon = lexicon
        self.found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.marks: set[str] = set()
        self.side = ""

    def kind(self, part: Part) -> str:
        """What moves when the part moves."""
        return str(self.lexicon["parts"][part.name]["moves"])

    def verb(self, name: str) -> Data:
        entry: Data = self.lexicon["verbs"][name]
        return entry

    def most(self, name: str) -> float:
        """The largest claim about an attribute so far."""
        return max((value for value, _ in self.found.get(name, ())), default=0.0)

    def say(self, values: dict[str, float], weight: float = SURE, scale: float = 1.0) -> None:
        """Claim values; a scale stretches what is counted from nothing."""
        for name, value in values.items():
            self.found[name].append((value if name in FIXED else min(1.0, value * scale), weight))

    def time(self, manner: Manner, verb: Data, repeats_of: str | None, small: bool = False) -> None:
        """Speed, repeats and rhythm of a movement."""
        self.marks.add("moved")
        slower = SLOWER if small else 1.0
        if manner.quick is not None:
            self.say({"quick": manner.quick * slower})
        elif "quick" in verb:
            self.say({"quick": verb["quick"] * slower}, DERIVED)
        repeats = manner.repeats_of(verb)
        if repeats_of:
            self.say({repeats_of: repeats}, SURE if manner.repeats is not None else DERIVED)
        if repeats >= 0.5:
            rhythm = manner.rhythm if manner.rhythm is not None else 0.55 if verb.get("quick", 0) >= 0.5 else 0.3
            self.say({"rhythm": rhythm * (0.6 if repeats < 0.7 else 1)}, DERIVED)

    def claims(self) -> Claims:
        """One value and weight for each attribute."""
        return {name: self._combined(name, votes) for name, votes in self.found.items() if votes}

    def _combined(self, name: str, votes: list[tuple[float, float]]) -> tuple[float, float]:
        """One value of several: the most or the least where the schema asks for an extreme, else the mean."""
        weight = max(weight for _, weight in votes)
        if name in self.lexicon["combine"]["max"]:
            return max(value for value, _ in votes), weight
        if name in self.lexicon["combine"]["min"]:
            return min(value for value, _ in votes), weight
        total = math.fsum(weight for _, weight in votes)
        return math.fsum(value * weight for value, weight in votes) / total, weight
