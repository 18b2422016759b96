"""What a stream remembers of one class: its clips in buckets, ordered by confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from skelzero.methods.alignment.prototypes import by_confidence, confident_share, sum_of_kept


@dataclass(frozen=True)
class ClassMemory:
    """Buckets of one pseudo-class; a bucket is one clip until there are too many of them.

    Attributes
    ----------
    entropy, fit : float64 (M,)
        Means over the clips of a bucket: entropy, and score for this class.
    weight : float64 (M,)
        Clips in the bucket.
    sums : float64 (M, D)
        Sum of their unit vectors.
    """

    entropy: Float64[np.ndarray, " M"]
    fit: Float64[np.ndarray, " M"]
    weight: Float64[np.ndarray, " M"]
    sums: Float64[np.ndarray, "M D"]

    @classmethod
    def empty(cls, width: int) -> ClassMemory:
        return cls(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros((0, width)))

    def with_clips(
        self, entropy: Float64[np.ndarray, " n"], fit: Float64[np.ndarray, " n"], units: Float64[np.ndarray, "n D"]
    ) -> ClassMemory:  # fmt: skip
        """The same and these clips, a bucket each."""
        return ClassMemory(
            np.concatenate([self.entropy, entropy]), np.concatenate([self.fit, fit]),
            np.concatenate([self.weight, np.ones(len(units))]), np.concatenate([self.sums, units]),
        )  # fmt: skip

    def confident_sum(self, alpha: float) -> Float64[np.ndarray, " D"]:
        """Sum of the floor(alpha n) most confident clips; of the last bucket as large a part as is wanted."""
        return sum_of_kept(self.sums, confident_share(self.entropy, self.fit, self.weight, alpha))

    def bounded(self, most: int) -> ClassMemory:
        """At most this many buckets: unchanged where they are no more, else neighbours in confidence merged."""
        if len(self.weight) <= most:
            return self
        order = by_confidence(self.entropy, self.fit)
        starts = _bucket_starts(self.weight[order], 2 * float(self.weight.sum()) / most)
        weight = np.add.reduceat(self.weight[order], starts)
        mean = [np.add.reduceat((v * self.weight)[order], starts) / weight for v in (self.entropy, self.fit)]
        return ClassMemory(mean[0], mean[1], weight, np.add.reduceat(self.sums[order], starts, axis=0))


def _bucket_starts(weight: Float64[np.ndarray, " M"], largest: float) -> Int[np.ndarray, " m"]:
    """Where new buckets begin that hold as much as they can and no more than `largest`.

    Two neighbours hold more than `largest` together; with `largest` = 2 total / most there are at most `most` of them.
    """
    starts, held = [0], 0.0
    for row, clips in enumerate(weight):
        if held + clips > largest and row > starts[-1]:
            starts.append(row)
            held = 0.0
        held += float(clips)
    return np.array(starts)
