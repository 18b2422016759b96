"""Synthetic clips: every class by every body, each clip determined by its own numbers and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError, unknown_choice
from skelzero.synthetic.performer import FPS, Person, perform
from skelzero.synthetic.recorder import VIEWS, Recorder
from skelzero.synthetic.vocabulary import Action, actions

DATASET = "synthetic"
VERSION = 1
"""Raised whenever equal arguments give other numbers than before."""
_PERSON, _RECORDING = 1, 2
"""Which stream of random numbers: of a person, or of one recording."""


def make_clip(code: str, subject: int, replication: int, seed: int = 0) -> Clip:
    """One synthetic clip.

    Parameters
    ----------
    code : str
        A key of `CLASSES` (`s01`, ...).
    subject : int
        Which body, from 1.
    replication : int
        Which recording of this class by this body, from 1; it also goes round the three views.
    seed : int
        Of the whole data set.

    Returns
    -------
    Clip
        Layout `common20`, metres, y up, 30 frames a second, 1.5 to 5 s. The numbers depend on the four arguments alone.

    Raises
    ------
    UserError
        Unknown code, or a number below its range.
    """
    action = _action(code)
    for name, value, least in (("subject", subject, 1), ("replication", replication, 1), ("seed", seed, 0)):
        if value < least:
            raise UserError(f"synthetic clips have no such {name}", got=value, expected=f">= {least}")
    random = np.random.default_rng(np.random.SeedSequence([seed, _RECORDING, action.number, subject, replication]))
    view = (replication - 1) % len(VIEWS) + 1
    motion = perform(action, person(subject, seed).on_a_day(random), random)
    seen = Recorder.sample(view, random).record(motion, random)
    origin = Origin(
        name=f"synthetic_{code}_b{subject:02d}_r{replication:02d}", dataset=DATASET, code=code, subject=subject,
        camera=view, replication=replication,
    )  # fmt: skip
    return Clip(positions=seen[None], layout=load_layout("common20"), origin=origin, fps=FPS)


def generate(
    classes: Sequence[str] | None = None, subjects: int = 8, replications: int = 3, seed: int = 0
) -> Iterator[Clip]:
    """Synthetic clips in order of class, subject and replication; all classes by default.

    Raises
    ------
    UserError
        Unknown class, or no subject or replication asked for. Raised at once, before the first clip is made.
    """
    codes = list(actions()) if classes is None else list(dict.fromkeys(_action(code).code for code in classes))
    if not codes or subjects < 1 or replications < 1:
        raise UserError(
            "no synthetic clip was asked for", got=f"{len(codes)} classes, {subjects} subjects, {replications} each",
            expected="at least one of each",
        )  # fmt: skip
    return (
        make_clip(code, subject, replication, seed)
        for code in codes
        for subject in range(1, subjects + 1)
        for replication in range(1, replications + 1)
    )


def source(subjects: int, replications: int, seed: int) -> str:
    """How a store of synthetic clips came to be, for its card."""
    return (
        f"synthetic motion made by skelzero.synthetic version {VERSION}: "
        f"{subjects} bodies, {replications} recordings of each class, seed {seed}; no person was recorded"
    )


@functools.lru_cache(maxsize=4096)
def person(subject: int, seed: int = 0) -> Person:
    """The person of that number in the data set of that seed."""
    return Person.sample(np.random.default_rng(np.random.SeedSequence([seed, _PERSON, subject])))


def _action(code: str) -> Action:
    if code not in actions():
        raise unknown_choice("synthetic class", code, actions())
    return actions()[code]
