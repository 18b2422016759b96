"""What the clauses of a text say about the body, one after the other, and the claims about attributes that follow."""

from __future__ import annotations

from skelzero.text.attributes.arms import REACHES, Arms
from skelzero.text.attributes.clauses import WAYS_OF_PREPS, Clause, Data, Part
from skelzero.text.attributes.notes import ASSUMED, DERIVED, SURE, Claims, Manner, Notes, manner_of

LEGS = frozenset({"leg", "foot", "knee", "thigh", "heel"})
STANCE = frozenset({"leg", "foot"})
SIDES = frozenset({"behind", "before", "beside"})
STILL_LIKE = {"heel": "foot", "thigh": "leg", "shoulder": "trunk"}
FRAME_LIKE = {"waist": "trunk"}
STRIKES = frozenset({"contact", "meets", "force"})
LOW = frozenset({"floor", "heel", "ankle"})
OTHERWISE = "any"


class Scene:
    """Reads clauses in their order; `claims` tells what they come to."""

    def __init__(self, lexicon: Data) -> None:
        self.lexicon = lexicon
        self.notes = Notes(lexicon)
        self.arms = Arms(self.notes)
        self.explicit = self.of_other = 0
        """Clauses so far that say which part of the body does what, and those of what another person does."""

    @property
    def tells(self) -> bool:
        """Whether the text tells the movement itself, so that its words are to be taken in their plain sense."""
        return self.explicit > 1 or bool(self.explicit and self.of_other)

    def read(self, clause: Clause) -> None:
        """Take in one clause."""
        self._people(clause)
        if clause.about_other:
            self.of_other += bool(clause.verbs)
            return
        for name in clause.manners:
            self.notes.say(self.lexicon["says"]["manners"].get(name, {}), DERIVED)
        for part in clause.movers:
            if not self.notes.side and part.side and part.count != "other":
                self.notes.side = part.side
        manner = manner_of(clause, self.lexicon)
        for part in self._of_arms(clause.movers):
            self.arms.paths(part)  # "Pick it up with both hands": how many, even where the verb moves none by itself.
        verbs = self._verbs(clause)
        self._mark(clause, verbs, manner)
        self.explicit += bool(verbs and clause.movers and not clause.inherits)
        for verb in verbs:
            self._verb(clause, verb, manner)

    def _people(self, clause: Clause) -> None:
        """Whether it takes two."""
        says = self.lexicon["says"]["people"]
        for name in clause.people:
            self.notes.say(says.get(name, {}))
        if "two" in clause.people:
            self.notes.marks.add("two people")
        if "mutual" in clause.people and not self._of_arms(clause.movers):
            self.notes.say(says["two"])  # Hands may rub each other, people who hug each other are two.

    def _of_arms(self, parts: list[Part]) -> list[Part]:
        return [part for part in parts if self.notes.kind(part) in REACHES]

    def _verbs(self, clause: Clause) -> list[str]:
        """The verbs that tell a movement; some clauses do without."""
        verbs = [verb for verb in clause.verbs if not self.notes.verb(verb).get("idle")]
        arms = self._of_arms(clause.movers)
        if not clause.verbs and arms and (clause.ways or clause.places or "straight" in clause.manners):
            held = all(part.preps == ("with",) for part in arms)
            # "With the palms forward" turns the hands and puts them nowhere.
            nowhere = not clause.places and not any("height" in self.lexicon["courses"].get(w, {}) for w in clause.ways)
            return [] if held and nowhere else ["hold" if held else "go"]
        if not verbs and "out" in clause.ways and any(self.notes.kind(part) in STANCE for part in clause.movers):
            return ["open"]
        return verbs

    def _mark(self, clause: Clause, verbs: list[str], manner: Manner) -> None:
        """Note what holds for the text as a whole."""
        marks = self.notes.marks
        marks |= {name for name in ("asymmetric", "contactless", "together") if name in clause.manners}
        if manner.turns:
            marks |= {"turns"} | ({"arms-turn"} if self._of_arms(clause.movers) else set())
            if any(self.notes.kind(part) in LEGS for part in clause.movers):
                marks.add("legs-turn")
        if any(self.notes.verb(verb).keys() & STRIKES for verb in verbs):
            marks.add("strikes")

    def _verb(self, clause: Clause, verb: str, manner: Manner) -> None:
        """One verb of a clause, for every part that it moves."""
        data = self.notes.verb(verb)
        named = clause.movers if not (clause.inherits and data.get("own")) else []
        movers = named or ([Part(data["alone"])] if "alone" in data else [])
        if verb == "still" or (clause.negated and not data.get("holds") and verb != "hang"):
            self._still(clause, movers, verb)
            return
        arms = self._of_arms(movers)
        if arms:
            self.arms.read(clause, arms, verb, manner)
        for part in movers:
            kind = self.notes.kind(part)
            if kind == "elbow":
                self.arms.elbow(clause, part, verb, manner)
            elif kind not in REACHES and verb not in ("hold", "hang"):
                self._frame(clause, part, verb, manner)

    def _still(self, clause: Clause, movers: list[Part], verb: str) -> None:
        """Parts that keep still: claims of nothing; a hand that stays somewhere "without moving" is held."""
        stills = self.lexicon["stills"]
        for part in movers:
            kind = self.notes.kind(part)
            if kind not in REACHES:
                self.notes.say(stills.get(STILL_LIKE.get(kind, kind), {}), SURE)
            elif part.count == "other" or not self.arms.lead.moves:
                self.notes.say(stills["other-arm" if part.count == "other" else "arm"])
            elif verb == "still" or clause.inherits:
                self.arms.paths(part)[0].hold(0.5)

    def _frame(self, clause: Clause, part: Part, verb: str, manner: Manner) -> None:
        """What the movement of a part other than the arms claims."""
        kind = self.notes.kind(part)
        group = FRAME_LIKE.get(kind, kind)
        frames = self.lexicon["frames"].get(group, {})
        data = self.notes.verb(verb)
        if verb == "go" and {"up", "high"} & set(clause.ways):
            verb = "rise"
        one = not (part.plural or part.count in ("both", "each") or part.side == "both")
        keys = [f"{verb}-{mark}" for mark in self._marks_of(clause, one)]
        values = next((frames[key] for key in (*keys, verb, OTHERWISE) if key in frames), None)
        if not values:
            return
        self.notes.say(values, DERIVED, manner.scale)
        if group in LEGS:
            turns = manner.turns or (not one and verb in ("step", "kick"))
            self.notes.marks |= ({"legs-turn"} if turns else set()) | (set() if one else {"legs-both"})
        repeats = "leg-repeats" if group in LEGS or group in ("hips", "body") else "trunk-repeats"
        self.notes.time(manner, data, None if group in ("head", "shoulder") else repeats)
        if group == "head" and (manner.repeats or 0) >= 0.6:
            self.notes.say({"head-moves": 0.85})

    def _marks_of(self, clause: Clause, one: bool) -> list[str]:
        """What may make a frame more particular, the most telling first."""
        marks: list[str] = [mark for mark in ("in-place", "alternate") if mark in clause.manners]
        marks += ["out" if way in ("left", "right") else way for way in clause.ways]
        marks += [WAYS_OF_PREPS[prep] for place in clause.places for prep in place.preps if prep in SIDES]
        marks += ["floor" for place in clause.places
                  if place.name in LOW and {"to", "toward"} & set(place.preps)]  # fmt: skip
        return [*marks, "one"] if one else marks

    def claims(self) -> Claims:
        """Everything that was said, one value and weight for each attribute."""
        notes = self.notes
        self.arms.claim()
        self._claim_company()
        if "moved" in notes.marks and "quick" not in notes.found:
            notes.say({"quick": 0.42}, ASSUMED)
        if notes.marks & {"legs-turn", "legs-both"} and "leg-moves" in notes.found:
            turns = {"legs-in-turn": 0.95} if "legs-turn" in notes.marks else {}
            notes.say({"other-leg-moves": notes.most("leg-moves")} | turns, DERIVED)
        if notes.side in ("left", "right"):
            notes.say({"side": 1.0 if notes.side == "right" else -1.0}, 0.9)
        return notes.claims()

    def _claim_company(self) -> None:
        """Whether two people touch: as said, else from what they do."""
        notes = self.notes
        if notes.most("another-person") < 0.3:
            for name in ("touches-other", "other-nears"):
                notes.found.pop(name, None)
        elif "contactless" in notes.marks:
            notes.found["touches-other"] = [(0.0, SURE)]
        else:
            notes.say({"touches-other": 0.75 if "strikes" in notes.marks else 0.2}, ASSUMED)
