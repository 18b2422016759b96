"""Every number of the aligned-VAE baselines, CADA-VAE and SynSE."""

from __future__ import annotations

from pydantic import Field

from skelzero.methods.base import MethodSettings


class AlignedSettings(MethodSettings):
    """What both methods have in common.

    Defaults but for the weights of the losses were chosen on MSR-Action3D, a data set on which this package reports no
    comparison (docs/results.md).

    Attributes
    ----------
    steps, batch : int
        Optimiser steps, and clips in each.
    rate : float
        Of AMSGrad.
    latent : int
        Width of the latent that clips and texts share.
    hidden, text_hidden : int
        Widths of the one hidden layer in the clips' and in the texts' encoders and decoders; 0: none, all linear.
    centre_text : bool
        Take the seen classes' mean from every text vector first: sentence embeddings share a large common part.
    samples, classifier_steps, classifier_rate : int, int, float
        Latents a class for the classifier, its full-batch Adam steps, and their size.
    """

    steps: int = Field(500, ge=1)
    batch: int = Field(64, ge=2)
    rate: float = Field(1e-3, gt=0)
    latent: int = Field(64, ge=1)
    hidden: int = Field(128, ge=0)
    text_hidden: int = Field(64, ge=0)
    centre_text: bool = True
    samples: int = Field(200, ge=1)
    classifier_steps: int = Field(300, ge=1)
    classifier_rate: float = Field(1e-3, gt=0)


class CadaVaeSettings(AlignedSettings):
    """Settings of CADA-VAE; weights are what the warm-ups end at, the paper's rise an epoch times its epochs.

    The authors' code ends at nearly the same, 0.25, 2.37 and 8.13.

    Attributes
    ----------
    beta, cross, alignment : float
        Of the KL terms, of the cross reconstruction, of the Wasserstein distance.
    """

    beta: float = Field(0.0026 * 90, ge=0)
    cross: float = Field(0.044 * 54, ge=0)
    alignment: float = Field(0.54 * 16, ge=0)


class SynseSettings(AlignedSettings):
    """Settings of SynSE; `kl` and `cross` are the constants of the published schedule (`schedule.py`).

    As published there is no hidden layer.

    Attributes
    ----------
    cycles : int
        Times that the schedule is run through in the course of the steps.
    kl, cross : float
        Of the KL terms per 3000 published steps, and of the cross reconstruction.
    """

    hidden: int = Field(0, ge=0)
    text_hidden: int = Field(0, ge=0)
    cycles: int = Field(10, ge=1)
    kl: float = Field(0.1, ge=0)
    cross: float = Field(1.0, ge=0)
