"""Which recordings train and which test: each data set's usual protocol, from `data/partitions.json`."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Int

from skelzero.cards import sha256_text
from skelzero.errors import UserError, unknown_choice

TEST_SHARE = 0.3
"""Share of subjects (or clips) that test where a data set has no usual protocol."""


class Table(Protocol):
    """The columns of a store, of prepared clips or of features."""

    @property
    def names(self) -> np.ndarray: ...
    @property
    def datasets(self) -> np.ndarray: ...
    @property
    def subjects(self) -> np.ndarray: ...
    @property
    def cameras(self) -> np.ndarray: ...
    @property
    def setups(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Partition:
    """Training and test clips.

    Attributes
    ----------
    train : bool (N,)
        True for training clips; all others test.
    rule : str
        In words, for results and reports.
    by : str
        What separates the two: `subject`, `camera`, `setup` or `clip`.
    """

    train: Bool[np.ndarray, " N"]
    rule: str
    by: str


def partition_names(dataset: str) -> tuple[str, ...]:
    """Names of a data set's usual protocols; the first is the default."""
    return tuple(entry["name"] for entry in _published().get(dataset, ()))


def usual_partition(
    table: Table, dataset: str, *, name: str = "", test_subjects: Collection[int] = (), seed: int = 0
) -> Partition:
    """The training and test clips of one data set.

    Parameters
    ----------
    table : Table
        Clips of that data set only.
    dataset : str
    name : str
        One of `partition_names`; by default the first.
    test_subjects : collection of int
        These subjects test and all others train, whatever is usual.
    seed : int
        Of the draw where a data set has no usual protocol: 30 % of the subjects test, or of the clips where no
        subjects are known.

    Raises
    ------
    UserError
        Unknown name, or nothing left on one side.
    """
    if test_subjects:
        part = _by_subjects(table, set(test_subjects))
    elif dataset in _published() or name:
        part = _by_rule(table, dataset, name)
    else:
        part = seeded_partition(table, by=_finest(table), share=TEST_SHARE, seed=seed)
    if part.train.all() or not part.train.any():
        side = "test" if part.train.all() else "training"
        hint = "import the whole data set, or name other test subjects with --test-subjects"
        raise UserError(f"no {side} clips under the protocol", where=dataset, got=part.rule, next_step=hint)
    return part


def inner_partition(table: Table, by: str, *, share: float = 0.25, seed: int = 0) -> Partition:
    """Hold a part of the training clips out, in the way in which the test clips differ from them if there is choice.

    At least three values (subjects, cameras, ...) are wanted, so that two remain; otherwise subjects, otherwise clips.
    """
    axis = by if _values(table, by).size >= 3 else _finest(table)
    return seeded_partition(table, by=axis, share=share, seed=seed)


def seeded_partition(table: Table, *, by: str, share: float, seed: int) -> Partition:
    """Draw whole subjects (cameras, setups, clips) for the held-out side, at least one."""
    values = _values(table, by)
    count = min(max(1, round(share * values.size)), values.size - 1)
    order = np.argsort([sha256_text(f"partition {seed} {by} {value}") for value in values], kind="stable")
    held = values[order[:count]]
    shown = f"{len(held)} of {values.size}" if by == "clip" else ", ".join(str(v) for v in sorted(held))
    return Partition(~np.isin(_column(table, by), held), f"held out {by} {shown} (seed {seed})", by)


def _by_subjects(table: Table, test: set[int]) -> Partition:
    unknown = sorted(test - {int(s) for s in table.subjects})
    if unknown:
        known = ", ".join(str(s) for s in np.unique(table.subjects))
        raise UserError("no clip of a test subject", where="--test-subjects", got=unknown, expected=f"among {known}")
    return Partition(~np.isin(table.subjects, sorted(test)), f"subjects {sorted(test)} test", "subject")


def _by_rule(table: Table, dataset: str, name: str) -> Partition:
    entries = {entry["name"]: entry for entry in _published().get(dataset, ())}
    if name and name not in entries:
        raise unknown_choice(f"partition of {dataset}", name, entries)
    entry = entries[name or next(iter(entries))]
    by, train = entry["by"], entry["train"]
    column: Int[np.ndarray, " N"] = _column(table, by)
    if (column < 0).any():
        raise UserError(f"clips without a {by} cannot be partitioned as usual", where=dataset, got=entry["name"])
    mask = column % 2 == ["even", "odd"].index(train) if isinstance(train, str) else np.isin(column, train)
    return Partition(mask, f"{entry['name']}: {by} {train if isinstance(train, str) else 'list'} train", by)


def _column(table: Table, by: str) -> np.ndarray:
    return {"subject": table.subjects, "camera": table.cameras, "setup": table.setups, "clip": table.names}[by]


def _values(table: Table, by: str) -> np.ndarray:
    values = np.unique(_column(table, by))
    return values if by == "clip" else values[values >= 0]


def _finest(table: Table) -> str:
    known = (np.asarray(table.subjects) >= 0).all()
    return "subject" if known and _values(table, "subject").size >= 3 else "clip"


@functools.cache
def _published() -> dict[str, list[dict[str, Any]]]:
    text = (resources.files("skelzero.protocol") / "data" / "partitions.json").read_text(encoding="utf-8")
    return {key: value for key, value in json.loads(text).items() if key != "note"}
