"""JPoSE: a space for verbs, one for nouns, and one for both (Wray et al., ICCV 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec
from skelzero.methods.embedding import EmbeddingMethod, EmbeddingNet, EmbeddingSettings
from skelzero.methods.ranking import hardest_triplets, hinge

SAME = 1 - 1e-5
"""Cosine from which two texts count as one: the same words encoded in other company differ in their last digits."""


class JposeSettings(EmbeddingSettings):
    """Settings of JPoSE.

    Attributes
    ----------
    part, joint : int
        Widths of a part-of-speech space and of the space that fuses them.
    margin : float
        Of all losses, on cosines.
    within : float
        Weight of the triplets among clips.
    """

    part: int = Field(128, ge=1)
    joint: int = Field(128, ge=1)
    margin: float = Field(0.3, gt=0)
    within: float = Field(0.01, ge=0)


class Space(nn.Module):
    """Clips and texts embedded side by side on the unit sphere, one layer each."""

    def __init__(self, width: int, text_width: int, code: int) -> None:
        super().__init__()
        self.clip, self.text = nn.Linear(width, code), nn.Linear(text_width, code)

    def clips(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N C"]:
        return F.normalize(torch.tanh(self.clip(x)), dim=-1)

    def texts(self, t: Float[Tensor, "K E"]) -> Float[Tensor, "K C"]:
        return F.normalize(torch.tanh(self.text(t)), dim=-1)


class JposeNet(EmbeddingNet):
    """A space for each part of speech, and a space over both; class vectors are verb and noun side by side."""

    def __init__(self, width: int, text_width: int, settings: JposeSettings) -> None:
        super().__init__()
        self.verb = Space(width, text_width // 2, settings.part)
        self.noun = Space(width, text_width // 2, settings.part)
        self.joint = Space(2 * settings.part, 2 * settings.part, settings.joint)
        self.settings = settings

    def loss(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"]) -> Float[Tensor, ""]:
        clips, classes = self._parts(x, texts)
        margin = self.settings.margin
        total = hinge(_fused(self.joint.clips, clips) @ _fused(self.joint.texts, classes).T, y, margin)
        for clip, text, words in zip(clips, classes, halves(texts), strict=True):
            same = shared(words)
            among = hardest_triplets(clip @ clip.T, same[y][:, y], margin)
            total = total + hinge(clip @ text.T, y, margin, same) + self.settings.within * among
        return total

    def common(
        self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]
    ) -> tuple[Float[Tensor, "N C"], Float[Tensor, "K C"]]:  # fmt: skip
        clips, classes = self._parts(x, texts)
        return _fused(self.joint.clips, clips), _fused(self.joint.texts, classes)

    def _parts(self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]) -> tuple[list[Tensor], list[Tensor]]:
        """Clips and classes in the verb space and in the noun space."""
        spaces, words = (self.verb, self.noun), halves(texts)
        return [s.clips(x) for s in spaces], [s.texts(w) for s, w in zip(spaces, words, strict=True)]


def halves(texts: Float[Tensor, "K E"]) -> tuple[Tensor, Tensor]:
    """Verb and noun vectors of each class, of unit length."""
    verb, noun = texts.chunk(2, dim=1)
    return F.normalize(verb, dim=-1), F.normalize(noun, dim=-1)


def shared(words: Float[Tensor, "K W"]) -> Bool[Tensor, "K K"]:
    """Pairs of classes with the same word: neither is a wrong answer for the other in that word's space."""
    return (words @ words.T > SAME).fill_diagonal_(True)


def _fused(space: Callable[[Tensor], Tensor], parts: list[Tensor]) -> Tensor:
    return space(torch.cat(parts, dim=1))


class Jpose(EmbeddingMethod):
    """A loss in the verb space, in the noun space and in the space fused from both, added up (section 3).

    In the form in which SynSE (arXiv 2101.11530) carried it to skeletons: one tanh layer a side and space, a hinge of
    clips over all seen texts, margin 0.3, and with weight 0.01 triplets among clips of the hardest positive and the
    hardest negative. Kept from the original: classes that share a verb are alike in the verb space, and so for nouns.
    Not kept: its triplets with a text as anchor, and its sampled negatives, of which there are few enough to take all.
    Features are z-scored where SynSE scales them to unit length, texts are centred, and spaces are 128 wide, not 50.
    """

    Settings: ClassVar[type[MethodSettings]] = JposeSettings
    kind = "jpose"
    requires = ("verb", "noun")
    settings: JposeSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"margin": 0.1}, {"margin": 1.0}]

    def _net(self, width: int, text_width: int) -> JposeNet:
        return JposeNet(width, text_width, self.settings)


METHODS.add("jpose", MethodSpec("jpose", Jpose, summary="JPoSE: a verb space and a noun space, fused"))
