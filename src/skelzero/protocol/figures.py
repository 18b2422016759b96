"""From scores to figures: every metric of a fitted method on test clips, by setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel

from skelzero.protocol import metrics
from skelzero.protocol.detectors import Evidence
from skelzero.protocol.gates import GATES, Case, Gate
from skelzero.protocol.metrics import Branches
from skelzero.protocol.one_shot import one_shot
from skelzero.protocol.phases import Judged
from skelzero.protocol.seen_branch import seen_logits
from skelzero.protocol.transduction import GeneralisedTransduction, Transduction, unseen_stream

ZSL, GZSL, GATED = "zsl", "gzsl", "gzsl-"
GATE_SETTINGS = tuple(GATED + name for name in GATES)
TRANSDUCTIVE, GUARDED, BALANCED = "zsl-transductive", "zsl-transductive-guarded", "zsl-transductive-balanced"
GZSL_TRANSDUCTIVE = "gzsl-transductive"
TRANSDUCTIVE_SETTINGS = (TRANSDUCTIVE, GUARDED, BALANCED, GZSL_TRANSDUCTIVE)
ONE_SHOT, ONE_SHOT_TEXT = "one-shot", "one-shot-text"
ONE_SHOT_SETTINGS = (ONE_SHOT, ONE_SHOT_TEXT)
SETTINGS = (ZSL, GZSL, *GATE_SETTINGS, *TRANSDUCTIVE_SETTINGS, *ONE_SHOT_SETTINGS)
"""`gzsl` is calibrated stacking, `gzsl-NAME` a hard gate between the encoder's classifier and the method. The
transductive ones have seen all test clips, without their labels; the one-shot ones a clip of each unseen class."""
COUNTS = ("clips_seen",)
"""Metrics that are no shares."""


def family(setting: str) -> str:
    """`zsl` where unseen classes are named among themselves, `gzsl` where all classes compete.

    >>> family("zsl-transductive"), family("one-shot"), family("gzsl-combined")
    ('zsl', 'zsl', 'gzsl')
    """
    return GZSL if setting.startswith(GZSL) else ZSL


class Transductions(BaseModel):
    """What was chosen for the transductive settings; None where one was not asked for."""

    prototypes: Transduction | None = None
    balanced: Transduction | None = None
    among_all: GeneralisedTransduction | None = None

    def facts(self) -> dict[str, dict[str, Any]]:
        """Whatever was chosen, for results."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True)
class Figures:
    """Metrics, accuracies of classes, confusions (see `Result`) and seen-unseen curves, by setting."""

    metrics: dict[str, dict[str, float]]
    chance: dict[str, dict[str, float]]
    per_class: dict[str, dict[str, float | None]]
    class_order: dict[str, list[str]]
    confusion: dict[str, list[tuple[int, int, int]]]
    curves: dict[str, list[float]]


def figures(
    judged: Judged, gamma: float, settings: Sequence[str] = (ZSL, GZSL), *,
    gates: Mapping[str, Gate] | None = None, best_on_test: float | None = None,
    transductions: Transductions | None = None, seed: int = 0,
) -> Figures:  # fmt: skip
    """All figures of a fitted method's scores on the test clips."""
    phase, found = judged.phase, Figures({}, {}, {}, {}, {}, {})
    if ZSL in settings:
        best = {} if best_on_test is None else {"top1_best_on_test": best_on_test}
        _add_zsl(found, ZSL, judged.unseen_scores, judged.unseen_truth, judged, best)
    if GZSL in settings:
        predicted = (judged.scores - np.float32(gamma) * judged.seen).argmax(axis=1)
        values = {**gzsl_metrics(judged.branches, gamma, predicted, judged),
                  "H_uncalibrated": judged.branches.at(0.0)[2]}  # fmt: skip
        _add(found, GZSL, values, predicted, judged.truth, list(phase.codes))
        found.curves[GZSL] = metrics.seen_unseen_curve(judged.branches).sampled()
    for setting in ONE_SHOT_SETTINGS:
        if setting in settings:
            shot = one_shot(judged, with_text=setting == ONE_SHOT_TEXT, seed=seed)
            _add_zsl(found, setting, shot.scores, shot.truth, judged)
    if transductions is not None:
        _add_transductive(found, judged, gamma, settings, transductions)
    gated = [name for name in settings if name in GATE_SETTINGS]
    case = case_of(judged) if gated else None
    for setting in gated:
        assert case is not None and gates is not None
        rating, cut = gates[setting.removeprefix(GATED)].rate(case.evidence)
        predicted = np.where(rating > cut, *case.answers())
        parts = case.branches(rating)
        values = gzsl_metrics(parts, cut, predicted, judged)
        found.curves[setting] = metrics.seen_unseen_curve(parts).sampled()
        _add(found, setting, values, predicted, judged.truth, list(phase.codes))
    for setting in found.metrics:
        known = {m: metrics.chance(m, phase.fitted, phase.others) for m in found.metrics[setting]}
        found.chance[setting] = {m: value for m, value in known.items() if value is not None}
    return found


def _add_transductive(
    found: Figures, judged: Judged, gamma: float, settings: Sequence[str], chosen: Transductions
) -> None:  # fmt: skip
    """The settings in which the test clips have been seen without their labels."""
    forms = {TRANSDUCTIVE: chosen.prototypes, GUARDED: chosen.prototypes, BALANCED: chosen.balanced}
    for setting, form in forms.items():
        if setting in settings:
            assert form is not None
            stream = unseen_stream(judged, form.temperature)
            scores = form.scores(stream, guarded=setting == GUARDED)
            _add_zsl(found, setting, scores, judged.unseen_truth, judged, {"clips_seen": float(len(scores))})
    if GZSL_TRANSDUCTIVE in settings:
        assert chosen.among_all is not None
        aligned, constant = chosen.among_all.apply(judged, gamma)
        parts = metrics.branches(aligned, judged.truth, judged.seen)
        predicted = (aligned - constant * judged.seen).argmax(axis=1)
        values = {**gzsl_metrics(parts, constant, predicted, judged), "clips_seen": float(len(aligned))}
        found.curves[GZSL_TRANSDUCTIVE] = metrics.seen_unseen_curve(parts).sampled()
        _add(found, GZSL_TRANSDUCTIVE, values, predicted, judged.truth, list(judged.phase.codes))


def _add_zsl(
    found: Figures, setting: str, scores: Float[np.ndarray, "M U"], truth: Int[np.ndarray, " M"], judged: Judged,
    further: Mapping[str, float] | None = None,
) -> None:  # fmt: skip
    codes = list(judged.phase.codes[judged.phase.fitted :])
    _add(found, setting, {**zsl_metrics(scores, truth), **(further or {})}, scores.argmax(axis=1), truth, codes)


def zsl_metrics(scores: Float[np.ndarray, "M U"], truth: Int[np.ndarray, " M"]) -> dict[str, float]:
    """Accuracies of unseen clips among unseen classes."""
    found = {"top1": metrics.top_k(scores, truth), "per_class": metrics.per_class_mean(scores.argmax(axis=1), truth)}
    if scores.shape[1] > 5:
        found["top5"] = metrics.top_k(scores, truth, 5)
    return found


def gzsl_metrics(
    parts: Branches, cut: float, predicted: Int[np.ndarray, " N"], judged: Judged
) -> dict[str, float]:  # fmt: skip
    """Figures among all classes; `*_best_on_test` looks at test labels and is for comparison with publications only."""
    s, u, h = parts.at(cut)
    classes = metrics.per_class(predicted, judged.truth, judged.scores.shape[1])
    s_class, u_class = float(np.nanmean(classes[judged.seen])), float(np.nanmean(classes[~judged.seen]))
    return {
        "S": s, "U": u, "H": h, "AUSUC": metrics.ausuc(parts), "gate_auc": metrics.gate_auc(parts),
        "S_per_class": s_class, "U_per_class": u_class, "H_per_class": metrics.harmonic(s_class, u_class),
        "H_oracle_gate": metrics.oracle_gate(parts)[2],
        "H_best_on_test": float(metrics.seen_unseen_curve(parts).harmonics().max()),
    }  # fmt: skip


def _add(
    found: Figures, setting: str, values: dict[str, float], predicted: np.ndarray, truth: np.ndarray, codes: list[str]
) -> None:
    found.metrics[setting] = values
    accuracies = metrics.per_class(predicted, truth, len(codes))
    found.per_class[setting] = {c: None if np.isnan(a) else float(a) for c, a in zip(codes, accuracies, strict=True)}
    found.class_order[setting] = codes
    found.confusion[setting] = [(t, p, n) for t, p, n in metrics.confusion(predicted, truth).tolist()]


def case_of(judged: Judged) -> Case:
    """What gates may look at in a judged phase."""
    phase = judged.phase
    fitted_logits, held_logits = seen_logits(phase)
    evidence = Evidence(
        fitted_x=phase.fit.features, held_x=phase.held.features, fitted_truth=phase.truth(phase.fit),
        fitted_logits=fitted_logits, held_logits=held_logits, fitted_scores=judged.fitted_scores,
        held_scores=judged.scores, unseen_scores=judged.branch_scores, seen=judged.seen,
    )  # fmt: skip
    return Case(evidence, judged.truth)
