"""The terms of SCALE's loss as pure functions (scale.md, Loss)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

AT_ONCE = 1024
"""Classes up to which all hardness weights are computed at once; the matrix grows with their square."""


def hardness_weights(texts: Float[Tensor, "K E"], a: float, temperature: float) -> Float[Tensor, "K K"]:
    """w_yc: how much a negative class c counts for class y; rows average 1 over c != y, the diagonal is 1.

    Parameters
    ----------
    texts : float (K, E)
        Text vectors of the seen classes; their mean is taken away here.
    a : float
        0: all negatives alike; 1: by semantic nearness alone.
    temperature : float
        tau_s.
    """
    return _hardness(_directions(texts), torch.arange(len(texts)), a, temperature)


class Hardness:
    """Rows of `hardness_weights` by `[y]`: all kept where classes are few, else computed for each batch."""

    def __init__(self, texts: Float[Tensor, "K E"], a: float, temperature: float) -> None:
        self._texts, self._settings = _directions(texts), (a, temperature)
        self._all = hardness_weights(texts, a, temperature) if len(texts) <= AT_ONCE else None

    def __getitem__(self, y: Int[Tensor, " N"]) -> Float[Tensor, "N K"]:
        return _hardness(self._texts, y, *self._settings) if self._all is None else self._all[y]


def _directions(texts: Float[Tensor, "K E"]) -> Float[Tensor, "K E"]:
    return F.normalize(texts - texts.mean(dim=0), dim=-1)


def _hardness(t: Float[Tensor, "K E"], y: Int[Tensor, " N"], a: float, temperature: float) -> Float[Tensor, "N K"]:
    near = (t[y] @ t.T / temperature).scatter_(1, y[:, None], -torch.inf).softmax(dim=-1)
    weights = (1 - a) + a * (len(t) - 1) * near
    return weights.scatter_(1, y[:, None], 1.0)


def confidence(log_variance: Float[Tensor, "N Z"]) -> Float[Tensor, " N"]:
    """kappa(x): sigmoid of minus the mean posterior log-variance, standardised over the batch; no gradient."""
    m = log_variance.detach().mean(dim=-1)
    return torch.sigmoid(-(m - m.mean()) / m.std(correction=0).clamp_min(1e-6))


def listwise(
    energies: Float[Tensor, "N K"],
    y: Int[Tensor, " N"],
    weights: Float[Tensor, "K K"] | Hardness,
    kappa: Float[Tensor, " N"],
    *,
    margin: float,
    temperature: float,
) -> Float[Tensor, ""]:
    """Cross-entropy over classes ranked by energy, the true class handicapped by a margin, negatives by hardness."""
    handicap = F.one_hot(y, energies.shape[1]) * (margin * kappa)[:, None]
    # A weight that underflows to zero (small tau_s) would be an infinite logit; its negative is as good as left out.
    logits = -(energies + handicap) / temperature + weights[y].clamp_min(1e-12).log()
    sample = 0.5 + kappa
    return (F.cross_entropy(logits, y, reduction="none") * sample / sample.mean()).mean()


def prototype_contrast(
    mean: Float[Tensor, "N Z"], prototypes: Float[Tensor, "K Z"], y: Int[Tensor, " N"], temperature: float
) -> Float[Tensor, ""]:
    """Cross-entropy of the cosines between posterior means and the classes' prior means."""
    return F.cross_entropy(F.normalize(mean, dim=-1) @ F.normalize(prototypes, dim=-1).T / temperature, y)


def free_bits(kl: Float[Tensor, "N Z"], floor: float) -> Float[Tensor, ""]:
    """Mean over dimensions of the batch-mean KL, of which the first `floor` nats cost nothing."""
    return kl.mean(dim=0).clamp_min(floor).mean()


def warm_up(step: int, steps: int, share: float) -> float:
    """The KL weight's factor: from 0 to 1 over the first `share` of the steps."""
    length = math.ceil(share * steps)
    return min(1.0, step / length) if length else 1.0
