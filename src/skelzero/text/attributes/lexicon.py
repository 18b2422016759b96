"""Reads a free description of a movement and says what it tells about each motion attribute, and how surely.

`lexicon.yaml` holds the words. `clauses.py` binds them; a clause about an arm moves a `HandPath`, a clause about
another part makes the claims that stand under `frames`, and a word for a whole action ("salute") is read as the
paraphrase that stands under `actions`. Of a name and a few plain words ("punch with the left fist") both are heard;
a text that tells the movement itself is taken at its word.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from skelzero.text.attributes.actions import ActionBook
from skelzero.text.attributes.clauses import Data, Item, Vocabulary, clauses_of, words_of
from skelzero.text.attributes.files import read_yaml, shipped
from skelzero.text.attributes.notes import Claims
from skelzero.text.attributes.scene import Scene
from skelzero.text.attributes.schema import load_schema

IMPLIED = 1.5
"""Weight of an action's paraphrase beside what a short text says in so many words: a name says more."""

PLACED = 0.2
"""That of heights where the text itself names a height or a place."""

HEIGHTS = frozenset({"hand-top", "hand-bottom", "hand-works-at", "other-hand-top"})

VAGUE = 0.5
"""Share of that for a single word beside a clause that says which part moves."""

SURE = 0.85
"""Weight of an action's paraphrase where the text itself says nothing."""


LEAD_AND_OTHER = {"arm-moves": "other-arm-moves", "hand-top": "other-hand-top"}
OTHER_ARM = frozenset({*LEAD_AND_OTHER.values(), "arms-together", "arms-in-turn"})


@dataclass(frozen=True)
class Reading:
    """What a text says about A attributes.

    Attributes
    ----------
    values : array of shape (A,)
        In the units and the order of the schema; NaN where nothing is said.
    weights : array of shape (A,)
        How sure each value is, 0 to 1; 0 where it is NaN.
    known, unknown : tuple of str
        Words it understood, and content words it did not.
    """

    values: Float64[np.ndarray, " A"]
    weights: Float64[np.ndarray, " A"]
    known: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """The words, ready to be looked up."""

    data: Data
    vocabulary: Vocabulary
    actions: ActionBook


@functools.cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with the package."""
    data: dict[str, Any] = read_yaml(shipped("lexicon.yaml"))
    data["combine"] = {how: frozenset(names.split()) for how, names in data["combine"].items()}
    return Lexicon(data, Vocabulary(data), ActionBook(data))


def read_words(text: str) -> Reading:
    """What a description in English says about every motion attribute.

    >>> reading = read_words("Both arms rise to overhead; the legs stay still.")
    >>> index = load_schema().index
    >>> bool(reading.values[index["hand-top"]] > 1.5), float(reading.values[index["leg-moves"]])
    (True, 0.0)
    """
    lexicon = load_lexicon()
    words = words_of(text)
    items = list(lexicon.vocabulary.items(words))
    scene = _scene(items, lexicon.data)
    implied: dict[str, list[tuple[float, float]]] = {}
    understood = {word for item in items if item.kind for word in item.text.split()}
    for name, weight, matched in lexicon.actions.find(words):
        understood |= matched
        if scene.tells:
            continue  # "The arm swings" is neither golf nor tennis.
        vague = VAGUE if scene.explicit and len(matched) < 2 else 1.0
        for attribute, (value, sure) in _with_hands_of(scene, _paraphrase(name)).items():
            implied.setdefault(attribute, []).append((value, sure * weight * vague))
    claims = scene.claims()
    if "placed" in scene.notes.marks:
        claims |= {name: (claims[name][0], claims[name][1] * IMPLIED / PLACED) for name in HEIGHTS & claims.keys()}
    return _reading(claims, implied, understood, words)


@functools.cache
def _paraphrase(name: str) -> Claims:
    """What one action of the lexicon implies: its paraphrase, and the numbers that stand beside it."""
    lexicon = load_lexicon()
    entry = lexicon.actions.entry(name)
    claims: Claims = {}
    if "like" in entry:
        claims |= _paraphrase(entry["like"])
    if "says" in entry:
        claims |= _scene(list(lexicon.vocabulary.items(words_of(entry["says"]))), lexicon.data).claims()
    return claims | {key: (float(value), 0.9) for key, value in entry.get("set", {}).items()}


def _with_hands_of(scene: Scene, claims: Claims) -> Claims:
    """The paraphrase for as many hands as the text itself says: "circle the left arm", "pick up with both hands"."""
    if scene.arms.hands == "one":
        return {name: claim for name, claim in claims.items() if name not in OTHER_ARM}
    if scene.arms.hands == "both":
        copies = {other: claims[lead] for lead, other in LEAD_AND_OTHER.items() if lead in claims}
        return claims | copies | {"arms-together": (0.9, 0.8)}
    return claims


def _scene(items: Sequence[Item], data: Data) -> Scene:
    scene = Scene(data)
    for clause in clauses_of(items, data):
        scene.read(clause)
    return scene


def _reading(said: Claims, implied: dict[str, list[tuple[float, float]]], understood: set[str],
             words: Sequence[str]) -> Reading:  # fmt: skip
    """Put together what is said and what is implied."""
    schema = load_schema()
    values, weights = np.full(len(schema), np.nan), np.zeros(len(schema))
    for i, name in enumerate(schema.names):
        votes = list(_votes(said.get(name), implied.get(name, [])))
        total = sum(weight for _, weight in votes)
        if total > 0:
            value = sum(value * weight for value, weight in votes) / total
            values[i] = min(max(value, schema.low[i]), schema.high[i])
            weights[i] = min(1.0, total)
    content = [word for word in dict.fromkeys(words) if word.isalpha()]
    known = tuple(word for word in content if word in understood)
    return Reading(values, weights, known, tuple(word for word in content if word not in understood and len(word) > 2))


def _votes(said: tuple[float, float] | None, implied: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Values with weights; several actions share one weight, so that many vague names do not outvote a clear word."""
    if said is not None:
        yield said
    total = sum(weight for _, weight in implied)
    share = (IMPLIED if said is not None else SURE) * min(1.0, total)
    for value, weight in implied:
        if total > 0:
            yield value, share * weight / total
