"""The own method: measured motion attributes against described ones, corrected by what the seen classes teach.

Three opinions are added up, each a cosine. First the attributes that were measured, with what is known of them: the
seen classes tell where measurements and descriptions differ in the middle (centres), which attributes can be trusted
(reliability), and what else is systematic (a small linear correction). Second, attributes predicted from all features
by ridge regression. Third, if the classes have texts, text vectors predicted from all features.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float32, Int
from pydantic import Field

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.described import DescribedMethod, agreement, described, measured_columns
from skelzero.methods.linear import ridge
from skelzero.methods.scaling import Standardizer, rows_by_class
from skelzero.text import TextBank
from skelzero.text.bank import unit
from skelzero.text.class_sets import TEXTS

FLOOR = 0.1
"""Added to variances before they divide: of how little an attribute may vary among the seen classes."""

MIXTURES = ((0.0, 0.25), (0.0, 0.0), (0.25, 0.25), (0.5, 0.25))
"""Weights of predicted attributes and of texts that are tried, the default first. On MSR-Action3D, on which the method
was designed, predictions learned from a dozen seen classes only did harm; with more seen classes they may help."""


class SkelzeroSettings(MethodSettings):
    """Settings; the weights of predictions and texts are chosen on pseudo-unseen classes unless they are given.

    Attributes
    ----------
    prior : float
        Seen classes that the constants of the package weigh as much as, where centres are concerned.
    correction : float
        Penalty per clip of the linear correction of measurements; large values leave them as they are.
    ridge : float
        Penalty per clip of the predictions.
    predicted, texts : float
        Weight of predicted attributes and of texts, where the measured attributes have 1.
    """

    prior: float = Field(3.0, ge=0)
    correction: float = Field(3.0, gt=0)
    ridge: float = Field(1.0, gt=0)
    predicted: float | None = Field(None, ge=0)
    texts: float | None = Field(None, ge=0)


class Skelzero(DescribedMethod):
    """Measured, corrected and predicted attributes, and texts, by late fusion."""

    Settings: ClassVar[type[MethodSettings]] = SkelzeroSettings
    kind = "skelzero"
    statistics = (*ZeroShotMethod.statistics, "measured_mean", "profile_mean")
    staged = True
    encoder = "+kinematics"
    settings: SkelzeroSettings

    def stages(self) -> list[dict[str, Any]]:
        """Weights to choose among; texts only where there are some."""
        own, has_texts = self.settings, "text_map" in self.arrays_
        found = []
        for predicted, texts in MIXTURES:
            p = predicted if own.predicted is None else own.predicted
            t = 0.0 if not has_texts else texts if own.texts is None else own.texts
            found.append({"predicted": p, "texts": t})
        return [stage for i, stage in enumerate(found) if stage not in found[:i]]

    def at(self, stage: dict[str, Any]) -> Self:
        chosen = copy.copy(self)
        chosen.arrays_ = {**self.arrays_, "weights": np.array([stage["predicted"], stage["texts"]], dtype=np.float32)}
        return chosen

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        columns = measured_columns(run.blocks, self.kind)
        self.arrays_: dict[str, np.ndarray] = {"columns": np.array(columns)}
        profiles, measured = described(bank), x[:, slice(*columns)]
        known = profiles != 0
        share = np.float32(len(bank) / (len(bank) + self.settings.prior))
        by_class = rows_by_class(y)
        self.arrays_["measured_mean"] = share * np.stack([measured[rows].mean(axis=0) for rows in by_class]).mean(
            axis=0
        )
        self.arrays_["profile_mean"] = share * profiles.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        a = self._centred(measured, "measured_mean")
        b = self._centred(profiles, "profile_mean")
        self.arrays_["reliability"] = _reliability(np.stack([a[rows].mean(axis=0) for rows in by_class]),
                                                   b[np.unique(y)])  # fmt: skip
        self.arrays_["correction"] = ridge(a, b[y] - a, self.settings.correction)
        scale = Standardizer.of(x)
        self.arrays_ |= {"mean": scale.mean, "deviation": scale.deviation}
        z = scale(x)
        self.arrays_["attribute_map"] = ridge(z, unit(b), self.settings.ridge, y)
        texts = _texts(bank)
        if texts is not None:
            self.arrays_["text_mean"] = texts.mean(axis=0)
            vectors = unit(texts - self.arrays_["text_mean"])
            self.arrays_["text_map"] = ridge(z, vectors, self.settings.ridge, y)
        first = self.stages()[0]
        self.arrays_ = self.at(first).arrays_
        self.diagnostics_ = {"reliability": [round(float(r), 3) for r in self.arrays_["reliability"]]}

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        arrays = self.arrays_
        predicted, by_text = arrays["weights"]
        z = Standardizer(arrays["mean"], arrays["deviation"])(x)
        sides = self._sides(x, bank)
        scores = agreement(*sides)
        if predicted:
            scores = scores + predicted * unit(z @ arrays["attribute_map"]) @ unit(sides[1]).T
        texts = _texts(bank)
        if by_text and texts is not None:
            scores = scores + by_text * unit(z @ arrays["text_map"]) @ unit(texts - arrays["text_mean"]).T
        return scores.astype(np.float32)

    @property
    def columns(self) -> tuple[int, int]:
        start, stop = self.arrays_["columns"].tolist()
        return start, stop

    def _sides(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N A"], Float32[np.ndarray, "K A"], Float32[np.ndarray, " A"]]:
        """Measured attributes, corrected, and described ones, both centred, and reliabilities."""
        a = self._centred(x[:, slice(*self.columns)], "measured_mean")
        corrected = np.where(a != 0, a + a @ self.arrays_["correction"], 0)
        return corrected, self._centred(described(bank), "profile_mean"), self.arrays_["reliability"]

    def _centred(self, vectors: Float32[np.ndarray, "N A"], mean: str) -> Float32[np.ndarray, "N A"]:
        """Less the mean; unknown values stay 0."""
        return np.where(vectors != 0, vectors - self.arrays_[mean], 0).astype(np.float32)

    def _state(self) -> dict[str, np.ndarray]:
        return self.arrays_

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.arrays_ = dict(state)


def _texts(bank: TextBank) -> Float32[np.ndarray, "K E"] | None:
    kinds = [kind for kind in bank.kinds if kind in TEXTS]
    return bank.vectors(kinds) if kinds else None


def _reliability(
    measured: Float32[np.ndarray, "K A"], profiles: Float32[np.ndarray, "K A"]
) -> Float32[np.ndarray, " A"]:  # fmt: skip
    """Half for each attribute, and up to half more by how measurement and description agree over the seen classes."""
    both = (measured**2).mean(axis=0) + FLOOR, (profiles**2).mean(axis=0) + FLOOR
    correlation = (measured * profiles).mean(axis=0) / np.sqrt(both[0] * both[1])
    return ((0.5 + 0.5 * np.clip(correlation, 0, 1)) ** 2).astype(np.float32)


METHODS.add("skelzero", MethodSpec(
    "skelzero", Skelzero, summary="measured and described motion attributes, corrected on seen classes, and texts",
))  # fmt: skip
