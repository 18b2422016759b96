"""ReViSE: autoencoders of both sides, their codes drawn together (Tsai et al., ICCV 2017)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec
from skelzero.methods.embedding import EmbeddingMethod, EmbeddingNet, EmbeddingSettings
from skelzero.methods.ranking import hinge


class ReviseSettings(EmbeddingSettings):
    """Settings of ReViSE.

    Attributes
    ----------
    hidden, code : int
        Widths of the autoencoders' hidden layer and of the common space.
    margin : float
        Of the cross-modal hinge.
    reconstruction, discrepancy, contraction : float
        Weights of the autoencoders' errors, of the maximum mean discrepancy, of the visual encoder's Jacobian.
    kernel : float
        Square of the Gaussian kernel's width, in units of the batch's mean squared distance.
    """

    hidden: int = Field(100, ge=1)
    code: int = Field(50, ge=1)
    margin: float = Field(0.3, gt=0)
    reconstruction: float = Field(1.0, ge=0)
    discrepancy: float = Field(1.0, ge=0)
    contraction: float = Field(1e-4, ge=0)
    kernel: float = Field(0.5, gt=0)


def discrepancy(a: Float[Tensor, "N H"], b: Float[Tensor, "M H"], kernel: float) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy: mean k(a, a') + mean k(b, b') - 2 mean k(a, b), all pairs counted.

    k is a Gaussian, exp(-d^2 / (2 kernel D)) where D is the mean squared distance of all pairs and has no gradient: the
    discrepancy does not change when both sides shrink alike.
    """
    both = torch.cat([a, b])
    length = both.square().sum(dim=1)
    squared = (length[:, None] + length[None] - 2 * both @ both.T).clamp_min(0)  # (N + M, N + M)
    k = (-squared / (2 * kernel * squared.detach().mean()).clamp_min(1e-12)).exp()
    n = len(a)
    return k[:n, :n].mean() + k[n:, n:].mean() - 2 * k[:n, n:].mean()


def contraction(codes: Float[Tensor, "N H"], weight: Float[Tensor, "H D"]) -> Float[Tensor, ""]:
    """Mean over clips of the squared Frobenius norm of d tanh(Wx + b) / dx, from the codes alone."""
    return ((1 - codes.square()).square() @ weight.square().sum(dim=1)).mean()


class Side(nn.Module):
    """An autoencoder with one hidden layer, and the way from its code into the common space."""

    def __init__(self, width: int, hidden: int, code: int) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.transform = nn.Linear(hidden, code)

    def code(self, inputs: Float[Tensor, "N D"]) -> Float[Tensor, "N H"]:
        return torch.tanh(self.encode(inputs))

    def common(self, codes: Float[Tensor, "N H"]) -> Float[Tensor, "N C"]:
        return F.normalize(torch.tanh(self.transform(codes)), dim=-1)


class ReviseNet(EmbeddingNet):
    """Both sides, and the loss over them."""

    def __init__(self, width: int, text_width: int, settings: ReviseSettings) -> None:
        super().__init__()
        self.clip = Side(width, settings.hidden, settings.code)
        self.text = Side(text_width, settings.hidden, settings.code)
        self.settings = settings

    def loss(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"]) -> Float[Tensor, ""]:
        s = self.settings
        clips, classes = self.clip.code(x), self.text.code(texts)
        # A text's numbers are of size 1/sqrt(E); its error is counted as a share of its own square, as a clip's is.
        errors = F.mse_loss(self.clip.decode(clips), x) + F.mse_loss(self.text.decode(classes), texts) * texts.shape[1]
        ranking = hinge(self.clip.common(clips) @ self.text.common(classes).T, y, s.margin)
        return (
            ranking
            + s.reconstruction * errors
            + s.discrepancy * discrepancy(clips, classes[y], s.kernel)
            + s.contraction * contraction(clips, self.clip.encode.weight)
        )

    def common(
        self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]
    ) -> tuple[Float[Tensor, "N C"], Float[Tensor, "K C"]]:  # fmt: skip
        return self.clip.common(self.clip.code(x)), self.text.common(self.text.code(texts))


class Revise(EmbeddingMethod):
    """Reconstruction of both sides, maximum mean discrepancy, and a cross-modal hinge (section 3; arXiv 1703.05908).

    Kept: a contractive autoencoder for clips and a plain one for texts, the discrepancy between their codes, a further
    tanh layer into a common space, and there the hinge over all seen classes, margin 0.3, in which the skeleton
    literature trains it (SynSE, arXiv 2101.11530). The discrepancy is inductive: codes of seen clips against those of
    their own classes' texts. Not kept: the adaptation to unlabelled clips; the kernel's fixed width, which follows the
    batch here; inner products, which are cosines here; rectified outputs of the decoders, since z-scored features and
    centred texts are negative half of the time.
    """

    Settings: ClassVar[type[MethodSettings]] = ReviseSettings
    kind = "revise"
    settings: ReviseSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"discrepancy": 0.1}, {"reconstruction": 0.1}]

    def _net(self, width: int, text_width: int) -> ReviseNet:
        return ReviseNet(width, text_width, self.settings)


METHODS.add("revise", MethodSpec("revise", Revise, summary="ReViSE: two autoencoders with matched codes"))
