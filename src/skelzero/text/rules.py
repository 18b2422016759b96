"""What a good class set keeps to: whole, of a fit length, no text twice, and no description that names another class.

Verbs and nouns are another matter: they are short, and classes share them so that methods can carry a verb from seen
classes to unseen ones. Only both together must differ, and one verb must be spelt one way. A set may do without any.

The rule on names keeps a description from giving an unseen class away by its name. Words are compared without their
endings: "waves", "waving" and "wave" are one word. This is no linguistics, only enough to catch a name in disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from skelzero.text.class_sets import ActionClass, ClassSet

LENGTHS = {"action": (8, 40), "motion": (15, 55)}
"""Fewest and most words of a description."""

PARTS = ("verb", "noun")
MAX_PART = 4
"""Most words of a verb or a noun."""

MAX_SENTENCES = 2
SUFFIXES = ("ing", "ed", "es", "s", "e")
VOWELS = frozenset("aeiouy")

Words = tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One broken rule: at which class, in which text, and what is wrong."""

    code: str
    kind: str
    problem: str

    def __str__(self) -> str:
        return f"{self.code} {self.kind}: {self.problem}"


def stem(word: str) -> str:
    """A word without its ending.

    >>> stem("waving") == stem("waves") == stem("wave"), stem("clapping") == stem("clap"), stem("swing")
    (True, True, 'swing')
    """
    word = word.casefold()
    for suffix in SUFFIXES:
        rest = word.removesuffix(suffix)
        # "swing" and "sit-ups" keep their ends: what is left must still be a word with a vowel.
        if rest != word and len(rest) >= 3 and VOWELS & set(rest):
            word = rest
            break
    if len(word) > 2 and word[-1] == word[-2] and word[-1] not in VOWELS:
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word.endswith("y") else word


def words_of(text: str) -> Words:
    """The stems of a text's words; apostrophes vanish, other punctuation separates."""
    return tuple(stem(word) for word in re.findall(r"\w+", re.sub(r"['’]", "", text)))


def names_of(label: str) -> set[Words]:
    """The names a label stands for: without its parentheses, what is in them, and each side of a slash.

    >>> sorted(names_of("put on a hat/cap")), sorted(names_of("check time (from watch)"))
    ([('cap',), ('put', 'on', 'a', 'hat')], [('check', 'tim'), ('from', 'watch')])
    """
    parts = [re.sub(r"\([^)]*\)", " ", label), *re.findall(r"\(([^)]*)\)", label)]
    names = {words_of(side) for part in parts for side in part.split("/")}
    return {name for name in names if name}


def contains(text: Words, name: Words) -> bool:
    """Whether a name's words stand side by side in a text."""
    return any(text[i : i + len(name)] == name for i in range(len(text) - len(name) + 1))


def sentences(text: str) -> int:
    """How many sentences a text has."""
    return len(re.findall(r"[.!?]+(?=\s|$)", text.strip())) or int(bool(text.strip()))


def check_class_set(class_set: ClassSet) -> list[Finding]:
    """All broken rules of a class set, in the order of its classes; an empty list when it is as it should be."""
    names = {c.code: names_of(c.label) for c in class_set.classes}
    found = [finding for c in class_set.classes for finding in _of_one(c)]
    found += [finding for c in class_set.classes for finding in _foreign_names(c, class_set, names)]
    found += _repeated(class_set)
    if any(c.verb or c.noun for c in class_set.classes):
        found += [finding for c in class_set.classes for finding in _of_parts(c)]
        found += [*_equal_pairs(class_set), *_spellings(class_set)]
    order = {code: i for i, code in enumerate(class_set.codes)}
    return sorted(found, key=lambda f: (order[f.code], f.kind))


def _of_one(c: ActionClass) -> Iterator[Finding]:
    """Completeness and length of one class's descriptions."""
    for kind, (fewest, most) in LENGTHS.items():
        text: str = getattr(c, kind)
        count = len(text.split())
        if not count:
            yield Finding(c.code, kind, "missing")
        elif not fewest <= count <= most:
            yield Finding(c.code, kind, f"{count} words, expected {fewest} to {most}")
        if sentences(text) > MAX_SENTENCES:
            yield Finding(c.code, kind, f"{sentences(text)} sentences, expected at most {MAX_SENTENCES}")


def _foreign_names(c: ActionClass, class_set: ClassSet, names: dict[str, set[Words]]) -> Iterator[Finding]:
    """Names of other classes in one class's descriptions, but for those that its own label holds too."""
    own = words_of(c.label)
    for kind in LENGTHS:
        text = words_of(getattr(c, kind))
        for other in class_set.classes:
            for name in () if other.code == c.code else sorted(names[other.code]):
                if contains(text, name) and not contains(own, name):
                    yield Finding(c.code, kind, f"names class {other.code} ({other.label})")


def _repeated(class_set: ClassSet) -> Iterator[Finding]:
    """Texts, of any kind, that stand twice in the set."""
    first: dict[Words, tuple[str, str]] = {}
    for c in class_set.classes:
        for kind in ("label", *LENGTHS):
            text = words_of(getattr(c, kind))
            if text and text in first:
                code, where = first[text]
                yield Finding(c.code, kind, f"says the same as the {where} text of class {code}")
            first.setdefault(text, (c.code, kind))


def _of_parts(c: ActionClass) -> Iterator[Finding]:
    """Completeness, length and case of one class's verb and noun."""
    for kind in PARTS:
        text: str = getattr(c, kind)
        count = len(text.split())
        if not count:
            yield Finding(c.code, kind, "missing, though other classes have verbs and nouns")
        elif count > MAX_PART:
            yield Finding(c.code, kind, f"{count} words, expected 1 to {MAX_PART}")
        if text != text.lower():
            yield Finding(c.code, kind, "not in lower case")


def _equal_pairs(class_set: ClassSet) -> Iterator[Finding]:
    """Classes that verb and noun together do not tell apart."""
    first: dict[tuple[Words, Words], str] = {}
    for c in class_set.classes:
        pair = (words_of(c.verb), words_of(c.noun))
        if all(pair) and pair in first:
            yield Finding(c.code, "noun", f"with the verb the same as of class {first[pair]}")
        first.setdefault(pair, c.code)


def _spellings(class_set: ClassSet) -> Iterator[Finding]:
    """Verbs that are one word in two forms, such as "wave" and "waving": methods would take them for two."""
    first: dict[Words, ActionClass] = {}
    for c in class_set.classes:
        words = words_of(c.verb)
        other = first.setdefault(words, c)
        if words and c.verb != other.verb:
            yield Finding(c.code, "verb", f"{c.verb!r}, but {other.verb!r} at class {other.code}")
