"""Which clips of a pseudo-class are kept, and the prototype that they make (PGFA, arXiv 2507.00566; pgfa.md, Test)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float64, Int

from skelzero.methods.alignment.geometry import CANCELLED, unit
from skelzero.methods.alignment.settings import AlignmentSettings


def by_confidence(entropy: Float64[np.ndarray, " n"], fit: Float64[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Lowest entropy first; of equal entropies the better fit, of equal fits the earlier row."""
    return np.lexsort((-fit, entropy))


def confident_share(
    entropy: Float64[np.ndarray, " n"],
    fit: Float64[np.ndarray, " n"],
    weight: Float64[np.ndarray, " n"],
    alpha: float,
) -> Float64[np.ndarray, " n"]:
    """How much of each row is kept so that floor(alpha n) clips are, n the total weight.

    Parameters
    ----------
    entropy, fit : float64 (n,)
        The rows' entropies, and their scores for the class.
    weight : float64 (n,)
        For how many clips a row stands: 1, or more in a stream's merged memory.
    alpha : float

    Returns
    -------
    float64 (n,)
        In [0, 1]; 0 or 1 where all weights are 1.
    """
    wanted = math.floor(alpha * float(weight.sum()) + 1e-9)  # 0.29 * 100 is 28.999... in floating point
    order = by_confidence(entropy, fit)
    before = np.cumsum(weight[order]) - weight[order]
    share = np.empty(len(weight))
    share[order] = np.clip((wanted - before) / weight[order], 0.0, 1.0)
    return share


def sum_of_kept(rows: Float64[np.ndarray, "n D"], share: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " D"]:
    kept = share > 0
    return share[kept] @ rows[kept]


def sums_of_classes(
    units: Float64[np.ndarray, "N D"],
    scores: Float64[np.ndarray, "N K"],
    labels: Int[np.ndarray, " N"],
    entropy: Float64[np.ndarray, " N"],
    alpha: float,
) -> tuple[Float64[np.ndarray, "K D"], Bool[np.ndarray, " N"]]:
    """Sum of the kept unit vectors of every pseudo-class, and which clips these are."""
    sums, kept = np.zeros((scores.shape[1], units.shape[1])), np.zeros(len(units), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        share = confident_share(entropy[rows], scores[rows, label], np.ones(len(rows)), alpha)
        sums[label], kept[rows] = sum_of_kept(units[rows], share), share > 0
    return sums, kept


def prototype(
    total: Float64[np.ndarray, " D"], text: Float64[np.ndarray, " D"], settings: AlignmentSettings
) -> Float64[np.ndarray, " D"]:  # fmt: skip
    """unit((1 - softness) unit(prior text + total) + softness text).

    The text itself where no clip was kept, or where the clips cancel one another.

    Parameters
    ----------
    total : float64 (D,)
        Sum of the kept unit vectors; its length does not matter but for `prior`.
    text : float64 (D,)
        Of length 1.
    settings : AlignmentSettings
    """
    body = settings.prior * text + total
    if not np.abs(body).max() > CANCELLED:
        return text
    if not settings.softness:
        return unit(body[None])[0]
    mixed = (1 - settings.softness) * unit(body[None])[0] + settings.softness * text
    return unit(mixed[None])[0] if np.abs(mixed).max() > CANCELLED else text


def prototypes_of(
    sums: Float64[np.ndarray, "K D"], texts: Float64[np.ndarray, "K D"], settings: AlignmentSettings
) -> Float64[np.ndarray, "K D"]:  # fmt: skip
    """`prototype` of every class."""
    return np.stack([prototype(total, text, settings) for total, text in zip(sums, texts, strict=True)])
