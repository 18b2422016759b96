"""What a clip store says of itself: its card, and the index with one row a clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from skelzero.cards import CARD, read_json, sha256_of
from skelzero.clips.clip import Origin
from skelzero.errors import UserError

FORMAT = 1
FRAMES, CONFIDENCE, INDEX = "frames.f32", "confidence.f32", "index.npy"
TEXT_COLUMNS = ("name", "dataset", "code", "file")
NUMBER_COLUMNS = ("subject", "camera", "setup", "replication", "start_frame")
PLACE_COLUMNS = ("persons", "frames", "offset")
MAX_TEXT = 1000
"""Bytes of a name. The index gives every row the width of the longest, so one absurd name would cost all of them."""
AGAIN = "import the source again"

Row = tuple[Origin, float, int, int]
"""Origin, frames per second, persons, frames."""


class StoreCard(BaseModel):
    """The card of a store.

    Attributes
    ----------
    format : int
        Version of the form on disk.
    clips, frames : int
        How many (frames are counted once, however many people are in them).
    layout : dict
        The joint layout in full, so that a store can be read without the package's layout files.
    unit, history
        As of every `Clip` in the store.
    datasets, classes : dict
        Clips for each data set and class code; the empty string stands for clips of no known class.
    source : str
        What the clips were made of.
    checksums, sizes : dict
        SHA-256 and bytes of each data file.
    """

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
        """One hash over the files and over the facts that are not in them."""
        return sha256_of([self.checksums, self.layout, self.unit, self.history])


def read_card(folder: Path) -> StoreCard:
    """The card of the store in a folder.

    Raises
    ------
    UserError
        No card, a card of something else, or of another format version.
    """
    value = read_json(folder / CARD, what="clip store")
    try:
        card = StoreCard.model_validate(value)
    except ValidationError as error:
        reason = error.errors()[0]
        got = f"{'.'.join(str(part) for part in reason['loc'])}: {reason['msg']}"
        raise UserError("this folder is not a clip store", where=folder, got=got,
                        next_step="make one with `skelzero data import`") from error  # fmt: skip
    if card.format != FORMAT:
        raise UserError("this store is of another version", where=folder, got=card.format, expected=FORMAT,
                        next_step=AGAIN)  # fmt: skip
    return card


def check_files(folder: Path, card: StoreCard) -> None:
    """Compare the files' sizes with the card; costs the same for any size of store."""
    for name in (FRAMES, INDEX, *card.sizes):
        size = card.sizes.get(name, -1)
        path = folder / name
        found = path.stat().st_size if Path(name).name == name and path.is_file() else -1
        if found != size or size < 0:
            got = "missing" if found < 0 else f"{found} bytes"
            raise UserError("the store is damaged", where=path, got=got, expected=f"{size} bytes", next_step=AGAIN)


def check_index(folder: Path, card: StoreCard, index: np.ndarray, numbers: int) -> None:
    """Compare the index's columns, length and end with the card and the frames file; constant cost.

    `numbers` is how many a person has in a frame: joints times coordinates.
    """
    kinds = dict.fromkeys(TEXT_COLUMNS, "S") | dict.fromkeys((*NUMBER_COLUMNS, *PLACE_COLUMNS), "i") | {"fps": "f"}
    found = {name: index.dtype[name].kind for name in index.dtype.names or ()}
    if found == kinds and index.shape == (card.clips,) and card.clips > 0:
        last = index[-1]
        end = int(last["offset"]) + int(last["persons"]) * int(last["frames"])
        if 4 * end * numbers == card.sizes[FRAMES]:
            return
    raise UserError("the store's index is damaged", where=folder / INDEX, got=f"{index.shape} {sorted(found)}",
                    expected=f"{card.clips} clips that fill {FRAMES}", next_step=AGAIN)  # fmt: skip


def open_index(folder: Path) -> np.ndarray:
    """The index, memory-mapped."""
    try:
        return np.load(folder / INDEX, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise UserError("the store's index is damaged", where=folder / INDEX, got=str(error).splitlines()[0],
                        next_step=AGAIN) from error  # fmt: skip


def index_table(rows: Sequence[Row]) -> np.ndarray:
    """The index of clips that lie one after another."""
    text = {name: np.array([to_bytes(getattr(row[0], name)) for row in rows]) for name in TEXT_COLUMNS}
    # An all-empty column has width zero in numpy, which cannot be stored.
    types = [(name, column.dtype.str if column.dtype.itemsize else "S1") for name, column in text.items()]
    types += [(name, "<i8") for name in (*NUMBER_COLUMNS, *PLACE_COLUMNS)] + [("fps", "<f8")]
    table = np.zeros(len(rows), dtype=types)
    for name, column in text.items():
        table[name] = column
    for name in NUMBER_COLUMNS:
        table[name] = [getattr(row[0], name) for row in rows]
    for name, place in (("fps", 1), ("persons", 2), ("frames", 3)):
        table[name] = [row[place] for row in rows]
    table["offset"][1:] = np.cumsum(table["persons"] * table["frames"])[:-1]
    return table


def to_bytes(text: str) -> bytes:
    """UTF-8; what cannot be written so (file names in no encoding) is written out as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace")


def plain_text(text: str) -> str:
    """The text as it reads once written."""
    return to_bytes(text).decode()


def origin_of(row: np.void) -> Origin:
    fields: dict[str, Any] = {name: row[name].decode("utf-8", "replace") for name in TEXT_COLUMNS}
    fields.update({name: int(row[name]) for name in NUMBER_COLUMNS})
    return Origin(**fields)


def count(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, sorted by value."""
    return dict(sorted(Counter(values).items()))
