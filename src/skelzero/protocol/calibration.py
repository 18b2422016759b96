"""From scores to probabilities, fitted on pseudo-unseen classes.

The clips that calibrate belong to seen classes which the calibrating model was trained without, so they show how a
model scores clips of classes that it knows from words only; no unseen test clip is looked at.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel
from scipy.special import log_softmax, softmax

from skelzero.errors import UserError


class Calibration(BaseModel):
    """How scores of one trained method are read.

    Attributes
    ----------
    temperature : float
        Scores are divided by it before the softmax.
    clips, classes : int
        What it was fitted on.
    error : float
        Expected calibration error on the same clips (10 bins), 0..1.
    """

    temperature: float
    clips: int
    classes: int
    error: float

    def probabilities(self, scores: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N K"]:
        return softmax(scores / self.temperature, axis=-1)


def fit_calibration(scores: Float[np.ndarray, "N K"], y: Int[np.ndarray, " N"]) -> Calibration:
    """Choose the temperature by likelihood (Guo et al. 2017).

    Parameters
    ----------
    scores : float (N, K)
        Scores of pseudo-unseen clips over the pseudo-unseen classes, from a model trained without them.
    y : int (N,)
        Their classes, columns of `scores`.

    Raises
    ------
    UserError
        No clip to calibrate on.
    """
    if not len(scores):
        raise UserError("no clip to calibrate on", expected="test clips of the pseudo-unseen classes")
    scale = float(np.std(scores)) or 1.0

    def loss(log_temperature: float) -> float:
        logits = scores / (scale * np.exp(log_temperature))
        return -float(log_softmax(logits, axis=-1)[np.arange(len(y)), y].mean())

    from scipy.optimize import minimize_scalar  # slow to import, and probabilities do not need it

    found = minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded")
    temperature = scale * float(np.exp(found.x))
    error = expected_calibration_error(softmax(scores / temperature, axis=-1), y)
    return Calibration(temperature=temperature, clips=len(y), classes=scores.shape[1], error=error)


def expected_calibration_error(
    probabilities: Float[np.ndarray, "N K"], y: Int[np.ndarray, " N"], bins: int = 10
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by clips (Guo et al. 2017, eq. 3)."""
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == y
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean() for b in np.unique(place)
    ]
    return float(sum(gaps))
