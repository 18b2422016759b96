"""MSF-GZSSAR: several texts a class fused, two VAEs aligned with the clips, a classifier on latents made from text."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.msf.latents import LatentClassifier, canonical_order, class_draws, train_classifier
from skelzero.methods.msf.layers import Layers, Sizes
from skelzero.methods.msf.settings import PUBLISHED, MsfSettings
from skelzero.methods.msf.training import train
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

KEPT_CLASSIFIERS = 4
ACTIVE_NATS = 0.04
"""A latent dimension counts as active above this KL divergence."""


class Msf(ZeroShotMethod):
    """Two linear VAEs with one latent space; unseen classes are recognised by latents sampled from their texts (2023).

    Attributes
    ----------
    cycles_ : list of float32 (R, n)
        Parameters after each cycle, a row a seed; what is scored with is the last, or that of `at`.
    standardizer_ : Standardizer
        Identity in the published form.
    text_mean_ : float32 (E,), text_scale_ : float
        Taken from the fused texts, and multiplied by; 0 and 1 in the published form.
    diagnostics_ : dict
        Loss parts by cycle, KL divergence per latent dimension and active dimensions of clips.
    """

    Settings: ClassVar[type[MethodSettings]] = MsfSettings
    kind = "msf"
    statistics = (*ZeroShotMethod.statistics, "text_scale")
    scores_are_logits = True
    resumable = True
    staged = True
    settings: MsfSettings
    _classifiers: dict[bytes, list[LatentClassifier]]

    def stages(self) -> list[dict[str, Any]]:
        """Every trained cycle, unless one was asked for."""
        if self.settings.cycle is not None or len(self.cycles_) < 2:
            return [{}]
        return [{"cycle": number} for number in range(1, len(self.cycles_) + 1)]

    def at(self, stage: dict[str, Any]) -> Self:
        if not stage:
            return self
        other = copy.copy(self)
        other.settings = self.settings.model_copy(update=stage)
        other.cycles_, other._classifiers = [self.cycles_[stage["cycle"] - 1]], {}
        return other

    @property
    def members_(self) -> list[Msf]:
        """The models that were trained together, each on its own."""
        found = []
        for row in range(len(self.cycles_[0])):
            other = copy.copy(self)
            other.cycles_, other._classifiers = [cycle[row : row + 1] for cycle in self.cycles_], {}
            found.append(other)
        return found

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        fused, own = _fused(bank), self.settings.standardize
        still = Standardizer(np.zeros(x.shape[1], np.float32), np.ones(x.shape[1], np.float32))
        self.standardizer_ = Standardizer.of(x) if own else still
        self.text_mean_ = fused.mean(axis=0) * np.float32(own)
        self.text_scale_ = np.float32(
            1 / max(float(np.sqrt(np.mean((fused - self.text_mean_) ** 2))), 1e-9) if own else 1
        )
        seeds = [run.seed + i for i in range(self.settings.seeds)]
        clips = self._clips(x)
        trained = train(clips.numpy(), y, self._texts_of(bank), self.settings, seeds, run)
        self.cycles_, self._classifiers = trained.cycles, {}
        mean, log_variance = self._encode(clips, text=False, row=0)
        kl = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).mean(dim=0)
        self.diagnostics_ = {"history": trained.history, "kl_per_dimension": float(kl.mean()),
                             "active": int((kl > ACTIVE_NATS).sum()), "latent": self.settings.latent}  # fmt: skip

    @torch.inference_mode()
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        clips, classifiers = self._clips(x), self._trained_for(bank)
        logits = [c.logits(self._encode(clips, text=False, row=row)[0]) for row, c in enumerate(classifiers)]
        if len(logits) == 1:
            return logits[0].numpy()
        return torch.stack(logits).log_softmax(dim=2).logsumexp(dim=0).numpy() - np.float32(np.log(len(logits)))

    @torch.inference_mode()
    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N Z"], Float32[np.ndarray, "K Z"]]:  # fmt: skip
        """Latent means of clips and of texts, by the first of the models."""
        clips = self._encode(self._clips(x), text=False, row=0)[0]
        return clips.numpy(), self._encode(torch.from_numpy(self._texts_of(bank)), text=True, row=0)[0].numpy()

    def _trained_for(self, bank: TextBank) -> list[LatentClassifier]:
        """Classifiers of the bank's classes; those of the last few banks are kept."""
        texts = self._texts_of(bank)
        key = texts.tobytes()
        if key not in self._classifiers:
            while len(self._classifiers) >= KEPT_CLASSIFIERS:
                self._classifiers.pop(next(iter(self._classifiers)))
            self._classifiers[key] = [self._classifier(texts, row) for row in range(len(self.cycles_[-1]))]
        return self._classifiers[key]

    def _classifier(self, texts: Float32[np.ndarray, "K E"], row: int) -> LatentClassifier:
        order = canonical_order(texts)
        noise, rows = class_draws(texts[order], self.settings.latent, self.settings)
        mean, log_variance = self._encode(torch.from_numpy(texts[order]), text=True, row=row)
        found = train_classifier(mean, log_variance, noise, rows, self.settings)
        back = torch.from_numpy(np.argsort(order))
        return LatentClassifier(found.weight[back], found.bias[back], relu=self.settings.relu)

    def _encode(self, rows: Float[Tensor, "N D"], *, text: bool, row: int) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of latents by the encoder of one side and one model."""
        layers = self._layers()
        weight, bias = (
            (layers.text_encoder, layers.text_encoder_bias) if text else (layers.clip_encoder, layers.clip_encoder_bias)
        )
        mean, log_variance = torch.addmm(bias[row], rows, weight[row].T).chunk(2, dim=1)
        return mean, log_variance

    def _layers(self) -> Layers:
        return Sizes(self.width_, len(self.text_mean_), self.settings.latent).layers(self.cycles_[-1])

    def _clips(self, x: Float32[np.ndarray, "N D"]) -> Float[Tensor, "N D"]:
        return torch.from_numpy(self.standardizer_(x) if self.settings.standardize else x)

    def _texts_of(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        texts: Float32[np.ndarray, "K E"] = (_fused(bank) - self.text_mean_) * self.text_scale_
        return texts.astype(np.float32)

    def _state(self) -> dict[str, np.ndarray]:
        return {"parameters": self.cycles_[-1].numpy(), "text_mean": self.text_mean_,
                "text_scale": np.array([self.text_scale_], dtype=np.float32), "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.cycles_, self._classifiers = [torch.from_numpy(state["parameters"])], {}
        self.text_mean_, self.text_scale_ = state["text_mean"], state["text_scale"][0]
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
        self._layers()


def _fused(bank: TextBank) -> Float32[np.ndarray, "K E"]:
    """Raw vectors of all kinds side by side, then brought to unit length once (msf.md, Model)."""
    return unit(np.concatenate([bank.pooled[kind] for kind in bank.kinds], axis=1)).astype(np.float32)


METHODS.add("msf", MethodSpec("msf", Msf, summary="MSF-GZSSAR: fused texts, aligned VAEs, our form"))
METHODS.add(
    "msf-published", MethodSpec("msf-published", Msf, PUBLISHED, "MSF-GZSSAR with every quirk of the publication")
)
