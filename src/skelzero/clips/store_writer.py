"""Writing a clip store, clip by clip and in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float32

from skelzero.cards import CARD, sha256_file, staged_folder, write_json
from skelzero.clips.clip import Clip
from skelzero.clips.layout import JointLayout
from skelzero.clips.store import ClipStore
from skelzero.clips.store_card import (
    CONFIDENCE,
    FORMAT,
    FRAMES,
    INDEX,
    MAX_TEXT,
    TEXT_COLUMNS,
    Row,
    StoreCard,
    count,
    index_table,
    plain_text,
    to_bytes,
)
from skelzero.errors import UserError


class StoreWriter(AbstractContextManager["StoreWriter"]):
    """Writes a store clip by clip in bounded memory; the folder appears when the block ends well.

    Parameters
    ----------
    path : path
    source : str
        What the clips are made of, for the card.
    overwrite : bool
        Replace a store that is there; anything else that is there is never replaced.
    """

    def __init__(self, path: Path | str, *, source: str, overwrite: bool = False) -> None:
        self.path, self.source = Path(path), source
        if overwrite:
            check_replaceable(self.path)
        self._staged = staged_folder(self.path, replace=overwrite)
        self._rows: list[Row] = []
        self._first: Clip | None = None
        self._confidence: _HashedFile | None = None

    def __enter__(self) -> StoreWriter:
        self._stage = self._staged.__enter__()
        try:
            self._frames = _HashedFile(self._stage / FRAMES)
        except BaseException as failure:
            self._staged.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self

    @property
    def clips(self) -> int:
        """Clips so far."""
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
            A clip of another layout, unit or history than the first one's; an absurdly long name.
        """
        first = self._first or clip
        where = clip.origin.file or clip.origin.name
        for what in ("layout", "unit", "history"):
            if getattr(clip, what) != getattr(first, what):
                got, expected = _brief(getattr(clip, what)), _brief(getattr(first, what))
                raise UserError(f"one store holds one {what}", where=where, got=got, expected=expected,
                                next_step="import it apart: skelzero data import FILE --out ANOTHER")  # fmt: skip
        if any(len(to_bytes(getattr(clip.origin, name))) > MAX_TEXT for name in TEXT_COLUMNS):
            raise UserError("a name is too long", where=where[:80] + "...", expected=f"<= {MAX_TEXT} bytes")
        self._first = first
        self._frames.write(clip.positions)
        self._add_confidence(clip)
        self._rows.append((clip.origin, clip.fps, clip.persons, clip.frames))

    def _add_confidence(self, clip: Clip) -> None:
        """Confidence is written from the first clip on that has any; what has none is NaN."""
        if self._confidence is None and clip.confidence is not None:
            self._confidence = _HashedFile(self._stage / CONFIDENCE)
            for *_, persons, frames in self._rows:
                self._confidence.write(_unknown(persons, frames, clip))
        if self._confidence is not None:
            values = clip.confidence
            self._confidence.write(_unknown(clip.persons, clip.frames, clip) if values is None else values)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._frames.close()
            if self._confidence is not None:
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
        checksums = {FRAMES: self._frames.sha256, INDEX: ""}
        if self._confidence is not None:
            checksums[CONFIDENCE] = self._confidence.sha256
        np.save(self._stage / INDEX, index_table(self._rows))
        checksums[INDEX] = sha256_file(self._stage / INDEX)
        card = StoreCard(
            format=FORMAT, clips=len(self._rows), frames=sum(frames for *_, frames in self._rows),
            layout=self._first.layout.to_json(), unit=self._first.unit, source=self.source,
            datasets=count(plain_text(row[0].dataset) for row in self._rows),
            classes=count(plain_text(row[0].code) for row in self._rows), history=list(self._first.history),
            checksums=checksums, sizes={name: (self._stage / name).stat().st_size for name in checksums},
        )  # fmt: skip
        write_json(self._stage / CARD, card.model_dump())


class _HashedFile:
    """A file of float32 that is hashed while it is written: a second pass over gigabytes is saved."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()

    def write(self, values: np.ndarray) -> None:
        data = np.ascontiguousarray(values, dtype="<f4").data
        self._digest.update(data)
        self._file.write(data)

    def close(self) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _unknown(persons: int, frames: int, clip: Clip) -> Float32[np.ndarray, "P T V"]:
    return np.broadcast_to(np.float32(np.nan), (persons, frames, len(clip.layout)))


def write_store(path: Path | str, clips: Iterable[Clip], *, source: str, overwrite: bool = False) -> ClipStore:
    """Write clips to a new store and open it."""
    with StoreWriter(path, source=source, overwrite=overwrite) as writer:
        for clip in clips:
            writer.add(clip)
    return ClipStore.open(path)


def check_replaceable(path: Path) -> None:
    """Refuse to overwrite what is not a store: `--out ~ --overwrite` must not cost anybody a home folder."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / CARD).is_file() or not (path / INDEX).is_file():
        raise UserError("there is something else than a clip store; it is not overwritten", where=path,
                        next_step="give another path")  # fmt: skip


def _brief(value: object) -> str:
    return value.name if isinstance(value, JointLayout) else str(value)
