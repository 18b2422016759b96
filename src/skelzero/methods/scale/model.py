"""The network of SCALE: text module, prior, posterior and FiLM decoder (scale.md, Text module and Model)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.methods.scale.settings import ScaleSettings


class Gaussian(NamedTuple):
    """A diagonal normal distribution."""

    mean: Float[Tensor, "N Z"]
    log_variance: Float[Tensor, "N Z"]


class ClassTexts(NamedTuple):
    """Text of K classes as the text module reads it; each token's state is brought to mean 0 and variance 1."""

    pooled: Float[Tensor, "K E"]
    tokens: Float[Tensor, "K L E"]
    mask: Bool[Tensor, "K L"]


class TextModule(nn.Module):
    """From token states and a pooled vector to the class code e_c; the pooled vector attends to the tokens."""

    def __init__(self, width: int, code: int, *, tokens: bool) -> None:
        super().__init__()
        self.pooled_norm, self.token_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.pooled_map, self.token_map = nn.Linear(width, code), nn.Linear(width, code)
        self.mlp = nn.Sequential(nn.Linear(code, 4 * code), nn.GELU(), nn.Linear(4 * code, code))
        self.norm = nn.LayerNorm(code)
        self.tokens = tokens

    def forward(self, texts: ClassTexts) -> Float[Tensor, "K D"]:
        g = self.pooled_map(self.pooled_norm(texts.pooled))  # (K, D)
        h = g + self._attend(g, texts) if self.tokens else g
        return self.norm(h + self.mlp(h))

    def _attend(self, g: Float[Tensor, "K D"], texts: ClassTexts) -> Float[Tensor, "K D"]:
        """sum_i a_i t'_i with a = softmax(g'.t'_i / sqrt(D)), without ever forming the mapped tokens t'_i.

        t'_i = W (scale n_i + shift) + b is linear in the normalised tokens n_i, which are constants. So g'.t'_i is
        (scale W'g').n_i plus the same for every token, and the sum is W (scale sum_i a_i n_i + shift) + b: two thin
        products in place of mapping K x L tokens, forward and back, in every step.
        """
        query = (g @ self.token_map.weight) * self.token_norm.weight  # (K, E)
        weight = torch.einsum("ke,kle->kl", query, texts.tokens) / math.sqrt(g.shape[-1])
        attention = weight.masked_fill(~texts.mask, -torch.inf).softmax(dim=-1)
        mean = torch.einsum("kl,kle->ke", attention, texts.tokens)
        return self.token_map(mean * self.token_norm.weight + self.token_norm.bias)


class ScaleNet(nn.Module):
    """Prior p(z|c), posterior q(z|x) and decoder p(x|z,c) over class codes.

    With the publication's widths a clip costs 0.295 MMAC once and 0.131 MMAC a class.
    """

    def __init__(self, width: int, text_width: int, settings: ScaleSettings) -> None:
        super().__init__()
        D, Z, H = settings.code, settings.latent, settings.hidden
        self.bound = settings.log_variance_bound
        self.text = TextModule(text_width, D, tokens=settings.tokens)
        self.prior = nn.Sequential(nn.Linear(D, D), nn.GELU(), nn.Linear(D, 2 * Z))
        self.posterior = nn.Sequential(
            nn.Linear(width, H), nn.LayerNorm(H), nn.GELU(), nn.Dropout(settings.dropout), nn.Linear(H, 2 * Z)
        )
        self.latent_map, self.latent_norm = nn.Linear(Z, D), nn.LayerNorm(D)
        self.film = nn.Linear(D, 2 * D)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        self.decoder = nn.Sequential(nn.Linear(D, D), nn.GELU(), nn.Linear(D, width))

    def prior_of(self, codes: Float[Tensor, "K D"]) -> Gaussian:
        mean, raw = self.prior(codes).chunk(2, dim=-1)
        return Gaussian(mean, self.bound * torch.tanh(raw))

    def posterior_of(self, x: Float[Tensor, "N X"]) -> Gaussian:
        mean, raw = self.posterior(x).chunk(2, dim=-1)
        return Gaussian(mean, 3 * torch.tanh(raw / 3))

    def modulation(self, codes: Float[Tensor, "K D"]) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"]]:
        """1 + gamma and beta of each class."""
        gamma, beta = self.film(codes).chunk(2, dim=-1)
        return 1 + gamma, beta

    def carrier(self, z: Float[Tensor, "N Z"]) -> Float[Tensor, "N D"]:
        """u = LN(W_z z): the part of the decoder that knows no class."""
        return self.latent_norm(self.latent_map(z))

    def decode(self, u: Float[Tensor, "*n D"], scale: Float[Tensor, "*n D"], shift: Float[Tensor, "*n D"]) -> Tensor:
        """xhat from carriers and modulations that broadcast against each other."""
        return self.decoder(F.gelu(u * scale + shift))
