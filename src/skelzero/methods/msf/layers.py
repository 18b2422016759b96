"""Parameters of MSF's VAEs: one buffer for several models, and the layers as views of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Layers(NamedTuple):
    """Views into a buffer (R, n). Encoders (R, out, in) give mean, then log-variance; biases (R, out).

    Decoders are (R, in + 1, out), the bias the last row: latents come with a 1 in the end, so that one matrix product
    does for both, forward and back.
    """

    clip_encoder: Tensor
    clip_encoder_bias: Tensor
    text_encoder: Tensor
    text_encoder_bias: Tensor
    clip_decoder: Tensor
    text_decoder: Tensor


class Sizes(NamedTuple):
    """Widths of clips, texts and latents."""

    clip: int
    text: int
    latent: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        X, E, Z = self
        return [(2 * Z, X), (2 * Z,), (2 * Z, E), (2 * Z,), (Z + 1, X), (Z + 1, E)]

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    def layers(self, buffer: Float[Tensor, "R n"]) -> Layers:
        """The layers as views of a buffer."""
        parts = torch.split(buffer, [math.prod(shape) for shape in self.shapes], dim=1)
        return Layers(*(part.view(len(buffer), *shape) for part, shape in zip(parts, self.shapes, strict=True)))


def initial(sizes: Sizes, seed: int) -> Float[Tensor, " n"]:
    """Xavier uniform with gain 0.5, zero biases; mean and log-variance heads are layers of their own."""
    buffer = torch.zeros(1, sizes.parameters)
    layers, generator = sizes.layers(buffer), torch.Generator().manual_seed(seed)
    Z = sizes.latent
    encoders = [w[:, part] for w in (layers.clip_encoder, layers.text_encoder) for part in (slice(Z), slice(Z, None))]
    decoders = [w[:, :Z].transpose(1, 2) for w in (layers.clip_decoder, layers.text_decoder)]
    for weight in (*encoders, *decoders):
        out, into = weight.shape[1:]
        bound = 0.5 * math.sqrt(6 / (out + into))
        weight.copy_(torch.empty(1, out, into).uniform_(-bound, bound, generator=generator))
    return buffer[0]
