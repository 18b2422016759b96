"""Features brought to mean 0 and deviation 1 by the training clips, as SCALE's publication does, and clipped."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int

CLIP = 5.0


class Standardizer:
    """z-scores from training statistics, clipped to +-5 (scale.md, Inputs)."""

    def __init__(self, mean: Float32[np.ndarray, " D"], deviation: Float32[np.ndarray, " D"]) -> None:
        self.mean, self.deviation = mean, deviation

    @classmethod
    def of(cls, x: Float32[np.ndarray, "N D"]) -> Standardizer:
        """Statistics of training features; constant columns are left at 0."""
        deviation = x.std(axis=0)
        return cls(x.mean(axis=0), np.where(deviation > 1e-6, deviation, np.inf).astype(np.float32))

    def __call__(self, x: Float32[np.ndarray, "N D"]) -> Float32[np.ndarray, "N D"]:
        z = (x - self.mean).astype(np.float32, copy=False)
        z /= self.deviation
        return np.clip(z, -CLIP, CLIP, out=z)


def rows_by_class(y: Int[np.ndarray, " N"]) -> list[Int[np.ndarray, " n"]]:
    """The rows of each class that occurs, classes and rows ascending.

    Clips are sorted once; asking every class for its clips would cost clips times classes.
    """
    order = np.argsort(y, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(y[order])) + 1)
