"""Many clips on disk as one memory-mapped array: opening costs the same for ten clips and for a hundred thousand.

A store is a folder: `frames.f32` (every clip's positions, person by frame by joint by coordinate, one after another),
`confidence.f32` where a source has one, `index.npy` (one row a clip) and `card.json`. All clips share one joint layout,
one unit and one history. Nothing in it depends on time or machine, so that equal sources give equal bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from skelzero.cards import CARD, read_json, sha256_file, sha256_of, staged_folder, write_json
from skelzero.clips.clip import Clip, Origin
from skelzero.clips.layout import JointLayout
from skelzero.errors import UserError

FORMAT = 1
FRAMES, CONFIDENCE, INDEX = "frames.f32", "confidence.f32", "index.npy"
TEXT_COLUMNS = ("name", "dataset", "code", "file")
NUMBER_COLUMNS = ("subject", "camera", "setup", "replication", "start_frame")


class StoreCard(BaseModel):
    """What a store says of itself; `checksums` are of its files, `clips` and `frames` are counts."""

    model_config = ConfigDict(extra="forbid")
    format: int
    clips: int
    frames: int
    layout: dict[str, Any]
    unit: str
    datasets: dict[str, int]
    classes: dict[str, int]
    source: str
    history: list[str]
    checksums: dict[str, str]
    sizes: dict[str, int]

    @property
    def checksum(self) -> str:
        """One hash over the files and the facts that are not in them."""
        return sha256_of([self.checksums, self.layout, self.unit, self.history])


class ClipStore:
    """A sequence of clips; each is a view on the memory-mapped frames, nothing is copied to be read."""

    def __init__(self, path: Path, card: StoreCard) -> None:
        self.path = path
        self.card = card
        self.layout = JointLayout.from_json(card.layout, where=path)
        self.index = np.load(path / INDEX, mmap_mode="r", allow_pickle=False)
        self._frames = np.memmap(path / FRAMES, dtype="<f4", mode="r")
        confidence = path / CONFIDENCE
        self._confidence = np.memmap(confidence, dtype="<f4", mode="r") if CONFIDENCE in card.sizes else None

    @classmethod
    def open(cls, path: Path | str) -> ClipStore:
        """Open a store; card and file sizes are checked, bytes only by `verify`.

        Raises
        ------
        UserError
            Not a store, a store of another format version, or files missing or of another size than the card says.
        """
        path = Path(path)
        value = read_json(path / CARD, what="clip store")
        try:
            card = StoreCard.model_validate(value)
        except ValidationError as error:
            reason = error.errors()[0]
            got = f"{'.'.join(str(p) for p in reason['loc'])}: {reason['msg']}"
            raise UserError("this folder is not a clip store", where=path, got=got,
                            next_step="make one with `skelzero data import`") from error  # fmt: skip
        if card.format != FORMAT:
            raise UserError("this store is of another version", where=path, got=card.format, expected=FORMAT,
                            next_step="import the source again")  # fmt: skip
        for name, size in card.sizes.items():
            found = (path / name).stat().st_size if (path / name).is_file() else -1
            if Path(name).name != name or found != size:
                got = "missing" if found < 0 else f"{found} bytes"
                raise UserError("the store is damaged", where=path / name, got=got, expected=f"{size} bytes",
                                next_step="import the source again")  # fmt: skip
        store = cls(path, card)
        if store.index.dtype.names is None or len(store.index) != card.clips:
            raise UserError("the store's index is damaged", where=path / INDEX, next_step="import the source again")
        return store

    @property
    def checksum(self) -> str:
        return self.card.checksum

    def verify(self) -> None:
        """Read every byte and compare with the card's checksums.

        Raises
        ------
        UserError
            A file was changed.
        """
        for name, expected in self.card.checksums.items():
            got = sha256_file(self.path / name)
            if got != expected:
                raise UserError("the store's checksum is wrong", where=self.path / name, got=got[:16],
                                expected=expected[:16], next_step="import the source again")  # fmt: skip

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
        if min(start, P - 1, T - 1) < 0 or (start + P * T) * V * C > len(self._frames):
            raise UserError("the store's index is damaged", where=self.path / INDEX, got=f"clip {i} at {start}")
        positions = self._frames[start * V * C : (start + P * T) * V * C].reshape(P, T, V, C)
        confidence: np.ndarray | None = None
        if self._confidence is not None:
            confidence = self._confidence[start * V : (start + P * T) * V].reshape(P, T, V)
            confidence = None if np.isnan(confidence).all() else confidence
        return Clip(
            positions, self.layout, self._origin(row), fps=float(row["fps"]), confidence=confidence,
            unit=self.card.unit, history=tuple(self.card.history),
        )  # fmt: skip

    def _origin(self, row: np.void) -> Origin:
        fields: dict[str, Any] = {name: row[name].decode() for name in TEXT_COLUMNS}
        fields.update({name: int(row[name]) for name in NUMBER_COLUMNS})
        return Origin(**fields)

    def find(self, name: str) -> int:
        """Number of the clip of that name (or of that number, written out)."""
        rows = np.flatnonzero(self.index["name"] == name.encode())
        if len(rows):
            return int(rows[0])
        if name.isdigit() and int(name) < len(self):
            return int(name)
        few = ", ".join(self.names[:3])
        raise UserError("no clip of that name", where=self.path, got=name, expected=f"{few} ... or 0..{len(self) - 1}")

    def _text(self, column: str) -> np.ndarray:
        return np.char.decode(self.index[column], "utf-8")

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


class StoreWriter(AbstractContextManager["StoreWriter"]):
    """Writes a store clip by clip in bounded memory; the folder appears when the block ends well."""

    def __init__(self, path: Path | str, *, source: str, overwrite: bool = False) -> None:
        self.path, self.source = Path(path), source
        self._staged = staged_folder(self.path, replace=overwrite)
        self._rows: list[tuple[Origin, float, int, int]] = []
        self._first: Clip | None = None
        self._confident = False

    def __enter__(self) -> StoreWriter:
        self._stage = self._staged.__enter__()
        self._frames: BinaryIO = (self._stage / FRAMES).open("wb")
        self._confidence: BinaryIO = (self._stage / CONFIDENCE).open("wb")
        return self

    @property
    def clips(self) -> int:
        return len(self._rows)

    @property
    def folder(self) -> Path:
        """The folder while it is being written, for files that ride along (`skipped.csv`)."""
        return self._stage

    def add(self, clip: Clip) -> None:
        """Append a clip.

        Raises
        ------
        UserError
            A clip of another layout, unit or history than the first one's.
        """
        first = self._first = self._first or clip
        for what in ("layout", "unit", "history"):
            if getattr(clip, what) != getattr(first, what):
                got, expected = _brief(getattr(clip, what)), _brief(getattr(first, what))
                where = clip.origin.file or clip.origin.name
                raise UserError(f"one store holds one {what}", where=where, got=got, expected=expected,
                                next_step="import these clips into a store of their own")  # fmt: skip
        self._frames.write(np.ascontiguousarray(clip.positions, dtype="<f4").data)
        confidence = clip.confidence
        if confidence is None:
            confidence = np.full(clip.positions.shape[:3], np.nan, dtype=np.float32)
        else:
            self._confident = True
        self._confidence.write(np.ascontiguousarray(confidence, dtype="<f4").data)
        self._rows.append((clip.origin, clip.fps, clip.persons, clip.frames))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._frames.close()
            self._confidence.close()
            if error is None:
                self._finish()
        except BaseException as failure:
            self._staged.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._staged.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self._first is None:
            raise UserError("no clip to store", where=self.source, next_step="check the source and its format")
        if not self._confident:
            (self._stage / CONFIDENCE).unlink()
        np.save(self._stage / INDEX, _index_table(self._rows))
        files = [name for name in (FRAMES, CONFIDENCE, INDEX) if (self._stage / name).exists()]
        origins = [origin for origin, *_ in self._rows]
        card = StoreCard(
            format=FORMAT, clips=len(self._rows), frames=sum(frames for *_, frames in self._rows),
            layout=self._first.layout.to_json(), unit=self._first.unit, source=self.source,
            datasets=_counts(o.dataset for o in origins), classes=_counts(o.code for o in origins),
            history=list(self._first.history), checksums={n: sha256_file(self._stage / n) for n in files},
            sizes={n: (self._stage / n).stat().st_size for n in files},
        )  # fmt: skip
        write_json(self._stage / CARD, card.model_dump())


def write_store(path: Path | str, clips: Iterable[Clip], *, source: str, overwrite: bool = False) -> ClipStore:
    """Write clips to a new store and open it."""
    with StoreWriter(path, source=source, overwrite=overwrite) as writer:
        for clip in clips:
            writer.add(clip)
    return ClipStore.open(path)


def _index_table(rows: list[tuple[Origin, float, int, int]]) -> np.ndarray:
    text = {name: np.array([getattr(o, name).encode() for o, *_ in rows]) for name in TEXT_COLUMNS}
    # An all-empty column has width zero in numpy, which cannot be stored.
    types = [(name, column.dtype if column.dtype.itemsize else "S1") for name, column in text.items()]
    types += [(name, "<i8") for name in (*NUMBER_COLUMNS, "persons", "frames", "offset")] + [("fps", "<f8")]
    table = np.zeros(len(rows), dtype=types)
    for name, column in text.items():
        table[name] = column
    for name in NUMBER_COLUMNS:
        table[name] = [getattr(o, name) for o, *_ in rows]
    table["fps"] = [fps for _, fps, _, _ in rows]
    table["persons"] = [persons for *_, persons, _ in rows]
    table["frames"] = [frames for *_, frames in rows]
    table["offset"] = np.concatenate([[0], np.cumsum(table["persons"] * table["frames"])[:-1]])
    return table


def _counts(values: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return dict(sorted(counted.items()))


def _brief(value: object) -> str:
    return value.name if isinstance(value, JointLayout) else str(value)
