"""The latent classifier: latents of each class sampled from its text, and one linear layer that tells them apart.

It is trained anew for whatever classes are asked for. Its random numbers belong to the classes' texts and its training
takes the classes in an order of its own, so the order in which they are given does not matter.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from skelzero.methods.msf.settings import MsfSettings


class LatentClassifier:
    """One linear layer from latents to K classes (msf.md, Unseen classifier).

    Attributes
    ----------
    weight : float32 (K, Z)
    bias : float32 (K,)
    """

    def __init__(self, weight: Float[Tensor, "K Z"], bias: Float[Tensor, " K"], *, relu: bool) -> None:
        self.weight, self.bias, self.relu = weight, bias, relu

    def logits(self, latents: Float[Tensor, "N Z"]) -> Float[Tensor, "N K"]:
        out = torch.addmm(self.bias, latents, self.weight.T)
        return out.relu_() if self.relu else out


def class_draws(
    texts: Float32[np.ndarray, "K E"], width: int, settings: MsfSettings
) -> tuple[Float[Tensor, "K S Z"], Float[Tensor, "K Z1"]]:
    """Noise for each class's latents, and initial weights of its row, the bias last; both follow from its text."""
    noise, rows, shape = [], [], (settings.samples, 1 if settings.noise == "shared" else width)
    bound = 1 / math.sqrt(width)
    for text in texts:
        digest = hashlib.sha256(np.ascontiguousarray(text).tobytes()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        noise.append(rng.standard_normal(shape, dtype=np.float32))
        rows.append(rng.uniform(-bound, bound, width + 1).astype(np.float32))
    return torch.from_numpy(np.stack(noise)), torch.from_numpy(np.stack(rows))


def canonical_order(texts: Float32[np.ndarray, "K E"]) -> Int[np.ndarray, " K"]:
    """An order of classes that follows from their texts alone."""
    digests = [hashlib.sha256(np.ascontiguousarray(text).tobytes()).hexdigest() for text in texts]
    return np.array(sorted(range(len(texts)), key=lambda i: digests[i]), dtype=np.int64)


def train_classifier(
    mean: Float[Tensor, "K Z"], log_variance: Float[Tensor, "K Z"], noise: Float[Tensor, "K S Z"],
    rows: Float[Tensor, "K Z1"], settings: MsfSettings,
) -> LatentClassifier:  # fmt: skip
    """Cross-entropy by full-batch Adam, with its gradient written out.

    Parameters
    ----------
    mean, log_variance : float (K, Z)
        Of each class's latents.
    noise, rows
        From `class_draws`, in the same order.
    """
    K, S = len(mean), noise.shape[1]
    z = (mean[:, None] + (0.5 * log_variance).exp()[:, None] * noise).reshape(K * S, -1)
    inputs = torch.cat([z, z.new_ones(len(z), 1)], dim=1)  # (K S, Z + 1): the bias is a column
    target = torch.arange(K).repeat_interleave(S)[:, None]
    weights = rows.clone()
    weights.grad = torch.zeros_like(weights)
    optimiser = torch.optim.Adam([weights], lr=settings.classifier_rate, fused=True)
    for _ in range(settings.classifier_steps):
        slope = inputs @ weights.T  # logits, and in place their gradient
        active = slope > 0 if settings.relu else None
        if active is not None:
            slope.relu_()
        slope = torch.softmax(slope, dim=1)
        slope.scatter_add_(1, target, slope.new_full((len(z), 1), -1.0))
        if active is not None:
            slope.mul_(active)
        torch.mm(slope.T / len(z), inputs, out=weights.grad)
        optimiser.step()
    return LatentClassifier(weights[:, :-1].contiguous(), weights[:, -1].contiguous(), relu=settings.relu)
