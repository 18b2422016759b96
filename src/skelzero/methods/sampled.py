"""Classifiers of latents that are sampled from texts: which of the samples a step of their training sees."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

SAMPLES = 1 << 14
"""That a step sees: up to so many (32 classes of 500) all of them, as published; beyond, a part in turn.
All samples under all classes would grow with the square of the classes."""
LOGITS = 1 << 24
"""Numbers in one step's logits: beyond 1,024 classes a step sees fewer samples. It bounds memory and time."""


def samples_of_a_class(classes: int, samples: int, steps: int) -> int:
    """No more samples of each class than all steps together see."""
    return min(samples, math.ceil(steps * _at_once(classes) / classes))


def rows_of_steps(classes: int, samples: int, steps: int) -> Iterator[Int[Tensor, " B"] | None]:
    """For each step the rows of the samples that it sees, of (classes x samples) ones class by class; None for all.

    Rows follow from their number alone: where classes lie in an order of their own, so does all that is drawn here.
    """
    batch, all_of_them = _at_once(classes), classes * samples
    order, rng = np.empty(0, dtype=np.int64), np.random.default_rng(classes)
    for _ in range(steps):
        if batch >= all_of_them:
            yield None
            continue
        if len(order) < batch:
            order = rng.permutation(all_of_them)
        rows, order = order[:batch], order[batch:]
        yield torch.from_numpy(rows)


def _at_once(classes: int) -> int:
    return max(1, min(SAMPLES, LOGITS // classes))
