"""What the linear baselines share: z-scored features, centred class vectors, one matrix between them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from skelzero.methods.base import ZeroShotMethod
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit


class LinearMap(ZeroShotMethod):
    """Base of methods that learn `weights_` (D, E) beside the features' scale and the seen classes' mean vector."""

    standardizer_: Standardizer
    text_mean_: Float32[np.ndarray, " E"]
    weights_: Float32[np.ndarray, "D E"]

    def _scales(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> None:
        """Note the scale of the features and the mean of the class vectors."""
        self.standardizer_ = Standardizer.of(x)
        self.text_mean_ = bank.vectors().mean(axis=0)

    def _classes(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        """Class vectors of unit length less the seen classes' mean."""
        return unit(bank.vectors() - self.text_mean_)

    def _state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights_, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.weights_, self.text_mean_ = state["weights"], state["text_mean"]
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
