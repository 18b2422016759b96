"""VAEs of clips and of one or more parts of a class's text that share a latent."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from skelzero.methods.generative.losses import Error, Gaussian, kl_terms, wasserstein
from skelzero.methods.generative.settings import AlignedSettings


class Vae(nn.Module):
    """Encoder and decoder with one hidden layer each, or with none."""

    def __init__(self, width: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, hidden), nn.ReLU()) if hidden else nn.Identity()
        self.mean, self.log_variance = nn.Linear(hidden or width, latent), nn.Linear(hidden or width, latent)
        self.decoder = (
            nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, width))
            if hidden
            else nn.Linear(latent, width)
        )
        self.apply(_initialise)

    def encode(self, inputs: Float[Tensor, "N D"]) -> Gaussian:
        h = self.body(inputs)
        return Gaussian(self.mean(h), self.log_variance(h))

    def decode(self, z: Float[Tensor, "N Z"]) -> Float[Tensor, "N D"]:
        decoded: Tensor = self.decoder(z)
        return decoded


def _initialise(module: nn.Module) -> None:
    """Xavier's uniform law with gain 0.5 and no bias, as the authors of both methods have it."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight, gain=0.5)
        nn.init.zeros_(module.bias)


class AlignedVaes(nn.Module):
    """A VAE of clips, and for each part of the text a VAE that shares an equal piece of the clips' latent.

    One part is CADA-VAE; two parts, verb and noun, are SynSE.

    Parameters
    ----------
    width : int
        Of a clip's features.
    text_widths : tuple of int
        Of each part; a class's text is all of them side by side.
    settings : AlignedSettings
    error : callable
        How far a decoded vector is off.
    """

    def __init__(self, width: int, text_widths: tuple[int, ...], settings: AlignedSettings, error: Error) -> None:
        super().__init__()
        self.pieces = [len(p) for p in torch.arange(settings.latent).tensor_split(len(text_widths))]
        self.text_widths = list(text_widths)
        self.clip = Vae(width, settings.hidden, settings.latent)
        self.parts = nn.ModuleList(
            Vae(w, settings.text_hidden, z) for w, z in zip(text_widths, self.pieces, strict=True)
        )
        self.error = error

    def texts(self, texts: Float[Tensor, "K E"]) -> Gaussian:
        """Latents of classes: those of the parts side by side."""
        encoded = [
            vae.encode(t) for vae, t in zip(self._vaes(), texts.split_with_sizes(self.text_widths, dim=1), strict=True)
        ]
        return Gaussian(*(torch.cat(numbers, dim=1) for numbers in zip(*encoded, strict=True)))

    def terms(
        self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"],
        noise: tuple[Float[Tensor, "N Z"], Float[Tensor, "N Z"]],
    ) -> dict[str, Float[Tensor, ""]]:  # fmt: skip
        """Every term of the loss, averaged over a batch and not weighted.

        Each decoder runs once, on the latents of clips and of texts in one batch.

        Parameters
        ----------
        x, y : float (N, D), int (N,)
            Features, and rows of `texts`.
        texts : float (K, E)
        noise : two of float (N, Z)
            Standard normal numbers for the clips' latents and for the texts'.
        """
        clip, text = self.clip.encode(x), Gaussian(*(numbers[y] for numbers in self.texts(texts)))
        z = torch.cat([clip.sample(noise[0]), text.sample(noise[1])])  # (2 N, Z)
        clip_error = self.error(self.clip.decode(z), x.repeat(2, 1))
        text_error = self._text_error(z, texts[y].repeat(2, 1))
        n = len(x)
        return {
            "reconstruction": clip_error[:n].mean() + text_error[n:].mean(),
            "cross": clip_error[n:].mean() + text_error[:n].mean(),
            "kl_clips": kl_terms(clip).sum(dim=1).mean(),
            "kl_texts": kl_terms(text).sum(dim=1).mean(),
            "alignment": wasserstein(clip, text).mean(),
        }

    def _text_error(self, z: Float[Tensor, "N Z"], texts: Float[Tensor, "N E"]) -> Float[Tensor, " N"]:
        """Each part decoded from its own piece of a latent; the parts' errors are added up."""
        pieces = z.split_with_sizes(self.pieces, dim=1)
        wanted = texts.split_with_sizes(self.text_widths, dim=1)
        errors = [self.error(v.decode(p), t) for v, p, t in zip(self._vaes(), pieces, wanted, strict=True)]
        return torch.stack(errors).sum(dim=0)

    def _vaes(self) -> list[Vae]:
        return [vae for vae in self.parts if isinstance(vae, Vae)]
