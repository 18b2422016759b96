"""What decides the outcome of an encoder's training, and how fast it goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from skelzero.cards import sha256_of
from skelzero.encoders.augmentation import Augmentation
from skelzero.encoders.base import ENCODERS

TRAINING_VERSION = 1
"""Raised whenever the same settings give other weights, so that caches notice."""


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
        More than one share each batch.
    checkpoint_every : int
        Steps between checkpoints, when a folder for them is given.
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

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_encoder(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("encoder", cls.model_fields["encoder"].default)
        return {**ENCODERS[name].training, **given}

    @property
    def key(self) -> str:
        """SHA-256 of all that the weights depend on; on which device and how often it is saved is no part of it."""
        kept = self.model_dump(mode="json", exclude={"accelerator", "checkpoint_every"})
        return sha256_of([TRAINING_VERSION, kept])

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: linear rise, then half a cosine to zero."""
        rise = max(1.0, self.warmup * self.steps)
        if step < rise:
            return self.rate * (step + 1) / (rise + 1)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, self.steps - rise)))
