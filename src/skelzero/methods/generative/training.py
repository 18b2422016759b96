"""Fitting aligned VAEs: batches, the terms put together, and what the latents do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from skelzero import journal
from skelzero.errors import UserError
from skelzero.methods.base import Fitting
from skelzero.methods.generative.losses import Gaussian, kl_terms
from skelzero.methods.generative.model import AlignedVaes
from skelzero.methods.generative.schedule import Weights
from skelzero.methods.generative.settings import AlignedSettings

RECORDS = 20
"""Times during training at which the terms are written down."""

ACTIVE = 0.02
"""Nats of mean KL from which a latent dimension counts as in use."""


def train(
    net: AlignedVaes, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"],
    settings: AlignedSettings, weights_at: Callable[[int], Weights], run: Fitting,
) -> dict[str, Any]:  # fmt: skip
    """Train in place with AMSGrad on minibatches without replacement; the diagnostics of the fit.

    Raises
    ------
    UserError
        The loss stops being a number.
    """
    generator = torch.Generator().manual_seed(run.seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=settings.rate, amsgrad=True, fused=True)
    batch = min(settings.batch, len(x))
    history: list[dict[str, float]] = []
    order = torch.empty(0, dtype=torch.long)
    for step in range(settings.steps):
        if len(order) < batch:
            order = torch.randperm(len(x), generator=generator)
        rows, order = order[:batch], order[batch:]
        noise = torch.randn(2, batch, settings.latent, generator=generator)
        terms, weights = net.terms(x[rows], y[rows], texts, (noise[0], noise[1])), weights_at(step)
        loss = combine(terms, weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if journal.due(step, settings.steps):
            parts = {name: term.detach() for name, term in terms.items()}
            journal.note("method", step, {"loss": loss.detach(), "rate": settings.rate, **parts})
        if step % max(1, settings.steps // RECORDS) == 0 or step == settings.steps - 1:
            history.append(_record(step, loss, terms))
        if run.progress is not None:
            run.progress(step + 1, settings.steps)
    return {"history": history, "steps": settings.steps, **latent_report(net, x, texts)}


def combine(terms: dict[str, Float[Tensor, ""]], weights: Weights) -> Float[Tensor, ""]:
    """The loss: its terms times their weights of the moment; a weight of 0 costs no gradient."""
    return torch.stack([weight * terms[name] for name, weight in weights.items() if weight]).sum()


def _record(step: int, loss: Tensor, terms: dict[str, Tensor]) -> dict[str, float]:
    if not torch.isfinite(loss):
        raise UserError("training diverged", where=f"step {step}", got=float(loss.detach()),
                        next_step="lower --set rate=..., or look for odd features")  # fmt: skip
    return {"step": step, "loss": float(loss.detach()), **{k: float(v.detach()) for k, v in terms.items()}}


@torch.inference_mode()
def latent_report(net: AlignedVaes, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]) -> dict[str, Any]:
    """Whether the latents say anything: KL per dimension of clips and of texts, and how many are in use."""
    return {"clips": _use(net.clip.encode(x)), "texts": _use(net.texts(texts))}


def _use(q: Gaussian) -> dict[str, Any]:
    kl = kl_terms(q).mean(dim=0)
    active = int((kl > ACTIVE).sum())
    return {"kl": [round(v, 4) for v in kl.tolist()], "kl_per_dim": float(kl.mean()), "active": active,
            "collapsed": active == 0}  # fmt: skip
