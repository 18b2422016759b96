"""Repetition: whether a movement comes again, how often, and how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

TINY = 1e-6
SHORTEST = 4
"""Frames of the shortest round that is looked for; shorter ones are jitter."""
SURE, UNSURE = 0.6, 0.2
"""Correlation with itself one round later at which a movement surely repeats, and below which it does not."""
ALIKE = 0.9
"""Share of the highest correlation from which on a shorter round is taken for the round."""


@dataclass(frozen=True)
class Rhythm:
    """Repetition of N movements.

    Attributes
    ----------
    certainty : float (N,)
        0 once, 1 surely again and again.
    rounds : float (N,)
        How many rounds fit into the time in which there is movement.
    period : float (N,)
        Of one round, in frames.
    """

    certainty: Float[Tensor, " N"]
    rounds: Float[Tensor, " N"]
    period: Float[Tensor, " N"]


def rhythm(places: Float[Tensor, "N T C"]) -> Rhythm:
    """Measure repetition by the autocorrelation of the velocity.

    Going out and coming back once gives one negative bump and no positive one after it; a second round gives a positive
    peak one period later. The overlap that shrinks with the lag is allowed for, up to half of the clip.
    """
    velocity = places.diff(dim=1)
    T = velocity.shape[1]
    spectrum = torch.fft.rfft(velocity, n=2 * T, dim=1)
    together = torch.fft.irfft((spectrum.abs() ** 2).sum(dim=-1), n=2 * T, dim=1)[:, :T]
    power = (velocity**2).sum(dim=-1)
    running = torch.cat([torch.zeros_like(power[:, :1]), power.cumsum(dim=1)], dim=1)
    lags = torch.arange(T)
    # Geometric mean of the power of both overlapping parts makes a perfect repetition 1 at any lag.
    early, late = running[:, T - lags], running[:, -1:] - running[:, lags]
    correlation = together / (early * late).clamp(min=TINY**2).sqrt()
    possible = ((correlation < 0).cumsum(dim=1) > 0) & (lags >= SHORTEST) & (lags <= T // 2)
    correlation = torch.where(possible, correlation, torch.full_like(correlation, -1.0))
    peak = correlation.amax(dim=1)
    lag = _first_peak(correlation, ALIKE * peak)
    certainty = ((peak - UNSURE) / (SURE - UNSURE)).clamp(0, 1)
    speed = power.sqrt()
    busy = (speed > 0.15 * speed.amax(dim=1, keepdim=True)).float().sum(dim=1)
    period = lag.clamp(min=SHORTEST).float()
    return Rhythm(certainty, busy / period, period)


def _first_peak(course: Float[Tensor, "N L"], least: Float[Tensor, " N"]) -> Int[Tensor, " N"]:
    """The first local maximum that is high enough: what repeats after one round does so after two, three and four."""
    around = F.pad(course, (1, 1), value=-math.inf)
    peaks = (course >= around[:, :-2]) & (course >= around[:, 2:]) & (course >= least[:, None])
    return peaks.int().argmax(dim=1)
