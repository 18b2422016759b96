"""Ridge regression from features to text vectors: the floor that every other method has to beat."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int
from pydantic import Field

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec
from skelzero.methods.linear import LinearMap, ridge
from skelzero.text import TextBank
from skelzero.text.bank import unit


class RidgeSettings(MethodSettings):
    """`alpha` is the penalty per clip: the normal equations read (X'X + alpha N I) W = X'T."""

    alpha: float = Field(1.0, gt=0)


class Ridge(LinearMap):
    """Least squares from z-scored features to centred text vectors, scored by cosine.

    Text vectors (unit length per kind, side by side) lose the mean of the seen classes: sentence embeddings share a
    large common part that would otherwise dominate every cosine.
    """

    Settings: ClassVar[type[MethodSettings]] = RidgeSettings
    kind = "ridge"
    settings: RidgeSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{"alpha": alpha} for alpha in (1.0, 0.1, 10.0)]

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self._scales(x, bank)
        self.weights_ = ridge(self.standardizer_(x), self._classes(bank), self.settings.alpha, y)

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        clips, texts = self._embed(x, bank)
        return clips @ texts.T

    def _embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]]:  # fmt: skip
        return unit(self.standardizer_(x) @ self.weights_), self._classes(bank)


METHODS.add("ridge", MethodSpec("ridge", Ridge, summary="ridge regression to the text, the floor"))
