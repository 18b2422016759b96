"""The figures of zero-shot and generalised zero-shot recognition, and their statistics, as pure functions.

Scores are (N, K): clip by class, higher is better. Truths are columns of the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


def top_k(scores: Float[np.ndarray, "N K"], truth: Int[np.ndarray, " N"], k: int = 1) -> float:
    """Share of clips whose class is among the k best. Of equal scores the earlier class counts as better."""
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1])[None] < truth[:, None]
    rank = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return float((rank < k).mean())


def per_class(predicted: Int[np.ndarray, " N"], truth: Int[np.ndarray, " N"], classes: int) -> Float[np.ndarray, " K"]:
    """Accuracy of each class; NaN for a class without clips."""
    counts = np.bincount(truth, minlength=classes)
    right = np.bincount(truth[predicted == truth], minlength=classes)
    return np.divide(right, counts, out=np.full(classes, np.nan), where=counts > 0)


def per_class_mean(predicted: Int[np.ndarray, " N"], truth: Int[np.ndarray, " N"]) -> float:
    """Mean accuracy over the classes that occur: small classes count as much as large ones."""
    return float(np.nanmean(per_class(predicted, truth, int(max(predicted.max(), truth.max())) + 1)))


def confusion(predicted: Int[np.ndarray, " N"], truth: Int[np.ndarray, " N"]) -> Int[np.ndarray, "P 3"]:
    """True class, predicted class and their clips, for every pair that occurs; a matrix of all pairs would grow with
    the square of the classes.

    >>> confusion(np.array([1, 0, 1]), np.array([1, 2, 1])).tolist()
    [[1, 1, 2], [2, 0, 1]]
    """
    pairs, counts = np.unique(np.stack([truth, predicted], axis=1), axis=0, return_counts=True)
    return np.concatenate([pairs, counts[:, None]], axis=1)


def harmonic(seen: float, unseen: float) -> float:
    """Harmonic mean of two accuracies; 0 when both are.

    >>> harmonic(0.6, 0.3)
    0.4
    """
    return 2 * seen * unseen / (seen + unseen) if seen + unseen > 0 else 0.0


@dataclass(frozen=True)
class Branches:
    """Generalised recognition taken apart: which side wins, and whether each side is right when asked.

    Attributes
    ----------
    margin : float (N,)
        Best seen score minus best unseen score; a constant `gamma` subtracted from the seen scores sends a clip to the
        seen side exactly when `margin > gamma`.
    is_seen : bool (N,)
        The clip's class is a seen one.
    right : bool (N,)
        The best class of the clip's own side is its class.
    """

    margin: Float[np.ndarray, " N"]
    is_seen: Bool[np.ndarray, " N"]
    right: Bool[np.ndarray, " N"]

    def at(self, gamma: float) -> tuple[float, float, float]:
        """S, U and H after subtracting `gamma` from the seen scores."""
        to_seen = self.margin > gamma
        s = float((self.right & to_seen)[self.is_seen].mean())
        u = float((self.right & ~to_seen)[~self.is_seen].mean())
        return s, u, harmonic(s, u)


def branches(scores: Float[np.ndarray, "N K"], truth: Int[np.ndarray, " N"], seen: Bool[np.ndarray, " K"]) -> Branches:
    """Take the scores among all classes apart into the seen and the unseen side."""
    is_seen = seen[truth]
    best = np.where(is_seen, _best(scores, seen), _best(scores, ~seen))
    return Branches(side_margin(scores, seen), is_seen, best == truth)


def side_margin(scores: Float[np.ndarray, "N K"], seen: Bool[np.ndarray, " K"]) -> Float[np.ndarray, " N"]:
    """Best seen score minus best unseen score."""
    return scores[:, seen].max(axis=1) - scores[:, ~seen].max(axis=1)


def _best(scores: Float[np.ndarray, "N K"], columns: Bool[np.ndarray, " K"]) -> Int[np.ndarray, " N"]:
    return np.flatnonzero(columns)[scores[:, columns].argmax(axis=1)]


CURVE_POINTS = 41


@dataclass(frozen=True)
class Curve:
    """S and U for every constant that makes a difference, from all-seen to all-unseen."""

    gamma: Float[np.ndarray, " G"]
    S: Float[np.ndarray, " G"]
    U: Float[np.ndarray, " G"]

    def harmonics(self) -> Float[np.ndarray, " G"]:
        total = self.S + self.U
        return np.divide(2 * self.S * self.U, total, out=np.zeros_like(total), where=total > 0)

    def sampled(self) -> list[float]:
        """S at `CURVE_POINTS` equally spaced U from 0 to 1, zero out of reach: such curves can be averaged."""
        u = np.linspace(0, 1, CURVE_POINTS)
        # Of the points with one U the last would win; the curve starts at the highest S.
        first = np.concatenate([[True], np.diff(self.U) > 0])
        s = np.interp(u, self.U[first], self.S[first], right=0.0)
        return [round(float(v), 6) for v in s]

    @property
    def area(self) -> float:
        """AUSUC: area under the seen-unseen curve (Chao et al., ECCV 2016), trapezoidal as there."""
        return float(((self.S[1:] + self.S[:-1]) / 2 * np.diff(self.U)).sum())


def seen_unseen_curve(parts: Branches) -> Curve:
    """S and U as the constant grows. Exact: one point below all margins and one at each margin."""
    gamma = np.concatenate([[-np.inf], np.unique(parts.margin)])
    # Clips whose margin is at most gamma go to the unseen side; sorting makes each point one binary search.
    seen_right = np.sort(parts.margin[parts.is_seen & parts.right])
    unseen_right = np.sort(parts.margin[~parts.is_seen & parts.right])
    S = (seen_right.size - np.searchsorted(seen_right, gamma, side="right")) / max(1, parts.is_seen.sum())
    U = np.searchsorted(unseen_right, gamma, side="right") / max(1, (~parts.is_seen).sum())
    return Curve(gamma, S, U)


def ausuc(parts: Branches) -> float:
    """Area under the seen-unseen curve; judges a method apart from the choice of the constant."""
    return seen_unseen_curve(parts).area


def gate_auc(parts: Branches) -> float:
    """How well the margin alone tells seen from unseen: area under its ROC curve, ties count half."""
    from scipy.stats import rankdata

    n, m = int(parts.is_seen.sum()), int((~parts.is_seen).sum())
    ranks = rankdata(parts.margin)
    return float((ranks[parts.is_seen].sum() - n * (n + 1) / 2) / (n * m))


def oracle_gate(parts: Branches) -> tuple[float, float, float]:
    """S, U and H if every clip went to its own side: what the gate costs is the distance to it."""
    s, u = float(parts.right[parts.is_seen].mean()), float(parts.right[~parts.is_seen].mean())
    return s, u, harmonic(s, u)


def chance(metric: str, seen: int, unseen: int) -> float | None:
    """What guessing at random is expected to give; None where that says nothing.

    For the generalised figures a guess is uniform over all classes. AUSUC: random scores give the straight line from
    (1/|S|, 0) to (0, 1/|U|), with area 1 / (2 |S| |U|).
    """
    both = seen + unseen
    known = {
        "top1": 1 / unseen, "top5": min(1.0, 5 / unseen), "per_class": 1 / unseen,
        "S": 1 / both, "U": 1 / both, "H": 1 / both, "S_per_class": 1 / both, "U_per_class": 1 / both,
        "H_per_class": 1 / both, "AUSUC": 1 / (2 * seen * unseen) if seen else None, "gate_auc": 0.5,
    }  # fmt: skip
    return known.get(metric)


@dataclass(frozen=True)
class Interval:
    """Mean, standard deviation (n - 1) and t interval of n values; NaN where n does not allow them."""

    mean: float
    sd: float
    low: float
    high: float
    n: int


def interval(values: Float[np.ndarray, " R"] | list[float], level: float = 0.95) -> Interval:
    """Student's t interval of the mean of independent values."""
    from scipy.stats import t

    x = np.asarray(values, dtype=np.float64)
    mean = float(x.mean()) if x.size else math.nan
    if x.size < 2:
        return Interval(mean, math.nan, math.nan, math.nan, x.size)
    sd = float(x.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, x.size - 1)) * sd / math.sqrt(x.size)
    return Interval(mean, sd, mean - half, mean + half, x.size)


def paired_difference(
    a: Float[np.ndarray, " R"] | list[float], b: Float[np.ndarray, " R"] | list[float], level: float = 0.95
) -> Interval:  # fmt: skip
    """t interval of the mean of a - b over the same seeds and draws."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    assert x.shape == y.shape, "paired values must come from the same seeds and draws"
    return interval(x - y, level)
