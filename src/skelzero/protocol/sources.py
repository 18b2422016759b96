"""Where features come from: an encoder trained for the classes and clips at hand, or a folder made elsewhere."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from pydantic import ValidationError

from skelzero.caches import cache_folder
from skelzero.cards import sha256_of
from skelzero.clips import ClipStore
from skelzero.encoders import FeatureSet, TrainedEncoder, TrainSettings, cached_encoder
from skelzero.errors import UserError
from skelzero.kinematics import alone, beside, of_store, parse_encoder
from skelzero.kinematics.joined import NAME as KINEMATICS
from skelzero.methods import EndToEndMethod
from skelzero.preprocess import PIPELINES, Prepared, default_pipeline, prepare
from skelzero.preprocess.key_frames import without_key_frames
from skelzero.text import TextBank

VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"without-key-frames": without_key_frames}
"""Changed forms of prepared clips (N, C, T, V, M), by the names that methods ask for them."""


class FeatureSource(ABC):
    """Clips of one data set, and features of them by an encoder that was trained on some classes only.

    Attributes
    ----------
    clips : Prepared or FeatureSet
        The clips' table: names, codes, datasets, subjects, cameras, setups.
    dataset : str
    checksum : str
        Of the store, or of the features.
    pipeline : str
        Which prepared the clips.
    settings : dict
        Of the encoder's training, in full but for the seed; empty where features are given.
    """

    clips: Prepared | FeatureSet
    dataset: str
    checksum: str
    pipeline: str
    settings: dict[str, Any]
    trains = True
    """False where the features are given: the encoder's classes are then what they are."""

    @abstractmethod
    def features(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> FeatureSet:
        """Features of all clips, by an encoder trained on the clips `fit` of `classes`; rows as in `clips`."""

    def changed_features(
        self, view: str, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int
    ) -> FeatureSet | None:  # fmt: skip
        """Features of all clips in a changed form (`VIEWS`) by the same encoder; None where there are no clips."""
        return None

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What the data are, for results."""


class StoreSource(FeatureSource):
    """A clip store; encoders are trained as needed and cached.

    Parameters
    ----------
    path : Path
    settings : dict
        Of the encoder's training, see `TrainSettings`; the seed is the task's. `encoder` may be `kinematics`, which
        needs no training, or end in `+kinematics`.
    pipeline : str
        By default the one that fits the store's joint layout.
    dataset : str
        Needed where a store holds several data sets.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, pipeline: str = "", dataset: str = "") -> None:
        store = ClipStore.open(path)
        self.path, self.checksum, self.store = path, store.checksum, store
        self.dataset = only_dataset(store.datasets, dataset, where=path)
        network, self.kinematic = parse_encoder(settings.get("encoder", TrainSettings.model_fields["encoder"].default))
        if network:
            require_space(store)
        chosen = PIPELINES[pipeline] if pipeline else default_pipeline(store.layout)
        prepared = prepare(store, chosen)
        self.clips: Prepared = prepared
        self.skipped = prepared.skipped
        if (prepared.datasets != self.dataset).any():
            self.clips = prepared.take(np.flatnonzero(prepared.datasets == self.dataset))
        self.pipeline = chosen.name
        self.persons = prepared.persons
        self.trains = self.has_network = bool(network)
        self.training = checked_settings({**settings, "encoder": network} if network else {})
        full = f"{network}+{KINEMATICS}" if self.kinematic else network
        self.settings = {**self.training, "encoder": full} if network else {"encoder": KINEMATICS}

    def encoder(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> TrainedEncoder:
        """An encoder trained on the clips `fit` of `classes`, and on nothing else."""
        rows = np.flatnonzero(fit & np.isin(self.clips.codes, classes))
        return cached_encoder(self.clips.take(rows), list(classes), TrainSettings(**{**self.training, "seed": seed}))

    def features(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> FeatureSet:
        if not self.has_network:
            return alone(self.clips, self._kinematics)
        return self._joined(cached_features(self.encoder(classes, fit, seed), self.clips))

    def changed_features(
        self, view: str, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int
    ) -> FeatureSet | None:  # fmt: skip
        if not self.has_network:
            return None
        changed = replace(self.clips, data=VIEWS[view](np.asarray(self.clips.data)),
                          history=(*self.clips.history, view))  # fmt: skip
        return self._joined(cached_features(self.encoder(classes, fit, seed), changed))

    def _joined(self, features: FeatureSet) -> FeatureSet:
        return beside(features, self._kinematics) if self.kinematic else features

    @functools.cached_property
    def _kinematics(self) -> Float32[np.ndarray, "N F"]:
        """Of all clips; what somebody does does not depend on who was trained on it."""
        return of_store(self.store, self.clips.names.tolist())

    def facts(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset, "checksum": self.checksum, "clips": len(self.clips),
            "pipeline": self.clips.pipeline, "history": list(self.clips.history), "layout": self.clips.layout.name,
            "skipped": [list(pair) for pair in self.skipped],
        }  # fmt: skip


class AlignedSource(StoreSource):
    """A clip store seen by encoders that are trained end to end for a method.

    Parameters
    ----------
    base : FeatureSource
        The store, with the settings of the encoder that other methods share.
    method : EndToEndMethod
    bank_of : callable
        Texts of class codes, in their order.

    Raises
    ------
    UserError
        There are no clips, only features; or settings with which no encoder can be trained.
    """

    def __init__(
        self, base: FeatureSource, method: EndToEndMethod, bank_of: Callable[[tuple[str, ...]], TextBank]
    ) -> None:  # fmt: skip
        if not isinstance(base, StoreSource):
            raise UserError(f"{method.kind} trains its encoder end to end: it needs clips", where=base.dataset,
                            got="a features folder", expected="a clip store")  # fmt: skip
        require_space(base.store)
        vars(self).update(vars(base))
        self.kinematic, self.trains, self.has_network = False, True, True
        self.settings = self.training = checked_settings(method.training(base.training))
        self._method, self._bank_of = method, bank_of

    def encoder(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> TrainedEncoder:
        """An encoder trained on the clips `fit` of `classes` against the texts of `classes`, and on nothing else."""
        rows = np.flatnonzero(fit & np.isin(self.clips.codes, classes))
        return cached_encoder(
            self.clips.take(rows), list(classes), TrainSettings(**{**self.training, "seed": seed}),
            anchors=self._method.anchors(self._bank_of(classes)),
        )  # fmt: skip


def checked_settings(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of an encoder's training in full, without the seed; an impossible one is a `UserError`."""
    try:
        return TrainSettings(**given).model_dump(mode="json", exclude={"seed", "checkpoint_every"})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError("a setting of the skeleton encoder is not possible", where=".".join(map(str, first["loc"])),
                        got=first["input"], expected=first["msg"]) from error  # fmt: skip


class GivenEncoder(StoreSource):
    """A clip store seen through one encoder that was trained before, or through kinematics alone.

    Parameters
    ----------
    encoder : TrainedEncoder or None
    kinematic : bool
        Kinematic features stand behind the encoder's.
    """

    def __init__(
        self, path: Path, encoder: TrainedEncoder | None, *, kinematic: bool, pipeline: str, dataset: str
    ) -> None:  # fmt: skip
        super().__init__(path, {} if encoder else {"encoder": KINEMATICS}, pipeline=pipeline, dataset=dataset)
        self._encoder, self.kinematic = encoder, kinematic
        self.trains, self.has_network = False, encoder is not None

    def encoder(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> TrainedEncoder:
        assert self._encoder is not None
        return self._encoder


def require_space(store: ClipStore) -> None:
    """Refuse 2-D clips, which no skeleton encoder reads, with a `UserError`."""
    if store.layout.dims == 2:
        raise UserError("skeleton encoders are trained on 3-D clips only", where=store.path,
                        got=f"{store.layout.name} (2-D)", expected="a 3-D store, or no skeleton encoder",
                        next_step="pass --encoder kinematics (match, skelzero, ridge, eszsl, ...)")  # fmt: skip


def cached_features(encoder: TrainedEncoder, clips: Prepared) -> FeatureSet:
    """Features of clips by an encoder, kept in the cache."""
    folder = cache_folder("features") / sha256_of([encoder.card.model_dump(mode="json"), clips.key])
    if folder.is_dir():
        return FeatureSet.load(folder)
    found = encoder.encode(clips)
    found.save(folder, overwrite=True)  # another process may have been faster
    return found


class FolderSource(FeatureSource):
    """Features that `skelzero encode` wrote, or others brought into that form; no encoder is trained."""

    trains = False

    def __init__(self, path: Path, *, dataset: str = "") -> None:
        clips = FeatureSet.load(path)
        self.path = path
        self.dataset = only_dataset(clips.datasets, dataset, where=path)
        self.clips: FeatureSet = clips.take(np.flatnonzero(clips.datasets == self.dataset))
        self.checksum, self.pipeline, self.settings = clips.checksum, "", {}

    def features(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"], seed: int) -> FeatureSet:
        return self.clips

    def facts(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "checksum": self.checksum, "clips": len(self.clips), "features": True}


def only_dataset(datasets: np.ndarray, wanted: str, *, where: object) -> str:
    """The data set that is meant: the only one, or the one asked for."""
    present = sorted({str(d) for d in datasets})
    if wanted and wanted not in present:
        raise UserError("the data set is not in the data", where=where, got=wanted, expected=", ".join(present))
    if not wanted and len(present) > 1:
        raise UserError("several data sets in one store", where=where, got=", ".join(present),
                        next_step="say which with --dataset")  # fmt: skip
    return wanted or present[0]
