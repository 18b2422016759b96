"""Methods that learn a space in which clips lie near the text of their class: what they have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from pydantic import Field
from torch import Tensor, nn

from skelzero import journal
from skelzero.errors import UserError
from skelzero.methods.base import Fitting, MethodSettings, ZeroShotMethod
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

RECORDS = 20
"""Times during training at which the loss is written down."""


class EmbeddingSettings(MethodSettings):
    """Settings of a training by minibatches.

    Attributes
    ----------
    steps, batch : int
        Optimiser steps, and clips in each.
    rate, weight_decay : float
        Of AdamW.
    centre_text : bool
        Take the seen classes' mean from every text vector first: sentence embeddings share a large common part.
    """

    steps: int = Field(200, ge=1)
    batch: int = Field(64, ge=2)
    rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    centre_text: bool = True


class EmbeddingNet(nn.Module):
    """A network that is trained on clips and class texts together, and scores every pair of them."""

    @abstractmethod
    def loss(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"]) -> Float[Tensor, ""]: ...

    @abstractmethod
    def common(
        self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]
    ) -> tuple[Float[Tensor, "N C"], Float[Tensor, "K C"]]:  # fmt: skip
        """Clips and classes as unit vectors of one space."""

    def scores(self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]) -> Float[Tensor, "N K"]:
        """Cosines in that space."""
        clips, classes = self.common(x, texts)
        return clips @ classes.T


class EmbeddingMethod(ZeroShotMethod):
    """Base of methods that are one `EmbeddingNet` over z-scored features and class vectors.

    Class vectors are those of each kind of text, of unit length, side by side; less the mean of the seen classes; and
    again of unit length.
    """

    settings: EmbeddingSettings

    @abstractmethod
    def _net(self, width: int, text_width: int) -> EmbeddingNet:
        """An untrained network for D features and E numbers a class vector, drawn from torch's own generator."""

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        self.standardizer_ = Standardizer.of(x)
        vectors = bank.vectors()
        self.text_mean_ = vectors.mean(axis=0) * np.float32(self.settings.centre_text)
        clips, classes = torch.from_numpy(self.standardizer_(x)), torch.from_numpy(y)
        texts = self._class_vectors(bank)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            self.net_ = self._net(x.shape[1], vectors.shape[1])
        history = minimise(self.net_, clips, classes, texts, self.settings, run)
        with torch.inference_mode():
            right = self.net_.scores(clips, texts).argmax(dim=1) == classes
        self.diagnostics_ = {"history": history, "training_accuracy": float(right.float().mean())}

    @torch.inference_mode()
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return self.net_.scores(torch.from_numpy(self.standardizer_(x)), self._class_vectors(bank)).numpy()

    @torch.inference_mode()
    def _embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N C"], Float32[np.ndarray, "K C"]]:  # fmt: skip
        clips, classes = self.net_.common(torch.from_numpy(self.standardizer_(x)), self._class_vectors(bank))
        return clips.numpy(), classes.numpy()

    def _class_vectors(self, bank: TextBank) -> Float[Tensor, "K E"]:
        return torch.from_numpy(unit(bank.vectors() - self.text_mean_))

    def _state(self) -> dict[str, np.ndarray]:
        state = {f"net.{name}": value.numpy() for name, value in self.net_.state_dict().items()}
        return {**state, "text_mean": self.text_mean_, "mean": self.standardizer_.mean,
                "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])
        self.text_mean_ = state["text_mean"]
        with torch.random.fork_rng(devices=[]):
            self.net_ = self._net(self.width_, len(self.text_mean_))
        weights = {k.removeprefix("net."): torch.from_numpy(v) for k, v in state.items() if k.startswith("net.")}
        self.net_.load_state_dict(weights)


def minimise(
    net: EmbeddingNet, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"],
    settings: EmbeddingSettings, run: Fitting,
) -> list[dict[str, Any]]:  # fmt: skip
    """Train a network in place by its own loss; see `descend`."""
    return descend(net, lambda rows: net.loss(x[rows], y[rows], texts), len(x), settings, settings.steps, run)


class DescentSettings(Protocol):
    """What `descend` needs to be told."""

    @property
    def batch(self) -> int: ...

    @property
    def rate(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...


def descend(
    net: nn.Module, loss_of: Callable[[Int[Tensor, " B"]], Float[Tensor, ""]], clips: int, settings: DescentSettings,
    steps: int, run: Fitting, *, rate_share: Callable[[int], float] | None = None, whole_epochs: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Train a network in place with AdamW on minibatches without replacement; what the loss was on the way.

    Parameters
    ----------
    net : nn.Module
    loss_of : callable
        The loss of the clips of some rows.
    clips : int
        How many there are.
    settings : DescentSettings
    steps : int
    run : Fitting
    rate_share : callable, optional
        Share of the full rate at a step; all of it by default.
    whole_epochs : bool
        An epoch sees every clip, the last batch of it being smaller; else all batches are of one size.

    Raises
    ------
    UserError
        The loss stops being a number.
    """
    generator = torch.Generator().manual_seed(run.seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    batch = min(settings.batch, clips)
    history: list[dict[str, Any]] = []
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < (1 if whole_epochs else batch):
            order = torch.randperm(clips, generator=generator)
        rows, order = order[:batch], order[batch:]
        if rate_share is not None:
            optimiser.param_groups[0]["lr"] = settings.rate * rate_share(step)
        loss = loss_of(rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if journal.due(step, steps):
            rate = optimiser.param_groups[0]["lr"]
            journal.note("method", step, {"loss": loss.detach(), "rate": rate})
        if step % max(1, steps // RECORDS) == 0 or step == steps - 1:
            history.append({"step": step, "loss": float(loss.detach())})
            if not torch.isfinite(loss):
                raise UserError("training diverged", where=f"step {step}", got=float(loss.detach()),
                                next_step="lower --set rate=..., or look for odd features")  # fmt: skip
        if run.progress is not None:
            run.progress(step + 1, steps)
    return history
