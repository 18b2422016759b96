"""ESZSL: one bilinear map between features and semantics, in closed form.

Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015, equation 6.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int
from pydantic import Field

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit


class EszslSettings(MethodSettings):
    """Penalties: `gamma` of the features' side, per clip; `penalty` (lambda) of the semantics' side."""

    gamma: float = Field(1.0, gt=0)
    penalty: float = Field(1.0, gt=0)


class Eszsl(ZeroShotMethod):
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
        self.standardizer_ = Standardizer.of(x)
        vectors = bank.vectors()
        self.text_mean_ = vectors.mean(axis=0)
        X, S = self.standardizer_(x).astype(np.float64), self._texts_of(bank).astype(np.float64)
        Y = np.where(y[:, None] == np.arange(len(bank)), 1.0, -1.0)
        left = np.linalg.solve(X.T @ X + self.settings.gamma * len(X) * np.eye(X.shape[1]), X.T @ Y @ S)
        right = S.T @ S + self.settings.penalty * np.eye(S.shape[1])
        self.weights_ = np.linalg.solve(right, left.T).T.astype(np.float32)

    def _texts_of(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        return unit(bank.vectors() - self.text_mean_)

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return self.standardizer_(x) @ self.weights_ @ self._texts_of(bank).T

    def _state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights_, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.weights_, self.text_mean_ = state["weights"], state["text_mean"]
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])


METHODS.add("eszsl", MethodSpec("eszsl", Eszsl, summary="ESZSL: a bilinear map in closed form"))
