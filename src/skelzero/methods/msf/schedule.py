"""Weights of the loss by step (msf.md, Model)."""

from __future__ import annotations

from typing import NamedTuple

from skelzero.methods.msf.settings import MsfSettings


class Weights(NamedTuple):
    """`cross` of the cross decodings, `clip` and `text` of the two KL divergences."""

    cross: float
    clip: float
    text: float


def weights_at(step: int, settings: MsfSettings) -> Weights:
    """Weights of a step, counted from 0 over all cycles.

    A training of another length passes through the same schedule at another speed: a step is first brought to its place
    in a full cycle.
    """
    cycle, within = divmod(step, settings.steps_a_cycle)
    i = within * settings.cycle_steps / settings.steps_a_cycle
    rate = settings.kl_weight / settings.kl_over
    text = rate * max(i - settings.cross_after, 0.0) if cycle + 1 >= settings.text_kl_cycle else 0.0
    return Weights(float(i > settings.cross_after), rate * max(i - settings.kl_from, 0.0), text)
