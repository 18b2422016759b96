"""Measured against described: zero-shot recognition without any training."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Int

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec
from skelzero.methods.described import DescribedMethod, agreement, described, measured_columns
from skelzero.text import TextBank


class Match(DescribedMethod):
    """The class whose profile is nearest to the clip's measured motion attributes, by cosine over what is known.

    Nothing is learned from the clips and texts that `fit` gets; it only notes where the attributes are. The scales of
    both sides are constants of the package, measured on synthetic motion (`kinematics.typical`).
    """

    Settings: ClassVar[type[MethodSettings]] = MethodSettings
    kind = "match"
    encoder = "kinematics"

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self.columns_ = measured_columns(run.blocks, self.kind)
        described(bank)

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return agreement(*self._sides(x, bank))

    @property
    def columns(self) -> tuple[int, int]:
        return self.columns_

    def _sides(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N A"], Float32[np.ndarray, "K A"], Float32[np.ndarray, " A"]]:
        profiles = described(bank)
        return x[:, slice(*self.columns_)], profiles, np.ones(profiles.shape[1], dtype=np.float32)

    def _state(self) -> dict[str, np.ndarray]:
        return {"columns": np.array(self.columns_)}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        start, stop = state["columns"].tolist()
        self.columns_ = (start, stop)


METHODS.add("match", MethodSpec("match", Match, summary="measured against described attributes, nothing is trained"))
