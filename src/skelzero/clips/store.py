"""Many clips on disk as one memory-mapped array: opening costs the same for ten clips and for a hundred thousand.

A store is a folder: `frames.f32` (every clip's positions, person by frame by joint by coordinate, one clip after
another), `confidence.f32` where a source has one, `index.npy` (one row a clip) and `card.json`. All clips share one
joint layout, one unit and one history. Nothing in it depends on time or machine: equal sources give equal bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skelzero.cards import CARD, sha256_file
from skelzero.clips.clip import Clip
from skelzero.clips.layout import JointLayout
from skelzero.clips.store_card import (
    AGAIN,
    CONFIDENCE,
    FRAMES,
    INDEX,
    StoreCard,
    check_files,
    check_index,
    count,
    open_index,
    origin_of,
    read_card,
    to_bytes,
)
from skelzero.errors import UserError


class ClipStore:
    """A sequence of clips; each is a read-only view on the memory-mapped frames, nothing is copied to be read.

    Attributes
    ----------
    path : Path
    card : StoreCard
    layout : JointLayout
        Of all clips.
    index : structured array, memory-mapped
        One row a clip: `name`, `dataset`, `code`, `file` (UTF-8 bytes), `subject`, `camera`, `setup`, `replication`,
        `start_frame`, `persons`, `frames`, `offset` (in person-frames), `fps`.
    """

    def __init__(self, path: Path, card: StoreCard) -> None:
        self.path = path
        self.card = card
        self.layout = JointLayout.from_json(card.layout, where=path)
        self.index = open_index(path)
        check_index(path, card, self.index, len(self.layout) * self.layout.dims)
        self._frames = _mapped(path / FRAMES)
        self._confidence = _mapped(path / CONFIDENCE) if CONFIDENCE in card.sizes else None

    @classmethod
    def open(cls, path: Path | str) -> ClipStore:
        """Open a store; card, index and file sizes are checked here, the bytes only by `verify`.

        Raises
        ------
        UserError
            Not a store, a store of another format version, or files missing or of another size than the card says.
        """
        path = Path(path)
        card = read_card(path)
        check_files(path, card)
        return cls(path, card)

    def __reduce__(self) -> tuple[object, ...]:
        # Pickling would copy the whole mapped array to the other process.
        return (ClipStore.open, (self.path,))

    @property
    def checksum(self) -> str:
        """Hash of everything in the store, from the card."""
        return self.card.checksum

    def verify(self) -> None:
        """Read every byte and compare with the card's checksums and counts.

        Raises
        ------
        UserError
            A file was changed.
        """
        for name, expected in self.card.checksums.items():
            got = sha256_file(self.path / name)
            if got != expected:
                raise UserError("the store's checksum is wrong", where=self.path / name, got=got[:16],
                                expected=expected[:16], next_step=AGAIN)  # fmt: skip
        card = self.card
        counted = (int(self.index["frames"].sum()), count(self.codes.tolist()), count(self.datasets.tolist()))
        if set(card.checksums) != set(card.sizes) or counted != (card.frames, card.classes, card.datasets):
            raise UserError("the store's card does not fit its index", where=self.path / CARD, next_step=AGAIN)

    def __len__(self) -> int:
        return self.card.clips

    def __iter__(self) -> Iterator[Clip]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Clip:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        row = self.index[i]
        P, T, V, C = int(row["persons"]), int(row["frames"]), len(self.layout), self.layout.dims
        start = int(row["offset"])
        stop = start + P * T
        if min(start, P - 1, T - 1) < 0 or stop * V * C > len(self._frames):
            raise UserError("the store's index is damaged", where=self.path / INDEX, got=f"clip {i} at {start}",
                            next_step=AGAIN)  # fmt: skip
        confidence: np.ndarray | None = None
        if self._confidence is not None:
            confidence = self._confidence[start * V : stop * V].reshape(P, T, V)
            confidence = None if np.isnan(confidence).all() else confidence
        return Clip(
            self._frames[start * V * C : stop * V * C].reshape(P, T, V, C), self.layout, origin_of(row),
            fps=float(row["fps"]), confidence=confidence, unit=self.card.unit, history=tuple(self.card.history),
        )  # fmt: skip

    def find(self, name: str) -> int:
        """Number of the clip of that name, of that file, or of that number written out.

        Raises
        ------
        UserError
            There is none, or several clips share the name.
        """
        wanted = to_bytes(name)
        for column in ("name", "file"):
            rows = np.flatnonzero(self.index[column] == wanted)
            if len(rows) > 1:
                files = [f"{i} ({origin_of(self.index[i]).file})" for i in rows[:4]]
                raise UserError(f"{len(rows)} clips share this {column}", where=self.path, got=name,
                                expected=", ".join(files), next_step="give the number")  # fmt: skip
            if len(rows):
                return int(rows[0])
        if name.isascii() and name.isdigit() and int(name) < len(self):
            return int(name)
        few = ", ".join(origin_of(row).name for row in self.index[:3])
        raise UserError("no clip of that name", where=self.path, got=name, expected=f"{few} ... or 0..{len(self) - 1}")

    def _text(self, column: str) -> np.ndarray:
        return np.char.decode(self.index[column], "utf-8", "replace")

    @functools.cached_property
    def names(self) -> np.ndarray:
        return self._text("name")

    @functools.cached_property
    def codes(self) -> np.ndarray:
        return self._text("code")

    @functools.cached_property
    def datasets(self) -> np.ndarray:
        return self._text("dataset")

    @property
    def subjects(self) -> np.ndarray:
        return np.asarray(self.index["subject"])

    @property
    def cameras(self) -> np.ndarray:
        return np.asarray(self.index["camera"])

    @property
    def setups(self) -> np.ndarray:
        return np.asarray(self.index["setup"])

    @property
    def replications(self) -> np.ndarray:
        return np.asarray(self.index["replication"])


def _mapped(path: Path) -> np.ndarray:
    return np.asarray(np.memmap(path, dtype="<f4", mode="r"))
