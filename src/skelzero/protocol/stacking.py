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

from skelzero.protocol.metrics import Branches

RULE = (
    "constant with the best smoothed H on pseudo-unseen classes, carried over by its place among fitted clips' margins"
)
SMOOTHING = 0.5
"""Kernel width, in standard deviations of the margins, for S and U while the constant is chosen.

With few clips the best constant of the bare step functions is a matter of luck. Compared with widths from 0 to 0.7,
with the middle of the plateau and with the point of equal errors, for ridge regression on three open data sets."""
GRID = 512


class Stacking(BaseModel):
    """A calibration constant and how it was found.

    Attributes
    ----------
    place : float
        The constant in standard deviations of the fitted clips' margins above their mean; this is what carries over.
    gamma, centre, spread : float
        The constant where it was chosen, and that mean and deviation there, in units of the scores.
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
    """The constant with the best H when each margin is blurred by a Gaussian kernel.

    Where no clip of one side is right at all, H is 0 throughout; then the sides alone are told apart as well as can be.
    """
    width = SMOOTHING * (float(held.margin.std()) or 1.0)
    gamma = np.linspace(held.margin.min() - 2 * width, held.margin.max() + 2 * width, GRID)
    h = _smooth_harmonics(held.margin, held.is_seen, held.right, gamma, width)
    if h.max() < 1e-6:
        h = _smooth_harmonics(held.margin, held.is_seen, np.ones_like(held.right), gamma, width)
    return float(gamma[h.argmax()])


def _smooth_harmonics(
    margin: Float[np.ndarray, " N"], is_seen: Bool[np.ndarray, " N"], right: Bool[np.ndarray, " N"],
    gamma: Float[np.ndarray, " G"], width: float,
) -> Float[np.ndarray, " G"]:  # fmt: skip
    from scipy.special import ndtr

    def accuracy(side: Bool[np.ndarray, " N"], sign: float) -> Float[np.ndarray, " G"]:
        own = margin[side & right]
        return np.array([ndtr(sign * (own - g) / width).sum() for g in gamma]) / max(1, side.sum())

    s, u = accuracy(is_seen, 1.0), accuracy(~is_seen, -1.0)
    return 2 * s * u / np.maximum(s + u, 1e-12)


def location_and_spread(margins: Float[np.ndarray, " N"]) -> tuple[float, float]:
    """Mean and standard deviation; 1 where all margins are equal."""
    return float(np.mean(margins)), float(np.std(margins)) or 1.0


def stacked(scores: Float[np.ndarray, "N K"], seen: Bool[np.ndarray, " K"], gamma: float) -> Float[np.ndarray, "N K"]:
    """Scores after subtracting the constant from the seen classes' columns."""
    return scores - gamma * seen
