"""A description of a movement, taken apart: known words, then clauses with their parts, verbs, ways and places.

No grammar, only what descriptions of movements need: a clause is the words about one verb; parts of the body in front
of the verb or as its bare object are what moves ("the arm rises", "raising one arm"), parts behind a preposition are
places ("to the mouth"); a clause without a part goes on about the part before.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skelzero.text.rules import stem

Data = Mapping[str, Any]
stem_of = functools.lru_cache(maxsize=4096)(stem)
"""Texts say the same words again and again."""

Stems = tuple[str, ...]

KINDS = ("breaks", "people", "parts", "preps", "ways", "verbs", "manners", "counts", "sides", "nots", "things", "skip")
"""Sections of the lexicon whose words a clause is made of; where one word stands in two, the earlier section wins."""

BREAKING_PREPS = {"with": "with", "without": "with", "before": "before", "after": "past"}
LISTING = frozenset({"and", "or", "/", "&", "plus", "nor", "as well as"})
WAYS_OF_PREPS = {"above": "up", "below": "down", "behind": "back", "before": "forward", "beside": "out"}
PARTS_OF_LEVELS = {"overhead": "head", "head-high": "head", "shoulder-high": "shoulder", "chest-high": "chest",
                   "waist-high": "waist", "knee-high": "knee", "floor-low": "floor"}  # fmt: skip
"""The part of the body at each height: "from waist height to the mouth" begins where the waist is."""

STARTERS = frozenset({"arm", "hand", "forearm", "elbow", "thigh"})
"""Kinds of parts that a movement starts with rather than at: "from arms spread wide"."""

ASIDE = frozenset({"elbow", "finger", "wrist"})
"""Parts of which a clause speaks in passing: "it rises, the elbow bent, and stays there" goes on about the hand."""

TELLING = frozenset({"verbs", "parts", "ways", "people", "manners"})
IRREGULAR_PLURALS = frozenset({"feet"})


@dataclass(frozen=True)
class Item:
    """A word or phrase of the text: the section it stands in ("" when unknown), its entry, and how it is spelt."""

    kind: str
    name: str
    text: str

    @property
    def plural(self) -> bool:
        return self.text in IRREGULAR_PLURALS or (self.text.endswith("s") and not self.text.endswith("ss"))


@dataclass(frozen=True)
class Part:
    """A part of the body in a clause, with its number ("one", "both", "other" ...), its side and its prepositions."""

    name: str
    count: str = ""
    side: str = ""
    plural: bool = False
    preps: tuple[str, ...] = ()
    foreign: bool = False
    """Whether it is another person's: "that person's shoulder"."""


@dataclass
class Clause:
    """What one clause says; `movers` are the parts that move, `places` those it only refers to."""

    sentence: int
    movers: list[Part] = field(default_factory=list)
    tools: list[Part] = field(default_factory=list)
    places: list[Part] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    manners: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    about_other: bool = False
    negated: bool = False
    inherits: bool = False


class Vocabulary:
    """The words of the lexicon by their stems; a word written with "=" in front only matches as it is spelt."""

    def __init__(self, lexicon: Data) -> None:
        self.lexicon = lexicon
        self.entries: dict[Stems, tuple[str, str]] = {}
        self.exact: dict[str, tuple[str, str]] = {}
        for kind in KINDS:
            for name, entry in lexicon[kind].items():
                for word in (entry if isinstance(entry, str) else entry["words"]).split():
                    self._add(word, kind, name)
        self.longest = max(map(len, self.entries))

    def _add(self, word: str, kind: str, name: str) -> None:
        if word.startswith("="):
            self.exact.setdefault(word[1:], (kind, name))
        else:
            self.entries.setdefault(tuple(stem(w) for w in word.split("_")), (kind, name))

    def _adverb(self, word: str) -> tuple[str, str] | None:
        """ "Jerkily" and "broadly" where only "jerky" and "broad" stand in the lexicon."""
        root = word.removesuffix("ly")
        found = self.entries.get((stem(root),)) if root != word else None
        return found if found and found[0] in ("manners", "ways") else None

    def items(self, words: Sequence[str]) -> Iterator[Item]:
        """The items of a text's words, the longest phrase first."""
        stems = [stem_of(word) for word in words]
        at = 0
        while at < len(words):
            for size in range(min(self.longest, len(words) - at), 0, -1):
                found = self.entries.get(tuple(stems[at : at + size]))
                if size == 1:
                    found = self.exact.get(words[at], found or self._adverb(words[at]))
                if found:
                    yield Item(*found, " ".join(words[at : at + size]))
                    at += size
                    break
            else:
                yield Item("", words[at], words[at])
                at += 1


def words_of(text: str) -> list[str]:
    """Words and the punctuation that separates, in lower case; apostrophes vanish, hyphens part words."""
    plain = re.sub(r"['’]", "", text.casefold())
    plain = re.sub(r"\b\w+ or (\w+ (?:height|level)\b)", r"\1", plain)  # "waist or chest height"
    return re.findall(r"[^\W_]+|[.;:!?,()/]", plain)


def clauses_of(items: Iterable[Item], lexicon: Data) -> list[Clause]:
    """The clauses of a text; one without a mover goes on about the one before."""
    clauses: list[Clause] = []
    sentence = 0
    last: Clause | None = None
    for group in _grouped(list(items)):
        sentence += any(item.name == "stop" for item in group)
        if not any(item.kind in TELLING for item in group):
            continue
        binder = _Binder(sentence, lexicon)
        for item in group:
            binder.take(item)
        clause = binder.finish()
        adjunct = bool(group[0].text in BREAKING_PREPS or (clause.tools and not clause.movers))
        if (
            clauses
            and clauses[-1].about_other
            and clauses[-1].sentence == sentence
            and (adjunct or not binder.subjects)
        ):
            clause.about_other = True  # Whose clause it was goes on: "she steps back with lifted arms".
        _go_on(clause, last, binder.count)
        clause.movers = [*clause.movers, *clause.tools]
        clauses.append(clause)
        aside = binder.idle or adjunct or all(part.name in ASIDE for part in clause.movers)
        if (clause.movers or clause.about_other) and not (last and last.sentence == sentence and aside):
            last = clause
    _spread_repeats(clauses, frozenset(n for n, m in lexicon["manners"].items() if m.get("repeats")))
    return clauses


def _spread_repeats(clauses: list[Clause], repeats: frozenset[str]) -> None:
    """ "It shoots out and snaps back, again and again": what goes on repeats from its beginning."""
    for before, clause in zip(clauses[-2::-1], clauses[:0:-1], strict=False):
        if (clause.inherits or "hang" in clause.verbs) and before.sentence == clause.sentence:
            before.manners += [name for name in clause.manners if name in repeats and not repeats & set(before.manners)]


def _go_on(clause: Clause, last: Clause | None, count: str) -> None:
    """Give a clause without movers those of the last one: "it rises, stays there and sinks", "then the other rises"."""
    if clause.movers or clause.about_other or last is None:
        return
    staying = bool(clause.verbs) and all(verb in ("hold", "still") for verb in clause.verbs)
    if count in ("one", "other", "both") and clause.verbs and last.movers:
        first = last.movers[0]
        clause.movers = [Part(first.name, count)]
    elif last.sentence == clause.sentence or (staying and not clause.tools) or "pronoun" in clause.people:
        clause.movers, clause.about_other, clause.inherits = last.movers, last.about_other, True


def _grouped(items: list[Item]) -> list[list[Item]]:
    """The items of each clause: a break opens one when it ends a sentence or a further verb follows."""
    groups: list[list[Item]] = [[]]
    for i, item in enumerate(items):
        ends = item.kind == "breaks" and item.name == "stop"
        if ends or (item.kind == "breaks" and _is_whole(groups[-1]) and _opens(items[i + 1 :])):
            groups.append([item])
        else:
            groups[-1].append(item)
    return groups


def _is_whole(items: Sequence[Item]) -> bool:
    """Whether a clause could end here: it has its verb, or is a posture such as "with the hands behind the head"."""
    kinds = {item.kind for item in items}
    words = [item.text for item in items if item.kind != "breaks" or item.text in BREAKING_PREPS]
    return "verbs" in kinds or ("parts" in kinds and words[:1] == ["with"] and items[-1].kind != "sides")


def _opens(items: Sequence[Item]) -> bool:
    """Whether what follows a break is a clause: a verb before the next break, or a list of parts and then a verb."""
    listed = part = False
    for item in items:
        if item.kind == "verbs":
            return part or not listed
        if item.kind == "breaks":
            if item.name != "list" or not part:
                return False
            listed, part = True, False
        part = part or item.kind in ("parts", "sides")
        if listed and item.kind in ("preps", "ways"):
            return False
    return False


class _Binder:
    """Binds the words of one clause, taken one by one."""

    def __init__(self, sentence: int, lexicon: Data) -> None:
        self.clause = Clause(sentence)
        self.lexicon = lexicon
        self.subjects: list[Part] = []
        self.objects: list[Part] = []
        self.preps: tuple[str, ...] = ()
        self.count = self.side = ""
        self.adjuncts: list[Part] = []
        self.broken = self.foreign = False
        self.used = self.of = False
        """Whether the prepositions have found their noun, and whether the last word was "of"."""

    @property
    def idle(self) -> bool:
        verbs = self.clause.verbs
        return bool(verbs) and all(self.lexicon["verbs"][verb].get("idle") for verb in verbs)

    def take(self, item: Item) -> None:
        taker = getattr(self, f"_{item.kind}", None)
        if taker:
            taker(item)
        self.of = item.text == "of" or (self.of and item.kind == "skip")

    def _parts(self, item: Item) -> None:
        if self.of and self.used:
            return  # "the side of the body": whose side it is says nothing more.
        if self.used and self.preps:
            self.preps = ()
        part = Part(item.name, self.count, self.side, item.plural, self.preps, self.foreign)
        kind = self.lexicon["parts"][item.name]["moves"]
        held = self.preps == ("from",) and kind in STARTERS
        if self.preps and self.preps != ("with",) and not held:
            self.clause.places.append(part)
        elif kind == "spot" and not self.clause.verbs:
            pass
        elif self.broken and self.clause.verbs and self.preps != ("with",):
            self.adjuncts.append(part)  # "It swings up until the hand is level": no object of the verb.
        else:
            (self.objects if self.clause.verbs else self.subjects).append(part)
        self.count = self.side = ""
        self.used = True

    def _preps(self, item: Item) -> None:
        self.preps = (item.name,) if self.used else (*self.preps, item.name)
        self.used = False

    def _breaks(self, item: Item) -> None:
        if item.text in LISTING:
            # In "to the head or chest" the second noun has no preposition of its own.
            self.used = False
            return
        self._settle()
        # Most of these words only part clauses, but "with" and "before" are prepositions where they part none.
        self.preps = (BREAKING_PREPS[item.text],) if item.text in BREAKING_PREPS else ()
        self.used = False
        self.clause.negated |= item.text == "without"
        self.broken = bool(self.clause.verbs)

    def _verbs(self, item: Item) -> None:
        self._settle()
        self.broken = False
        self.clause.verbs.append(item.name)

    def _counts(self, item: Item) -> None:
        self.foreign |= item.text.endswith("others")  # "The other's shoulder".
        self.count = item.name if self.count != "or-both" else self.count

    def _sides(self, item: Item) -> None:
        self.side = "both" if self.side and self.side != item.name else item.name

    def _people(self, item: Item) -> None:
        clause = self.clause
        clause.people.append(item.name)
        if item.name in ("other", "mutual") and item.text.endswith("s") and (self.preps or clause.verbs):
            self.foreign = True
            return
        if item.name == "other" and self.preps[-1:] in (("to",), ("at",), ("toward",)):
            clause.ways.append("forward")
        clause.about_other |= item.name == "alone"
        clause.about_other |= item.name == "other" and not (clause.verbs or self.subjects or self.preps)
        self.preps, self.used = (), False

    def _things(self, item: Item) -> None:
        self.used = True

    def _nots(self, item: Item) -> None:
        self.clause.negated = True

    def _ways(self, item: Item) -> None:
        level = PARTS_OF_LEVELS.get(item.name)
        if level and not self.used and "from" in self.preps:
            self.clause.places.append(Part(level, preps=("from",)))
        else:
            self.clause.ways.append(item.name)
        self.used |= level is not None

    def _manners(self, item: Item) -> None:
        self.clause.manners.append(item.name)

    def _settle(self) -> None:
        """A side or a preposition that found no noun is a way: "to the left", "high above"."""
        if self.side and not self.count:
            self.clause.ways.append("sideside" if self.side == "both" else self.side)
        if self.preps and not self.used:
            self.clause.ways += [WAYS_OF_PREPS[prep] for prep in self.preps if prep in WAYS_OF_PREPS]
        self.side, self.preps, self.used, self.foreign = "", (), False, False

    def finish(self) -> Clause:
        self._settle()
        clause = self.clause
        tools = [part for part in self.objects if part.preps == ("with",)]
        bare = [part for part in self.objects if part.preps != ("with",)]
        by_hand = any(self._kind(part) in STARTERS for part in self.subjects)
        contact = any(self.lexicon["verbs"][verb].get("contact") for verb in clause.verbs)
        # "The hand covers the mouth", "touch the toes with both hands": the bare object is where, not what.
        where = [part for part in bare if contact or self._kind(part) == "spot" or
                 (by_hand and self._kind(part) not in STARTERS)]  # fmt: skip
        clause.places += where
        clause.movers = [part for part in bare if part not in where] or self.subjects or self.adjuncts
        clause.tools = tools
        return clause

    def _kind(self, part: Part) -> str:
        return str(self.lexicon["parts"][part.name]["moves"])
