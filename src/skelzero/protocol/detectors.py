"""Detectors of "none of the seen classes": each gives a clip a number that is higher where the clip looks seen.

All look at the same evidence - features, the seen classifier's logits, the method's scores - and are fitted on the
clips that the method was fitted on. Each also rates those clips themselves: the level and the spread of these
references carry a threshold over from one model to another (see `stacking`).
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
    """Largest softmax probability of the seen classifier (Hendrycks and Gimpel, ICLR 2017)."""
    from scipy.special import softmax

    held, fitted = (softmax(logits, axis=1).max(axis=1) for logits in (evidence.held_logits, evidence.fitted_logits))
    return held, fitted


def energy(evidence: Evidence) -> Rating:
    """Negative free energy of the seen classifier: log of the summed exponentials (Liu et al., NeurIPS 2020, eq. 4)."""
    from scipy.special import logsumexp

    return logsumexp(evidence.held_logits, axis=1), logsumexp(evidence.fitted_logits, axis=1)


def mahalanobis(evidence: Evidence) -> Rating:
    """Minus the squared distance to the nearest seen prototype, one covariance for all (Lee et al., NeurIPS 2018).

    There are hardly more clips than dimensions, so the covariance is shrunk (Ledoit and Wolf, 2004).
    """
    from sklearn.covariance import ledoit_wolf

    fitted, held = evidence.scaled
    classes, place = np.unique(evidence.fitted_truth, return_inverse=True)
    prototypes = np.stack([fitted[place == k].mean(axis=0) for k in range(len(classes))])
    covariance, _ = ledoit_wolf((fitted - prototypes[place]).astype(np.float64), assume_centered=True)
    # Whitened, the distance is Euclidean.
    whiten = np.linalg.inv(np.linalg.cholesky(covariance + 1e-6 * np.eye(len(covariance)))).T
    return tuple(-_squared_distances(x @ whiten, prototypes @ whiten).min(axis=1) for x in (held, fitted))  # type: ignore[return-value]


def neighbours(evidence: Evidence) -> Rating:
    """Minus the distance to the k-th nearest fitted clip, on unit vectors (Sun et al., ICML 2022)."""
    fitted, held = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in evidence.scaled)
    k = min(NEIGHBOURS, len(fitted) - 1)
    own = _squared_distances(fitted, fitted)
    np.fill_diagonal(own, np.inf)  # a fitted clip is not its own neighbour
    return -np.partition(_squared_distances(held, fitted), k - 1, axis=1)[:, k - 1], -np.partition(own, k - 1, axis=1)[
        :, k - 1
    ]


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


def ratings(evidence: Evidence, names: Sequence[str]) -> tuple[Float[np.ndarray, "N C"], Float[np.ndarray, "F C"]]:
    """Ratings by several detectors as columns, each at mean 0 and deviation 1 of the fitted clips."""
    columns = []
    for name in names:
        held, fitted = DETECTORS[name](evidence)
        centre, spread = float(fitted.mean()), float(fitted.std()) or 1.0
        columns.append(((held - centre) / spread, (fitted - centre) / spread))
    held, fitted = (np.stack(side, axis=1) for side in zip(*columns, strict=True))
    return held, fitted
