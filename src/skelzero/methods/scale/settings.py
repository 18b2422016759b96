"""Every number of SCALE, with the publication's values named `scale-published`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skelzero.methods.base import MethodSettings


class ScaleSettings(MethodSettings):
    """Hyper-parameters of SCALE (arXiv 2604.02222; scale.md) in optimiser steps rather than epochs.

    Defaults are the publication's but for the schedule (small data sets), `centre_text`, `text_noise` and `reference`,
    which were chosen on MSR-Action3D; figures on that data set are marked accordingly (docs/results.md).

    Attributes
    ----------
    steps, epochs : int
        Length of training; `epochs` > 0 overrides `steps` by as many passes over the clips.
    latent, hidden, code : int
        Widths: latent z, posterior's hidden layer, class code and decoder.
    tokens : bool
        Let the pooled text attend to its tokens; otherwise only pooled vectors are read.
    centre_text : bool
        Take the seen classes' mean from every text vector first.
    log_variance_bound : float
        s_max of the prior's log-variance.
    free_bits : float
        Nats per latent dimension that cost nothing.
    warm_up : float
        Share of the steps over which the KL weight grows from 0.
    lambda_k, lambda_list, lambda_proto : float
        Weights of the KL in the energy, of the listwise loss, of the prototype contrast.
    hardness, hardness_temperature : float
        a and tau_s of the semantic hardness weights; a = 0 switches them off.
    confidence : bool
        Per-sample margin and weight; off means kappa = 0.5 for every sample.
    margin, temperature : float
        m_0 and tau of the listwise loss.
    contrast_temperature : float
        Of the prototype contrast.
    energy : {"full", "reconstruction", "kl"}
        Which parts of the energy count, in training and in scores.
    text_noise : float
        Deviation of noise on text vectors of unit length while training (0: as published).
    reference : int
        Training clips that are kept; each class's mean energy over them is taken from its energies (0: as published).
        Some texts lie so that hardly any clip has a high energy under them, and such classes attract everything.
    """

    steps: int = Field(200, ge=1)
    epochs: int = Field(0, ge=0)
    batch: int = Field(32, ge=2)
    rate: float = Field(3e-4, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    gradient_clip: float = Field(5.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    latent: int = Field(128, ge=1)
    hidden: int = Field(512, ge=1)
    code: int = Field(256, ge=1)
    tokens: bool = True
    centre_text: bool = True
    log_variance_bound: float = Field(1.0, gt=0)
    free_bits: float = Field(0.02, ge=0)
    warm_up: float = Field(0.2, ge=0, le=1)
    lambda_k: float = Field(0.5, ge=0)
    lambda_list: float = Field(0.1, ge=0)
    lambda_proto: float = Field(0.1, ge=0)
    hardness: float = Field(0.5, ge=0, le=1)
    hardness_temperature: float = Field(0.1, gt=0)
    confidence: bool = True
    margin: float = Field(0.05, ge=0)
    temperature: float = Field(0.1, gt=0)
    contrast_temperature: float = Field(0.1, gt=0)
    energy: Literal["full", "reconstruction", "kl"] = "full"
    text_noise: float = Field(0.5, ge=0)
    reference: int = Field(256, ge=0)


PUBLISHED: dict[str, object] = {
    "epochs": 50, "batch": 256, "centre_text": False, "text_noise": 0.0, "reference": 0,
}  # fmt: skip
"""`scale-published`: the publication's schedule and texts; all other defaults are the publication's anyway."""

ABLATIONS: dict[str, dict[str, object]] = {
    "no-list": {"lambda_list": 0.0},
    "no-hardness": {"hardness": 0.0},
    "no-confidence": {"confidence": False},
    "no-proto": {"lambda_proto": 0.0},
    "no-kl": {"energy": "reconstruction"},
    "no-recon": {"energy": "kl"},
    "no-reference": {"reference": 0},
}
"""The publication's ablations, and what is ours, as settings of the same class."""
