"""Kinematic features of whole stores, alone or beside what a trained encoder gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from skelzero.caches import cache_folder
from skelzero.cards import sha256_array, sha256_of, staged_folder
from skelzero.clips import Clip, ClipStore
from skelzero.encoders import FeatureSet
from skelzero.encoders.features import TABLE, FeatureCard
from skelzero.encoders.trained import make_card
from skelzero.errors import UserError
from skelzero.grid import Crew, in_order, one_thread
from skelzero.kinematics.attributes import lines, measure
from skelzero.kinematics.bodies import to_bodies
from skelzero.kinematics.features import VERSION, course_features
from skelzero.kinematics.signals import Signals
from skelzero.preprocess import Prepared
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import clip_vectors, typical

NAME = "kinematics"
ATTRIBUTES, COURSES, NETWORK = "attributes", "courses", "network"
"""Blocks of features: measured attributes as vectors (unknown ones zero), numbers of all time courses, an encoder's."""
BATCH = 64
ARRAY = "kinematics.npy"


def parse_encoder(name: str) -> tuple[str, bool]:
    """The network of an encoder's name ("" for none), and whether kinematic features are wanted.

    >>> parse_encoder("shift-gcn:small+kinematics"), parse_encoder("kinematics"), parse_encoder("st-gcn")
    (('shift-gcn:small', True), ('', True), ('st-gcn', False))
    """
    if name == NAME:
        return "", True
    network, plus, further = name.partition("+")
    if plus and further != NAME:
        raise UserError("unknown addition to an encoder", got=further, expected=f"ENCODER+{NAME}")
    return network, bool(plus)


def of_clips(clips: Sequence[Clip]) -> tuple[Float32[np.ndarray, "N A"], Float32[np.ndarray, "N S"]]:
    """Measured attributes as vectors, and course features, of clips as recorded."""
    measured, courses = [], []
    schema = load_schema()
    for start in range(0, len(clips), BATCH):
        bodies = to_bodies([clips[i] for i in range(start, min(start + BATCH, len(clips)))])
        with torch.inference_mode():
            signals = Signals(bodies)
            measured.append(clip_vectors(schema.settle(measure(bodies, signals).double().numpy())))
            courses.append(course_features(bodies, signals).numpy())
    return np.concatenate(measured), np.concatenate(courses)


def of_store(
    store: ClipStore, names: Sequence[str], *, progress: Callable[[int, int], None] | None = None,
    crew: Crew | None = None,
) -> Float32[np.ndarray, "N F"]:  # fmt: skip
    """Attributes and course features of some clips of a store, in the order of their names; kept in the cache."""
    rows = {str(name): i for i, name in enumerate(store.names)}
    if len(rows) < len(store):
        raise UserError("clips of one name cannot be told apart", where=store.path, got=len(store) - len(rows),
                        next_step="import them again under different names")  # fmt: skip
    wanted = [rows[str(name)] for name in names]
    schema = load_schema()
    scales = [sha256_array(part) for part in typical()[1]]
    flat = [sha256_array(schema.depth), sha256_array(lines())] if store.layout.dims == 2 else []
    folder = cache_folder("kinematics") / sha256_of([store.checksum, VERSION, schema.sha256, scales, wanted, *flat])
    if (folder / ARRAY).is_file():
        return np.load(folder / ARRAY, allow_pickle=False)
    parts: list[Float32[np.ndarray, "B F"]] = []
    jobs = ((store.path, tuple(wanted[start : start + BATCH])) for start in range(0, len(wanted), BATCH))
    for part in in_order(crew, _measure_piece if crew else lambda job: _measured(store, job[1]), jobs):
        parts.append(part)
        if progress is not None:
            progress(min(len(parts) * BATCH, len(wanted)), len(wanted))
    found = np.concatenate(parts)
    with staged_folder(folder, replace=True) as stage:
        np.save(stage / ARRAY, found)
    return found


def _measured(store: ClipStore, rows: Sequence[int]) -> Float32[np.ndarray, "B F"]:
    return np.concatenate(of_clips([store[i] for i in rows]), axis=1)


def _measure_piece(job: tuple[Path, tuple[int, ...]]) -> Float32[np.ndarray, "B F"]:
    """In a worker: some clips of a store."""
    one_thread()
    return _measured(ClipStore.open(job[0]), job[1])


def alone(prepared: Prepared, kinematics: Float32[np.ndarray, "N F"]) -> FeatureSet:
    """Kinematic features as a set of their own: no encoder was trained, so none has seen any class."""
    card = FeatureCard(
        encoder=make_card(prepared, NAME, ()), store_checksum=prepared.store_checksum, pipeline=prepared.pipeline,
        history=prepared.history, skipped=prepared.skipped, blocks=_blocks(0, kinematics.shape[1]),
    )  # fmt: skip
    return FeatureSet(kinematics, **{name: getattr(prepared, name) for name in TABLE}, card=card)


def beside(features: FeatureSet, kinematics: Float32[np.ndarray, "N F"]) -> FeatureSet:
    """An encoder's features with the kinematic ones behind them."""
    width = features.features.shape[1]
    blocks = {NETWORK: (0, width), **_blocks(width, kinematics.shape[1])}
    card = features.card.model_copy(update={"blocks": blocks})
    return replace(features, features=np.concatenate([features.features, kinematics], axis=1), card=card)


def _blocks(start: int, width: int) -> dict[str, tuple[int, int]]:
    middle = start + len(load_schema())
    return {ATTRIBUTES: (start, middle), COURSES: (middle, start + width)}
