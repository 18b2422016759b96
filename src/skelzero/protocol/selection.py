"""Choosing a method's settings on pseudo-unseen classes; the unseen classes' clips play no part in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel, Field

from skelzero.methods import ZeroShotMethod
from skelzero.protocol.metrics import top_k
from skelzero.protocol.phases import Judged, Phase, fit_on, judge, unseen_scores

RULE = (
    "settings with the best top-1 on clips of pseudo-unseen classes among these classes (mean over folds), then refit"
)

SettingsMaker = Callable[[dict[str, Any]], ZeroShotMethod]


class Trial(BaseModel):
    """One candidate and what it reached on the pseudo-unseen classes.

    Attributes
    ----------
    stage : dict
        The stage of the fitted method, where a fit has several (`ZeroShotMethod.stages`).
    """

    settings: dict[str, Any]
    stage: dict[str, Any] = Field(default_factory=dict)
    top1: list[float]
    reciprocal_rank: list[float]


class Selection(BaseModel):
    """What was chosen, among what, and on what.

    Attributes
    ----------
    chosen : int
        Row of `trials`.
    pseudo_unseen : list of list of str
        The classes of each fold.
    encoder_saw_pseudo : bool
        True where the features come from an encoder that was trained on the pseudo-unseen classes too (features made
        elsewhere): the choice is then less like the real task. No unseen class is involved either way.
    """

    rule: str = RULE
    trials: list[Trial]
    chosen: int
    pseudo_unseen: list[list[str]]
    clips: int
    encoder_saw_pseudo: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        return self.trials[self.chosen].settings

    @property
    def stage(self) -> dict[str, Any]:
        return self.trials[self.chosen].stage


def select(
    make: SettingsMaker, candidates: Sequence[dict[str, Any]], phases: Sequence[Phase], *, seed: int
) -> tuple[Selection, list[Judged]]:
    """Fit every candidate in every pseudo phase and keep the best.

    Parameters
    ----------
    make : callable
        A new, unfitted method with some settings.
    candidates : sequence of dict
        Settings to try; the first is the default and wins ties.
    phases : sequence of Phase
        Pseudo phases.

    Returns
    -------
    Selection
    list of Judged
        What the chosen settings gave in each phase, for whatever else is chosen there (stacking, calibration).
    """
    assert candidates and phases
    trials: list[Trial] = []
    best: tuple[tuple[float, float], int, list[ZeroShotMethod]] | None = None
    for settings in candidates:
        fitted = [fit_on(phase, lambda s=settings: make(s), seed=seed) for phase in phases]  # type: ignore[misc]
        for stage in fitted[0].stages():
            methods = [method.at(stage) for method in fitted]
            trial = _trial(settings, stage, phases, methods)
            # With few pseudo-unseen clips equal accuracies are common; the mean reciprocal rank then tells more.
            value = (float(np.mean(trial.top1)), float(np.mean(trial.reciprocal_rank)))
            if best is None or value > best[0]:
                best = (value, len(trials), methods)
            trials.append(trial)
    assert best is not None
    judged = [judge(phase, method) for phase, method in zip(phases, best[2], strict=True)]
    pseudo = [list(phase.codes[phase.fitted :]) for phase in phases]
    clips = sum(len(phase.unseen_truth) for phase in phases)
    return Selection(trials=trials, chosen=best[1], pseudo_unseen=pseudo, clips=clips), judged


def _trial(
    settings: dict[str, Any], stage: dict[str, Any], phases: Sequence[Phase], methods: Sequence[ZeroShotMethod]
) -> Trial:
    scored = [(unseen_scores(p, m), p.unseen_truth) for p, m in zip(phases, methods, strict=True)]
    return Trial(
        settings=settings, stage=stage, top1=[top_k(scores, truth) for scores, truth in scored],
        reciprocal_rank=[mean_reciprocal_rank(scores, truth) for scores, truth in scored],
    )  # fmt: skip


def mean_reciprocal_rank(scores: Float[np.ndarray, "M U"], truth: Int[np.ndarray, " M"]) -> float:
    """Mean of 1 / (rank of the true class); ties count against."""
    rank = (scores >= scores[np.arange(len(truth)), truth][:, None]).sum(axis=1)
    return float((1 / np.maximum(rank, 1)).mean())
