"""A user's words as classes: described from the shipped class sets where known there, taken as they are otherwise."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from skelzero.text.class_sets import ActionClass, ClassSet, class_set_names, from_labels, load_class_set

PREFERRED = ("synthetic", "utd_mhad", "msr_action3d", "nw_ucla", "ntu120", "pku_mmd")
"""Where a word stands in several class sets, the first of these wins."""


def understand(labels: Sequence[str], known: ClassSet | None = None) -> tuple[ClassSet, dict[str, str]]:
    """Classes for free words.

    Parameters
    ----------
    labels : sequence of str
        Words or phrases, all different.
    known : ClassSet, optional
        Asked first; the shipped class sets follow.

    Returns
    -------
    ClassSet
        One class a word, in the order given.
    dict of str to str
        For each word that was found, where (`utd_mhad:a3`); other words stand for themselves.

    Examples
    --------
    >>> found = understand(["Wave", "juggle with fire"])[1]
    >>> sorted(found)
    ['Wave']
    """
    plain = from_labels(labels)
    classes, where = [], {}
    for word in plain.classes:
        place = _find(word.label, known)
        if place is None:
            classes.append(word)
            continue
        set_name, found = place
        where[word.label] = f"{set_name}:{found.code}"
        classes.append(found.model_copy(update={
            "code": word.code, "label": word.label, "verb": found.verb or word.verb, "noun": found.noun or word.noun,
        }))  # fmt: skip
    return ClassSet(name="words", classes=tuple(classes)), where


def _find(label: str, known: ClassSet | None) -> tuple[str, ActionClass] | None:
    key = _key(label)
    for c in known.classes if known else ():
        if _key(c.label) == key and known is not None:
            return known.name, c
    return _shipped_labels().get(key)


@functools.cache
def _shipped_labels() -> dict[str, tuple[str, ActionClass]]:
    found: dict[str, tuple[str, ActionClass]] = {}
    shipped = class_set_names()
    for name in [*(n for n in PREFERRED if n in shipped), *(n for n in shipped if n not in PREFERRED)]:
        for c in load_class_set(name).classes:
            if c.action and c.motion:
                found.setdefault(_key(c.label), (name, c))
    return found


def _key(label: str) -> str:
    return " ".join(label.casefold().split())
