"""The main job on the embedded default: synthetic motion, its own words, nothing from outside.

Everything is done by the same functions that real recordings go through, and kept in one folder; a stopped demo goes on
where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skelzero.clips import ClipStore, write_store
from skelzero.protocol.grid import run_grid
from skelzero.protocol.plan import Request, plan, plan_one
from skelzero.protocol.result import Result
from skelzero.protocol.run import Run
from skelzero.protocol.training import train_run
from skelzero.recognize import Recognition, Recognizer
from skelzero.report.html import write_report
from skelzero.synthetic import generate, source
from skelzero.text import load_class_set

SPLIT, PIPELINE = "51/16", "common-64"
METHODS = ["ridge", "scale"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoSize:
    """How much is made and trained.

    Attributes
    ----------
    subjects, replications : int
        Synthetic bodies, and recordings of each class by each.
    seeds : int
        Runs that are averaged.
    encoder_steps, method_steps : int
        Optimiser steps.
    """

    subjects: int = 6
    replications: int = 2
    seeds: int = 2
    encoder_steps: int = 250
    method_steps: int = 150


QUICK = DemoSize(subjects=6, replications=1, seeds=1, encoder_steps=30, method_steps=30)


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo made.

    Attributes
    ----------
    results : list of Result
    truth : str
        Label of the recognised clip, an unseen class.
    recognition : Recognition
    report : Path
    """

    results: list[Result]
    truth: str
    recognition: Recognition
    report: Path


def run_demo(
    out: Path, *, seed: int = 0, size: DemoSize | None = None, workers: int = 0, say: Say = print
) -> DemoOutcome:
    """Make synthetic motion, train, evaluate, recognise one clip, write the report.

    Parameters
    ----------
    out : Path
        Folder for everything.
    seed : int
        Of the motion and all that follows.
    size : DemoSize, optional
    workers : int
        Processes; 0 for one a core.
    say : callable
        Told what is being done.
    """
    size = size or DemoSize()
    store = _store(out / "synthetic", size, seed, say)
    request = Request(
        methods=METHODS, data=store.path, splits=[SPLIT], seeds=size.seeds, pipeline=PIPELINE,
        encoder={"encoder": "shift-gcn:small", "steps": size.encoder_steps},
        overrides={"scale": {"steps": size.method_steps}},
    )  # fmt: skip
    say(f"training and judging {' and '.join(METHODS)} on split {SPLIT} of synthetic motion, {size.seeds} seeds")
    results = run_grid(plan(request), out / "comparison", workers=workers)
    run = _run(out / "run", request, seed, say)
    truth, recognition = _recognise_one(run, store)
    report = out / "report.html"
    write_report(results, report, title="skelzero demo (synthetic motion)", baseline="ridge")
    return DemoOutcome(results, truth, recognition, report)


def _store(path: Path, size: DemoSize, seed: int, say: Say) -> ClipStore:
    wanted = source(size.subjects, size.replications, seed)
    if path.is_dir() and ClipStore.open(path).card.source == wanted:
        say(f"synthetic motion is there already: {path}")
        return ClipStore.open(path)
    say(f"making synthetic motion: {size.subjects} bodies, {size.replications} recordings of each class")
    clips = generate(subjects=size.subjects, replications=size.replications, seed=seed)
    return write_store(path, clips, source=wanted, overwrite=path.is_dir())


def _run(path: Path, request: Request, seed: int, say: Say) -> Run:
    """SCALE as a run folder, as `skelzero train` writes it; the encoder comes from the cache."""
    say(f"keeping SCALE with its encoder and words in {path}")
    chosen: dict[str, Any] = {"methods": ["scale"], "seeds": None}
    run = train_run(plan_one(request.model_copy(update=chosen), seed))
    run.save(path, replace=True)
    return run


def _recognise_one(run: Run, store: ClipStore) -> tuple[str, Recognition]:
    """Ask the recogniser about a test clip of a class that it knows from words only, among all such classes."""
    class_set = load_class_set(run.card.class_set)
    unseen = run.card.split.unseen
    labels = [class_set.classes[class_set.index(code)].label for code in unseen]
    tests = np.flatnonzero(np.isin(store.codes, unseen) & (store.subjects % 2 == 0))
    clip = store[int(tests[0])]
    truth = class_set.classes[class_set.index(clip.origin.code)].label
    return truth, Recognizer(run).recognize(clip, labels, top=5)
