"""Calibrated stacking: one constant, subtracted from the seen classes' scores, lets unseen classes win.

The constant is chosen where unseen classes are only played (on pseudo-unseen classes), so it must be carried over to a
model with other classes, more of them, and scores on another scale. What carries over is its place among the margins
(best seen minus best unseen score) that the fitted clips themselves have in the same model: those are known in both
phases, need no test clip, and move along when the number of classes or the scale of the scores changes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel

from skelzero.protocol.metrics import Branches, seen_unseen_curve

RULE = "constant that maximises H on pseudo-unseen classes, carried over by its place among the fitted clips' margins"
PLATEAU = 0.98
"""The middle of the constants that reach this share of the best H is taken: the best one alone is a matter of luck."""


class Stacking(BaseModel):
    """A calibration constant and how it was found.

    Attributes
    ----------
    place : float
        The constant in spreads of the fitted clips' margins above their median; this is what carries over.
    gamma, centre, spread : float
        The constant where it was chosen, and the median and spread there, in units of the scores.
    S, U, H : float
        Accuracies on the held-out clips where it was chosen.
    seen_clips, unseen_clips, seen_classes, unseen_classes : int
        What it was chosen on.
    """

    rule: str = RULE
    place: float
    gamma: float
    centre: float
    spread: float
    S: float
    U: float
    H: float
    seen_clips: int
    unseen_clips: int
    seen_classes: int = 0
    unseen_classes: int = 0

    def constant(self, reference: Float[np.ndarray, " N"]) -> float:
        """The constant for another model, given the margins of the clips that it was fitted on."""
        centre, spread = location_and_spread(reference)
        return centre + self.place * spread


def fit_stacking(held: Branches, reference: Float[np.ndarray, " N"]) -> Stacking:
    """Choose the constant on held-out clips of fitted and of pseudo-unseen classes.

    Parameters
    ----------
    held : Branches
        Clips that the model was not fitted on.
    reference : float (N,)
        Margins of the clips that it was fitted on.
    """
    gamma = best_constant(held)
    centre, spread = location_and_spread(reference)
    s, u, h = held.at(gamma)
    return Stacking(
        place=(gamma - centre) / spread, gamma=gamma, centre=centre, spread=spread, S=s, U=u, H=h,
        seen_clips=int(held.is_seen.sum()), unseen_clips=int((~held.is_seen).sum()),
    )  # fmt: skip


def best_constant(held: Branches) -> float:
    """The middle of the constants around the best one whose H is within `PLATEAU` of it.

    Between two neighbouring margins H does not change, so the constants to try are the points half-way between them.
    Where H is 0 throughout, the constant that sends half of either side's clips to its own side best is taken.
    """
    margins = np.unique(held.margin)
    steps = np.diff(margins)
    outside = float(steps.mean()) if steps.size else 1.0
    edges = np.concatenate([[margins[0] - outside], margins, [margins[-1] + outside]])
    curve = seen_unseen_curve(held)
    h = curve.harmonics()  # one value an interval between edges
    if h.max() <= 0:
        h = _gate_harmonics(held)
    best = int(h.argmax())
    good = h >= PLATEAU * h[best]
    low = best - int(np.argmin(np.r_[good[: best + 1][::-1], False])) + 1
    high = best + int(np.argmin(np.r_[good[best:], False]))
    return float((edges[low] + edges[high]) / 2)


def _gate_harmonics(held: Branches) -> Float[np.ndarray, " G"]:
    anyone = Branches(held.margin, held.is_seen, np.ones_like(held.right))
    return seen_unseen_curve(anyone).harmonics()


def location_and_spread(margins: Float[np.ndarray, " N"]) -> tuple[float, float]:
    """Median, and the interquartile range as a standard deviation: a few odd clips must not move the constant."""
    low, middle, high = (float(q) for q in np.quantile(margins, [0.25, 0.5, 0.75]))
    spread = (high - low) / 1.349
    return middle, spread if spread > 0 else float(np.std(margins)) or 1.0


def stacked(scores: Float[np.ndarray, "N K"], seen: Bool[np.ndarray, " K"], gamma: float) -> Float[np.ndarray, "N K"]:
    """Scores after subtracting the constant from the seen classes' columns."""
    return scores - gamma * seen
