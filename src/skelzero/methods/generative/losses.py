"""The terms of the aligned VAEs' losses as pure functions, a number a clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

Error = Callable[[Tensor, Tensor], Tensor]


class Gaussian(NamedTuple):
    """A diagonal normal distribution a row."""

    mean: Float[Tensor, "N Z"]
    log_variance: Float[Tensor, "N Z"]

    def sample(self, noise: Float[Tensor, "N Z"]) -> Float[Tensor, "N Z"]:
        return self.mean + (self.log_variance / 2).exp() * noise


def absolute_error(found: Float[Tensor, "N D"], wanted: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
    """L1 distance, summed over dimensions: what the authors of CADA-VAE train with."""
    return (found - wanted).abs().sum(dim=1)


def square_error(found: Float[Tensor, "N D"], wanted: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
    """Square, averaged over dimensions: what the authors of SynSE train with."""
    return (found - wanted).square().mean(dim=1)


def kl_terms(q: Gaussian) -> Float[Tensor, "N Z"]:
    """KL(q || N(0, I)) of each dimension, in nats."""
    return (q.log_variance.exp() + q.mean.square() - 1 - q.log_variance) / 2


def wasserstein(a: Gaussian, b: Gaussian) -> Float[Tensor, " N"]:
    """2-Wasserstein distance of paired diagonal Gaussians (CADA-VAE, distribution alignment).

    The root of the squared distance of the means plus that of the deviations.
    """
    deviations = (a.log_variance / 2).exp() - (b.log_variance / 2).exp()
    squared = (a.mean - b.mean).square().sum(dim=1) + deviations.square().sum(dim=1)
    return squared.clamp_min(1e-12).sqrt()  # the root has no slope at 0
