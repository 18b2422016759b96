"""Assignment of clips to classes with equal class shares (Sinkhorn-Knopp, in the logarithm)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from skelzero.methods.alignment.geometry import log_softmax, log_sum_exp

TOLERANCE = 1e-6
ITERATIONS = 300
PARTS = tuple(0.5**i for i in range(10))
"""Of a Newton step, tried in turn."""
RIDGE = 1e-12
SHARPNESSES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Softer logits balance easily, and their bonuses are a good start for sharper ones."""
ROUGH = 1e-2
"""Tolerance of such a start."""


def balanced_assignment(
    logits: Float64[np.ndarray, "N K"], *, tolerance: float = TOLERANCE, iterations: int = ITERATIONS
) -> Float64[np.ndarray, "N K"]:
    """log p(class | clip) in which every class has the same share of the clips.

    Q = p / N maximises <Q, logits> + H(Q) among the Q with rows that sum to 1/N and columns that sum to 1/K
    (Cuturi, 2013). p is a softmax of the logits and a bonus of each class; Sinkhorn's steps find it, but slowly where
    clips are nearly certain, so that each iteration first tries Newton's step on the same equations (K unknowns).
    One clip has no shares to balance: it gets the plain softmax.

    Parameters
    ----------
    logits : float64 (N, K)
        Cosines divided by epsilon.
    tolerance : float
        Largest relative error of a class's share at which the iteration ends; rows are exact always.
    iterations : int
        The end where that is not reached, at each of `SHARPNESSES`.

    Returns
    -------
    float64 (N, K)
        Rows of exp sum to 1, columns to N / K.
    """
    N, K = logits.shape
    if N < 2:
        return log_softmax(logits, 1.0) if N else logits
    bonus = np.zeros(K)  # in units of the logits
    for sharpness in SHARPNESSES:
        enough = tolerance if sharpness == 1 else max(tolerance, ROUGH)
        bonus, log_p = _solve(logits * sharpness, bonus * sharpness, enough, iterations)
        bonus = bonus / sharpness
    return log_p


def _solve(
    logits: Float64[np.ndarray, "N K"], bonus: Float64[np.ndarray, " K"], tolerance: float, iterations: int
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, "N K"]]:
    """The bonuses that balance the classes, from the given ones on, and log p with them."""
    log_p = log_softmax(logits + bonus, 1.0)
    for _ in range(iterations):
        excess = log_sum_exp(log_p, axis=0) - np.log(len(logits) / len(bonus))
        if np.abs(excess).max() <= tolerance:
            break
        bonus, log_p = _step(logits, bonus, log_p, excess)
    return bonus, log_p


def _step(
    logits: Float64[np.ndarray, "N K"],
    bonus: Float64[np.ndarray, " K"],
    log_p: Float64[np.ndarray, "N K"],
    excess: Float64[np.ndarray, " K"],
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, "N K"]]:
    """A part of Newton's step if it brings the shares clearly closer, else Sinkhorn's, which always helps."""
    p, share = np.exp(log_p), len(logits) / logits.shape[1]
    taken = p.sum(axis=0)
    slope = np.diag(taken + RIDGE * share) - p.T @ p + share / len(bonus)  # of the sums; equal bonuses change nothing
    missing = share - taken
    move = np.linalg.solve(slope, missing)
    for part in PARTS:
        other = log_softmax(logits + (bonus + part * move), 1.0)
        left = share - np.exp(other).sum(axis=0)
        if np.linalg.norm(left) < (1 - part / 2) * np.linalg.norm(missing):
            return bonus + part * move, other
    bonus = bonus - excess
    return bonus, log_softmax(logits + bonus, 1.0)
