"""SCALE: class-conditional energy ranking with a text-conditioned CVAE (arXiv 2604.02222)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.nn import functional as F

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.scale import energy
from skelzero.methods.scale.model import ClassTexts, ScaleNet
from skelzero.methods.scale.settings import ABLATIONS, PUBLISHED, ScaleSettings
from skelzero.methods.scale.training import train
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank


class Scale(ZeroShotMethod):
    """How badly does class c explain clip x? One deterministic pass, no sampling at test; scores are -E(x, c).

    Attributes
    ----------
    net_ : ScaleNet
    standardizer_ : Standardizer
        z-scores by the training clips, clipped to +-5.
    text_mean_ : float32 (E,)
        Taken from every text vector; zero unless `centre_text`.
    reference_ : float32 (R, X)
        Standardised training clips of all seen classes, whose mean energy is each class's zero; none without
        `reference`.
    diagnostics_ : dict
        KL per dimension, active dimensions, and their history.
    """

    Settings: ClassVar[type[MethodSettings]] = ScaleSettings
    kind = "scale"
    statistics = (*ZeroShotMethod.statistics, "reference")
    settings: ScaleSettings

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self.standardizer_ = Standardizer.of(x)
        pooled = _joined(bank).pooled
        self.text_mean_ = pooled.mean(dim=0) if self.settings.centre_text else torch.zeros(pooled.shape[1])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)  # initial weights and dropout
            self.net_ = ScaleNet(x.shape[1], pooled.shape[1], self.settings)
            clips = torch.from_numpy(self.standardizer_(x))
            self.reference_ = clips[_evenly(y, self.settings.reference)]
            self.diagnostics_ = train(
                self.net_, clips, torch.from_numpy(y), self._class_texts(bank), self.settings, run.seed, run.progress
            )

    @torch.inference_mode()
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        side = energy.class_side(self.net_, self.net_.text(self._class_texts(bank)))
        scores = -self._energies(torch.from_numpy(self.standardizer_(x)), side)
        if len(self.reference_):
            scores += self._energies(self.reference_, side).mean(dim=0)
        return scores.numpy()

    @torch.inference_mode()
    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N Z"], Float32[np.ndarray, "K Z"]]:  # fmt: skip
        """Means of posteriors and priors."""
        clips = self.net_.posterior_of(torch.from_numpy(self.standardizer_(x)))
        return clips.mean.numpy(), self.net_.prior_of(self.net_.text(self._class_texts(bank))).mean.numpy()

    def _energies(self, clips: Float[Tensor, "N X"], side: energy.ClassSide) -> Float[Tensor, "N K"]:
        q = self.net_.posterior_of(clips)
        parts = self.settings.energy
        kl = energy.kl_matrix(q, side.prior)
        reconstruction = kl if parts == "kl" else energy.fast_reconstruction(self.net_, clips, q.mean, side)
        return energy.combine(reconstruction, kl, self.settings.lambda_k, parts)

    def _class_texts(self, bank: TextBank) -> ClassTexts:
        texts = _joined(bank)
        centred = texts.tokens - self.text_mean_ * texts.mask[..., None]
        normalised = F.layer_norm(centred, centred.shape[-1:])
        return ClassTexts(texts.pooled - self.text_mean_, normalised, texts.mask)

    def _state(self) -> dict[str, np.ndarray]:
        state = {f"net.{name}": value.numpy() for name, value in self.net_.state_dict().items()}
        own = {"text_mean": self.text_mean_.numpy(), "reference": self.reference_.numpy()}
        return {**state, **own, "mean": self.standardizer_.mean, "deviation": self.standardizer_.deviation}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
        self.text_mean_, self.reference_ = torch.from_numpy(state["text_mean"]), torch.from_numpy(state["reference"])
        self.net_ = ScaleNet(self.width_, self.text_width_, self.settings).eval()
        weights = {k.removeprefix("net."): torch.from_numpy(v) for k, v in state.items() if k.startswith("net.")}
        self.net_.load_state_dict(weights)


def _evenly(y: Int[np.ndarray, " N"], count: int) -> Int[np.ndarray, " R"]:
    """At most `count` rows, spread evenly over the classes."""
    order = np.argsort(y, kind="stable")
    return order[np.linspace(0, len(y) - 1, min(count, len(y))).round().astype(np.int64)]


def _joined(bank: TextBank) -> ClassTexts:
    """Token sequences of all kinds one after another, pooled vectors averaged (scale.md, Inputs)."""
    pooled = np.mean([bank.pooled[kind] for kind in bank.kinds], axis=0)
    tokens = np.concatenate([bank.tokens[kind] for kind in bank.kinds], axis=1)
    mask = np.concatenate([bank.mask[kind] for kind in bank.kinds], axis=1)
    return ClassTexts(*(torch.from_numpy(part) for part in (pooled, tokens, mask)))


METHODS.add("scale", MethodSpec("scale", Scale, summary="SCALE: text-conditioned CVAE, ranked by energy"))
METHODS.add(
    "scale-published", MethodSpec("scale-published", Scale, PUBLISHED, "SCALE on the publication's schedule", False)
)
for _name, _fixed in ABLATIONS.items():
    METHODS.add(f"scale:{_name}", MethodSpec(f"scale:{_name}", Scale, _fixed, f"SCALE, ablation {_name}", False))
