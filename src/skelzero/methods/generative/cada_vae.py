"""CADA-VAE: VAEs of clips and of texts, crosswise decoded and aligned (Schönfeld et al., CVPR 2019)."""

from __future__ import annotations

from typing import Any, ClassVar

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec
from skelzero.methods.generative.method import AlignedMethod
from skelzero.methods.generative.schedule import Weights, cada_weights
from skelzero.methods.generative.settings import CadaVaeSettings


class CadaVae(AlignedMethod):
    """Two VAEs, each decoding the other's latents too, their Gaussians drawn together (section 3; arXiv 1812.01784).

    Kept: one hidden layer in each encoder and decoder, the L1 errors of the authors' code, summed over dimensions, the
    three warm-ups, as shares of the training, AMSGrad, and the softmax classifier over latents generated from texts.
    Not kept: hidden layers of 1560 and 1660 units for images and of 1450 and 665 for texts, and 100 epochs at 1.5e-4,
    which ask for more clips than there are here; the code's samples, which take the variance for the deviation and one
    random number for all dimensions, where these are the paper's z = mean + deviation * noise. Features are z-scored;
    class vectors are of unit length.
    """

    Settings: ClassVar[type[MethodSettings]] = CadaVaeSettings
    kind = "cada-vae"
    settings: CadaVaeSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"alignment": 30.0}]

    def _weights(self, step: int) -> Weights:
        return cada_weights(step, self.settings.steps, self.settings)


METHODS.add("cada-vae", MethodSpec("cada-vae", CadaVae, summary="CADA-VAE: two VAEs aligned, latent classifier"))
