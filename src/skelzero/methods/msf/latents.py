"""The latent classifier: latents of each class sampled from its text, and one linear layer that tells them apart.

It is trained anew for whatever classes are asked for. Its random numbers belong to the classes' texts and its training
takes the classes in an order of its own, so the order in which they are given does not matter.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from skelzero.methods.msf.settings import MsfSettings
from skelzero.methods.sampled import rows_of_steps, samples_of_a_class


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
    samples = samples_of_a_class(len(texts), settings.samples, settings.classifier_steps)
    noise, rows, shape = [], [], (samples, 1 if settings.noise == "shared" else width)
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
    """Cross-entropy by Adam, with its gradient written out; full-batch unless classes are many (`sampled.SAMPLES`).

    Parameters
    ----------
    mean, log_variance : float (K, Z)
        Of each class's latents.
    noise, rows
        From `class_draws`, in the same order.
    """
    weights = rows.clone()
    weights.grad = torch.zeros_like(weights)
    optimiser = torch.optim.Adam([weights], lr=settings.classifier_rate, fused=True)
    for inputs, target in _batches(mean, (0.5 * log_variance).exp(), noise, settings.classifier_steps):
        slope = inputs @ weights.T  # logits, and in place their gradient
        active = slope > 0 if settings.relu else None
        if active is not None:
            slope.relu_()
        slope = torch.softmax(slope, dim=1)
        slope.scatter_add_(1, target, slope.new_full((len(inputs), 1), -1.0))
        if active is not None:
            slope.mul_(active)
        torch.mm(slope.T / len(inputs), inputs, out=weights.grad)
        optimiser.step()
    return LatentClassifier(weights[:, :-1].contiguous(), weights[:, -1].contiguous(), relu=settings.relu)


def _batches(
    mean: Float[Tensor, "K Z"], deviation: Float[Tensor, "K Z"], noise: Float[Tensor, "K S Z"], steps: int
) -> Iterator[tuple[Float[Tensor, "B Z1"], Int[Tensor, "B 1"]]]:
    """For each step latents with a column of ones for the bias, and their classes."""
    K, S = noise.shape[:2]
    whole: tuple[Tensor, Tensor] | None = None
    for rows in rows_of_steps(K, S, steps):
        if rows is not None:
            k = rows // S
            yield _with_ones(mean[k] + deviation[k] * noise.flatten(0, 1)[rows]), k[:, None]
            continue
        if whole is None:
            latents = (mean[:, None] + deviation[:, None] * noise).reshape(K * S, -1)
            whole = _with_ones(latents), torch.arange(K).repeat_interleave(S)[:, None]
        yield whole


def _with_ones(z: Float[Tensor, "B Z"]) -> Float[Tensor, "B Z1"]:
    return torch.cat([z, z.new_ones(len(z), 1)], dim=1)
