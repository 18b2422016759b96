"""One task from phases to figures: selection, refit, zero-shot and generalised judgement."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skelzero.methods import METHODS, ZeroShotMethod
from skelzero.protocol import metrics
from skelzero.protocol.bench import Bench
from skelzero.protocol.phases import Judged, fit_on, judge
from skelzero.protocol.result import Result, Task, hardware, now, versions
from skelzero.protocol.selection import Selection, Trial, select
from skelzero.protocol.stacking import Stacking, fit_stacking

ZSL, GZSL = "zsl", "gzsl"
NOTHING_TO_CHOOSE = "nothing to choose: one candidate, and seen classes do not compete"
SETTINGS = (ZSL, GZSL)


@dataclass(frozen=True)
class Trained:
    """A method fitted on all seen classes, and what was chosen for it on pseudo-unseen ones.

    Attributes
    ----------
    method : ZeroShotMethod
    selection : Selection
    stacking : Stacking or None
        None where nothing was to be calibrated.
    pseudo : list of Judged
        What the chosen settings gave in the pseudo phases; empty where these were not needed.
    seconds : dict
        Time for `selection` and `fit`.
    """

    method: ZeroShotMethod
    selection: Selection
    stacking: Stacking | None
    pseudo: list[Judged]
    seconds: dict[str, float] = field(default_factory=dict)


def candidates(name: str, overrides: dict[str, Any]) -> list[dict[str, Any]]:
    """Settings to try for a method, the default first; what the user fixed holds for all of them."""
    found = [{**settings, **overrides} for settings in METHODS[name].candidates()] or [dict(overrides)]
    return [settings for i, settings in enumerate(found) if settings not in found[:i]]


def train(bench: Bench, name: str, overrides: dict[str, Any], *, calibrate: bool = True) -> Trained:
    """Choose settings and the calibration constant on pseudo-unseen classes, then fit on all seen classes.

    Parameters
    ----------
    bench : Bench
    name : str
        A registered method.
    overrides : dict
        Settings that are not to be chosen.
    calibrate : bool
        False where seen and unseen classes do not compete; with nothing to choose no pseudo phase is then needed.
    """
    begin = time.perf_counter()
    kind = METHODS[name]
    options = candidates(name, overrides)
    judged: list[Judged] = []
    if calibrate or len(options) > 1:
        selection, judged = select(lambda settings: kind(**settings), options, bench.pseudo(), seed=bench.seed)
        selection = selection.model_copy(update={"encoder_saw_pseudo": bench.encoder_saw_pseudo()})
    else:
        only = Trial(settings=options[0], top1=[], reciprocal_rank=[])
        selection = Selection(rule=NOTHING_TO_CHOOSE, trials=[only], chosen=0, pseudo_unseen=[], clips=0)
    chosen = time.perf_counter()
    method = fit_on(bench.final(), lambda: kind(**selection.settings), seed=bench.seed)
    seconds = {"selection": chosen - begin, "fit": time.perf_counter() - chosen}
    return Trained(method, selection, stack(judged) if calibrate else None, judged, seconds)


def stack(judged: list[Judged]) -> Stacking:
    """The calibration constant of the pseudo phases; with several folds their places' median."""
    found = [fit_stacking(j.branches, j.reference) for j in judged]
    middle = sorted(range(len(found)), key=lambda i: found[i].place)[len(found) // 2]
    place = float(np.median([f.place for f in found]))
    return found[middle].model_copy(update={"place": place})


@dataclass(frozen=True)
class Figures:
    """Metrics, accuracies of classes and confusions, by setting."""

    metrics: dict[str, dict[str, float]]
    chance: dict[str, dict[str, float]]
    per_class: dict[str, dict[str, float | None]]
    class_order: dict[str, list[str]]
    confusion: dict[str, list[list[int]]]


def figures(bench: Bench, judged: Judged, gamma: float, settings: tuple[str, ...] = SETTINGS) -> Figures:
    """All figures of a fitted method's scores on the test clips."""
    phase = bench.final()
    found = Figures({}, {}, {}, {}, {})
    if ZSL in settings:
        predicted = judged.unseen_scores.argmax(axis=1)
        _add(found, ZSL, zsl_metrics(judged), predicted, judged.unseen_truth, list(phase.codes[phase.fitted :]))
    if GZSL in settings:
        predicted = (judged.scores - np.float32(gamma) * judged.seen).argmax(axis=1)
        _add(found, GZSL, gzsl_metrics(judged, gamma), predicted, judged.truth, list(phase.codes))
    for setting in found.metrics:
        values = {m: metrics.chance(m, phase.fitted, len(phase.codes) - phase.fitted) for m in found.metrics[setting]}
        found.chance[setting] = {m: value for m, value in values.items() if value is not None}
    return found


def zsl_metrics(judged: Judged) -> dict[str, float]:
    """Accuracies of unseen clips among unseen classes."""
    scores, truth = judged.unseen_scores, judged.unseen_truth
    found = {"top1": metrics.top_k(scores, truth), "per_class": metrics.per_class_mean(scores.argmax(axis=1), truth)}
    if scores.shape[1] > 5:
        found["top5"] = metrics.top_k(scores, truth, 5)
    return found


def gzsl_metrics(judged: Judged, gamma: float) -> dict[str, float]:
    """Figures among all classes; `*_best_on_test` looks at test labels and is for comparison with publications only."""
    parts = judged.branches
    s, u, h = parts.at(gamma)
    predicted = (judged.scores - np.float32(gamma) * judged.seen).argmax(axis=1)
    classes = metrics.per_class(predicted, judged.truth, judged.scores.shape[1])
    s_class, u_class = float(np.nanmean(classes[judged.seen])), float(np.nanmean(classes[~judged.seen]))
    return {
        "S": s, "U": u, "H": h, "AUSUC": metrics.ausuc(parts), "gate_auc": metrics.gate_auc(parts),
        "S_per_class": s_class, "U_per_class": u_class, "H_per_class": metrics.harmonic(s_class, u_class),
        "H_uncalibrated": parts.at(0.0)[2], "H_oracle_gate": metrics.oracle_gate(parts)[2],
        "H_best_on_test": float(metrics.seen_unseen_curve(parts).harmonics().max()),
    }  # fmt: skip


def _add(
    found: Figures, setting: str, values: dict[str, float], predicted: np.ndarray, truth: np.ndarray, codes: list[str]
) -> None:
    found.metrics[setting] = values
    accuracies = metrics.per_class(predicted, truth, len(codes))
    found.per_class[setting] = {c: None if np.isnan(a) else float(a) for c, a in zip(codes, accuracies, strict=True)}
    found.class_order[setting] = codes
    found.confusion[setting] = metrics.confusion(predicted, truth, len(codes)).tolist()


def run_task(task: Task, bench: Bench) -> Result:
    """Train, judge and describe one task on its bench."""
    begin = time.perf_counter()
    trained = train(bench, task.method, task.overrides, calibrate=GZSL in task.settings)
    started = time.perf_counter()
    judged = judge(bench.final(), trained.method)
    gamma = trained.stacking.constant(judged.reference) if trained.stacking else 0.0
    seconds = {**trained.seconds, "judge": time.perf_counter() - started, "total": time.perf_counter() - begin}
    return describe(task, bench, trained, judged, gamma, seconds)


def describe(
    task: Task, bench: Bench, trained: Trained, judged: Judged, gamma: float, seconds: dict[str, float]
) -> Result:  # fmt: skip
    """Everything about a task in one record."""
    phase = bench.final()
    found = figures(bench, judged, gamma, task.settings)
    clips = {"fit": len(phase.fit), "held": len(phase.held), "partition": bench.partition.rule}
    text = {"class_set": task.class_set, "encoder": phase.bank.encoder, "kinds": list(phase.bank.kinds),
            "sha256": phase.bank.text_sha256}  # fmt: skip
    diagnostics = {**getattr(trained.method, "diagnostics_", {}), "encoder_seen_top1": bench.encoder_accuracy()}
    return Result(
        key=task.key, task=task, metrics=found.metrics, chance=found.chance, per_class=found.per_class,
        class_order=found.class_order, confusion=found.confusion, selection=trained.selection,
        stacking=trained.stacking, gamma=gamma if trained.stacking else None,
        method_settings=trained.method.settings.model_dump(mode="json"),
        data={**bench.source.facts(), **clips}, text=text, encoder=phase.fit.card.model_dump(mode="json"),
        diagnostics=diagnostics, leaky=bench.leaky, versions=versions(), hardware=hardware(), seconds=seconds,
        made=now(),
    )  # fmt: skip
