"""Every number of MSF-GZSSAR, with the publication's form named `msf-published`."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from skelzero.methods.base import MethodSettings


class MsfSettings(MethodSettings):
    """Hyper-parameters of MSF-GZSSAR (2023; msf.md). Defaults are our own form; `PUBLISHED` holds the other.

    Attributes
    ----------
    kinds : tuple of str
        Texts that are fused by concatenation; all of the bank's when empty.
    latent : int
        Width of the common latent space.
    noise : {"per-dimension", "shared"}
        One random number for each latent dimension, or one scalar for a whole clip (as published).
    standardize : bool
        Bring features to deviation 1 and texts, less their seen mean, to mean square 1; else raw features and texts of
        unit length (as published), whose errors differ by orders of magnitude.
    decoder_relu : bool
        A ReLU ends each decoder (as published); it cannot give back the negative half of standardised numbers.
    cycles, cycle_steps : int
        Training is `cycles` rounds of `cycle_steps` steps of the schedule.
    steps : int
        All steps together where they are fewer: the schedule keeps its shape at another speed. 0: cycles x cycle_steps.
    cross_after, kl_from, kl_over : int
        Steps within a full cycle: cross decodings count after the first, the KL of clips grows from the second, and
        both KL reach `kl_weight` after `kl_over` further steps.
    kl_weight : float
    text_kl_cycle : int
        First cycle (counted from 1) in which the KL of texts counts.
    batch : int
    rate : float
        Of Adam.
    relu : bool
        A ReLU ends the latent classifier (as published).
    samples, classifier_steps, classifier_rate
        Latents a class, full-batch Adam steps and their rate, for the latent classifier.
    seeds : int
        Models trained together as one batched model, with seeds s, s + 1, ...; their probabilities are averaged.
    cycle : int or None
        Stop after this cycle; None trains all, and one of them is chosen on pseudo-unseen classes.
    """

    latent: int = Field(100, ge=1)
    noise: Literal["per-dimension", "shared"] = "per-dimension"
    standardize: bool = True
    decoder_relu: bool = False
    cycles: int = Field(10, ge=1)
    cycle_steps: int = Field(1700, ge=2)
    steps: int = Field(1000, ge=0)
    cross_after: int = Field(1400, ge=0)
    kl_from: int = Field(1000, ge=0)
    kl_over: int = Field(3000, ge=1)
    kl_weight: float = Field(0.1, ge=0)
    text_kl_cycle: int = Field(3, ge=1)
    batch: int = Field(64, ge=2)
    rate: float = Field(1e-3, gt=0)
    relu: bool = False
    samples: int = Field(500, ge=1)
    classifier_steps: int = Field(300, ge=1)
    classifier_rate: float = Field(1e-2, gt=0)
    seeds: int = Field(1, ge=1, le=64)
    cycle: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.cross_after >= self.cycle_steps:
            raise ValueError("cross_after must lie within a cycle: the two sides would never meet")
        if self.cycle is not None and self.cycle > self.cycles:
            raise ValueError(f"there are only {self.cycles} cycles")
        return self

    @property
    def steps_a_cycle(self) -> int:
        """Optimiser steps of one cycle."""
        return max(1, round(self.steps / self.cycles)) if self.steps else self.cycle_steps


PUBLISHED: dict[str, Any] = {
    "noise": "shared", "standardize": False, "decoder_relu": True, "steps": 0, "rate": 1e-4, "relu": True,
    "classifier_rate": 1e-3,
}  # fmt: skip
"""`msf-published`: every quirk of the publication; 17,000 steps for the sizes of NTU-60."""
