"""Choosing a method's settings on pseudo-unseen classes; the unseen classes' clips play no part in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from skelzero.methods import ZeroShotMethod
from skelzero.protocol.metrics import top_k
from skelzero.protocol.phases import Judged, Phase, fit_on, judge

RULE = (
    "settings with the best top-1 on clips of pseudo-unseen classes among these classes (mean over folds), then refit"
)

SettingsMaker = Callable[[dict[str, Any]], ZeroShotMethod]


class Trial(BaseModel):
    """One candidate and what it reached on the pseudo-unseen classes."""

    settings: dict[str, Any]
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
    best: tuple[tuple[float, float], int, list[Judged]] | None = None
    for row, settings in enumerate(candidates):
        judged = [judge(phase, fit_on(phase, lambda s=settings: make(s), seed=seed)) for phase in phases]  # type: ignore[misc]
        trial = Trial(
            settings=settings, top1=[top_k(j.unseen_scores, j.unseen_truth) for j in judged],
            reciprocal_rank=[mean_reciprocal_rank(j) for j in judged],
        )  # fmt: skip
        trials.append(trial)
        # With few pseudo-unseen clips equal accuracies are common; the mean reciprocal rank then tells more.
        value = (float(np.mean(trial.top1)), float(np.mean(trial.reciprocal_rank)))
        if best is None or value > best[0]:
            best = (value, row, judged)
    assert best is not None
    pseudo = [list(phase.codes[phase.fitted :]) for phase in phases]
    clips = sum(len(j.unseen_truth) for j in best[2])
    return Selection(trials=trials, chosen=best[1], pseudo_unseen=pseudo, clips=clips), best[2]


def mean_reciprocal_rank(judged: Judged) -> float:
    """Mean of 1 / (rank of the true class) over the clips of unseen classes; ties count against."""
    own = judged.unseen_scores[np.arange(len(judged.unseen_truth)), judged.unseen_truth][:, None]
    rank = (judged.unseen_scores >= own).sum(axis=1)
    return float((1 / np.maximum(rank, 1)).mean())
