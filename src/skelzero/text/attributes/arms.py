"""Reads what clauses say about arms, as the ways of two hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skelzero.text.attributes.clauses import WAYS_OF_PREPS, Clause, Data, Part
from skelzero.text.attributes.hand_path import ARM, REST, SHOULDER, HandPath, Place, Way, at_height, path_attributes
from skelzero.text.attributes.notes import ASSUMED, DERIVED, SURE, Manner, Notes

REACHES = {"arm": 0.8, "hand": 0.7, "forearm": 0.55, "upper-arm": 0.4, "small": 0.25}
"""Kinds of parts that move a hand, and how far they do so compared with what a verb says."""

ACROSS = -0.62
"""Where the opposite shoulder is, outward of the own one."""

SMALL = 0.35
WIDER = 1.3
IN_FRONT: Place = (0.6, 0.4, 0.0)
BEFORE_WAIST: Place = (0.35, 0.5, 0.05)


@dataclass(frozen=True)
class Course:
    """Where the ways of a clause send a hand: height, directions, to and fro, round."""

    heights: list[float]
    ways: list[Way]
    sways: list[Way]
    round: bool


class Arms:
    """Two hands' ways; "lead" is the hand that moves more."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.lead, self.other = HandPath(), HandPath()
        self.bends: list[float] = []

    @property
    def hands(self) -> str:
        """How many hands the text says are at work: "one", "both", or "" where it does not say."""
        marks = self.notes.marks
        if "both" in marks:
            return "both" if "turns" not in marks else ""
        return "one" if "one" in marks and not self.other.moves and "turns" not in marks else ""

    def paths(self, part: Part) -> list[HandPath]:
        """The hands that a part means, the leading one first."""
        side, marks = self.notes.side, self.notes.marks
        if part.count == "other" or (side in ("left", "right") and part.side not in ("", "both", side)):
            return [self.other]
        if "two people" in marks and part.count == "each":
            return [self.lead]
        plural = part.plural and part.count not in ("one", "or-both", "either")
        if part.count in ("both", "each") or part.side == "both" or plural:
            marks.add("both")
            return [self.lead, self.other]
        if part.count == "or-both":
            marks.add("or-both")
            return [self.lead, self.other]
        if part.side or part.count == "one":
            marks.add("one")
        return [self.lead]

    def read(self, clause: Clause, arms: list[Part], verb: str, manner: Manner) -> None:
        """Move the hands as a clause says."""
        data = self.notes.verb(verb)
        seen: list[HandPath] = []
        for part in arms:
            for path in self.paths(part):
                if not any(path is other for other in seen):
                    seen.append(path)
                    self._move(clause, path, part, verb, manner)
        several = len(seen) > 1 or any(part.plural for part in arms)
        if data.get("meets") and several and self.notes.most("another-person") < 0.5:
            self.notes.say({"hands-meet": 0.9})
        if data.get("crosses") and len(seen) > 1:
            self.notes.say({"hands-meet": 0.4, "hand-at-arm": 0.6, "hand-at-chest": 0.5})
        if verb not in ("hold", "hang"):
            self.notes.time(manner, data, "arm-repeats", all(self.notes.kind(part) == "small" for part in arms))

    def elbow(self, clause: Clause, elbow: Part, verb: str, manner: Manner) -> None:
        """An elbow bends or stretches: how bent the arm is, and where the hand goes if nothing else says so."""
        paths = self.paths(elbow)
        straight = "straight" in clause.manners
        if verb == "bend":
            self.bends.append(manner.bent if manner.bent is not None else min(0.95, 0.6 * manner.scale))
            for path in paths:
                if path.at == REST:
                    path.go(BEFORE_WAIST)
        elif verb == "stretch" or straight:
            self.notes.say({"elbow-works": 0.5}, ASSUMED)
            if straight or "deeply" in clause.manners:
                self.bends.append(0.05)
            for path in paths:
                path.straight |= straight
        if {"out", "shoulder-high"} & set(clause.ways):
            self.notes.say({"reach-side": 0.4}, ASSUMED)

    def _move(self, clause: Clause, path: HandPath, part: Part, verb: str, manner: Manner) -> None:
        """One hand's move in one clause."""
        data = self.notes.verb(verb)
        kind = self.notes.kind(part)
        if part.name == "finger" and not (data.get("small") or "osc" in data or verb == "hold"):
            return  # Fingers that point or spread leave the hand where it is.
        path.straight |= "straight" in clause.manners or (verb == "stretch" and kind == "arm")
        if manner.bent is not None:
            self.bends.append(manner.bent)
        repeats = manner.repeats_of(data)
        if verb == "hang":
            path.drop()
        elif verb in ("return", "pull") and path.moves and not clause.places and not set(clause.ways) - {"back"}:
            path.straight = False
            path.go(path.strokes[-1].start, 0.6, repeats)
        elif verb != "bend" or kind == "arm":
            path.straight &= verb not in ("pull", "bend")
            self._travel(clause, path, kind, verb, manner)

    def _travel(self, clause: Clause, path: HandPath, kind: str, verb: str, manner: Manner) -> None:
        """Go where the clause says, sway there, and stay there."""
        data, repeats = self.notes.verb(verb), manner.repeats_of(self.notes.verb(verb))
        size = REACHES[kind] * manner.scale * (SMALL if data.get("small") else 1)
        force = data.get("force", 1.0) * (1.5 if (manner.quick or 0) >= 0.7 else 1)
        course = self._course(clause, data)
        if course.round or data.get("swings"):
            self.notes.say({"path-round": 0.95 if course.round else 0.4}, DERIVED)
        if kind == "arm" and manner.scale > 0.7 and (data.get("round") or (verb == "turn" and course.round)):
            path.wheel(max(repeats, 0.6))
            return
        goal = self._goal(clause, path, verb, course, size)
        if goal is not None:
            setup = not path.moves and (verb in ("hold", "bend", "press") or "hold" in clause.verbs)
            path.go(goal, 0.5 if course.sways else force, 0.0 if course.sways or setup else repeats, setup=setup)
        if course.sways and manner.repeats is None:
            self.notes.say({"arm-repeats": max(repeats, 0.7)}, DERIVED)
        for up, ahead, out in course.sways:
            path.sway((up * size * WIDER, ahead * size * WIDER, out * size * WIDER), max(repeats, 0.6), force)
        if manner.holds is not None or data.get("holds"):
            path.hold(manner.holds if manner.holds is not None else data["holds"])

    def _course(self, clause: Clause, verb: Data) -> Course:
        """The ways of a clause; left and right are out or across, and most people lead with the right hand."""
        own = self.notes.side if self.notes.side in ("left", "right") else "right"
        names = ["own-side" if way == own else "across" if way in ("left", "right") else way for way in clause.ways]
        # "In front of the body" names no place that a hand could be at, only a way.
        names += [WAYS_OF_PREPS[prep] for part in clause.places for prep in part.preps
                  if prep in WAYS_OF_PREPS and "at" not in self.notes.lexicon["parts"][part.name]]  # fmt: skip
        found = [self.notes.lexicon["courses"][name] for name in names]
        spread = {"out", "sideside"} <= set(names)  # "Out to the left and right" sways nowhere.
        sways = [entry["osc"] for entry in found if "osc" in entry and not spread]
        if not sways and "osc" in verb:
            sways = [verb["osc"]]
        return Course([entry["height"] for entry in found if "height" in entry],
                      [entry["go"] for entry in found if "go" in entry], sways,
                      any(entry.get("round") for entry in (*found, verb)))  # fmt: skip

    def _targets(self, clause: Clause, path: HandPath) -> list[Place]:
        """Where the places of a clause put the hand; where it comes from or passes, it goes at once."""
        targets: list[Place] = []
        for part in clause.places:
            place = self._place(part, "across" in clause.ways)
            if place is None:
                continue
            if self.notes.kind(part) in REACHES and path.moves:
                place = (path.at[0], place[1], place[2])  # At the other arm, wherever that is.
            if "from" in part.preps:
                path.start_at(place)
            elif "past" in part.preps:
                path.go(place, force=0.7)
            elif "toward" in part.preps:
                near = 0.5 if part.name == "floor" else 0.8
                height, ahead, out = (a + near * (b - a) for a, b in zip(path.at, place, strict=True))
                targets.append((height, ahead, out))
            else:
                targets.append(place)
        return targets

    def _place(self, part: Part, across: bool) -> Place | None:
        """Where a hand is that is at a part, and what it touches there."""
        entry: dict[str, Any] = self.notes.lexicon["parts"][part.name]
        if "at" not in entry:
            return None
        height, forward, outward = entry["at"]
        if part.foreign:
            self.notes.say({"touches-other": 0.9, "another-person": 1.0}, DERIVED)
            return max(height, 0.3), 0.75, -0.1
        contact = 1.0
        for prep in part.preps:
            shift = self.notes.lexicon["shifts"].get(prep, {})
            up, ahead, out = shift.get("by", (0, 0, 0))
            height, forward, outward = height + up, forward + ahead, outward + out
            contact *= shift.get(str(entry.get("contact")), shift.get("contact", 0.0))
        if entry.get("contact") and contact:
            self.notes.say({entry["contact"]: 0.95 * contact}, SURE if contact > 0.5 else DERIVED)
        return height, forward, min(outward, ACROSS) if across or part.count == "other" else outward

    def _goal(self, clause: Clause, path: HandPath, verb: str, course: Course, size: float) -> Place | None:
        """Where a hand goes to: a place that is named, or as far as the ways or the verb say."""
        data = self.notes.verb(verb)
        targets = self._targets(clause, path)
        self.notes.marks |= {"placed"} if targets or course.heights else set()
        if targets:
            for place in targets[:-1]:
                path.go(place)
            height, forward, outward = targets[-1]
            return (course.heights[-1] if course.heights else height), forward, outward
        if not course.ways and not course.heights:
            if verb == "hold" or ("go" not in data and "osc" not in data):
                return None
            if "osc" in data:
                return IN_FRONT if path.at == REST else None
        way = _sum(course.ways) if course.ways else data.get("go", (0.0, 0.0, 0.0))
        if "osc" in data and course.ways and not course.heights and path.at != REST:
            path.sway((way[0] * size, way[1] * size, way[2] * size), 0.7)
            return None
        if data.get("reach"):
            return self._reached(path.at, course, way if course.ways else (0.0, 0.0, 0.0), bool(data.get("force")))
        return _moved(path, course.heights, way, size, verb in ("rise", "hold", "go") and not course.ways)

    def _reached(self, at: Place, course: Course, way: Way, strikes: bool) -> Place:
        """Where an arm that stretches that way ends; down is to the knees, or to the floor if the trunk bends too."""
        up, ahead, out = way
        if course.heights:
            height = course.heights[-1]
        elif up < 0 and strikes and at[0] > 0.3:
            return at[0] - 0.4, at[1], at[2]
        elif up < 0:
            height = -1.4 if self.notes.most("bend-forward") > 0.3 else -0.5
        else:
            height = SHOULDER + up * ARM if up or ahead or out else max(at[0], 0.75)
        return at_height(height, ahead if up or ahead or out else 1.0, out, stretched=True)

    def claim(self) -> None:
        """Say what the ways of the hands come to."""
        if not (self.lead.moves or self.other.moves):
            return
        if not self.lead.moves:
            self.lead, self.other = self.other, self.lead
        for path in (self.lead, self.other):
            if path.moves and path.at != REST:
                path.drop()  # An action usually ends with hanging arms.
        values = path_attributes(self.lead)
        if self.bends:
            values["elbow-bent"] = 0.35 * values["elbow-bent"] + 0.65 * max(self.bends)
        repeats = self.notes.most("arm-repeats")
        held = max((share for _, share in self.lead.held), default=0.0)
        self.notes.say(values, DERIVED)
        self.notes.say({"arm-holds": held * (0.7 if repeats > 0.4 else 1)}, DERIVED)
        self.notes.say({"stillness": 0.08 if repeats > 0.5 else 0.18 + 0.4 * held}, ASSUMED)
        if self.other.moves:
            self._claim_other()

    def _claim_other(self) -> None:
        """The other hand, and how the two go together."""
        say, marks = self.notes.say, self.notes.marks
        share = 0.5 if "or-both" in marks and "both" not in marks else 1.0
        say({"other-arm-moves": self.other.extent * share, "other-hand-top": _between(REST[0], self.other.top, share)},
            DERIVED)  # fmt: skip
        walking = {"legs-turn", "both"} <= marks and "together" not in marks
        in_turn = "arms-turn" in marks or walking or ("turns" in marks and not marks & {"legs-turn", "both"})
        if walking:
            say({"arm-repeats": 0.8}, DERIVED)
        if "asymmetric" in marks:
            say({"arms-in-turn": 0.6, "arms-together": 0.3}, DERIVED)
        elif in_turn or marks & {"both", "or-both"}:
            say({"arms-in-turn" if in_turn else "arms-together": 0.9 * share}, DERIVED)


def _sum(ways: list[Way]) -> Way:
    up, ahead, out = (sum(way[i] for way in ways) for i in range(3))
    return up, ahead, out


def _between(low: float, high: float, share: float) -> float:
    return low + share * (high - low)


def _moved(path: HandPath, heights: list[float], way: Way, size: float, only_height: bool) -> Place:
    """Where a hand that goes that way ends."""
    up, ahead, out = way
    if heights and path.straight:
        return at_height(heights[-1], ahead if ahead or out else 1.0, out, stretched=True)
    if heights and only_height:
        return heights[-1], max(path.at[1], 0.45), path.at[2]
    place = path.at[0] + up * size * 1.8, path.at[1] + ahead * size * WIDER, path.at[2] + out * size * WIDER
    return at_height(heights[-1], place[1], place[2]) if heights else place
