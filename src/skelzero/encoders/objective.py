"""The loss of a batch and its gradient, however the batch is spread over devices and parts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.encoders.contrast import contrast
from skelzero.encoders.norms import sharing
from skelzero.encoders.settings import TrainSettings


def batch_loss(
    fabric: Any, logits: Float[Tensor, "N K"], y: Int[Tensor, " N"], settings: TrainSettings
) -> Float[Tensor, ""]:  # fmt: skip
    """Cross-entropy of this device's clips, or the contrast within the whole batch of all devices.

    Devices average their gradients. Each computes the whole contrast and hands back what concerns the others' scores,
    so that the average is the gradient of the one loss.
    """
    if settings.contrast is None:
        return F.cross_entropy(logits, y, label_smoothing=settings.label_smoothing)
    if fabric.world_size > 1:
        logits = fabric.all_gather(logits, sync_grads=True).flatten(0, 1)
        y = fabric.all_gather(y).flatten()
    return contrast(logits, y, settings.contrast)


def backward(
    fabric: Any, model: nn.Module, clips: Float[Tensor, "N C T V M"], y: Int[Tensor, " N"],
    settings: TrainSettings, seed: int,
) -> Float[Tensor, ""]:  # fmt: skip
    """Leave a batch's gradient in the parameters; returns its loss.

    In parts, memory is that of one part: the scores of all are computed without keeping what led to them, and each part
    again with it, once the loss has said what its scores are worth. Batch norms see one part at a time.
    """
    torch.manual_seed(seed)
    with sharing(model) if fabric.world_size > 1 else contextlib.nullcontext():
        return _backward(fabric, model, clips, y, settings, seed)


def _backward(
    fabric: Any, model: nn.Module, clips: Float[Tensor, "N C T V M"], y: Int[Tensor, " N"],
    settings: TrainSettings, seed: int,
) -> Float[Tensor, ""]:  # fmt: skip
    if settings.accumulate == 1:
        loss = batch_loss(fabric, model(clips), y, settings)
        fabric.backward(loss)
        return loss.detach()
    parts = clips.chunk(settings.accumulate)
    seeds = [seed + 1000 * (k + 1) for k in range(len(parts))]
    with torch.no_grad():
        scores = torch.cat([_seeded(model, part, s) for part, s in zip(parts, seeds, strict=True)])
    leaf = scores.float().requires_grad_()
    loss = batch_loss(fabric, leaf, y, settings)
    (worth,) = torch.autograd.grad(loss, leaf)
    with _statistics_kept(model):
        for k, (part, s, w) in enumerate(zip(parts, seeds, worth.chunk(len(parts)), strict=True)):
            with fabric.no_backward_sync(model, enabled=k + 1 < len(parts)):
                fabric.backward((_seeded(model, part, s).float() * w).sum())
    return loss.detach()


def _seeded(model: nn.Module, clips: Tensor, seed: int) -> Tensor:
    """The same dropout whenever a part is computed."""
    torch.manual_seed(seed)
    scores: Tensor = model(clips)
    return scores


@contextlib.contextmanager
def _statistics_kept(model: nn.Module) -> Iterator[None]:
    """Running statistics have seen each part once already."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
