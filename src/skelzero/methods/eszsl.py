"""ESZSL: one bilinear map between features and semantics, in closed form.

Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015, equation 6.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int
from pydantic import Field

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec
from skelzero.methods.linear import LinearMap, ridge
from skelzero.text import TextBank
from skelzero.text.bank import unit


class EszslSettings(MethodSettings):
    """Penalties: `gamma` of the features' side, per clip; `penalty` (lambda) of the semantics' side."""

    gamma: float = Field(1.0, gt=0)
    penalty: float = Field(1.0, gt=0)


class Eszsl(LinearMap):
    """V = (X'X + gamma N I)^-1 X'Y S (S'S + lambda I)^-1, with Y +1 for a clip's class and -1 else.

    X are z-scored features. S are class vectors of unit length less the mean of the seen classes', as for ridge
    regression; the publication takes attributes as they are.
    """

    Settings: ClassVar[type[MethodSettings]] = EszslSettings
    kind = "eszsl"
    settings: EszslSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{"gamma": gamma, "penalty": penalty} for gamma in (1.0, 0.1, 10.0) for penalty in (1.0, 0.1)]

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self._scales(x, bank)
        S = self._classes(bank).astype(np.float64)
        # A clip's row of Y S: once its own class's vector, less all others'.
        left = ridge(self.standardizer_(x), 2 * S - S.sum(axis=0), self.settings.gamma, y)
        right = S.T @ S + self.settings.penalty * np.eye(S.shape[1])
        self.weights_ = np.linalg.solve(right, left.T).T.astype(np.float32)

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return self.standardizer_(x) @ self.weights_ @ self._classes(bank).T

    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]]:  # fmt: skip
        """Directions of mapped clips and of classes; scores are products without the clips' lengths divided out."""
        return unit(self.standardizer_(x) @ self.weights_), unit(self._classes(bank))


METHODS.add("eszsl", MethodSpec("eszsl", Eszsl, summary="ESZSL: a bilinear map in closed form"))
