"""When to say "none of these": a clip that the listed words explain no better than some other movement would.

Clips for which the right word is not on the list are told from the others by the best score of the list, less what a
whole vocabulary of movements reaches on the same clip where there is one. How that statistic is distributed for clips
of other actions is learned on clips of classes which the scoring model was trained without; longer lists reach higher
scores by chance, so it is learned for several lengths.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel
from scipy.special import logsumexp

from skelzero.errors import UserError

LENGTHS = (2, 3, 5, 10, 20, 50)
QUANTILES = 41
FALSE_ACCEPTS = 0.5
"""Share of clips of other actions that may be named where nobody says how many; missing a listed one is worse."""
SOFTNESS = 0.05
"""Scores of the vocabulary are joined by a log-sum-exp of this temperature, so that no single entry decides."""
LIKE = 0.8
"""Likeness of profiles from which a word of the vocabulary is taken for another name of a listed one. On MSR-Action3D
values from 0.6 up tell listed actions from others equally well; this one keeps nearly all of the vocabulary."""
LEAST = -10.0
"""Where every word of the vocabulary is listed under some name, nothing speaks against the list."""
LISTS = 5
FEWEST = 3
"""Classes: one to be shown, two to be listed."""


class Rejection(BaseModel):
    """How the statistic is distributed, by the length of the list.

    Attributes
    ----------
    lengths : list of int
    foreign : list of list of float
        For each length, quantiles from 0 to 1 in equal steps, of clips whose action is not on the list.
    clips, classes : int
        What it was fitted on.
    vocabulary : bool
        The statistic is relative to a vocabulary's scores.
    """

    lengths: list[int]
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
            Share of clips of other actions that may be named, `FALSE_ACCEPTS` by default.

        Raises
        ------
        UserError
            A share outside 0 to 1.
        """
        share = FALSE_ACCEPTS if false_accepts is None else false_accepts
        if not 0 <= share <= 1:
            raise UserError("the share of false accepts is no share", got=share, expected="0..1")
        values = [np.interp(1 - share, np.linspace(0, 1, len(row)), row) for row in self.foreign]
        # Between two lengths, and not beyond the ends, on the scale on which the best of many grows.
        return float(np.interp(np.log(max(labels, 1)), np.log(self.lengths), values))


def statistic(
    scores: Float[np.ndarray, "N K"], vocabulary: Float[np.ndarray, "N V"] | None = None,
    likeness: Float[np.ndarray, "*N K V"] | None = None,
) -> Float[np.ndarray, " N"]:  # fmt: skip
    """The best score of the list, less what the vocabulary reaches.

    Parameters
    ----------
    scores : float (N, K)
    vocabulary : float (N, V), optional
    likeness : float (K, V) or (N, K, V), optional
        Of the listed words to those of the vocabulary, -1..1: synonyms of what is listed do not speak against it.
    """
    best = scores.max(axis=-1)
    if vocabulary is None:
        return best
    other = True if likeness is None else (likeness < LIKE).all(axis=-2)
    # The soft maximum of what is left; the number of entries does not matter.
    count = np.maximum(np.broadcast_to(other, vocabulary.shape).sum(axis=-1), 1)
    soft = logsumexp(np.where(other, vocabulary, -np.inf) / SOFTNESS, axis=-1) - np.log(count)
    return np.asarray(best - np.maximum(SOFTNESS * soft, LEAST), dtype=np.float64)


def fit_rejection(
    scores: Float[np.ndarray, "N K"], y: Int[np.ndarray, " N"], *, vocabulary: Float[np.ndarray, "N V"] | None = None,
    likeness: Float[np.ndarray, "K V"] | None = None, allowed: Bool[np.ndarray, "N K"] | None = None, seed: int = 0,
) -> Rejection:  # fmt: skip
    """Draw lists of several lengths for each clip, without its action, and note the statistic.

    Parameters
    ----------
    scores : float (N, K)
        Scores of clips of classes that the scoring model was trained without.
    y : int (N,)
        Columns of their own classes; each class counts alike, however many clips it has.
    vocabulary : float (N, V), optional
        The same clips' scores over a vocabulary of movements.
    likeness : float (K, V), optional
        Of the columns' words to those of the vocabulary.
    allowed : bool (N, K), optional
        Which columns may stand on a clip's list; those of the same action under another name should not, and lists of
        actions that are like the clip's make a severe rule.

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
    weights = np.bincount(y, minlength=K)[y] ** -1.0
    rng = np.random.default_rng(seed)
    lengths = [length for length in LENGTHS if length <= most]
    foreign = []
    for length in lengths:
        values = []
        for _ in range(LISTS):
            # The `length` allowed columns with the smallest random keys are a random list.
            keys = np.where(others, rng.random((N, K)), np.inf)
            drawn = np.argpartition(keys, length - 1, axis=1)[:, :length]
            like = None if likeness is None else likeness[drawn]
            values.append(statistic(np.take_along_axis(scores, drawn, axis=1), vocabulary, like))
        foreign.append(_quantiles(np.concatenate(values), np.tile(weights, LISTS)))
    return Rejection(lengths=lengths, foreign=foreign, clips=N, classes=len(np.unique(y)),
                     vocabulary=vocabulary is not None)  # fmt: skip


def _quantiles(values: Float[np.ndarray, " N"], weights: Float[np.ndarray, " N"]) -> list[float]:
    order = np.argsort(values)
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return [float(v) for v in np.interp(np.linspace(0, 1, QUANTILES), place, values[order])]
