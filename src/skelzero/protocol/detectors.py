"""Detectors of "none of the seen classes": each gives a clip a number that is higher where the clip looks seen.

All look at the same evidence - features, the seen classifier's logits, the method's scores - and are fitted on the
clips that the method was fitted on. Each also rates those clips themselves: the level of these references carries a
threshold over from one model to another. Probabilities and distances are rated by their logarithms, on which such a
shift makes sense.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from skelzero.methods.scaling import Standardizer
from skelzero.protocol.metrics import side_margin
from skelzero.registry import Registry

NEIGHBOURS = 5
"""Fewer than the clips of the smallest class, so that a seen clip finds enough of its own kind."""

SMALL = 1e-6
"""Keeps the log of a distance finite."""

Rating = tuple[Float[np.ndarray, " N"], Float[np.ndarray, " F"]]
"""Ratings of the held clips and of the fitted ones."""


@dataclass(frozen=True)
class Evidence:
    """What a gate may look at in one phase.

    Attributes
    ----------
    fitted_x : float32 (F, D), held_x : float32 (N, D)
        Features of the clips that the method was fitted on, and of those that are judged.
    fitted_truth : int (F,)
        Seen classes of the fitted clips.
    fitted_logits : float32 (F, S), held_logits : float32 (N, S)
        Of a classifier of the seen classes.
    fitted_scores : float32 (F, K), held_scores : float32 (N, K)
        The method's scores among all classes.
    unseen_scores : float32 (N, U)
        The method's scores among the unseen classes alone.
    seen : bool (K,)
    """

    fitted_x: Float32[np.ndarray, "F D"]
    held_x: Float32[np.ndarray, "N D"]
    fitted_truth: Int[np.ndarray, " F"]
    fitted_logits: Float32[np.ndarray, "F S"]
    held_logits: Float32[np.ndarray, "N S"]
    fitted_scores: Float32[np.ndarray, "F K"]
    held_scores: Float32[np.ndarray, "N K"]
    unseen_scores: Float32[np.ndarray, "N U"]
    seen: Bool[np.ndarray, " K"]

    @functools.cached_property
    def scaled(self) -> tuple[Float32[np.ndarray, "F D"], Float32[np.ndarray, "N D"]]:
        """Features at mean 0 and deviation 1 of the fitted clips."""
        scale = Standardizer.of(self.fitted_x)
        return scale(self.fitted_x), scale(self.held_x)


Detector = Callable[[Evidence], Rating]
DETECTORS: Registry[Detector] = Registry("detector")


def confidence(evidence: Evidence) -> Rating:
    """Log-odds of the seen classifier's largest softmax probability (Hendrycks and Gimpel, ICLR 2017).

    The log-odds of class c are its logit less the log of the summed exponentials of all others.
    """
    held, fitted = (_log_odds(logits.astype(np.float64)) for logits in (evidence.held_logits, evidence.fitted_logits))
    return held, fitted


def _log_odds(logits: Float[np.ndarray, "N S"]) -> Float[np.ndarray, " N"]:
    from scipy.special import logsumexp

    best = logits.argmax(axis=1)[:, None]
    others = logits.copy()
    np.put_along_axis(others, best, -np.inf, axis=1)
    rest = logsumexp(others, axis=1) if logits.shape[1] > 1 else np.zeros(len(logits))
    # Bounded: of a few float32 logits no more can be known than odds of about 10^6.
    return np.clip(np.take_along_axis(logits, best, axis=1)[:, 0] - rest, -14.0, 14.0)


def energy(evidence: Evidence) -> Rating:
    """Negative free energy of the seen classifier: log of the summed exponentials (Liu et al., NeurIPS 2020, eq. 4)."""
    from scipy.special import logsumexp

    return logsumexp(evidence.held_logits, axis=1), logsumexp(evidence.fitted_logits, axis=1)


def mahalanobis(evidence: Evidence) -> Rating:
    """Minus the log of the squared distance to the nearest seen prototype, one covariance for all (Lee et al., 2018).

    There are hardly more clips than dimensions, so the covariance is shrunk (Ledoit and Wolf, 2004).
    """
    from sklearn.covariance import ledoit_wolf

    fitted, held = evidence.scaled
    classes, place = np.unique(evidence.fitted_truth, return_inverse=True)
    prototypes = np.stack([fitted[place == k].mean(axis=0) for k in range(len(classes))])
    covariance, _ = ledoit_wolf((fitted - prototypes[place]).astype(np.float64), assume_centered=True)
    # Whitened, the distance is Euclidean.
    whiten = np.linalg.inv(np.linalg.cholesky(covariance + 1e-6 * np.eye(len(covariance)))).T
    nearest = (_squared_distances(x @ whiten, prototypes @ whiten).min(axis=1) for x in (held, fitted))
    return tuple(-np.log(distance + SMALL) for distance in nearest)  # type: ignore[return-value]


def neighbours(evidence: Evidence) -> Rating:
    """Minus the log of the distance to the k-th nearest fitted clip, on unit vectors (Sun et al., ICML 2022)."""
    fitted, held = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in evidence.scaled)
    k = min(NEIGHBOURS, len(fitted) - 1)
    own = _squared_distances(fitted, fitted)
    np.fill_diagonal(own, np.inf)  # a fitted clip is not its own neighbour
    squared = (_squared_distances(held, fitted), own)
    return tuple(-0.5 * np.log(np.partition(d, k - 1, axis=1)[:, k - 1] + SMALL) for d in squared)  # type: ignore[return-value]


def familiarity(evidence: Evidence) -> Rating:
    """The method's best seen score: of SCALE, minus the lowest energy under a seen class."""
    seen = evidence.seen
    return evidence.held_scores[:, seen].max(axis=1), evidence.fitted_scores[:, seen].max(axis=1)


def margin(evidence: Evidence) -> Rating:
    """The method's best seen score minus its best unseen score: what calibrated stacking compares."""
    return side_margin(evidence.held_scores, evidence.seen), side_margin(evidence.fitted_scores, evidence.seen)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a * a).sum(axis=1)[:, None] - 2 * a @ b.T + (b * b).sum(axis=1)[None], 0)


for _name, _detector in (
    ("confidence", confidence), ("energy", energy), ("mahalanobis", mahalanobis), ("neighbours", neighbours),
    ("familiarity", familiarity), ("margin", margin),
):  # fmt: skip
    DETECTORS.add(_name, _detector)


def ratings(evidence: Evidence, names: Sequence[str]) -> Float[np.ndarray, "N C"]:
    """Ratings of the held clips by several detectors as columns, each less its mean over the fitted clips."""
    columns = []
    for name in names:
        held, fitted = DETECTORS[name](evidence)
        columns.append(held - fitted.mean())
    return np.stack(columns, axis=1)
