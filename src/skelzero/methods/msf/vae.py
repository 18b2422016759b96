"""Two linear VAEs with a common latent width: loss and its gradient by hand, for several models at once.

All maps are linear, so the gradient is a handful of matrix products, which are written here for R models. All
parameters of all models lie in one buffer, their gradients in another, and Adam runs over both in one pass. What is
computed on the way lies in memory that every step uses again. Small numbers are computed for all models together; the
wide products run model by model, so that a decoder and its errors are still in the cache when they are needed again.
The text side has only as many different rows as there are classes: its encoder runs on those that occur, forward and
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from skelzero.methods.msf.layers import Sizes
from skelzero.methods.msf.schedule import Weights


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
        self.buffer, self.texts, self.gradient = buffer, texts, torch.zeros_like(buffer)
        self.layers, slopes = sizes.layers(buffer), sizes.layers(self.gradient)
        self.clip = _Side((*self.layers[:2], self.layers[4]), (*slopes[:2], slopes[4]), relu=decoder_relu)
        self.text = _Side((*self.layers[2:4], self.layers[5]), (*slopes[2:4], slopes[5]), relu=decoder_relu)

    @torch.inference_mode()
    def step(
        self, x: Float[Tensor, "R B X"], y: Int[Tensor, "R B"], clip_noise: Float[Tensor, "R B Z"],
        text_noise: Float[Tensor, "R B Z"], weights: Weights,
    ) -> None:  # fmt: skip
        """Put the gradient of a batch's loss into `gradient`.

        Noise may be (R, B, 1): one scalar a clip. Cross decodings are computed only where they count.
        """
        clip, text = self.clip, self.text
        self._encode(x, y, clip_noise, text_noise)
        for r, (row, classes) in enumerate(zip(x.unbind(), y.unbind(), strict=True)):
            target = torch.index_select(self.texts, 0, classes, out=text.target)
            clip.decode(r, clip, row)
            text.decode(r, text, target)
            if weights.cross:
                clip.decode(r, text, row, weights.cross, add=True)
                text.decode(r, clip, target, weights.cross, add=True)
        clip.backward(weights.clip)
        text.backward(weights.text)

    @torch.inference_mode()
    def losses(
        self, x: Float[Tensor, "R B X"], y: Int[Tensor, "R B"], clip_noise: Float[Tensor, "R B Z"],
        text_noise: Float[Tensor, "R B Z"],
    ) -> Losses:  # fmt: skip
        """Parts of a batch's loss, whatever their weights."""
        clip, text, t = self.clip, self.text, self.texts[y]
        self._encode(x, y, clip_noise, text_noise)
        errors = clip.error(clip, x), text.error(text, t), clip.error(text, x), text.error(clip, t)
        return Losses(*errors, clip.kl(), text.kl())

    def _encode(self, x: Tensor, y: Tensor, clip_noise: Tensor, text_noise: Tensor) -> None:
        occurring = [torch.unique(part, return_inverse=True) for part in y.unbind()]
        self.clip.encode(x.unbind(), clip_noise)
        self.text.encode([self.texts[c] for c, _ in occurring], text_noise, [place for _, place in occurring])


class _Side:
    """Encoders and decoders of one side, and a batch's way through them and back.

    Parameters
    ----------
    layers, slopes : encoder (R, 2Z, D), its bias (R, 2Z) and decoder (R, Z + 1, D); their gradients
    """

    def __init__(self, layers: tuple[Tensor, ...], slopes: tuple[Tensor, ...], *, relu: bool) -> None:
        encoder, bias, self.decoder = layers
        self.encoders, self.biases = encoder.transpose(1, 2).unbind(), bias.unbind()
        self.decoders, self.weights = self.decoder.unbind(), self.decoder[:, :-1].unbind()  # with and without bias
        encoder_slope, self.bias_slope, decoder_slope = slopes
        self.encoder_slopes, self.decoder_slopes = encoder_slope.unbind(), decoder_slope.unbind()
        self.relu, self.batch = relu, 0

    def encode(self, rows: Sequence[Tensor], noise: Tensor, places: Sequence[Tensor] | None = None) -> None:
        """Latents of each model's rows (M, D); with `places` (B,) each clip takes the row of its class."""
        self._allocate(noise.shape[1])
        self.rows, self.noise, self.places = rows, noise, places
        for r, part in enumerate(rows):
            out = self.few[: len(part)] if places else self.heads[r]
            torch.addmm(self.biases[r], part, self.encoders[r], out=out)
            if places:
                torch.index_select(out, 0, places[r], out=self.heads[r])
        torch.mul(self.log_variance, 0.5, out=self.deviation).exp_()
        torch.addcmul(self.mean, self.deviation, noise, out=self.z)

    def decode(
        self, r: int, source: _Side, target: Float[Tensor, "B D"], weight: float = 1.0, *, add: bool = False
    ) -> None:
        """Gradients of one model's mean squared error, put into its decoder's slopes and to the latents, or added."""
        latents, to_z, slope = source.latents[r], source.to_z[r], self.decoder_slopes[r]
        torch.mm(latents, self.decoders[r], out=self.out)
        torch.sub(self.out, target, out=self.miss)
        if self.relu:
            torch.ops.aten.threshold_backward(self.miss, self.out, 0, grad_input=self.miss)
        # The factor of mean and weight comes last, where numbers are few.
        factor, old = 2 * weight / target.numel(), float(add)
        torch.addmm(slope, latents.t(), self.miss, beta=old, alpha=factor, out=slope)
        torch.addmm(to_z, self.weights[r], self.miss.t(), beta=old, alpha=factor, out=to_z)

    def backward(self, kl_weight: float) -> None:
        """Gradients of what the decoders gave to the latents, and of the KL, into the encoder's slopes."""
        to_z, share = self.all_to_z.transpose(1, 2), kl_weight / self.batch
        torch.add(to_z, self.mean, alpha=share, out=self.to_mean)
        torch.mul(to_z, self.deviation, out=self.to_log).mul_(self.noise).mul_(0.5)
        if kl_weight:
            self.to_log.addcmul_(self.deviation, self.deviation, value=share / 2).sub_(share / 2)
        torch.sum(self.all_slopes, dim=1, out=self.bias_slope)
        for r, (rows, slope) in enumerate(zip(self.rows, self.slopes, strict=True)):
            if self.places:
                ones = self.ones[: len(rows)].zero_().scatter_(0, self.places[r][None], 1)
                slope = torch.mm(ones, slope, out=self.few[: len(rows)])
            torch.mm(slope.t(), rows, out=self.encoder_slopes[r])

    def error(self, source: _Side, target: Float[Tensor, "R B D"]) -> Float[Tensor, " R"]:
        """Mean squared error of decoding."""
        out = torch.bmm(source.all_latents, self.decoder)
        return ((out.relu() if self.relu else out) - target).square().mean(dim=(1, 2))

    def kl(self) -> Float[Tensor, " R"]:
        """KL against N(0, I), summed over dimensions and averaged over the batch."""
        each = self.deviation.square() + self.mean.square() - 1 - self.log_variance
        return 0.5 * each.sum(dim=2).mean(dim=1)

    def _allocate(self, B: int) -> None:
        """Memory for batches of B clips, used again by each step: fresh pages cost more than what is written there."""
        if self.batch == B:
            return
        self.batch, new = B, self.decoder.new_empty
        R, (D, twice) = len(self.decoder), self.encoders[0].shape
        Z = twice // 2
        self.all_heads, self.all_slopes = new(R, B, twice), new(R, B, twice)
        self.heads, self.slopes = self.all_heads.unbind(), self.all_slopes.unbind()
        self.mean, self.log_variance = self.all_heads.chunk(2, dim=2)
        self.to_mean, self.to_log = self.all_slopes.chunk(2, dim=2)
        # A 1 behind the latents meets the bias, the decoder's last row.
        self.deviation, self.all_latents = new(R, B, Z), new(R, B, Z + 1).fill_(1)
        self.z, self.latents = self.all_latents[..., :Z], self.all_latents.unbind()
        self.all_to_z = new(R, Z, B)  # this way round its matrix product is faster
        self.to_z = self.all_to_z.unbind()
        # One model's at a time:
        self.out, self.miss, self.target = new(B, D), new(B, D), new(B, D)
        self.few, self.ones = new(B, twice), new(B, B)
