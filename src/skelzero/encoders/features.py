"""Features of many clips, with where they come from: what methods and protocols work on."""

from __future__ import annotations

import functools
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from skelzero.cards import CARD, read_json, sha256_array, sha256_of, staged_folder, write_json
from skelzero.encoders.card import EncoderCard
from skelzero.errors import UserError

FORMAT = 1
TEXT_COLUMNS = ("names", "codes", "datasets")
NUMBER_COLUMNS = ("subjects", "cameras", "setups", "replications")
TABLE = (*TEXT_COLUMNS, *NUMBER_COLUMNS)


class FeatureCard(BaseModel):
    """What features say of themselves.

    Attributes
    ----------
    encoder : EncoderCard
    store_checksum : str
        Of the store that held the clips.
    pipeline, history
        How they were prepared.
    skipped : tuple of (name, reason)
        Clips of the store that could not be prepared.
    blocks : dict of str to (start, stop)
        Which columns are what, where features of several kinds stand side by side.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    encoder: EncoderCard
    store_checksum: str
    pipeline: str
    history: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    blocks: dict[str, tuple[int, int]] = {}

    @model_serializer(mode="wrap")
    def _without_nothing(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Features of one kind say nothing of blocks, as they did before there were any: checksums stay."""
        found: dict[str, Any] = dump(self)
        return found if self.blocks else {name: value for name, value in found.items() if name != "blocks"}


@dataclass(frozen=True)
class FeatureSet:
    """One vector a clip.

    Attributes
    ----------
    features : float32 (N, D)
        As the encoder gives them; methods normalise for themselves.
    logits : float32 (N, K) or None
        The encoder's own class scores; columns are `card.encoder.classes`.
    names, codes, datasets : str (N,)
    subjects, cameras, setups, replications : int (N,)
    card : FeatureCard
    """

    features: Float32[np.ndarray, "N D"]
    names: np.ndarray
    codes: np.ndarray
    datasets: np.ndarray
    subjects: Int[np.ndarray, " N"]
    cameras: Int[np.ndarray, " N"]
    setups: Int[np.ndarray, " N"]
    replications: Int[np.ndarray, " N"]
    card: FeatureCard
    logits: Float32[np.ndarray, "N K"] | None = None

    def __post_init__(self) -> None:
        N = len(self.features)
        columns = [getattr(self, name) for name in TABLE] + ([] if self.logits is None else [self.logits])
        assert self.features.ndim == 2 and all(len(column) == N for column in columns), "one row a clip"
        assert self.logits is None or self.logits.shape[1] == len(self.card.encoder.classes)

    def __len__(self) -> int:
        return len(self.features)

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the numbers, the table and the card."""
        arrays = [self.features, *(getattr(self, name) for name in TABLE)]
        return sha256_of([self.card.model_dump(mode="json"), *(_checksum(a) for a in arrays)])

    @property
    def keys(self) -> list[str]:
        """Each clip's class as `dataset:code`."""
        return [f"{d}:{c}" for d, c in zip(self.datasets, self.codes, strict=True)]

    def top1(self) -> float | None:
        """Share of clips that the encoder's own classifier names rightly; None where no clip is of its classes."""
        known = {key: column for column, key in enumerate(self.card.encoder.classes)}
        rows = [(i, known[key]) for i, key in enumerate(self.keys) if key in known]
        if self.logits is None or not rows:
            return None
        index, truth = (np.array(column) for column in zip(*rows, strict=True))
        return float((self.logits[index].argmax(axis=1) == truth).mean())

    def take(self, rows: np.ndarray) -> FeatureSet:
        """The clips of some rows (boolean mask or indices), in that order."""
        chosen = {name: getattr(self, name)[rows] for name in ("features", *TABLE)}
        return replace(self, **chosen, logits=None if self.logits is None else self.logits[rows])

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write `features.npy`, `logits.npy`, `table.npz` and the card; all or nothing.

        Raises
        ------
        UserError
            `folder` exists and `overwrite` is false.
        """
        with staged_folder(folder, replace=overwrite) as stage:
            np.save(stage / "features.npy", self.features)
            if self.logits is not None:
                np.save(stage / "logits.npy", self.logits)
            np.savez(stage / "table.npz", **{name: getattr(self, name) for name in TABLE})  # type: ignore[arg-type]
            write_json(stage / CARD, {**self.card.model_dump(mode="json"), "checksum": self.checksum})

    @classmethod
    def load(cls, folder: Path) -> FeatureSet:
        """Read what `save` wrote.

        Raises
        ------
        UserError
            Not such a folder, or numbers that do not fit the card's checksum.
        """
        value = read_json(folder / CARD, what="features card")
        try:
            checksum = value.pop("checksum")
            card = FeatureCard.model_validate(value)
            arrays = {"features": np.load(folder / "features.npy", allow_pickle=False)}
            if (folder / "logits.npy").is_file():
                arrays["logits"] = np.load(folder / "logits.npy", allow_pickle=False)
            with np.load(folder / "table.npz", allow_pickle=False) as table:
                arrays.update({name: table[name] for name in TABLE})
            loaded = cls(card=card, **arrays)
        except (ValidationError, AttributeError, KeyError, TypeError, OSError, ValueError, AssertionError,
                zipfile.BadZipFile) as error:  # fmt: skip
            got = str(error).splitlines()[:1] or type(error).__name__
            raise UserError("these are no features that this version can read", where=folder, got=got,
                            next_step="run `skelzero encode` again") from error  # fmt: skip
        if loaded.checksum != checksum:
            raise UserError("the features do not fit their checksum", where=folder, got=loaded.checksum[:12],
                            expected=str(checksum)[:12], next_step="run `skelzero encode` again")  # fmt: skip
        return loaded


def _checksum(array: np.ndarray) -> str:
    # Text columns change their width with the longest entry; what they say does not.
    return sha256_of([str(v) for v in array]) if array.dtype.kind in "US" else sha256_array(array)
