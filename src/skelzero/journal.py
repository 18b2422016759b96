"""What a training tells on the way: losses and rates, noted by the loops and heard by whoever listens.

Nobody listens by default, and a loop then notes nothing. Where it is written to is the listener's business, so loops
know of no files, loggers or command lines.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import SupportsFloat

POINTS = 200
"""About so many steps of a training are noted: enough for a curve, and too few to slow a GPU down."""


@dataclass(frozen=True)
class Note:
    """Values of one step, counted from 0, of the training of one part (`encoder`, `method`)."""

    part: str
    step: int
    values: Mapping[str, float]


Listener = Callable[[Note], None]
_listener: ContextVar[Listener | None] = ContextVar("skelzero_journal", default=None)


def worth_noting(step: int, steps: int) -> bool:
    """Whether a step is among the noted ones: the first, the last, and evenly spaced ones between.

    >>> [step for step in range(1000) if worth_noting(step, 1000)][-3:]
    [990, 995, 999]
    """
    return step % max(1, steps // POINTS) == 0 or step == steps - 1


def due(step: int, steps: int) -> bool:
    """Whether somebody wants to hear of a step; a loop need not compute anything for nobody."""
    return _listener.get() is not None and worth_noting(step, steps)


def note(part: str, step: int, values: Mapping[str, SupportsFloat]) -> None:
    """Tell whoever listens; nothing when nobody does."""
    if (listener := _listener.get()) is not None:
        listener(Note(part, int(step), {name: float(value) for name, value in values.items()}))


def replay(notes: Iterable[Note]) -> None:
    """Tell again what was noted before a training was stopped, or when it was done for somebody else."""
    for past in notes:
        note(past.part, past.step, past.values)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear all notes of the block (of this thread); an outer listener hears none of them."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def trainings(notes: Sequence[Note], part: str) -> list[tuple[Note, ...]]:
    """The notes of a part, cut where its steps begin anew.

    >>> notes = [Note("method", step, {}) for step in (0, 1, 0, 1, 2)]
    >>> [len(training) for training in trainings(notes, "method")]
    [2, 3]
    """
    found: list[list[Note]] = []
    for one in notes:
        if one.part != part:
            continue
        if not found or one.step <= found[-1][-1].step:
            found.append([])
        found[-1].append(one)
    return [tuple(training) for training in found]
