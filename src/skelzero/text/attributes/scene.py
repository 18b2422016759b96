"""What the clauses of a text say about the body, one after the other, and the claims about attributes that follow."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from skelzero.text.attributes.clauses import WAYS_OF_PREPS, Clause, Data, Part
from skelzero.text.attributes.hand_path import REST, SHOULDER, HandPath, Place, path_attributes

Claims = dict[str, tuple[float, float]]
"""Attribute -> value and weight."""

ARMS = {"arm": 0.8, "hand": 0.7, "forearm": 0.55, "upper-arm": 0.4, "small": 0.25}
"""Kinds of parts that move a hand, and how far they do so compared with what a verb says."""

SURE, DERIVED, ASSUMED = 0.95, 0.8, 0.4
ACROSS = -0.62
SMALL = 0.35
OTHERWISE = "any"


@dataclass
class Manner:
    """The manners of one clause: scale of extents, speed, repeats, share held, bend of the elbow; None where not said."""

    scale: float = 1.0
    quick: float | None = None
    repeats: float | None = None
    rhythm: float | None = None
    holds: float | None = None
    bent: float | None = None
    turns: bool = False
    together: bool = False


class Scene:
    """Reads clauses in their order; `claims` tells what they come to."""

    def __init__(self, lexicon: Data) -> None:
        self.lexicon = lexicon
        self.lead, self.other = HandPath(), HandPath()
        self.share_of_other = 1.0
        self.found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.side = ""
        self.turns = self.together = False
        self.bends: list[float] = []
        self.moved = self.company = False
        self.explicit = 0
        """Clauses so far that say which part of the body does what."""
        self.modes = set[str]()
        self._most: dict[str, frozenset[str]] = {
            how: frozenset(names.split()) for how, names in lexicon["combine"].items()
        }

    def say(self, values: dict[str, float], weight: float = SURE, scale: float = 1.0) -> None:
        """Claim values; a scale stretches what is counted from nothing."""
        for name, value in values.items():
            fixed = name in FIXED
            self.found[name].append((value if fixed else min(1.0, value * scale), weight))

    def read(self, clause: Clause) -> None:
        """Take in one clause."""
        says = self.lexicon["says"]
        for name in clause.people:
            self.say(says["people"].get(name, {}))
            self.company |= name == "two"
        if "mutual" in clause.people and not any(self._kind(part) in ARMS for part in clause.movers):
            self.say(says["people"]["two"])
        if clause.about_other:
            return
        manner = self._manner(clause)
        for name in clause.manners:
            self.say(says["manners"].get(name, {}), DERIVED)
        self._take_side(clause)
        self.turns |= manner.turns and any(self._kind(part) in ARMS for part in clause.movers)
        verbs = [verb for verb in clause.verbs if not self.lexicon["verbs"][verb].get("idle")]
        arms = [part for part in clause.movers if self._kind(part) in ARMS]
        if not clause.verbs and arms and (clause.ways or clause.places or "straight" in clause.manners):
            held = all(part.preps == ("with",) for part in arms)
            # "With the palms forward" turns the hands and puts them nowhere.
            verbs = [] if held and not clause.places else ["hold" if held else "go"]
        if not verbs and "out" in clause.ways and any(self._kind(part) in ("leg", "foot") for part in clause.movers):
            verbs = ["open"]
        self.explicit += bool(verbs and clause.movers and not clause.inherits)
        for verb in verbs:
            self._verb(clause, verb, manner)

    def _verb(self, clause: Clause, verb: str, manner: Manner) -> None:
        data = self.lexicon["verbs"][verb]
        movers = clause.movers or ([Part(data["alone"])] if "alone" in data else [])
        if not movers and clause.places and (data.get("contact") or data.get("reach")):
            movers = [Part("hand", "one")]
        kinds = {self._kind(part) for part in movers}
        arms = [part for part in movers if self._kind(part) in ARMS]
        if verb == "still" or (clause.negated and not (data.get("holds") or verb in ("hang", "hold"))):
            self._still(clause, movers, verb)
            return
        if arms and clause.negated and clause.inherits:
            return
        if arms:
            self._arms(clause, arms, verb, manner)
        if "elbow" in kinds:
            self._elbow(clause, [p for p in movers if p.name == "elbow"], verb, manner)
        if verb in ("hold", "hang"):
            return
        for part in movers:
            if self._kind(part) not in ARMS and part.name not in ("elbow",):
                self._frame(clause, part, verb, manner)

    def _kind(self, part: Part) -> str:
        return str(self.lexicon["parts"][part.name]["moves"])

    def _manner(self, clause: Clause) -> Manner:
        manner = Manner()
        for name in clause.manners:
            entry = self.lexicon["manners"][name]
            manner.scale *= entry.get("scale", 1.0)
            for key in ("quick", "repeats", "rhythm", "holds", "bent"):
                if key in entry:
                    before = getattr(manner, key)
                    setattr(manner, key, entry[key] if before is None else max(before, entry[key]))
            manner.turns |= "turns" in entry
            manner.together |= "together" in entry
        manner.scale = min(max(manner.scale, 0.3), 1.9)
        return manner

    def _take_side(self, clause: Clause) -> None:
        for part in clause.movers:
            if not self.side and part.side and part.count not in ("other",):
                self.side = part.side

    def _still(self, clause: Clause, movers: list[Part], verb: str) -> None:
        """Parts that keep still: claims of nothing; a hand that stays somewhere "without moving" is held."""
        for part in movers:
            kind = self._kind(part)
            if kind in ARMS:
                if self.lead.moves and part.count not in ("other",):
                    self._paths(part)[0].hold(0.5)
                else:
                    self.say(self.lexicon["stills"]["other-arm" if part.count == "other" else "arm"])
                continue
            group = {"heel": "foot", "thigh": "leg", "shoulder": "trunk"}.get(kind, kind)
            self.say(self.lexicon["stills"].get(group, {}), SURE)

    # Arms

    def _paths(self, part: Part) -> list[HandPath]:
        """The hands that a part means, the leading one first."""
        if part.count == "other" or (self.side in ("left", "right") and part.side not in ("", "both", self.side)):
            return [self.other]
        if self.company and (part.count in ("each", "both") or part.plural):
            return [self.lead]
        if part.count in ("both", "each") or part.side == "both" or (part.plural and part.count not in ("one", "or-both", "either")):
            self.modes.add("both")
            return [self.lead, self.other]
        if part.count == "or-both":
            self.modes.add("or-both")
            return [self.lead, self.other]
        return [self.lead]

    def _arms(self, clause: Clause, arms: list[Part], verb: str, manner: Manner) -> None:
        data = self.lexicon["verbs"][verb]
        self.turns |= manner.turns
        self.together |= manner.together
        seen: set[int] = set()
        for part in arms:
            for path in self._paths(part):
                if id(path) in seen:
                    continue
                seen.add(id(path))
                self._move(clause, path, part, verb, manner)
        if data.get("meets") and not self.company and (len(seen) > 1 or any(p.plural for p in arms)):
            self.say({"hands-meet": 0.9})
        if data.get("crosses") and len(seen) > 1:
            self.say({"hands-meet": 0.4, "hand-at-arm": 0.6, "hand-at-chest": 0.5})
        if verb not in ("hold", "hang"):
            self._timing(manner, data, "arm-repeats", all(self._kind(part) == "small" for part in arms))

    def _timing(self, manner: Manner, data: Data, repeats_of: str | None, small: bool = False) -> None:
        """Speed, repeats and rhythm of a movement."""
        self.moved = True
        slower = 0.5 if small else 1.0
        if manner.quick is not None:
            self.say({"quick": manner.quick * slower})
        elif "quick" in data:
            self.say({"quick": data["quick"] * slower}, DERIVED)
        repeats = manner.repeats if manner.repeats is not None else data.get("repeats", 0.0)
        if manner.turns and manner.repeats is None:
            repeats = max(repeats, 0.8)
        if repeats_of:
            self.say({repeats_of: repeats}, SURE if manner.repeats is not None else DERIVED)
        if repeats >= 0.5:
            rhythm = manner.rhythm if manner.rhythm is not None else 0.55 if data.get("quick", 0) >= 0.5 else 0.3
            self.say({"rhythm": rhythm * (0.6 if repeats < 0.7 else 1)}, DERIVED)

    def _move(self, clause: Clause, path: HandPath, part: Part, verb: str, manner: Manner) -> None:
        """One hand's move in one clause."""
        data = self.lexicon["verbs"][verb]
        beside = [WAYS_OF_PREPS[prep] for part in clause.places for prep in part.preps
                  if prep in WAYS_OF_PREPS and "at" not in self.lexicon["parts"][part.name]]  # fmt: skip
        courses = [self.lexicon["courses"][way] for way in map(self._course, (*clause.ways, *beside))]
        size = ARMS[self._kind(part)] * manner.scale * (SMALL if data.get("small") else 1)
        path.straight |= "straight" in clause.manners
        if manner.bent is not None:
            self.bends.append(manner.bent)
        repeats = manner.repeats if manner.repeats is not None else data.get("repeats", 0.0)
        repeats = max(repeats, 0.8) if manner.turns else repeats
        force = data.get("force", 1.0) * (1.5 if (manner.quick or 0) >= 0.7 else 1)
        if verb == "hang":
            path.drop()
            return
        if verb in ("return", "pull") and path.moves and not clause.places and not set(clause.ways) - {"back"}:
            path.straight = False
            path.go(path.strokes[-1].start, force * 0.8, repeats)
            return
        if verb == "bend" and self._kind(part) != "arm":
            return
        path.straight &= verb not in ("pull", "bend")
        targets = self._targets(clause, path)
        heights = [course["height"] for course in courses if "height" in course]
        if "out" in clause.ways and "sideside" in clause.ways:
            courses = [course for course in courses if "osc" not in course]  # Spread out to the left and right.
        sways = [course["osc"] for course in courses if "osc" in course] or ([data["osc"]] if "osc" in data else [])
        ways = [course["go"] for course in courses if "go" in course]
        if any(course.get("round") for course in courses) or data.get("round"):
            self.say({"path-round": 0.95})
        elif data.get("swings"):
            self.say({"path-round": 0.4}, DERIVED)
        if data.get("round") and self._kind(part) == "arm" and manner.scale > 0.7 and not targets:
            path.wheel(max(repeats, 0.6))
            return
        goal = self._goal(path, verb, targets, heights, ways, size)
        if goal is not None:
            setup = not path.moves and (verb in ("hold", "bend", "press") or "hold" in clause.verbs)
            path.go(goal, force if not sways else 0.5, 0.0 if sways or setup else repeats, setup=setup)
        for way in sways:
            path.sway((way[0] * size * 1.3, way[1] * size * 1.3, way[2] * size * 1.3), max(repeats, 0.6), force)
        if manner.holds is not None or data.get("holds"):
            path.hold(manner.holds if manner.holds is not None else data["holds"])

    def _course(self, way: str) -> str:
        """Left and right are out or across, seen from the leading hand; most people lead with the right."""
        if way in ("left", "right"):
            return "own-side" if way == (self.side if self.side in ("left", "right") else "right") else "across"
        return way

    def _targets(self, clause: Clause, path: HandPath) -> list[Place]:
        """Where the places of a clause put the hand; where it comes from, it is put at once."""
        targets = []
        for part in clause.places:
            place = self._place(part, "across" in clause.ways)
            if place is None:
                continue
            if self._kind(part) in ARMS and path.moves:
                place = (path.at[0], place[1], place[2])
            if "from" in part.preps:
                path.start_at(place)
            else:
                targets.append(place)
        return targets

    def _place(self, part: Part, across: bool) -> Place | None:
        entry: dict[str, Any] = self.lexicon["parts"][part.name]
        if "at" not in entry:
            return None
        height, forward, outward = entry["at"]
        contact = 1.0
        for prep in part.preps:
            shift = self.lexicon["shifts"].get(prep, {})
            up, ahead, out = shift.get("by", (0, 0, 0))
            height, forward, outward = height + up, forward + ahead, outward + out
            near_head = entry.get("contact") == "hand-at-head" and "near" in shift
            contact *= shift["near"] if near_head else shift.get("contact", 0.0)
        if entry.get("contact") and contact:
            self.say({entry["contact"]: 0.95 * contact}, SURE if contact > 0.5 else DERIVED)
        if across or part.count == "other":
            outward = min(outward, ACROSS)
        return height, forward, outward

    def _goal(self, path: HandPath, verb: str, targets: list[Place], heights: list[float], ways: list[list[float]],
              size: float) -> Place | None:  # fmt: skip
        """Where a hand goes to: a place that is named, or as far as the ways or the verb say."""
        data = self.lexicon["verbs"][verb]
        at = path.at
        if targets:
            for place in targets[:-1]:
                path.go(place)
            height, forward, outward = targets[-1]
            return (heights[-1] if heights else height), forward, outward
        if not ways and not heights and verb == "hold":
            return None
        if not ways and not heights and ("osc" in data or "go" not in data):
            # A hand that shakes or waves does so somewhere in front of the body.
            return (0.6, 0.4, 0.0) if "osc" in data and at == REST else None
        up, ahead, out = (sum(way[i] for way in ways) for i in range(3)) if ways else data.get("go", (0, 0, 0))
        if data.get("reach") and (ways or heights or at == REST):
            height = heights[-1] if heights else SHOULDER + up * 1.2
            if not (ahead or out or up):
                ahead = 0.6
            return _stretched(height, ahead, out)
        height = heights[-1] if heights else at[0] + up * 1.2 * size * 1.5
        if heights and path.straight:
            return _stretched(height, ahead, out) if ahead or out else _stretched(height, 1, 0)
        if heights and not ways and verb in ("rise", "hold", "go"):
            ahead, out = max(0.0, 0.45 - at[1]), 0.0
        return height, at[1] + ahead * size * 1.3, at[2] + out * size * 1.3

    def _elbow(self, clause: Clause, elbows: list[Part], verb: str, manner: Manner) -> None:
        """An elbow bends or stretches: how bent the arm is, and where the hand goes if nothing else says so."""
        paths = self._paths(elbows[0])
        if verb == "bend":
            bent = manner.bent if manner.bent is not None else min(0.95, 0.6 * manner.scale)
            self.bends.append(bent)
            for path in paths:
                if path.at == REST:
                    path.go((0.35, 0.5, 0.05))
        elif verb == "stretch" or "straight" in clause.manners:
            self.say({"elbow-works": 0.5}, ASSUMED)
            if "straight" in clause.manners or "deeply" in clause.manners:
                self.bends.append(0.05)
            for path in paths:
                path.straight = path.straight or "straight" in clause.manners
        if "out" in clause.ways or "shoulder-high" in clause.ways:
            self.say({"reach-side": 0.4}, ASSUMED)

    # Other parts

    def _frame(self, clause: Clause, part: Part, verb: str, manner: Manner) -> None:
        """What the movement of a part other than the arms claims."""
        kind = self._kind(part)
        group = "trunk" if kind == "waist" else kind
        frames = self.lexicon["frames"].get(group)
        if frames is None:
            return
        data = self.lexicon["verbs"][verb]
        if verb == "go" and {"up", "high"} & set(clause.ways):
            verb = "rise"
        one = [] if part.plural or part.count in ("both", "each") or part.side == "both" else ["one"]
        ways = ["out" if way in ("left", "right") else way for way in clause.ways]
        keys = [f"{verb}-{mark}" for mark in ("in-place", *ways, *one) if mark in (*ways, *clause.manners, *one)]
        values = next((frames[key] for key in (*keys, verb, OTHERWISE) if key in frames), None)
        if values is None:
            return
        self.say(values, DERIVED, manner.scale)
        legs = group in ("leg", "foot", "knee", "thigh", "heel")
        if legs and (manner.turns or (not one and verb in ("step", "kick"))):
            self.say({"legs-in-turn": 0.95, "other-leg-moves": values.get("leg-moves", 0.4)}, DERIVED)
        repeats = "leg-repeats" if legs or group in ("hips", "body") else "trunk-repeats" if group == "trunk" else None
        if values:
            self._timing(manner, data, repeats)
        if group == "head" and (manner.repeats or 0) >= 0.6:
            self.say({"head-moves": 0.85})

    # Outcome

    def claims(self) -> Claims:
        """Everything that was said, one value and weight for each attribute."""
        if self.lead.moves or self.other.moves:
            self._claim_arms()
        if self.moved and "quick" not in self.found:
            self.say({"quick": 0.42}, ASSUMED)
        if self.side in ("left", "right"):
            self.say({"side": 1.0 if self.side == "right" else -1.0}, 0.9)
        return {name: self._combined(name, votes) for name, votes in self.found.items()}

    def _claim_arms(self) -> None:
        if not self.lead.moves:
            self.lead, self.other = self.other, self.lead
        share = 1.0 if "both" in self.modes else 0.5 if "or-both" in self.modes else 1.0
        held = max((h for _, h in self.lead.held), default=0.0)
        for path in (self.lead, self.other):
            if path.moves and path.at != REST:
                path.drop()
        values = path_attributes(self.lead)
        if self.bends:
            values["elbow-bent"] = 0.35 * values["elbow-bent"] + 0.65 * max(self.bends)
        repeats = max((value for value, _ in self.found.get("arm-repeats", [])), default=0.0)
        self.say(values, DERIVED)
        self.say({"arm-holds": held * (0.6 if repeats > 0.4 else 1)}, DERIVED)
        self.say({"stillness": 0.08 if repeats > 0.5 else 0.18 + 0.4 * held}, ASSUMED)
        if self.other.moves:
            extent = self.other.extent * share
            self.say({"other-arm-moves": extent, "other-hand-top": self.other.top * share - 0.2 * (1 - share)}, DERIVED)
            if "both" in self.modes or "or-both" in self.modes:
                self.say({"arms-in-turn" if self.turns else "arms-together": 0.9 * share}, DERIVED)

    def _combined(self, name: str, votes: list[tuple[float, float]]) -> tuple[float, float]:
        """One value of several: the most or the least where the schema asks for an extreme, else the mean."""
        weight = max(weight for _, weight in votes)
        if name in self._most["max"]:
            return max(value for value, _ in votes), weight
        if name in self._most["min"]:
            return min(value for value, _ in votes), weight
        total = math.fsum(weight for _, weight in votes)
        return math.fsum(value * weight for value, weight in votes) / total, weight


FIXED = frozenset({"hand-top", "hand-bottom", "hand-works-at", "other-hand-top", "stroke-up", "stroke-out", "stroke-forward",
                   "travels-forward", "returns", "side", "starts-low", "ends-low", "lies", "quick", "rhythm", "other-nears",
                   "stillness", "legs-in-turn"})  # fmt: skip
"""Attributes that no adverb of degree stretches."""


def _stretched(height: float, ahead: float, out: float) -> Place:
    """The place of a hand at a height on an arm stretched that way."""
    up = min(1.0, abs(height - SHOULDER) / 1.2)
    flat = math.sqrt(1 - up * up) * 0.95
    size = math.hypot(ahead, out) or 1.0
    return height, flat * ahead / size, flat * out / size
