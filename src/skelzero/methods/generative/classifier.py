"""The softmax classifier over latents that texts generate: trained whenever classes are asked for."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from skelzero.methods.sampled import rows_of_steps


@torch.no_grad()
def softmax_gradient(
    weight: Float[Tensor, "K Z1"], latents: Float[Tensor, "M Z1"], classes: Int[Tensor, " M"]
) -> Float[Tensor, "K Z1"]:  # fmt: skip
    """Slope of the mean cross-entropy: sum over latents of (softmax - one-hot) z, over M.

    Latents end in a 1 that carries the bias.
    """
    off = torch.softmax(latents @ weight.T, dim=1)  # (M, K)
    off.scatter_add_(1, classes[:, None], off.new_full((len(off), 1), -1.0))
    return off.T @ latents / len(latents)


@torch.no_grad()
def train_classifier(
    latents: Float[Tensor, "K S Z"], *, steps: int, rate: float
) -> tuple[Float[Tensor, "K Z"], Float[Tensor, " K"]]:  # fmt: skip
    """Weights and biases of a linear softmax classifier after Adam steps from zero.

    The loss is convex, so it needs no random start; from zero, the order of the classes has no say either. Steps see
    all latents unless classes are many (`sampled.SAMPLES`).

    Parameters
    ----------
    latents : float (K, S, Z)
        S latents of each of K classes.
    steps, rate : int, float
        Of Adam.
    """
    classes, each, width = latents.shape
    points = torch.cat([latents, latents.new_ones(classes, each, 1)], dim=2).flatten(0, 1)  # (K S, Z + 1)
    truth = torch.arange(classes).repeat_interleave(each)
    weight = latents.new_zeros(classes, width + 1)
    optimiser = torch.optim.Adam([weight], lr=rate, fused=True)
    for rows in rows_of_steps(classes, each, steps):
        seen = (points, truth) if rows is None else (points[rows], truth[rows])
        weight.grad = softmax_gradient(weight, *seen)
        optimiser.step()
    return weight[:, :-1].contiguous(), weight[:, -1].contiguous()
