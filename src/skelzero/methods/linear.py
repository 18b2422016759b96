"""What linear methods share: z-scored features, centred class vectors, one matrix between them, the ridge solution."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int

from skelzero.methods.base import ZeroShotMethod
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

BLOCK = 1 << 14
"""Clips that are taken as float64 at once: memory does not grow with clips."""


class LinearMap(ZeroShotMethod):
    """Base of methods that learn `weights_` (D, E) beside the features' scale and the seen classes' mean vector."""

    standardizer_: Standardizer
    text_mean_: Float32[np.ndarray, " E"]
    weights_: Float32[np.ndarray, "D E"]

    def _scales(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> None:
        """Note the scale of the features and the mean of the class vectors."""
        self.standardizer_ = Standardizer.of(x)
        self.text_mean_ = bank.vectors().mean(axis=0)

    def _classes(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        """Class vectors of unit length less the seen classes' mean."""
        return unit(bank.vectors() - self.text_mean_)

    def _state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights_, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.weights_, self.text_mean_ = state["weights"], state["text_mean"]
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])


def ridge(
    x: Float[np.ndarray, "N D"], target: Float[np.ndarray, "R E"], penalty: float,
    row: Int[np.ndarray, " N"] | None = None,
) -> Float32[np.ndarray, "D E"]:  # fmt: skip
    """W of the least |X W - T|^2 + penalty N |W|^2, by the smaller of both normal equations, in float64.

    Parameters
    ----------
    x : float (N, D)
    target : float (R, E)
        What is to be predicted.
    penalty : float
        Per clip, so that it means the same however many there are.
    row : int (N,), optional
        Which row of `target` is each clip's; without it each clip has its own.
    """
    N, D = x.shape
    assert row is not None or len(target) == N
    if D > N:
        X, T = x.astype(np.float64), (target if row is None else target[row]).astype(np.float64)
        dual = np.linalg.solve(X @ X.T + penalty * N * np.eye(N), T)
        return np.asarray(X.T @ dual, dtype=np.float32)
    gram, cross = penalty * N * np.eye(D), np.zeros((D, target.shape[1]))
    for begin in range(0, N, BLOCK):
        block = slice(begin, begin + BLOCK)
        X = x[block].astype(np.float64)
        gram += X.T @ X
        cross += X.T @ (target[block] if row is None else target[row[block]]).astype(np.float64)
    return np.linalg.solve(gram, cross).astype(np.float32)
