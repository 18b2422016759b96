"""Gates: a clip goes to the seen or to the unseen branch, and the branch names it.

The seen branch is the skeleton encoder's own classifier, the unseen branch the method among the unseen classes alone.
A gate turns evidence into one number a clip and a threshold; both are fitted where unseen classes are only played. The
published one (MSF-GZSSAR) is a logistic regression on sorted probabilities of both branches; the others threshold one
detector each, or the sum of three.

Which three, that they count alike, and that thresholds move along with the fitted clips' mean rating was chosen on
draws of MSR-Action3D with ridge regression; logistic regressions on up to six detectors, ratings without logarithms,
raw thresholds, and thresholds in deviations of the fitted clips' ratings all did worse there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, Field

from skelzero.errors import UserError
from skelzero.protocol.detectors import DETECTORS, Evidence, ratings
from skelzero.protocol.metrics import Branches
from skelzero.protocol.stacking import best_constant

MSF, COMBINED = "msf", "combined"
PARTS = ("confidence", "margin", "mahalanobis")
"""Detectors that the combination adds up: of the encoder's classifier, the method, and the features."""
GATES = (MSF, *DETECTORS, COMBINED)
TEMPERATURES = tuple(range(1, 10))
CUTS = tuple(np.round(np.arange(0.25, 0.745, 0.01), 2).tolist())
"""Published search (msf.md, Gate); T = 2 and 0.5 are the published choice and win ties."""


@dataclass(frozen=True)
class Case:
    """Evidence of a phase, with what the held clips truly are (columns of all classes)."""

    evidence: Evidence
    truth: Int[np.ndarray, " N"]

    @property
    def is_seen(self) -> Bool[np.ndarray, " N"]:
        return self.evidence.seen[self.truth]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many seen and unseen classes."""
        return int(self.evidence.seen.sum()), int((~self.evidence.seen).sum())

    def answers(self) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
        """What each branch says, as columns of all classes."""
        seen, unseen = np.flatnonzero(self.evidence.seen), np.flatnonzero(~self.evidence.seen)
        return seen[self.evidence.held_logits.argmax(axis=1)], unseen[self.evidence.unseen_scores.argmax(axis=1)]

    def branches(self, rating: Float[np.ndarray, " N"]) -> Branches:
        """Which clips each side would get right, with a gate's rating in the place of a margin."""
        by_seen, by_unseen = self.answers()
        return Branches(rating, self.is_seen, np.where(self.is_seen, by_seen, by_unseen) == self.truth)


class DetectorGate(BaseModel):
    """A threshold on a detector, or on the sum of several.

    Attributes
    ----------
    detectors : tuple of str
    weights : tuple of float
        Of their ratings: one over the deviation on the clips that the gate was fitted on.
    cut : float
        Above the mean rating of the fitted clips; a clip that is rated higher counts as seen.
    """

    kind: Literal["detector"] = "detector"
    name: str
    detectors: tuple[str, ...]
    weights: tuple[float, ...]
    cut: float

    def rate(self, evidence: Evidence) -> tuple[Float[np.ndarray, " N"], float]:
        """Ratings of the held clips, and the threshold above which they count as seen."""
        return ratings(evidence, self.detectors) @ np.array(self.weights), self.cut


class MsfGate(BaseModel):
    """The published gate: logistic regression on sorted probabilities of both branches (msf.md, Gate).

    Attributes
    ----------
    width : int
        How many probabilities of each branch; as many as there are classes on the smallest side of any phase.
    seen_temperature, unseen_temperature : float
        Divide the logits of each branch before its softmax.
    weights : tuple of float
        Of the unseen, then of the seen probabilities.
    bias : float
    cut : float
        `P(seen)` above which a clip goes to the seen branch.
    """

    kind: Literal["msf"] = "msf"
    name: str = MSF
    width: int
    seen_temperature: float
    unseen_temperature: float
    weights: tuple[float, ...]
    bias: float
    cut: float

    def rate(self, evidence: Evidence) -> tuple[Float[np.ndarray, " N"], float]:
        """`P(seen)` of the held clips, and the cut."""
        inputs = sorted_probabilities(evidence, self.width, self.seen_temperature, self.unseen_temperature)
        return 1 / (1 + np.exp(-(inputs @ np.array(self.weights) + self.bias))), self.cut


Gate = Annotated[DetectorGate | MsfGate, Field(discriminator="kind")]


def fit_gates(
    names: Sequence[str], cases: Sequence[Case], *, final_sizes: tuple[int, int], unseen_temperature: float
) -> dict[str, DetectorGate | MsfGate]:
    """Fit gates on pseudo phases.

    Parameters
    ----------
    names : sequence of str
        Of `GATES`.
    cases : sequence of Case
        The pseudo phases, one a fold.
    final_sizes : (int, int)
        Seen and unseen classes of the phase that the gates are for.
    unseen_temperature : float
        Makes the unseen branch's scores log-probabilities.

    Raises
    ------
    UserError
        Held clips of one side only: nothing to tell apart.
    """
    if any(case.is_seen.all() or not case.is_seen.any() for case in cases):
        raise UserError(
            "no clips to fit a gate on", expected="held-out clips of fitted and of pseudo-unseen classes",
            next_step="choose a split with more seen classes, or the setting gzsl, which needs no gate",
        )  # fmt: skip
    fitted: dict[str, DetectorGate | MsfGate] = {}
    for name in names:
        if name == MSF:
            width = min(min(sizes) for sizes in (final_sizes, *(case.sizes for case in cases)))
            fitted[name] = _fit_msf(cases, width, unseen_temperature)
        else:
            fitted[name] = _fit_detectors(name, PARTS if name == COMBINED else (name,), cases)
    return fitted


def _fit_detectors(name: str, detectors: Sequence[str], cases: Sequence[Case]) -> DetectorGate:
    """Every detector counts alike; the threshold is the one with the best smoothed H, of several folds the median."""
    rated = [ratings(case.evidence, detectors) for case in cases]
    spread = np.concatenate(rated).std(axis=0)
    weights = 1 / np.where(spread > 0, spread, 1.0)
    cuts = [best_constant(case.branches(rows @ weights)) for case, rows in zip(cases, rated, strict=True)]
    return DetectorGate(
        name=name, detectors=tuple(detectors), weights=tuple(weights.tolist()), cut=float(np.median(cuts))
    )


def sorted_probabilities(
    evidence: Evidence, width: int, seen_temperature: float, unseen_temperature: float
) -> Float[np.ndarray, "N W"]:
    """The largest probabilities of the unseen branch, then of the seen branch, each falling."""
    from scipy.special import softmax

    sides = ((evidence.unseen_scores, unseen_temperature), (evidence.held_logits, seen_temperature))
    falling = [-np.sort(-softmax(logits.astype(np.float64) / t, axis=1), axis=1)[:, :width] for logits, t in sides]
    return np.concatenate(falling, axis=1)


def _fit_msf(cases: Sequence[Case], width: int, unseen_temperature: float) -> MsfGate:
    """Temperature and cut with the best H on the clips that the regression was fitted on, as published."""
    from sklearn.linear_model import LogisticRegression

    target = np.concatenate([case.is_seen for case in cases])
    best: tuple[tuple[float, ...], MsfGate] | None = None
    for temperature in TEMPERATURES:
        rows = [sorted_probabilities(case.evidence, width, temperature, unseen_temperature) for case in cases]
        model = LogisticRegression(C=1.0, max_iter=1000).fit(np.concatenate(rows), target)
        rated = [model.predict_proba(part)[:, 1] for part in rows]
        for cut in CUTS:
            h = float(np.mean([case.branches(p).at(cut)[2] for case, p in zip(cases, rated, strict=True)]))
            # Ties are common with few clips; the choice nearest to the published one then wins.
            value = (h, -abs(temperature - 2.0), -abs(cut - 0.5))
            if best is None or value > best[0]:
                best = value, MsfGate(
                    width=width, seen_temperature=temperature, unseen_temperature=unseen_temperature,
                    weights=tuple(model.coef_[0].tolist()), bias=float(model.intercept_[0]), cut=cut,
                )  # fmt: skip
    assert best is not None
    return best[1]
