"""One task from phases to figures: selection, refit, zero-shot and generalised judgement."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skelzero.methods import METHODS, ZeroShotMethod
from skelzero.protocol import cost, metrics, picture
from skelzero.protocol.bench import Bench
from skelzero.protocol.calibration import fit_calibration
from skelzero.protocol.figures import (
    BALANCED,
    GATE_SETTINGS,
    GATED,
    GUARDED,
    GZSL,
    GZSL_TRANSDUCTIVE,
    ONE_SHOT_SETTINGS,
    TRANSDUCTIVE,
    TRANSDUCTIVE_SETTINGS,
    ZSL,
    Transductions,
    case_of,
    figures,
)
from skelzero.protocol.gates import Gate, fit_gates
from skelzero.protocol.phases import Judged, fit_on, judge, unseen_scores
from skelzero.protocol.result import Result, Task, hardware, now, versions
from skelzero.protocol.selection import Selection, Trial, select
from skelzero.protocol.stacking import Stacking, fit_stacking
from skelzero.protocol.transduction import fit_generalised, fit_transduction

NOTHING_TO_CHOOSE = "nothing to choose: one candidate, and seen classes do not compete"


@dataclass(frozen=True)
class Trained:
    """A method fitted on all seen classes, and what was chosen for it on pseudo-unseen ones.

    Attributes
    ----------
    method : ZeroShotMethod
    selection : Selection
    stacking : Stacking or None
        None where nothing was to be calibrated.
    gates : dict
        Fitted gates by name.
    pseudo : list of Judged
        What the chosen settings gave in the pseudo phases; empty where these were not needed.
    best_on_test : float or None
        Top-1 of the stage that is best on the unseen test clips, as publications report it; None without stages.
    seconds : dict
        Time for `selection` and `fit`.
    transductions : Transductions
        Alignments that were chosen.
    """

    method: ZeroShotMethod
    selection: Selection
    stacking: Stacking | None
    gates: dict[str, Gate]
    pseudo: list[Judged]
    best_on_test: float | None
    seconds: dict[str, float] = field(default_factory=dict)
    transductions: Transductions = field(default_factory=Transductions)


def candidates(name: str, overrides: dict[str, Any]) -> list[dict[str, Any]]:
    """Settings to try for a method, the default first; what the user fixed holds for all of them."""
    found = [{**settings, **overrides} for settings in METHODS[name].candidates()] or [dict(overrides)]
    return [settings for i, settings in enumerate(found) if settings not in found[:i]]


def needs_pseudo(task: Task) -> bool:
    """Whether anything of a task is chosen on pseudo-unseen classes."""
    return bool(set(task.settings) - {ZSL, *ONE_SHOT_SETTINGS}) or _has_choices(task.method, task.overrides)


def _has_choices(name: str, overrides: dict[str, Any]) -> bool:
    """Whether a method has several candidates or stages."""
    return len(candidates(name, overrides)) > 1 or METHODS[name].method.staged


def train(
    bench: Bench, name: str, overrides: dict[str, Any], *, calibrate: bool = True, gates: Sequence[str] = (),
    transductive: Sequence[str] = (),
) -> Trained:  # fmt: skip
    """Choose settings, the calibration constant and gates on pseudo-unseen classes, then fit on all seen classes.

    Parameters
    ----------
    bench : Bench
    name : str
        A registered method.
    overrides : dict
        Settings that are not to be chosen.
    calibrate : bool
        False where seen and unseen classes do not compete; with nothing to choose no pseudo phase is then needed.
    gates : sequence of str
        Names of gates to fit.
    transductive : sequence of str
        Settings of `TRANSDUCTIVE_SETTINGS` to choose alignments for.
    """
    begin = time.perf_counter()
    kind = METHODS[name]
    options = candidates(name, overrides)
    judged: list[Judged] = []
    if calibrate or gates or transductive or _has_choices(name, overrides):
        selection, judged = select(lambda settings: kind(**settings), options, bench.pseudo(), seed=bench.seed)
        selection = selection.model_copy(update={"encoder_saw_pseudo": bench.encoder_saw_pseudo()})
    else:
        only = Trial(settings=options[0], top1=[], reciprocal_rank=[])
        selection = Selection(rule=NOTHING_TO_CHOOSE, trials=[only], chosen=0, pseudo_unseen=[], clips=0)
    chosen = time.perf_counter()
    fitted = fit_on(bench.final(), lambda: kind(**selection.settings), seed=bench.seed)
    method = fitted.at(selection.stage)
    done = time.perf_counter()
    gated = open_gates(bench, gates, judged, kind.method.scores_are_logits) if gates else {}
    opened = time.perf_counter()
    stacking = stack(judged) if calibrate or GZSL_TRANSDUCTIVE in transductive else None
    aligned = choose_alignments(bench, transductive, judged, stacking, kind.method.scores_are_logits)
    seconds = {"selection": chosen - begin, "fit": done - chosen, "gates": opened - done,
               "alignment": time.perf_counter() - opened}  # fmt: skip
    return Trained(method, selection, stacking, gated, judged, best_stage(bench, fitted), seconds, aligned)


def best_stage(bench: Bench, fitted: ZeroShotMethod) -> float | None:
    """Looks at test labels: what a method would show if its best stage were picked by them, as publications do."""
    stages, phase = fitted.stages(), bench.final()
    if len(stages) < 2 or not phase.others:
        return None
    return max(metrics.top_k(unseen_scores(phase, fitted.at(stage)), phase.unseen_truth) for stage in stages)


def open_gates(bench: Bench, names: Sequence[str], judged: list[Judged], scores_are_logits: bool) -> dict[str, Gate]:
    """Gates fitted on the pseudo phases, for the final phase."""
    final = bench.final()
    return fit_gates(
        names, [case_of(j) for j in judged], final_sizes=(final.fitted, final.others),
        unseen_temperature=1.0 if scores_are_logits else score_temperature(judged),
    )  # fmt: skip


def choose_alignments(
    bench: Bench, settings: Sequence[str], judged: list[Judged], stacking: Stacking | None, scores_are_logits: bool
) -> Transductions:  # fmt: skip
    """Alignments for the transductive settings, chosen on the pseudo phases."""
    if not settings:
        return Transductions()
    temperature = 1.0 if scores_are_logits else score_temperature(judged)
    found = Transductions()
    if {TRANSDUCTIVE, GUARDED} & set(settings):
        found.prototypes = fit_transduction(judged, temperature, "prototypes", seed=bench.seed)
    if BALANCED in settings:
        found.balanced = fit_transduction(judged, temperature, "balanced", seed=bench.seed)
    if GZSL_TRANSDUCTIVE in settings:
        assert stacking is not None
        found.among_all = fit_generalised(judged[0], stacking.constant(judged[0].reference), temperature)
    return found


def score_temperature(judged: list[Judged]) -> float:
    """Makes scores log-probabilities, by likelihood on pseudo-unseen classes; of several folds the median."""
    return float(np.median([fit_calibration(j.unseen_scores, j.unseen_truth).temperature for j in judged]))


def stack(judged: list[Judged]) -> Stacking:
    """The calibration constant of the pseudo phases; with several folds their places' median."""
    found = [fit_stacking(j.branches, j.reference) for j in judged]
    middle = sorted(range(len(found)), key=lambda i: found[i].place)[len(found) // 2]
    place = float(np.median([f.place for f in found]))
    return found[middle].model_copy(update={"place": place})


def run_task(task: Task, bench: Bench) -> Result:
    """Train, judge and describe one task on its bench."""
    begin = time.perf_counter()
    gates = [name.removeprefix(GATED) for name in task.settings if name in GATE_SETTINGS]
    transductive = [name for name in task.settings if name in TRANSDUCTIVE_SETTINGS]
    trained = train(bench, task.method, task.overrides, calibrate=GZSL in task.settings, gates=gates,
                    transductive=transductive)  # fmt: skip
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
    found = figures(judged, gamma, task.settings, gates=trained.gates, best_on_test=trained.best_on_test,
                    transductions=trained.transductions, seed=task.seed)  # fmt: skip
    clips = {"fit": len(phase.fit), "held": len(phase.held), "partition": bench.partition.rule}
    text = {"class_set": task.class_set, "encoder": phase.bank.encoder, "kinds": list(phase.bank.kinds),
            "sha256": phase.bank.text_sha256}  # fmt: skip
    diagnostics = {**trained.method.diagnostics_, "encoder_seen_top1": bench.encoder_accuracy(),
                   "cost": cost.measure(trained.method, phase, seconds).model_dump()}  # fmt: skip
    # One picture a split, and of random draws of the first: results stay small.
    if task.seed == 0 and (drawn := picture.draw(trained.method, phase)) is not None:
        diagnostics["picture"] = drawn.model_dump(mode="json")
    return Result(
        key=task.key, task=task, metrics=found.metrics, chance=found.chance, per_class=found.per_class,
        class_order=found.class_order, confusion=found.confusion, curves=found.curves, selection=trained.selection,
        stacking=trained.stacking, gamma=gamma if trained.stacking else None, gates=trained.gates,
        gates_on_pseudo=pseudo_gates(trained), transductions=trained.transductions.facts(),
        method_settings=trained.method.settings.model_dump(mode="json"),
        data={**bench.source.facts(), **clips}, text=text, encoder=phase.fit.card.model_dump(mode="json"),
        diagnostics=diagnostics, leaky=bench.leaky, versions=versions(), hardware=hardware(), seconds=seconds,
        made=now(),
    )  # fmt: skip


def pseudo_gates(trained: Trained) -> dict[str, float]:
    """How well each gate tells the pseudo-unseen classes' clips from the others (area under the ROC curve)."""
    cases = [case_of(judged) for judged in trained.pseudo] if trained.gates else []
    return {
        name: float(np.mean([metrics.gate_auc(case.branches(gate.rate(case.evidence)[0])) for case in cases]))
        for name, gate in trained.gates.items()
    }
