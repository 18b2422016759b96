"""SynSE: the skeleton latent split between a verb VAE and a noun VAE (Gupta et al., ICIP 2021)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec
from skelzero.methods.generative.losses import square_error
from skelzero.methods.generative.method import AlignedMethod
from skelzero.methods.generative.schedule import Weights, synse_weights
from skelzero.methods.generative.settings import SynseSettings


class Synse(AlignedMethod):
    """A verb VAE and a noun VAE, each sharing one half of the clips' latent (arXiv 2101.11530, and its code).

    Clips are decoded from both words' latents side by side, and each word from its half of a clip's. Kept: linear
    encoders and decoders, mean square errors, the cycles of KL weights and cross reconstruction, as shares of the
    training, and the softmax classifier over the words' latents. Not kept: 17000 steps at 1e-4; one random number for
    all dimensions of a sample; rectified outputs of the decoders and of the classifier, since z-scored features and
    centred texts are negative half of the time; the cycle chosen on unseen test clips, where this is the last one.
    Numbers of a word's vector are brought to mean square 1, as those of a clip are: at unit length they would be too
    small for their errors to count beside a clip's.
    """

    Settings: ClassVar[type[MethodSettings]] = SynseSettings
    kind = "synse"
    requires = ("verb", "noun")
    parts = 2
    error = square_error
    settings: SynseSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"cross": 5.0}]

    def _length(self, width: int) -> float:
        return math.sqrt(width)

    def _weights(self, step: int) -> Weights:
        return synse_weights(step, self.settings.steps, self.settings)


METHODS.add("synse", MethodSpec("synse", Synse, summary="SynSE: a verb VAE and a noun VAE, half the latent each"))
