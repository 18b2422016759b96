"""From scores to figures: every metric of a fitted method on test clips, by setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from skelzero.protocol import metrics
from skelzero.protocol.detectors import Evidence
from skelzero.protocol.gates import GATES, Case, Gate
from skelzero.protocol.metrics import Branches
from skelzero.protocol.phases import Judged
from skelzero.protocol.seen_branch import seen_logits

ZSL, GZSL, GATED = "zsl", "gzsl", "gzsl-"
SETTINGS = (ZSL, GZSL, *(GATED + name for name in GATES))
"""`gzsl` is calibrated stacking, `gzsl-NAME` a hard gate between the encoder's classifier and the method."""


@dataclass(frozen=True)
class Figures:
    """Metrics, accuracies of classes, confusions and seen-unseen curves, by setting."""

    metrics: dict[str, dict[str, float]]
    chance: dict[str, dict[str, float]]
    per_class: dict[str, dict[str, float | None]]
    class_order: dict[str, list[str]]
    confusion: dict[str, list[list[int]]]
    curves: dict[str, list[float]]


def figures(
    judged: Judged, gamma: float, settings: Sequence[str] = (ZSL, GZSL), *,
    gates: Mapping[str, Gate] | None = None, best_on_test: float | None = None,
) -> Figures:  # fmt: skip
    """All figures of a fitted method's scores on the test clips."""
    phase, found = judged.phase, Figures({}, {}, {}, {}, {}, {})
    if ZSL in settings:
        predicted = judged.unseen_scores.argmax(axis=1)
        best = {} if best_on_test is None else {"top1_best_on_test": best_on_test}
        values = {**zsl_metrics(judged), **best}
        _add(found, ZSL, values, predicted, judged.unseen_truth, list(phase.codes[phase.fitted :]))
    if GZSL in settings:
        predicted = (judged.scores - np.float32(gamma) * judged.seen).argmax(axis=1)
        values = {**gzsl_metrics(judged.branches, gamma, predicted, judged),
                  "H_uncalibrated": judged.branches.at(0.0)[2]}  # fmt: skip
        _add(found, GZSL, values, predicted, judged.truth, list(phase.codes))
        found.curves[GZSL] = metrics.seen_unseen_curve(judged.branches).sampled()
    gated = [name for name in settings if name.startswith(GATED)]
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


def zsl_metrics(judged: Judged) -> dict[str, float]:
    """Accuracies of unseen clips among unseen classes."""
    scores, truth = judged.unseen_scores, judged.unseen_truth
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
    found.confusion[setting] = metrics.confusion(predicted, truth, len(codes)).tolist()


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
