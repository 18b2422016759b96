"""What decides the outcome of an encoder's training, and how fast it goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from skelzero.cards import sha256_of
from skelzero.encoders.augmentation import Augmentation
from skelzero.encoders.base import ENCODERS
from skelzero.encoders.contrast import ContrastSettings

TRAINING_VERSION = 1
"""Raised whenever the same settings give other weights, so that caches notice; see `EncoderSpec.version`, too."""


LATER = ("accumulate", "optimiser", "momentum", "epochs", "epoch_rates", "contrast")


class EpochRates(BaseModel):
    """A learning rate that rises linearly from 0 over some epochs and falls tenfold at others.

    >>> [EpochRates(warmup=2, drops=(4,)).factor(epoch) for epoch in range(5)]
    [0.0, 0.5, 1.0, 1.0, 0.1]
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    warmup: Annotated[int, Field(ge=0)] = 5
    drops: tuple[int, ...] = (50, 80)

    def factor(self, epoch: int) -> float:
        """What the highest rate is multiplied by in an epoch, counted from 0; the first is at rate 0, as published."""
        rise = min(1.0, epoch / self.warmup) if self.warmup else 1.0
        return rise * 0.1 ** sum(epoch >= drop for drop in self.drops)


class TrainSettings(BaseModel):
    """Settings of one training. What is not given comes from the encoder's own defaults, then from here.

    Attributes
    ----------
    encoder : str
        Name in `ENCODERS`.
    steps, batch : int
        Optimiser steps, and clips in each.
    rate : float
        Highest learning rate; it rises linearly for the first `warmup` share of steps, then falls as a cosine to zero.
    weight_decay : float
        Of matrices; shifts, masks, biases and norms are not decayed.
    label_smoothing : float
    augmentation : Augmentation
    seed : int
        Of weights, order and augmentation. Equal settings give equal weights on the same machine and thread count.
    precision : str
        As Lightning Fabric names it.
    accelerator : str
        `auto` takes a GPU when there is one.
    devices : int
        More than one share each batch; norms and losses are those of the whole batch, as on one device. Dropout draws
        differ.
    checkpoint_every : int
        Steps between checkpoints, when a folder for them is given.
    accumulate : int
        Parts that a batch is computed in, for memory's sake; the loss is that of the whole batch.
    optimiser : str
        `adamw`, or `sgd` with Nesterov-free `momentum`, which decays all weights, as older publications do.
    epochs : int, optional
        Instead of `steps`: passes over the clips, the last incomplete batch of each dropped.
    epoch_rates : EpochRates, optional
        A learning rate that changes with epochs; needs `epochs`.
    contrast : ContrastSettings, optional
        Train against class vectors instead of class numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: str = "shift-gcn:small"
    steps: Annotated[int, Field(ge=1)] = 300
    batch: Annotated[int, Field(ge=2)] = 32
    rate: Annotated[float, Field(gt=0)] = 1e-2
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.2
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    augmentation: Augmentation = Augmentation()
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] = 1
    checkpoint_every: Annotated[int, Field(ge=1)] = 100
    accumulate: Annotated[int, Field(ge=1)] = 1
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    epochs: Annotated[int | None, Field(ge=1)] = None
    epoch_rates: EpochRates | None = None
    contrast: ContrastSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_encoder(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("encoder", cls.model_fields["encoder"].default)
        return {**ENCODERS[name].training, **given}

    @model_validator(mode="after")
    def _fit_together(self) -> TrainSettings:
        if self.epoch_rates is not None and self.epochs is None:
            raise ValueError("epoch_rates needs epochs")
        if self.batch % self.accumulate:
            raise ValueError("accumulate must divide batch")
        return self

    @property
    def key(self) -> str:
        """SHA-256 of all that the weights depend on; on which device and how often it is saved is no part of it."""
        kept = self.model_dump(mode="json", exclude={"accelerator", "checkpoint_every"})
        # Settings that came later count only where they are used, so that older trainings keep their keys.
        unused = {name for name in LATER if kept[name] == type(self).model_fields[name].default}
        facts = [TRAINING_VERSION, {name: value for name, value in kept.items() if name not in unused}]
        own = ENCODERS[self.encoder].version
        return sha256_of(facts if own == 1 else [*facts, own])

    def for_clips(self, clips: int) -> TrainSettings:
        """With `steps` counted from `epochs`, where these are given."""
        if self.epochs is None:
            return self
        return self.model_copy(update={"steps": self.epochs * self.steps_an_epoch(clips)})

    def steps_an_epoch(self, clips: int) -> int:
        """Whole batches of an epoch; at least one, of all clips, where they are fewer than a batch."""
        return max(1, clips // self.batch)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: linear rise, then half a cosine to zero; or by epochs."""
        if self.epoch_rates is not None:
            assert self.epochs is not None
            return self.rate * self.epoch_rates.factor(step * self.epochs // self.steps)
        rise = max(1.0, self.warmup * self.steps)
        if step < rise:
            return self.rate * (step + 1) / (rise + 1)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, self.steps - rise)))
