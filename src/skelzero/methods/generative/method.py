"""What CADA-VAE and SynSE have in common: aligned VAEs, and a classifier over the latents that texts generate."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import OrderedDict
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from skelzero.methods.base import Fitting, ZeroShotMethod
from skelzero.methods.generative.classifier import train_classifier
from skelzero.methods.generative.losses import Error, absolute_error
from skelzero.methods.generative.model import AlignedVaes
from skelzero.methods.generative.schedule import Weights
from skelzero.methods.generative.settings import AlignedSettings
from skelzero.methods.generative.training import train
from skelzero.methods.sampled import samples_of_a_class
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

KEPT = 8
"""Classifiers that a method remembers, by the texts of their classes."""

Linear = tuple[Float[Tensor, "K Z"], Float[Tensor, " K"]]


class AlignedMethod(ZeroShotMethod):
    """Base of both: one classifier over all classes of the bank that is asked about, trained when it is asked.

    Latents of every class, seen or not, come from its text; the papers take a seen class's from its clips in the
    generalised setting, but a fitted method keeps no clips. All classes share their noise: a class's latents do then
    depend on its own text alone, not on the order or the company of classes.

    Attributes
    ----------
    net_ : AlignedVaes
    standardizer_ : Standardizer
    text_mean_ : float32 (E,)
        Taken from every text vector; zero unless `centre_text`.
    seed_ : int
        Of the classifier's noise: the fit's own.
    diagnostics_ : dict
        Terms of the loss over training; KL per dimension and dimensions in use, of clips and of texts.
    """

    scores_are_logits = True
    parts: ClassVar[int] = 1
    """Pieces of a class vector that have a VAE each."""

    error: ClassVar[Error] = absolute_error
    """How far a decoded vector is off: (N, D) twice -> (N,)."""

    settings: AlignedSettings

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._classifiers: OrderedDict[str, Linear] = OrderedDict()

    @abstractmethod
    def _weights(self, step: int) -> Weights:
        """Weights of the loss's terms at a step."""

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self._classifiers.clear()
        self.seed_ = run.seed
        self.standardizer_ = Standardizer.of(x)
        vectors = bank.vectors()
        self.text_mean_ = vectors.mean(axis=0) * np.float32(self.settings.centre_text)
        clips, texts = torch.from_numpy(self.standardizer_(x)), torch.from_numpy(self._class_vectors(bank))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            self.net_ = self._net()
        self.diagnostics_ = train(self.net_, clips, torch.from_numpy(y), texts, self.settings, self._weights, run)

    @torch.no_grad()
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        vectors = self._class_vectors(bank)
        order = np.lexsort(vectors.T)  # by the texts themselves, whatever order the classes come in
        weight, bias = self._classifier(vectors[order])
        mean = self.net_.clip.encode(torch.from_numpy(self.standardizer_(x))).mean
        scores = np.empty((len(x), len(bank)), np.float32)
        scores[:, order] = (mean @ weight.T + bias).numpy()
        return scores

    @torch.no_grad()
    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N Z"], Float32[np.ndarray, "K Z"]]:  # fmt: skip
        """Latent means of clips and of texts."""
        clips = self.net_.clip.encode(torch.from_numpy(self.standardizer_(x))).mean
        return clips.numpy(), self.net_.texts(torch.from_numpy(self._class_vectors(bank))).mean.numpy()

    def _classifier(self, vectors: Float32[np.ndarray, "K E"]) -> Linear:
        """The classifier over some classes, trained once and remembered for a while."""
        key = hashlib.sha256(vectors.tobytes()).hexdigest()
        if key not in self._classifiers:
            s = self.settings
            q = self.net_.texts(torch.from_numpy(vectors))
            samples = samples_of_a_class(len(vectors), s.samples, s.classifier_steps)
            noise = torch.randn(samples, 1, s.latent, generator=torch.Generator().manual_seed(self.seed_))
            latents = q.sample(noise).transpose(0, 1)  # (K, S, Z)
            self._classifiers[key] = train_classifier(latents, steps=s.classifier_steps, rate=s.classifier_rate)
            if len(self._classifiers) > KEPT:
                self._classifiers.popitem(last=False)
        self._classifiers.move_to_end(key)
        return self._classifiers[key]

    def _class_vectors(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        """Centred, and each part of one length."""
        centred = (bank.vectors() - self.text_mean_).reshape(len(bank), self.parts, -1)
        return (self._length(centred.shape[2]) * unit(centred)).reshape(len(bank), -1).astype(np.float32)

    def _length(self, width: int) -> float:
        """Length of each part of a class vector."""
        return 1.0

    def _net(self) -> AlignedVaes:
        """An untrained network, drawn from torch's own generator."""
        widths = (len(self.text_mean_) // self.parts,) * self.parts
        return AlignedVaes(self.width_, widths, self.settings, type(self).error)

    def _state(self) -> dict[str, np.ndarray]:
        state = {f"net.{name}": value.numpy() for name, value in self.net_.state_dict().items()}
        return {**state, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation, "seed": np.array([self.seed_], np.int64)}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self._classifiers.clear()
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
        self.text_mean_, self.seed_ = state["text_mean"], int(state["seed"][0])
        with torch.random.fork_rng(devices=[]):
            self.net_ = self._net()
        weights = {k.removeprefix("net."): torch.from_numpy(v) for k, v in state.items() if k.startswith("net.")}
        self.net_.load_state_dict(weights)
