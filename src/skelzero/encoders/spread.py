"""Many clips through a trained encoder, by as many workers as there are."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from skelzero.encoders.features import TABLE, FeatureSet
from skelzero.encoders.trained import TrainedEncoder
from skelzero.grid import Crew, in_order, one_thread
from skelzero.preprocess import Prepared

PIECE = 4
"""Batches that one job encodes."""


def encode_spread(
    encoder: TrainedEncoder, prepared: Prepared, batch: int = 64, *, crew: Crew | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureSet:  # fmt: skip
    """Features and logits of every clip, as `TrainedEncoder.encode` gives them.

    Encoder and clips travel with the jobs: workers need no files.

    Raises
    ------
    UserError
        As `TrainedEncoder.encode`.
    """
    if crew is None or len(prepared) <= batch:
        return encoder.encode(prepared, batch, progress=progress)
    edges = [*range(0, len(prepared), batch * PIECE), len(prepared)]
    jobs = ((encoder, prepared.take(np.arange(start, stop)), batch) for start, stop in itertools.pairwise(edges))
    parts: list[FeatureSet] = []
    for part in in_order(crew, _encode_piece, jobs):
        parts.append(part)
        if progress is not None:
            progress(edges[len(parts)], len(prepared))
    logits = [part.logits for part in parts if part.logits is not None]
    return FeatureSet(
        np.concatenate([part.features for part in parts]), **{name: getattr(prepared, name) for name in TABLE},
        card=parts[0].card.model_copy(update={"skipped": prepared.skipped}),
        logits=np.concatenate(logits) if logits else None,
    )  # fmt: skip


def _encode_piece(job: tuple[TrainedEncoder, Prepared, int]) -> FeatureSet:
    one_thread()
    encoder, prepared, batch = job
    return encoder.encode(prepared, batch)
