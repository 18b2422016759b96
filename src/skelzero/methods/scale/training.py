"""Fitting SCALE: batches, the loss put together, and what the latent does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from skelzero import journal
from skelzero.errors import UserError
from skelzero.methods.base import Progress
from skelzero.methods.scale import energy, losses
from skelzero.methods.scale.model import ClassTexts, Gaussian, ScaleNet
from skelzero.methods.scale.settings import ScaleSettings
from skelzero.methods.scaling import rows_by_class

RECORDS = 20
"""Times during training at which the latent is looked at."""


@dataclass
class Batch:
    """Standardised features and the class of each."""

    x: Float[Tensor, "N X"]
    y: Int[Tensor, " N"]


def train(
    net: ScaleNet, x: Float[Tensor, "N X"], y: Int[Tensor, " N"], texts: ClassTexts, settings: ScaleSettings,
    seed: int, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Fit the network in place; the returned diagnostics follow KL and loss over training.

    Raises
    ------
    UserError
        The loss stops being a number.
    """
    generator = torch.Generator().manual_seed(seed)
    batch = min(settings.batch, len(x))
    steps = settings.epochs * max(1, len(x) // batch) if settings.epochs else settings.steps
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    weights = losses.Hardness(texts.pooled, settings.hardness, settings.hardness_temperature)
    history: list[dict[str, float]] = []
    order = torch.empty(0, dtype=torch.long)
    net.train()
    for step in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(x), generator=generator)
        rows, order = order[:batch], order[batch:]
        part = Batch(x[rows], y[rows])
        factor = losses.warm_up(step, steps, settings.warm_up)
        loss, seen = _loss(net, part, _augment(texts, settings, generator), weights, settings, factor, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), settings.gradient_clip)
        optimiser.step()
        if journal.due(step, steps):
            journal.note("method", step, {"loss": loss.detach(), "rate": settings.rate, **seen})
        if step % max(1, steps // RECORDS) == 0 or step == steps - 1:
            history.append({"step": step, "loss": float(loss.detach()), **seen})
            if not torch.isfinite(loss):
                raise UserError("training diverged", where=f"step {step}", got=float(loss.detach()),
                                next_step="lower --set rate=..., or look for odd features")  # fmt: skip
        if progress is not None:
            progress(step + 1, steps)
    net.eval()
    return {"history": history, "steps": steps, **latent_report(net, x, y, texts, settings)}


def _augment(texts: ClassTexts, settings: ScaleSettings, generator: torch.Generator) -> ClassTexts:
    """Texts with noise, in units of a pooled vector's length, so that a class is a region rather than a point."""
    if not settings.text_noise:
        return texts

    def noisy(t: Tensor) -> Tensor:
        size = settings.text_noise * t.norm(dim=-1, keepdim=True) / t.shape[-1] ** 0.5
        return t + size * torch.randn(t.shape, generator=generator)

    return ClassTexts(noisy(texts.pooled), noisy(texts.tokens) if settings.tokens else texts.tokens, texts.mask)


def _loss(
    net: ScaleNet, batch: Batch, texts: ClassTexts, weights: losses.Hardness, settings: ScaleSettings,
    factor: float, generator: torch.Generator,
) -> tuple[Float[Tensor, ""], dict[str, float]]:  # fmt: skip
    codes = net.text(texts)
    side = energy.class_side(net, codes)
    q = net.posterior_of(batch.x)
    noise = torch.randn(q.mean.shape, generator=generator)
    z = q.mean + (q.log_variance / 2).exp() * noise
    own = Gaussian(side.prior.mean[batch.y], side.prior.log_variance[batch.y])
    xhat = net.decode(net.carrier(z), side.scale[batch.y], side.shift[batch.y])
    reconstruction = F.mse_loss(xhat, batch.x) / 2
    kl = energy.kl_terms(q, own)
    total = reconstruction + factor * settings.lambda_k * losses.free_bits(kl, settings.free_bits)
    if settings.lambda_list:
        total = total + settings.lambda_list * _listwise(net, batch, q, side, weights, settings)
    if settings.lambda_proto:
        contrast = losses.prototype_contrast(q.mean, side.prior.mean, batch.y, settings.contrast_temperature)
        total = total + settings.lambda_proto * contrast
    per_dimension = kl.detach().mean(dim=0)
    active = float((per_dimension > 2 * settings.free_bits).float().mean())
    return total, {"kl_per_dim": float(per_dimension.mean()), "active": active,
                   "reconstruction": float(reconstruction.detach())}  # fmt: skip


def _listwise(
    net: ScaleNet, batch: Batch, q: Gaussian, side: energy.ClassSide, weights: losses.Hardness,
    settings: ScaleSettings,
) -> Float[Tensor, ""]:  # fmt: skip
    kl = energy.kl_matrix(q, side.prior)
    # The reconstruction of every class is most of the cost; the ablation without it does not pay for it.
    needs = settings.energy != "kl"
    reconstruction = energy.reconstruction_matrix(net, batch.x, q.mean, side) if needs else kl
    energies = energy.combine(reconstruction, kl, settings.lambda_k, settings.energy)
    kappa = losses.confidence(q.log_variance) if settings.confidence else torch.full((len(batch.y),), 0.5)
    return losses.listwise(energies, batch.y, weights, kappa, margin=settings.margin, temperature=settings.temperature)


@torch.inference_mode()
def latent_report(
    net: ScaleNet, x: Float[Tensor, "N X"], y: Int[Tensor, " N"], texts: ClassTexts, settings: ScaleSettings
) -> dict[str, Any]:  # fmt: skip
    """Whether the latent says anything: KL per dimension, active dimensions, and what it knows beyond the class.

    `within_class` is the mean over dimensions of the variance of posterior means inside classes: near zero, the
    posterior only repeats the class prior.
    """
    q = net.posterior_of(x)
    prior = net.prior_of(net.text(texts))
    kl = energy.kl_terms(q, Gaussian(prior.mean[y], prior.log_variance[y])).mean(dim=0)
    centred = q.mean.clone()
    for rows in rows_by_class(y.numpy()):
        centred[rows] -= q.mean[rows].mean(dim=0)
    active = float((kl > 2 * settings.free_bits).float().mean())
    return {"kl_per_dim": float(kl.mean()), "kl_max": float(kl.max()), "active": active, "collapsed": active == 0,
            "within_class": float(centred.var(dim=0, correction=0).mean()),
            "posterior_variance": float(q.log_variance.exp().mean())}  # fmt: skip
