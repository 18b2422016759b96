"""Two linear VAEs with a common latent width: loss and its gradient by hand, for several models at once.

All maps are linear, so the gradient is a handful of matrix products, which are written here for R models side by side
(leading axis). All parameters of all models lie in one buffer, their gradients in another, and Adam runs over both in
one pass; a step costs little more than its arithmetic. The text side has only as many different rows as there are
classes: its encoder runs on these, not on the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from skelzero.methods.msf.schedule import Weights


class Layers(NamedTuple):
    """Views into a buffer (R, n): weights (R, out, in) and biases (R, out); encoders give mean, then log-variance."""

    clip_encoder: Tensor
    clip_encoder_bias: Tensor
    text_encoder: Tensor
    text_encoder_bias: Tensor
    clip_decoder: Tensor
    clip_decoder_bias: Tensor
    text_decoder: Tensor
    text_decoder_bias: Tensor


class Sizes(NamedTuple):
    """Widths of clips, texts and latents."""

    clip: int
    text: int
    latent: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        X, E, Z = self
        return [(2 * Z, X), (2 * Z,), (2 * Z, E), (2 * Z,), (X, Z), (X,), (E, Z), (E,)]

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
    for weight in (*encoders, layers.clip_decoder, layers.text_decoder):
        out, into = weight.shape[1:]
        bound = 0.5 * math.sqrt(6 / (out + into))
        weight.uniform_(-bound, bound, generator=generator)
    return buffer[0]


@dataclass(frozen=True)
class Losses:
    """Parts of one step's loss, a number a model."""

    clip: Float[Tensor, " R"]
    text: Float[Tensor, " R"]
    cross_clip: Float[Tensor, " R"]
    cross_text: Float[Tensor, " R"]
    clip_kl: Float[Tensor, " R"]
    text_kl: Float[Tensor, " R"]

    def total(self, weights: Weights) -> Float[Tensor, " R"]:
        crossed = weights.cross * (self.cross_clip + self.cross_text)
        return self.clip + self.text + crossed + weights.clip * self.clip_kl + weights.text * self.text_kl


class TwinVae:
    """R pairs of VAEs, and the gradient of their loss.

    Parameters
    ----------
    buffer : float32 (R, n)
        Parameters; changed by an optimiser, not here.
    sizes : Sizes
    texts : float32 (K, E)
        One row a class.
    decoder_relu : bool

    Attributes
    ----------
    gradient : float32 (R, n)
        Of the last step's total loss; every model's of its own.
    """

    def __init__(
        self, buffer: Float[Tensor, "R n"], sizes: Sizes, texts: Float[Tensor, "K E"], *, decoder_relu: bool
    ) -> None:
        self.buffer, self.sizes, self.texts, self.decoder_relu = buffer, sizes, texts, decoder_relu
        self.gradient = torch.zeros_like(buffer)
        self.layers, self.slopes = sizes.layers(buffer), sizes.layers(self.gradient)

    def step(
        self, x: Float[Tensor, "R B X"], y: Int[Tensor, "R B"], clip_noise: Float[Tensor, "R B Z"],
        text_noise: Float[Tensor, "R B Z"], weights: Weights, *, measure: bool = True,
    ) -> Losses | None:  # fmt: skip
        """Gradient of a batch's loss in `gradient`, and the loss's parts where these are to be measured.

        Noise may be (R, B, 1): one scalar a clip.
        """
        layers, slopes, R = self.layers, self.slopes, len(x)
        all_texts = self.texts.expand(R, *self.texts.shape)
        clip = _Side.forward(x, layers.clip_encoder, layers.clip_encoder_bias, clip_noise)
        few = len(self.texts) <= y.shape[1]
        rows = all_texts if few else self.texts[y]
        text = _Side.forward(rows, layers.text_encoder, layers.text_encoder_bias, text_noise, y if few else None)
        cross = weights.cross
        clip_errors, to_z_x = self._decode([clip.z, text.z], x, layers[4:6], slopes[4:6], cross, measure)
        text_errors, to_z_t = self._decode([text.z, clip.z], self.texts[y], layers[6:8], slopes[6:8], cross, measure)
        from_clip, from_text = to_z_x[0], to_z_t[0]
        if cross:
            from_clip, from_text = from_clip + to_z_t[1], from_text + to_z_x[1]
        clip.backward(from_clip, weights.clip, slopes.clip_encoder, slopes.clip_encoder_bias)
        text.backward(from_text, weights.text, slopes.text_encoder, slopes.text_encoder_bias)
        if not measure:
            return None
        return Losses(clip_errors[0], text_errors[0], clip_errors[1], text_errors[1], clip.kl(), text.kl())

    def _decode(
        self, latents: list[Tensor], target: Float[Tensor, "R B X"], layer: tuple[Tensor, ...],
        slopes: tuple[Tensor, ...], cross: float, measure: bool,
    ) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
        """Mean squared errors of decoding own and other latents; gradients into the slopes and to the latents.

        Both decodings are one matrix product; the second is left out while it does not count.
        """
        (weight, bias), (weight_slope, bias_slope) = layer, slopes
        R, B, width = target.shape
        z = torch.cat(latents, dim=1) if cross else latents[0]
        out = torch.baddbmm(bias[:, None], z, weight.transpose(1, 2))
        if self.decoder_relu:
            out.relu_()
        error = out.view(R, -1, B, width) - target[:, None]
        errors = [part.square().mean(dim=(1, 2)) for part in error.unbind(dim=1)] if measure else []
        if cross not in (0, 1):
            error[:, 1].mul_(cross)
        slope = error.view(R, -1, width)
        if self.decoder_relu:
            slope = torch.ops.aten.threshold_backward(slope, out, 0)
        # The mean's factor comes last, where numbers are few.
        factor = 2 / (B * width)
        torch.bmm(slope.transpose(1, 2), z, out=weight_slope).mul_(factor)
        torch.sum(slope, dim=1, out=bias_slope).mul_(factor)
        to_z = torch.bmm(slope, weight).mul_(factor)
        if measure and not cross:
            errors.append(torch.zeros_like(errors[0]))
        return errors, list(torch.split(to_z, B, dim=1))


@dataclass
class _Side:
    """One encoder's pass over a batch, kept for the way back."""

    rows: Float[Tensor, "R M D"]
    place: Int[Tensor, "R B"] | None
    mean: Float[Tensor, "R B Z"]
    log_variance: Float[Tensor, "R B Z"]
    deviation: Float[Tensor, "R B Z"]
    noise: Tensor
    z: Float[Tensor, "R B Z"]

    @classmethod
    def forward(
        cls, rows: Tensor, weight: Tensor, bias: Tensor, noise: Tensor, place: Int[Tensor, "R B"] | None = None
    ) -> _Side:
        """Encode rows; with `place` each clip takes the row of its class."""
        h = torch.baddbmm(bias[:, None], rows, weight.transpose(1, 2))  # (R, M, 2Z)
        if place is not None:
            h = h.gather(1, place[..., None].expand(-1, -1, h.shape[2]))
        mean, log_variance = h.chunk(2, dim=2)
        deviation = (0.5 * log_variance).exp_()
        return cls(rows, place, mean, log_variance, deviation, noise, torch.addcmul(mean, deviation, noise))

    def kl(self) -> Float[Tensor, " R"]:
        """KL against N(0, I), summed over dimensions and averaged over the batch."""
        each = self.deviation.square() + self.mean.square() - 1 - self.log_variance
        return 0.5 * each.sum(dim=2).mean(dim=1)

    def backward(self, to_z: Tensor, kl_weight: float, weight_slope: Tensor, bias_slope: Tensor) -> None:
        """Gradients of what comes from the decoders, and of the KL, into the slopes."""
        B = to_z.shape[1]
        to_mean = torch.add(to_z, self.mean, alpha=kl_weight / B)
        to_log = (0.5 * to_z).mul_(self.noise).mul_(self.deviation)
        if kl_weight:
            to_log.add_(self.deviation.square() - 1, alpha=0.5 * kl_weight / B)
        slope = torch.cat([to_mean, to_log], dim=2)  # (R, B, 2Z)
        if self.place is not None:
            gathered = slope.new_zeros(len(slope), self.rows.shape[1], slope.shape[2])
            slope = gathered.scatter_add_(1, self.place[..., None].expand_as(slope), slope)
        torch.bmm(slope.transpose(1, 2), self.rows, out=weight_slope)
        torch.sum(slope, dim=1, out=bias_slope)
