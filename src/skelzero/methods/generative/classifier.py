"""The softmax classifier over latents that texts generate: trained whenever classes are asked for."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


@torch.no_grad()
def softmax_gradient(
    weight: Float[Tensor, "K Z1"], latents: Float[Tensor, "M Z1"], classes: int
) -> Float[Tensor, "K Z1"]:  # fmt: skip
    """Slope of the mean cross-entropy: sum over latents of (softmax - one-hot) z, over M.

    Latents lie class by class, equally many each, and end in a 1 that carries the bias.
    """
    each = len(latents) // classes
    off = torch.softmax(latents @ weight.T, dim=1)  # (M, K)
    off.view(classes, each, classes).diagonal(dim1=0, dim2=2).sub_(1.0)
    return off.T @ latents / len(latents)


@torch.no_grad()
def train_classifier(
    latents: Float[Tensor, "K S Z"], *, steps: int, rate: float
) -> tuple[Float[Tensor, "K Z"], Float[Tensor, " K"]]:  # fmt: skip
    """Weights and biases of a linear softmax classifier after full-batch Adam steps from zero.

    The loss is convex, so it needs no random start; from zero, the order of the classes has no say either.

    Parameters
    ----------
    latents : float (K, S, Z)
        S latents of each of K classes.
    steps, rate : int, float
        Of Adam.
    """
    classes, each, width = latents.shape
    ones = latents.new_ones(classes, each, 1)
    points = torch.cat([latents, ones], dim=2).flatten(0, 1)  # (K S, Z + 1)
    weight = latents.new_zeros(classes, width + 1)
    optimiser = torch.optim.Adam([weight], lr=rate, fused=True)
    for _ in range(steps):
        weight.grad = softmax_gradient(weight, points, classes)
        optimiser.step()
    return weight[:, :-1].contiguous(), weight[:, -1].contiguous()
