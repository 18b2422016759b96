"""Class splits: published ones from `data/splits.json`, seeded random draws, and a user's own file.

A split says which classes are seen in training and which appear only at test. Its pseudo-unseen classes, a part of the
seen ones, stand in for the unseen classes whenever something has to be chosen.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from skelzero.cards import read_json, sha256_of
from skelzero.errors import UserError, unknown_choice

RANDOM = re.compile(r"random:(\d+)(?:#(\d+))?")
ALL = "all"


class CodedSet(Protocol):
    """What a split needs of a class set: its name and the codes of its classes in order."""

    @property
    def name(self) -> str: ...

    @property
    def codes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Split:
    """Which classes are seen and which are not.

    Attributes
    ----------
    name : str
        `22/5`, `random:9#3`, ...
    dataset : str
        The class set that the codes belong to.
    family : str
        Who defined it (`SynSE`, `PURLS`, `SMIE`, `STAR`, `random`, `own`); results of two families are never averaged.
    seen, unseen : tuple of str
        Class codes in the order of the class set.
    pseudo_unseen : tuple of str
        Published stand-ins for the unseen classes among the seen ones; empty where there are none, see `pseudo_fold`.
    """

    name: str
    dataset: str
    family: str
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    pseudo_unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert not set(self.seen) & set(self.unseen), "a class is both seen and unseen"
        assert set(self.pseudo_unseen) <= set(self.seen), "pseudo-unseen classes must be seen classes"

    @property
    def sha256(self) -> str:
        """Hash of the classes, whatever the split is called."""
        return sha256_of([self.dataset, self.seen, self.unseen, self.pseudo_unseen])


def split_names(class_set: CodedSet) -> tuple[str, ...]:
    """Names of the published splits of a class set."""
    return tuple(_published(class_set.name))


def load_split(class_set: CodedSet, name: str, *, seed: int = 0, codes: Sequence[str] | None = None) -> Split:
    """The split of that name.

    Parameters
    ----------
    class_set : ClassSet
    name : str
        A published one (`22/5`), one seeded draw (`random:9#3`), `all` (every class seen: for a recogniser, not for an
        evaluation), or a JSON file `{"unseen": [code, ...], "pseudo_unseen": [code, ...]}`.
    seed : int
        Of a random draw.
    codes : sequence of str, optional
        The classes at hand, for draws and own files; by default those of the class set.

    Raises
    ------
    UserError
        Unknown name (the known ones are listed), or classes that the set does not have.
    """
    published = _published(class_set.name)
    if name in published:
        return _from_ids(class_set, name, *published[name])
    at_hand = tuple(class_set.codes if codes is None else (c for c in class_set.codes if c in set(codes)))
    if match := RANDOM.fullmatch(name):
        return _draw(class_set.name, at_hand, int(match[1]), int(match[2] or 0), seed)
    if name == ALL:
        return Split(ALL, class_set.name, "own", at_hand, ())
    if name.endswith(".json"):
        return _from_file(Path(name), class_set.name, at_hand)
    raise unknown_choice(f"split of {class_set.name}", name, [*published, "random:N", ALL, "FILE.json"])


def random_splits(
    class_set: CodedSet, unseen: int, draws: int, *, seed: int = 0, codes: Sequence[str] | None = None
) -> list[Split]:
    """Seeded draws of `unseen` classes. The i-th draw does not depend on how many are asked for."""
    return [load_split(class_set, f"random:{unseen}#{i}", seed=seed, codes=codes) for i in range(draws)]


def pseudo_fold(split: Split, *, fold: int = 0, seed: int = 0) -> tuple[str, ...]:
    """Seen classes that play unseen ones while something is chosen.

    The published stand-ins serve as fold 0. Otherwise a draw of as many classes as are unseen, but at most half of the
    seen ones (our choice: with 5/5 an equal number would leave nothing to train on).
    """
    if fold == 0 and split.pseudo_unseen:
        return split.pseudo_unseen
    wanted = len(split.unseen) or max(1, len(split.seen) // 5)
    size = min(wanted, len(split.seen) // 2)
    if size < 1:
        raise UserError(
            "too few seen classes to choose anything on", where=split.name, got=len(split.seen), expected=">= 2"
        )
    chosen = _generator("pseudo", split.sha256, fold, seed).permutation(len(split.seen))[:size]
    return tuple(split.seen[i] for i in sorted(chosen))


def check_present(split: Split, present: Sequence[str], *, where: object = None) -> None:
    """Raise a `UserError` naming the split's classes that the data do not have."""
    missing = [code for code in (*split.seen, *split.unseen) if code not in set(present)]
    if missing:
        raise UserError(
            f"classes of split {split.name} are not in the data", where=where, got=f"no clip of {_some(missing)}",
            expected=f"clips of all {len(split.seen) + len(split.unseen)} classes",
            next_step="import the whole data set, or use random:N or a split file, which take the classes at hand",
        )  # fmt: skip


def _some(codes: Sequence[str], most: int = 12) -> str:
    return ", ".join(codes[:most]) + (f" and {len(codes) - most} more" if len(codes) > most else "")


@functools.cache
def _published(dataset: str) -> dict[str, tuple[dict[str, Any], int]]:
    files = (
        resources.files("skelzero.protocol") / "data" / "splits.json",
        resources.files("skelzero.synthetic") / "splits.json",
    )
    every = [group for file in files for group in json.loads(file.read_text(encoding="utf-8"))["groups"]]
    groups = [group for group in every if group["class_set"] == dataset]
    return {entry["name"]: (entry, group["classes"]) for group in groups for entry in group["splits"]}


def _from_ids(class_set: CodedSet, name: str, entry: dict[str, Any], classes: int) -> Split:
    assert len(class_set.codes) >= classes, f"class set {class_set.name} is shorter than its published splits"
    codes = class_set.codes[:classes]
    unseen = set(entry["unseen"])
    return Split(
        name=name, dataset=class_set.name, family=entry["family"],
        seen=tuple(code for i, code in enumerate(codes) if i not in unseen),
        unseen=tuple(codes[i] for i in sorted(unseen)),
        pseudo_unseen=tuple(codes[i] for i in sorted(entry.get("pseudo_unseen", ()))),
    )  # fmt: skip


def _draw(dataset: str, codes: tuple[str, ...], unseen: int, draw: int, seed: int) -> Split:
    if not 1 <= unseen <= len(codes) - 2:
        raise UserError("a random split needs at least one unseen and two seen classes", where=dataset, got=unseen,
                        expected=f"1..{len(codes) - 2} of {len(codes)} classes")  # fmt: skip
    chosen = set(_generator("draw", dataset, unseen, draw, seed, *codes).permutation(len(codes))[:unseen])
    return Split(
        name=f"random:{unseen}#{draw}", dataset=dataset, family="random",
        seen=tuple(code for i, code in enumerate(codes) if i not in chosen),
        unseen=tuple(code for i, code in enumerate(codes) if i in chosen),
    )  # fmt: skip


def _from_file(path: Path, dataset: str, codes: tuple[str, ...]) -> Split:
    content = read_json(path, what="split file")
    unseen, pseudo = (
        set(content.get(k, ())) if isinstance(content, dict) else set() for k in ("unseen", "pseudo_unseen")
    )
    strange = sorted((unseen | pseudo) - set(codes))
    if not unseen or strange or unseen & pseudo or len(unseen) > len(codes) - 2:
        raise UserError(
            "split file does not fit the classes", where=path, got=f"unknown {_some(strange)}" if strange else content,
            expected=f'{{"unseen": [codes of {dataset}], "pseudo_unseen": [other codes, optional]}}',
        )  # fmt: skip
    return Split(
        name=path.stem, dataset=dataset, family="own",
        seen=tuple(code for code in codes if code not in unseen),
        unseen=tuple(code for code in codes if code in unseen),
        pseudo_unseen=tuple(code for code in codes if code in pseudo),
    )  # fmt: skip


def _generator(*what: object) -> np.random.Generator:
    return np.random.default_rng(int(sha256_of([str(part) for part in what])[:16], 16))
