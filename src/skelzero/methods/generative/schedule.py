"""How much each term of a loss counts at a step: the published epochs and steps as shares of any training."""

from __future__ import annotations

from skelzero.methods.generative.settings import CadaVaeSettings, SynseSettings

Weights = dict[str, float]

EPOCHS = 100
"""Length of CADA-VAE's published training; its warm-ups are given in these."""

WARM_UPS = {"beta": (0, 90), "cross": (21, 75), "alignment": (6, 22)}
"""First and last epoch of each linear warm-up (CADA-VAE, section 4, Implementation Details)."""

CYCLE, KL_FROM, CROSS_FROM, KL_LENGTH = 1700, 1000, 1400, 3000
"""SynSE's published cycle in steps of one batch (60 classes)."""


def ramp(at: float, first: float, last: float) -> float:
    """0 until `first`, 1 from `last` on, linear between.

    >>> [ramp(e, 6, 22) for e in (5, 6, 14, 22, 30)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    return min(1.0, max(0.0, (at - first) / (last - first)))


def cada_weights(step: int, steps: int, settings: CadaVaeSettings) -> Weights:
    """Weights of CADA-VAE's terms; with `steps` = 100 a step is one of the paper's epochs."""
    epoch = EPOCHS * step / steps
    beta, cross, alignment = (ramp(epoch, *WARM_UPS[name]) for name in ("beta", "cross", "alignment"))
    return {"reconstruction": 1.0, "kl_clips": settings.beta * beta, "kl_texts": settings.beta * beta,
            "cross": settings.cross * cross, "alignment": settings.alignment * alignment}  # fmt: skip


def synse_weights(step: int, steps: int, settings: SynseSettings) -> Weights:
    """Weights of SynSE's terms; with 10 cycles and `steps` = 17000 a step is one of the authors'.

    The clips' KL rises from step 1000 of a cycle on; the cross reconstruction is switched on after step 1400; the
    texts' KL rises from there, in the third cycle and later (msf.md, Schedule: the same one).
    """
    cycle, rest = divmod(step * settings.cycles, steps)
    at = CYCLE * rest / steps
    clips, texts = (settings.kl * max(at - start, 0) / KL_LENGTH for start in (KL_FROM, CROSS_FROM))
    return {"reconstruction": 1.0, "kl_clips": clips, "kl_texts": texts * (cycle > 1),
            "cross": settings.cross * (at > CROSS_FROM)}  # fmt: skip
