"""Names of whole actions ("tennis serve", "put on a hat") found in a text, the most particular first."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skelzero.text.attributes.clauses import Data, stem_of
from skelzero.text.rules import stem

SLACK = 4
"""Other words that may stand among those of a name: "put the woollen hat on" is "put on hat"."""

PARTICLES = frozenset({"up", "down", "of", "on", "out", "in", "over", "away", "go", "get", "back"})
"""Stems with which a name's first word must come first: "getting up", but not "a warm-up before getting ...". """


@dataclass(frozen=True)
class Name:
    """The stems of a name, which of them comes first, and the action that it names."""

    words: frozenset[str]
    first: str
    action: str


class ActionBook:
    """The actions of the lexicon by their words; "@hat" in a name stands for each word of that class."""

    def __init__(self, lexicon: Data) -> None:
        self.actions: Data = lexicon["actions"]
        self.classes: Data = lexicon["classes"]
        names: dict[frozenset[str], Name] = {}
        for action, entry in self.actions.items():
            for phrase in (action, *entry.get("also", [])):
                for words in itertools.product(*(self._choices(word) for word in phrase.split())):
                    stems = [stem(word) for word in "_".join(words).split("_")]
                    names.setdefault(frozenset(stems), Name(frozenset(stems), stems[0], action))
        # Every name is looked up under its longest word, which is seldom a little one.
        self.anchors: dict[str, list[Name]] = defaultdict(list)
        for name in names.values():
            self.anchors[max(sorted(name.words), key=len)].append(name)

    def _choices(self, word: str) -> list[str]:
        return str(self.classes[word[1:]]).split() if word.startswith("@") else [word]

    def entry(self, action: str) -> dict[str, Any]:
        found: dict[str, Any] = self.actions[action]
        return found

    def find(self, words: Sequence[str]) -> list[tuple[str, float, set[str]]]:
        """Actions, weights and the words that they were found in; a name within a longer one is not told."""
        stems = [stem_of(word) for word in words]
        there = set(stems)
        found: dict[frozenset[int], str] = {}
        for at, anchor in enumerate(stems):
            for name in self.anchors.get(anchor, ()):
                places = _places(stems, name, at) if name.words <= there else None
                if places:
                    found.setdefault(places, name.action)
        kept = [(places, action) for places, action in found.items() if not any(places < other for other in found)]
        longest = max((len(places) for places, _ in kept), default=1)
        # A name of several words says more than a single word elsewhere in the text.
        return [(action, (len(places) / longest) ** 2, {words[p] for p in places}) for places, action in kept]


def _places(stems: Sequence[str], name: Name, at: int) -> frozenset[int]:
    """Where the words of a name stand near one of them; nothing if they do not stand together."""
    nearest = {word: _nearest(stems, word, at, len(name.words) + SLACK) for word in name.words}
    places = frozenset(place for place in nearest.values() if place is not None)
    little = bool(name.words & PARTICLES)
    spread = max(places) - min(places) + 1 - len(places) if places else 0
    if len(places) < len(name.words) or spread > SLACK - little or (little and nearest[name.first] != min(places)):
        return frozenset()
    return places


def _nearest(stems: Sequence[str], wanted: str, at: int, within: int) -> int | None:
    """Where the word stands that is nearest to a place."""
    for distance in range(within):
        for place in (at + distance, at - distance):
            if 0 <= place < len(stems) and stems[place] == wanted:
                return place
    return None
