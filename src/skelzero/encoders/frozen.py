"""A trained encoder at work: folded weights, absent bodies for nothing, pieces that fit the processor's cache."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from skelzero.encoders.base import SkeletonEncoder

FRAMES_AT_ONCE = 512
"""Frames, of all bodies together, that pass through the network at once: enough for the matrix products, few enough
for the activations to stay in the processor's cache."""


class FrozenEncoder:
    """Features and logits by fixed weights, without gradients.

    What an absent body contributes is the same for every clip: it is computed once, here. Clips of one person then
    cost half as much as clips of two.

    Parameters
    ----------
    encoder : SkeletonEncoder
        Must not change afterwards.
    """

    def __init__(self, encoder: SkeletonEncoder) -> None:
        self.encoder = encoder.eval()
        with torch.inference_mode():
            self._bodies = encoder.frozen_bodies()
        self._absent: dict[int, Float[Tensor, "M D"]] = {}

    @torch.inference_mode()
    def features(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N D"]:
        """The same as the encoder's own `features`, to float rounding."""
        encoder = self.encoder
        encoder.check_shape(x)
        N, T, M = x.shape[0], x.shape[2], encoder.persons
        present = torch.zeros(N, M, dtype=torch.bool, device=x.device)
        present[:, : x.shape[4]] = (x != 0).any(dim=3).any(dim=2).any(dim=1)
        pooled = torch.empty(N, M, encoder.feature_width, dtype=x.dtype, device=x.device)
        if not present.all():
            pooled[:] = self._absent_bodies(T, x)
        self._fill(pooled, x, present)
        return pooled.mean(dim=1)

    def __call__(self, x: Float[Tensor, "N C T V M"]) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N K"]]:
        """Features and class scores (logits)."""
        features = self.features(x)
        with torch.inference_mode():
            return features, self.encoder.head(features)

    def _fill(self, pooled: Float[Tensor, "N M D"], x: Tensor, present: Bool[Tensor, "N M"]) -> None:
        """Write the features of the bodies that are there."""
        encoder = self.encoder
        clips = max(1, FRAMES_AT_ONCE // (x.shape[2] * int(present.sum(dim=1).max().clamp(min=1))))
        for start in range(0, len(x), clips):
            part = slice(start, start + clips)
            here = present[part]
            if here.any():
                bodies = encoder.normalise(encoder.split_bodies(encoder.pad_bodies(x[part])))
                pooled[part][here] = self._bodies(bodies[here]).mean(dim=(1, 2))

    def _absent_bodies(self, frames: int, like: Tensor) -> Float[Tensor, "M D"]:
        """Features of an all-zero body in each place."""
        if frames not in self._absent:
            encoder = self.encoder
            zeros = like.new_zeros(1, like.shape[1], frames, like.shape[3], encoder.persons)
            bodies = encoder.normalise(encoder.split_bodies(zeros))[0]
            self._absent[frames] = self._bodies(bodies).mean(dim=(1, 2))
        return self._absent[frames]
