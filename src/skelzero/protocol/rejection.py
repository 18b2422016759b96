"""When to say "none of these": a clip that the listed words explain no better than some other movement would.

Clips for which the right word is not on the list are told from the others by the best score of the list, less what a
whole vocabulary of movements reaches on the same clip where there is one. How that statistic is distributed, for clips
of listed actions and of others, is learned on clips of classes which the scoring model was trained without; longer
lists reach higher scores by chance, so it is learned for several lengths.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel
from scipy.special import logsumexp

from skelzero.errors import UserError

LENGTHS = (2, 3, 5, 10, 20, 50)
QUANTILES = 41
ACCEPTED_SHARE = 0.95
"""Share of clips of listed actions that is let pass where nobody says how many false accepts are allowed."""
SOFTNESS = 0.05
"""Scores of the vocabulary are joined by a log-sum-exp of this temperature, so that no single entry decides."""
LISTS = 5
FEWEST = 3
"""Classes: one to be shown, two to be listed."""


class Rejection(BaseModel):
    """How the statistic is distributed, by the length of the list.

    Attributes
    ----------
    lengths : list of int
    listed, foreign : list of list of float
        For each length, quantiles from 0 to 1 in equal steps: of clips whose action is on the list, and of others.
    clips, classes : int
        What it was fitted on.
    vocabulary : bool
        The statistic is relative to a vocabulary's scores.
    """

    lengths: list[int]
    listed: list[list[float]]
    foreign: list[list[float]]
    clips: int
    classes: int
    vocabulary: bool

    def threshold(self, labels: int, false_accepts: float | None = None) -> float:
        """The value below which nothing is named.

        Parameters
        ----------
        labels : int
            Length of the list.
        false_accepts : float, optional
            Share of clips of other actions that may be named; by default 95 % of clips of listed actions are named.

        Raises
        ------
        UserError
            A share outside 0 to 1.
        """
        if false_accepts is not None and not 0 <= false_accepts <= 1:
            raise UserError("the share of false accepts is no share", got=false_accepts, expected="0..1")
        table, share = (self.listed, 1 - ACCEPTED_SHARE) if false_accepts is None else (self.foreign, 1 - false_accepts)
        values = [np.interp(share, np.linspace(0, 1, len(row)), row) for row in table]
        # Between two lengths, and not beyond the ends, on the scale on which the best of many grows.
        return float(np.interp(np.log(max(labels, 1)), np.log(self.lengths), values))


def statistic(
    scores: Float[np.ndarray, "N K"], vocabulary: Float[np.ndarray, "N V"] | None = None
) -> Float[np.ndarray, " N"]:  # fmt: skip
    """The best score of the list, less what the vocabulary reaches."""
    return scores.max(axis=-1) - (0.0 if vocabulary is None else reached(vocabulary))


def reached(vocabulary: Float[np.ndarray, "N V"]) -> Float[np.ndarray, " N"]:
    """What a vocabulary reaches on each clip: the soft maximum of its scores."""
    soft = logsumexp(vocabulary / SOFTNESS, axis=-1) - np.log(vocabulary.shape[-1])
    return np.asarray(SOFTNESS * soft, dtype=np.float64)


def fit_rejection(
    scores: Float[np.ndarray, "N K"], y: Int[np.ndarray, " N"], *, vocabulary: Float[np.ndarray, "N V"] | None = None,
    allowed: Bool[np.ndarray, "N K"] | None = None, seed: int = 0,
) -> Rejection:  # fmt: skip
    """Draw lists of several lengths for each clip, with and without its action, and note the statistic.

    Parameters
    ----------
    scores : float (N, K)
        Scores of clips of classes that the scoring model was trained without.
    y : int (N,)
        Columns of their own classes; each class counts alike, however many clips it has.
    vocabulary : float (N, V), optional
        The same clips' scores over a vocabulary of movements.
    allowed : bool (N, K), optional
        Which columns may stand on a clip's list beside its own class; those of related actions should not.

    Raises
    ------
    UserError
        Fewer than three classes.
    """
    N, K = scores.shape
    others = np.ones((N, K), dtype=bool) if allowed is None else allowed.copy()
    others[np.arange(N), y] = False
    most = int(others.sum(axis=1).min()) if N else 0
    if most < FEWEST - 1:
        raise UserError("too few classes to learn when to name none of them", got=K, expected=f"{FEWEST} or more")
    base = np.zeros(N) if vocabulary is None else reached(vocabulary)
    weights = np.bincount(y, minlength=K)[y] ** -1.0
    rng, own = np.random.default_rng(seed), scores[np.arange(N), y]
    lengths = [length for length in LENGTHS if length <= most]
    listed, foreign = [], []
    for length in lengths:
        with_own, without = [], []
        for _ in range(LISTS):
            # The `length` allowed columns with the smallest random keys are a random list.
            keys = np.where(others, rng.random((N, K)), np.inf)
            drawn = np.take_along_axis(scores, np.argpartition(keys, length - 1, axis=1)[:, :length], axis=1)
            without.append(drawn.max(axis=1) - base)
            with_own.append(np.maximum(drawn[:, : length - 1].max(axis=1), own) - base)
        for table, values in ((listed, with_own), (foreign, without)):
            table.append(_quantiles(np.concatenate(values), np.tile(weights, LISTS)))
    return Rejection(lengths=lengths, listed=listed, foreign=foreign, clips=N, classes=len(np.unique(y)),
                     vocabulary=vocabulary is not None)  # fmt: skip


def _quantiles(values: Float[np.ndarray, " N"], weights: Float[np.ndarray, " N"]) -> list[float]:
    order = np.argsort(values)
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return [float(v) for v in np.interp(np.linspace(0, 1, QUANTILES), place, values[order])]
