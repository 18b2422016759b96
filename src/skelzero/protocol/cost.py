"""What a method costs: parameters, multiply-accumulates of scoring a clip, seconds.

Products of matrices are counted, whether torch or numpy computes them, and nothing else: sums, norms and activations
cost a few per cent of them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import BaseModel

from skelzero.encoders import ENCODERS, EncoderCard, SkeletonGraph
from skelzero.methods import ZeroShotMethod
from skelzero.preprocess import PIPELINES
from skelzero.protocol.phases import Phase
from skelzero.text import TextBank

PROBES = 4
"""Clips that are scored to count."""


class Cost(BaseModel):
    """What one fitted method costs.

    Attributes
    ----------
    parameters : int
        Learned numbers of the method; see `ZeroShotMethod.parameters`.
    encoder_parameters : int or None
        Of the skeleton encoder, without the head that only its training needs; None where it is not known.
    encoder_macs : int or None
        Multiply-accumulates of the encoder for a body at the frames of its pipeline; each further body of a clip costs
        as much. None where they are not known.
    macs : int or None
        Multiply-accumulates of scoring one clip more among `classes`, from its features on; None where they escape the
        count.
    classes : int
    seconds : dict
        `selection`, `fit` and `judge`.
    """

    parameters: int
    encoder_parameters: int | None
    encoder_macs: int | None = None
    macs: int | None
    classes: int
    seconds: dict[str, float]


def measure(method: ZeroShotMethod, phase: Phase, seconds: dict[str, float]) -> Cost:
    """Cost of a fitted method among all classes of a phase; it scores a dozen clips.

    Parameters
    ----------
    method : ZeroShotMethod
    phase : Phase
    seconds : dict
        As a result has them.
    """
    encoder_parameters, encoder_macs = encoder_cost(phase.held.card.encoder)
    return Cost(
        parameters=method.parameters, encoder_parameters=encoder_parameters, encoder_macs=encoder_macs,
        macs=macs_of_a_clip(method, phase.held.features, phase.bank), classes=len(phase.bank),
        seconds={name: round(seconds[name], 4) for name in ("selection", "fit", "judge") if name in seconds},
    )  # fmt: skip


def macs_of_a_clip(method: ZeroShotMethod, x: Float32[np.ndarray, "N D"], bank: TextBank) -> int | None:
    """What one clip more costs: what is computed once for the classes drops out of the difference."""
    if not len(x):
        return None
    few = np.resize(x[:PROBES], (2 * PROBES, x.shape[1]))
    method.scores(few[:1], bank)  # some methods train a classifier when they first meet these classes
    once, twice = (count_macs(method, few[:n], bank) for n in (PROBES, 2 * PROBES))
    return None if once is None or twice is None else (twice - once) // PROBES


def count_macs(method: ZeroShotMethod, x: Float32[np.ndarray, "N D"], bank: TextBank) -> int | None:
    """Multiply-accumulates of scoring some clips; None where a method turned the clips into arrays that do not count.

    What torch multiplies is always counted.
    """
    from torch.utils.flop_counter import FlopCounterMode

    counting = np.ascontiguousarray(x).view(CountingArray)
    counting.tally = [0]
    with FlopCounterMode(display=False) as flops:
        scores = method.scores(counting, bank)
    by_torch = flops.get_total_flops() // 2
    if not by_torch and not isinstance(scores, CountingArray):
        return None
    return counting.tally[0] + by_torch


class CountingArray(np.ndarray):
    """An array that counts the products of matrices in which it, and whatever is computed from it, takes part.

    Attributes
    ----------
    tally : list of int
        Multiply-accumulates so far; shared by all arrays that come from one.
    """

    tally: list[int]

    def __array_finalize__(self, parent: Any) -> None:
        if isinstance(parent, CountingArray):
            self.tally = parent.tally

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if "out" in options:
            options["out"] = tuple(_plain(o) for o in options["out"])
        result = getattr(ufunc, method)(*(_plain(i) for i in inputs), **options)
        if ufunc is np.matmul:
            self.tally[0] += np.size(result) * np.shape(inputs[0])[-1]
        return self._same(result)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        result = super().__array_function__(function, (CountingArray,), inputs, options)
        return self._same(result)

    def _same(self, result: Any) -> Any:
        """What came out counts on."""
        if type(result) is not np.ndarray:
            return result
        counting = result.view(CountingArray)
        counting.tally = self.tally
        return counting


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, CountingArray) else value


def encoder_cost(card: EncoderCard) -> tuple[int | None, int | None]:
    """Parameters of the encoder that a card describes, and its multiply-accumulates for a body; None for an encoder
    that this package cannot build, or frames that it does not know."""
    if card.encoder not in ENCODERS:
        return None, None
    frames = PIPELINES[card.pipeline].frames if card.pipeline in PIPELINES else 0
    return _encoder_cost(card.encoder, card.graph, card.persons, frames)


@functools.cache
def _encoder_cost(name: str, graph: SkeletonGraph, persons: int, frames: int) -> tuple[int, int | None]:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.random.fork_rng(devices=[]):
        network = ENCODERS[name].build(graph, 1, persons=persons).eval().requires_grad_(False)
    head = sum(p.numel() for p in network.head.parameters())
    parameters = sum(p.numel() for p in network.parameters()) - head
    if not frames:
        return parameters, None
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        network.bodies(torch.zeros(1, frames, graph.joints, network.channels))
    return parameters, flops.get_total_flops() // 2
