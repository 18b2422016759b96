"""Trained encoders kept between runs: the same clips, classes and settings are never trained on twice."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from skelzero import journal
from skelzero.cards import CARD
from skelzero.encoders.settings import TrainSettings
from skelzero.encoders.trained import TrainedEncoder
from skelzero.encoders.training import Progress, make_job, train_encoder
from skelzero.preprocess import Prepared
from skelzero.preprocess.cache import cache_folder


def cached_encoder(
    prepared: Prepared, class_codes: Sequence[str], settings: TrainSettings, *,
    anchors: Float[np.ndarray, "K E"] | None = None, progress: Progress | None = None,
) -> TrainedEncoder:  # fmt: skip
    """The encoder trained on these clips of these classes: from the cache, or trained now and kept.

    A training that was killed goes on from its last checkpoint, and the losses of a cached one are told again. Two
    processes that train the same encoder at once do the work twice and end in equal folders.
    """
    key = make_job(prepared, class_codes, settings, anchors).key
    folder = cache_folder("encoders") / key
    if (folder / CARD).is_file():
        found = TrainedEncoder.load(folder)
        journal.replay(found.losses)
        return found
    unfinished = cache_folder("encoders-unfinished") / key
    trained = train_encoder(
        prepared, class_codes, settings, anchors=anchors, checkpoint_folder=unfinished, progress=progress
    )
    trained.save(folder, overwrite=True)
    shutil.rmtree(unfinished, ignore_errors=True)
    return TrainedEncoder.load(folder)
