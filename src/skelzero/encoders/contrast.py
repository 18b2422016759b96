"""Contrast between clips and the class vectors of a batch: what PGFA trains an encoder by (arXiv 2507.00566)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F

PUBLISHED_SCALE = 1 / 0.07


class ContrastSettings(BaseModel):
    """How clips are drawn to the vectors of their classes.

    Attributes
    ----------
    scale : float
        Of the cosines; exp(log(1 / 0.07)), as published.
    learn_scale : bool
        Published runs keep it constant.
    sharpness : float
        Of the targets: clips of one class in a batch are each other's matches, weighted by softmax(sharpness [same]).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: Annotated[float, Field(gt=0)] = PUBLISHED_SCALE
    learn_scale: bool = False
    sharpness: Annotated[float, Field(gt=0)] = 10.0


def symmetric_kl(
    logits: Float[Tensor, "N N"], y: Int[Tensor, " N"], *, sharpness: float = 10.0
) -> Float[Tensor, ""]:  # fmt: skip
    """Mean of the row-wise and the column-wise divergence KL(target || softmax), each a mean over the batch.

    Parameters
    ----------
    logits : float (N, N)
        Scaled cosine of clip i and the class vector of clip j.
    y : int (N,)
        Classes of the clips; the target of row i is softmax_j(sharpness [y_i = y_j]).
    """
    target = F.softmax(sharpness * (y[:, None] == y[None, :]).to(logits.dtype), dim=1)  # symmetric
    rows = F.kl_div(F.log_softmax(logits, dim=1), target, reduction="batchmean")
    columns = F.kl_div(F.log_softmax(logits, dim=0).T, target, reduction="batchmean")
    return (rows + columns) / 2


def contrast(
    class_logits: Float[Tensor, "N K"], y: Int[Tensor, " N"], settings: ContrastSettings
) -> Float[Tensor, ""]:  # fmt: skip
    """The loss from scores of all classes: what clip i says to clip j's vector is what it says to j's class."""
    return symmetric_kl(torch.index_select(class_logits, 1, y), y, sharpness=settings.sharpness)
