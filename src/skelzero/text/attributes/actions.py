"""Names of whole actions ("tennis serve", "put on a hat") found in a text, the most particular first."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from skelzero.text.attributes.clauses import Data
from skelzero.text.rules import stem

WINDOW = 6
"""Words within which the words of a name must stand, in any order: "put the woollen hat on" is "put on hat"."""


class ActionBook:
    """The actions of the lexicon by their words; "@hat" in a name stands for each word of that class."""

    def __init__(self, lexicon: Data) -> None:
        self.actions: Data = lexicon["actions"]
        self.classes: Data = lexicon["classes"]
        self.names: dict[frozenset[str], str] = {}
        for name, entry in self.actions.items():
            for phrase in (name, *entry.get("also", [])):
                for words in itertools.product(*(self._choices(word) for word in phrase.split())):
                    self.names.setdefault(frozenset(stem(w) for choice in words for w in choice.split("_")), name)
        # Every name is looked up under its longest word, which is seldom a little one.
        self.anchors: dict[str, list[frozenset[str]]] = defaultdict(list)
        for words in self.names:
            self.anchors[max(sorted(words), key=len)].append(words)

    def _choices(self, word: str) -> list[str]:
        return str(self.classes[word[1:]]).split() if word.startswith("@") else [word]

    def entry(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.actions[name]
        return found

    def find(self, words: Sequence[str]) -> list[tuple[str, float, set[str]]]:
        """Names, weights and the words that they were found in; a name within a longer one is not told."""
        stems = [stem(word) for word in words]
        found: list[tuple[frozenset[int], str]] = []
        for at, anchor in enumerate(stems):
            for name in self.anchors.get(anchor, ()):
                places = {p for s in name if (p := _nearest(stems, s, at)) is not None}
                if len(places) == len(name):
                    found.append((frozenset(places), self.names[name]))
        kept = [(places, name) for places, name in found if not any(places < other for other, _ in found)]
        longest = max((len(places) for places, _ in kept), default=1)
        # A name of several words says more than a single word elsewhere in the text.
        return [(name, (len(places) / longest) ** 2, {words[p] for p in places}) for places, name in kept]


def _nearest(stems: Sequence[str], wanted: str, at: int) -> int | None:
    """Where the word stands that is nearest to a place, within the window."""
    for distance in range(WINDOW + 1):
        for place in (at + distance, at - distance):
            if 0 <= place < len(stems) and stems[place] == wanted:
                return place
    return None
