"""SMIE: a network judges whether clip and text belong together (Zhou et al., ACM MM 2023, arXiv 2308.03950)."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.embedding import descend
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

KEYLESS = "without-key-frames"
PAIRS = 8192
"""Pairs of clip and class that are scored at once, so that memory does not grow with their number."""


class SmieSettings(MethodSettings):
    """Settings of SMIE; the defaults are our own form, `PUBLISHED` holds the other.

    Attributes
    ----------
    hidden, second : int
        Widths of the two hidden layers.
    mismatched : {"classes", "rolled"}
        What the second half of the bound averages over: each clip with every other seen class, or (as published) each
        text of the batch with the batch's next clip, which may be of the same class.
    constraint, margin : float
        Weight of the temporal constraint, and by how much the whole clips' bound is to exceed the masked clips'.
    standardize : bool
        z-score each feature over the training clips; else (as published) each clip's numbers over their width.
    centre_text : bool
        Take the seen classes' mean from every text vector first.
    text_scale : float
        Length of the class vectors, as a share of the square root of the feature width, a clip's own length; 0 leaves
        them at length 1 (as published).
    steps, epochs, batch : int
        Optimiser steps and clips in each; or, unless 0, as many epochs, whose last batch may be smaller.
    rate, weight_decay : float
        Of AdamW; without decay it is Adam.
    warmup : float
        Share of the training over which the rate rises from 0; then it falls to 0 along a cosine.
    """

    hidden: int = Field(256, ge=1)
    second: int = Field(128, ge=1)
    mismatched: Literal["classes", "rolled"] = "classes"
    constraint: float = Field(0.5, ge=0)
    margin: float = Field(0.1, ge=0)
    standardize: bool = True
    centre_text: bool = True
    text_scale: float = Field(1.0, ge=0)
    steps: int = Field(300, ge=1)
    epochs: int = Field(0, ge=0)
    batch: int = Field(64, ge=2)
    rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.15, ge=0, lt=1)


PUBLISHED: dict[str, Any] = {
    "hidden": 1024, "second": 512, "mismatched": "rolled", "standardize": False, "centre_text": False,
    "text_scale": 0.0, "epochs": 100, "batch": 128, "rate": 1e-5, "weight_decay": 0.0,
}  # fmt: skip
"""`smie-published`: the numbers of the authors' code; constraint, margin and warm-up are those of the defaults."""


class Discriminator(nn.Module):
    """D([x; t]), a perceptron with two hidden layers; its logit is high where clip and text belong together.

    The first layer works on both halves apart, so N clips and K texts cost N + K products and N x K sums there.
    """

    def __init__(self, width: int, text_width: int, hidden: int, second: int) -> None:
        super().__init__()
        self.first = nn.Linear(width + text_width, hidden)
        self.second, self.last, self.width = nn.Linear(hidden, second), nn.Linear(second, 1), width

    def clips(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N H"]:
        return F.linear(x, self.first.weight[:, : self.width], self.first.bias)

    def texts(self, t: Float[Tensor, "K E"]) -> Float[Tensor, "K H"]:
        return F.linear(t, self.first.weight[:, self.width :])

    def judge(self, sums: Float[Tensor, "*S H"]) -> Float[Tensor, "*S"]:
        """Logits from sums of a clip's and a text's half."""
        return self.last(F.relu(self.second(F.relu(sums)))).squeeze(-1)  # type: ignore[no-any-return]

    def scores(self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]) -> Float[Tensor, "N K"]:
        """Logits of all pairs, `PAIRS` at a time."""
        clips, classes = self.clips(x), self.texts(texts)
        parts = torch.split(clips, max(1, PAIRS // max(1, len(classes))))
        return torch.cat([self.judge(part[:, None] + classes[None]) for part in parts])


def smie_loss(
    net: Discriminator, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"],
    masked: Float[Tensor, "N D"] | None, settings: SmieSettings,
) -> Float[Tensor, ""]:  # fmt: skip
    """Less the Jensen-Shannon bound, plus the temporal constraint's hinge.

    The bound is mean(-softplus(-D)) over matched pairs less mean(softplus(D)) over mismatched ones. The masked clips'
    bound shares the mismatched half (so in the authors' code), which therefore drops out of the difference: the hinge
    is max(0, margin - (matched - masked)) over the batch's means.
    """
    clips, classes = net.clips(x), net.texts(texts)
    if settings.mismatched == "classes":
        logits = net.judge(clips[:, None] + classes[None])  # (N, K)
        right = F.one_hot(y, len(texts)).bool()
        own, others = logits[right], logits[~right]
    else:
        own, others = net.judge(torch.stack([clips, clips.roll(-1, 0)]) + classes[y])
    matched = -F.softplus(-own).mean()
    loss = F.softplus(others).mean() - matched
    if masked is None:
        return loss
    rest = -F.softplus(-net.judge(net.clips(masked) + classes[y])).mean()
    return loss + settings.constraint * (settings.margin - (matched - rest)).clamp_min(0)


def rate_share(step: int, steps: int, warmup: float) -> float:
    """Share of the full rate at a step: a line up from 0, then half a cosine down to 0.

    The authors change the rate between epochs; here it changes at every step, at the middle of which it is read.
    """
    done = (step + 0.5) / steps
    return done / warmup if done < warmup else (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


class Smie(ZeroShotMethod):
    """Mutual information of frozen clip features and class texts, estimated and raised by a discriminator (section 3).

    Kept: D([x; t]), the Jensen-Shannon bound, the temporal constraint on clips without their key frames with weight
    0.5 and margin 0.1, and argmax of D over the classes asked for. Ours: z-scored features, centred texts as long as
    the features, all other seen classes as mismatched pairs, a smaller network and a higher rate, since hundreds of
    clips take the place of tens of thousands. `smie-published` keeps the authors' numbers but for three things: they
    report the best epoch on the test clips, this the last; they take key frames and as many random ones out of a clip
    anew at each step, this masks the key frames once; and their rate changes by epochs.

    Attributes
    ----------
    net_ : Discriminator
    standardizer_ : Standardizer
        Identity in the published form, which scales each clip by itself.
    text_mean_ : float32 (E,)
        0 in the published form.
    diagnostics_ : dict
        The loss on the way, accuracy on the training clips, and whether the temporal constraint was in force: without
        features of clips without key frames it cannot be.
    """

    Settings: ClassVar[type[MethodSettings]] = SmieSettings
    kind = "smie"
    views = (KEYLESS,)
    settings: SmieSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"weight_decay": 1.0}]

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        still = Standardizer(np.zeros(x.shape[1], np.float32), np.ones(x.shape[1], np.float32))
        self.standardizer_ = Standardizer.of(x) if self.settings.standardize else still
        self.text_mean_ = bank.vectors().mean(axis=0) * np.float32(self.settings.centre_text)
        clips, classes, texts = self._clips(x), torch.from_numpy(y), self._class_vectors(bank)
        masked = self._clips(run.views[KEYLESS]) if KEYLESS in run.views and self.settings.constraint else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            self.net_ = self._net()
        history = _minimise(self.net_, clips, classes, texts, masked, self.settings, run)
        with torch.inference_mode():
            right = self.net_.scores(clips, texts).argmax(dim=1) == classes
        self.diagnostics_ = {"history": history, "training_accuracy": float(right.float().mean()),
                             "temporal_constraint": masked is not None}  # fmt: skip

    @torch.inference_mode()
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return self.net_.scores(self._clips(x), self._class_vectors(bank)).numpy()

    def _net(self) -> Discriminator:
        return Discriminator(self.width_, len(self.text_mean_), self.settings.hidden, self.settings.second)

    def _clips(self, x: Float32[np.ndarray, "N D"]) -> Float[Tensor, "N D"]:
        if self.settings.standardize:
            return torch.from_numpy(self.standardizer_(x))
        return F.layer_norm(torch.from_numpy(x), x.shape[1:])

    def _class_vectors(self, bank: TextBank) -> Float[Tensor, "K E"]:
        length = self.settings.text_scale * math.sqrt(self.width_) or 1.0
        return torch.from_numpy(unit(bank.vectors() - self.text_mean_)) * length

    def _state(self) -> dict[str, np.ndarray]:
        state = {f"net.{name}": value.numpy() for name, value in self.net_.state_dict().items()}
        return {**state, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
        self.text_mean_ = state["text_mean"]
        with torch.random.fork_rng(devices=[]):
            self.net_ = self._net()
        weights = {k.removeprefix("net."): torch.from_numpy(v) for k, v in state.items() if k.startswith("net.")}
        self.net_.load_state_dict(weights)


def _minimise(
    net: Discriminator, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"],
    masked: Float[Tensor, "N D"] | None, settings: SmieSettings, run: Fitting,
) -> list[dict[str, Any]]:  # fmt: skip
    """Train a network in place; what the loss was on the way."""
    steps = settings.epochs * math.ceil(len(x) / min(settings.batch, len(x))) or settings.steps

    def loss_of(rows: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        return smie_loss(net, x[rows], y[rows], texts, None if masked is None else masked[rows], settings)

    return descend(
        net, loss_of, len(x), settings, steps, run, whole_epochs=bool(settings.epochs),
        rate_share=lambda step: rate_share(step, steps, settings.warmup),
    )  # fmt: skip


METHODS.add("smie", MethodSpec("smie", Smie, summary="SMIE: a discriminator of clip and text pairs, our form"))
METHODS.add(
    "smie-published", MethodSpec("smie-published", Smie, PUBLISHED, "SMIE with the authors' numbers", searched=False)
)
