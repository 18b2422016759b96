"""Ranking losses over similarities, as pure functions; several methods share them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def hinge(
    scores: Float[Tensor, "N K"], y: Int[Tensor, " N"], margin: float, same: Bool[Tensor, "K K"] | None = None
) -> Float[Tensor, ""]:  # fmt: skip
    """Mean over clips of sum_c max(0, margin - s_y + s_c), c over all other classes (DeViSE, eq. 1).

    Parameters
    ----------
    scores : float (N, K)
        Similarity of every clip with every class.
    y : int (N,)
        The class of each clip.
    margin : float
    same : bool (K, K), optional
        Pairs of classes of which one is no wrong answer for the other; the diagonal by default.
    """
    short = (margin - scores.gather(1, y[:, None]) + scores).clamp_min(0)
    right = torch.eye(scores.shape[1], dtype=torch.bool) if same is None else same
    return short.masked_fill(right[y], 0.0).sum() / len(y)


def hardest_triplets(
    similarity: Float[Tensor, "N N"], same: Bool[Tensor, "N N"], margin: float
) -> Float[Tensor, ""]:  # fmt: skip
    """Mean over anchors of max(0, margin - s_ip + s_in): p the least alike of the same class, n the most alike other.

    An anchor is its own positive when it is alone; one without any negative costs nothing.
    """
    positive = similarity.masked_fill(~same, torch.inf).amin(dim=1)
    negative = similarity.masked_fill(same, -torch.inf).amax(dim=1)
    return (margin - positive + negative).clamp_min(0).mean()
