"""A user's words as classes: described as everyday words or from the shipped class sets where known there, taken as
they are otherwise.

A word is looked up in one source after the other; in each of them first as it is spelt, then by its stems and without
articles: "walking", "Walk" and "to walk" are one word. Two hands stay apart from one, since "raise hand" and "raise
hands" are different actions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from skelzero.text.class_sets import ActionClass, ClassSet, class_set_names, from_labels, load_class_set
from skelzero.text.rules import Words, words_of

EVERYDAY = "everyday"
"""Asked before the class sets, which mean by "walk" what their recordings show; it is no class set itself."""

PREFERRED = ("synthetic", "utd_mhad", "msr_action3d", "nw_ucla", "ntu120", "pku_mmd")
"""Where a word stands in several class sets, the first of these wins."""

SILENT = frozenset({"a", "an", "the", "to", "my", "your"})
SHORT = {"doing": "do", "does": "do", "going": "go", "goes": "go", "lying": "lie", "tying": "tie", "using": "use"}
"""Forms of words too short for `stem`."""

PAIRED = frozenset({"arms", "hands", "legs", "knees", "feet", "fists", "elbows"})

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class _Index:
    """The classes of one source by their labels, as they are spelt and by `key_of`; the first of each."""

    spelt: dict[str, ActionClass]
    keys: dict[Words, ActionClass]

    @classmethod
    def of(cls, classes: Iterable[ActionClass]) -> _Index:
        index = cls({}, {})
        for c in classes:
            index.spelt.setdefault(_spelling(c.label), c)
            if key := key_of(c.label):
                index.keys.setdefault(key, c)
        return index

    def find(self, label: str) -> ActionClass | None:
        return self.spelt.get(_spelling(label)) or self.keys.get(key_of(label))


def understand(labels: Sequence[str], known: ClassSet | None = None) -> tuple[ClassSet, dict[str, str]]:
    """Classes for free words.

    Parameters
    ----------
    labels : sequence of str
        Words or phrases, all different.
    known : ClassSet, optional
        Asked first; the everyday words and the shipped class sets follow.

    Returns
    -------
    ClassSet
        One class a word, in the order given.
    dict of str to str
        For each word that was found, where (`everyday:walk`, `utd_mhad:a8`); other words stand for themselves.

    Examples
    --------
    >>> understand(["Waving", "draw x", "knit with fire"])[1]
    {'Waving': 'everyday:wave', 'draw x': 'utd_mhad:a8'}
    """
    plain = from_labels(labels)
    own = None if known is None else (known.name, _Index.of(known.classes))
    classes, where = [], {}
    for word in plain.classes:
        place = _find(word.label, own)
        if place is None:
            classes.append(word)
            continue
        source, found = place
        where[word.label] = f"{source}:{found.code}"
        classes.append(found.model_copy(update={
            "code": word.code, "label": word.label, "verb": found.verb or word.verb, "noun": found.noun or word.noun,
        }))  # fmt: skip
    return ClassSet(name="words", classes=tuple(classes)), where


def key_of(label: str) -> Words:
    """What a word is looked up by when it is not found as it is spelt; empty where it has no word that counts.

    >>> key_of("Walking") == key_of("to walk") == key_of("a walk"), key_of("raise hand") == key_of("raise hands")
    (True, False)
    """
    return tuple(word for token in re.findall(r"[\w'’]+", label.casefold()) for word in _stems(token))


@functools.lru_cache(maxsize=4096)
def _stems(token: str) -> Words:
    if token in SILENT:
        return ()
    words = words_of(SHORT.get(token, token))
    return (*words, "both") if token in PAIRED else words


def everyday_word(label: str) -> ActionClass | None:
    """An everyday word by any of its phrasings; its code is its label."""
    document = _everyday_documents().get(key_of(label))
    if document is None:
        return None
    told = yaml.load(document, Loader=LOADER)
    return ActionClass(code=told["label"], **{name: text for name, text in told.items() if name != "also"})


@functools.cache
def everyday_phrasings() -> dict[str, tuple[str, ...]]:
    """For each everyday word the other phrasings that stand for it."""
    return {head["label"]: tuple(head["also"]) for head, _ in _everyday()}


@functools.cache
def _everyday() -> tuple[tuple[dict[str, Any], str], ...]:
    """The head of each everyday word, and its whole document.

    Reading the profiles of all would take longer than everything else: only the heads are read, in one go.
    """
    path = resources.files("skelzero.text") / "everyday.yaml"
    documents = path.read_text(encoding="utf-8").split("\n---\n")[1:]
    heads = "\n---\n".join(document.partition("\nverb:")[0] for document in documents)
    return tuple(zip(yaml.load_all(heads, Loader=LOADER), documents, strict=True))


@functools.cache
def _everyday_documents() -> dict[Words, str]:
    return {key_of(phrase): document for head, document in _everyday() for phrase in (head["label"], *head["also"])}


def _find(label: str, own: tuple[str, _Index] | None) -> tuple[str, ActionClass] | None:
    """The first source that knows a label, and what it says."""
    if own is not None and (found := own[1].find(label)):
        return own[0], found
    if found := everyday_word(label):
        return EVERYDAY, found
    shipped = class_set_names()
    for name in [*(n for n in PREFERRED if n in shipped), *(n for n in shipped if n not in PREFERRED)]:
        if found := _shipped_index(name).find(label):
            return name, found
    return None


@functools.cache
def _shipped_index(name: str) -> _Index:
    return _Index.of(c for c in load_class_set(name).classes if c.action and c.motion)


def _spelling(label: str) -> str:
    return " ".join(label.casefold().split())
