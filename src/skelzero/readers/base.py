"""What a reader is, what it reads from, and the list of all readers.

To add a reader for another format:

1. Make `readers/<format>.py` with a subclass of `Reader`; give it `name`, `title`, `suffixes`, `dataset`, `sniff` and
   `clips`, and put `@register` on top.
2. Import the module in `readers/__init__.py`.
3. Add a small valid example to `tests/readers/examples.py`. The contract suite and the fuzzing then cover it; a
   registered reader without an example fails the tests.

A reader never trusts its input: sizes are checked before anything is allocated, and whatever is wrong with a file ends
in one `UserError` that says where. It gives raw numbers (NaN where missing); choosing bodies, centring and resampling
belong to `preprocess`.
"""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar

import numpy as np
from jaxtyping import Float, Float32

from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.registry import Registry

MAX_BYTES = 256 << 20
"""Largest file that is read into memory as a whole, unless a reader sets its own `limit`."""
HEAD_BYTES = 4096
"""How much of a file `sniff` sees."""

NO, MAYBE, LIKELY, SURE = 0.0, 0.3, 0.6, 0.9
"""Answers of `sniff`: not mine; the suffix fits; the content fits; content fits that no other format has."""


@dataclass(frozen=True)
class Source:
    """One file to read: on disk (this class), in an archive or in memory (subclasses). Can be pickled.

    Attributes
    ----------
    name : str
        Path within what the user named, with `/`; a single file's own name. Does not depend on where that lies.
    path : Path
        The file or archive on disk.
    member : str or None
        Name within the archive.
    labels : Source or None
        The file of the same stem in a folder of labels of the same collection, for formats that keep labels apart.
    """

    name: str
    path: Path
    member: str | None = None
    labels: Source | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """The source as error messages name it."""
        return f"{self.path}: {self.member}" if self.member is not None else str(self.path)

    @property
    def stem(self) -> str:
        """File name without folders and last suffix."""
        return PurePosixPath(self.name).stem

    @property
    def size(self) -> int:
        """Size in bytes (for archives: as declared)."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """The bytes as a file."""
        return self.path.open("rb")

    def head(self, n: int = HEAD_BYTES) -> bytes:
        """The first `n` bytes."""
        return self._take(n)

    def read(self, limit: int = MAX_BYTES) -> bytes:
        """All bytes.

        Raises
        ------
        UserError
            Missing, empty, unreadable, or more than `limit` bytes.
        """
        data = self._take(limit + 1)
        if not data:
            raise UserError("the file is empty", where=self.where, next_step="get the file again or leave it out")
        if len(data) > limit:
            raise UserError("the file is too large for its format", where=self.where, got=f"more than {limit} bytes",
                            expected=f"<= {limit} bytes")  # fmt: skip
        return data

    def _take(self, n: int) -> bytes:
        try:
            # Asking for far more than there is would reserve it all.
            with self.open() as file:
                return file.read(min(n, self.size + 1))
        except FileNotFoundError as error:
            raise UserError("no such file", where=self.where, next_step="check the path") from error
        except OSError as error:
            raise UserError("the file cannot be read", where=self.where, got=error.strerror or str(error)) from error


@dataclass(frozen=True)
class MemorySource(Source):
    """A source whose bytes are at hand: from a compressed archive's stream, an upload, or a test."""

    data: bytes = field(default=b"", repr=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)

    def read(self, limit: int = MAX_BYTES) -> bytes:
        return self.data if 0 < len(self.data) <= limit else super().read(limit)  # without a copy


def from_bytes(name: str, data: bytes, labels: Source | None = None) -> MemorySource:
    """A source for bytes in memory, called `name`."""
    return MemorySource(name=name, path=Path(name), labels=labels, data=data)


@dataclass(frozen=True)
class Skipped:
    """Something that gave no clip, and why."""

    name: str
    reason: str


class Reader(ABC):
    """One file format.

    Attributes
    ----------
    name : str
        What `--format` takes.
    title : str
        One line for people.
    suffixes : tuple of str
        File name endings in lower case, with the dot.
    dataset : str
        The class set of the clips' codes; empty for formats of no particular data set.
    limit : int
        Largest file in bytes.
    needs : str
        What the reader needs that is not part of this package; empty for most.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    dataset: ClassVar[str] = ""
    limit: ClassVar[int] = MAX_BYTES
    needs: ClassVar[str] = ""

    @abstractmethod
    def sniff(self, head: bytes, name: str) -> float:
        """How sure the reader is that a file that begins with `head` is its own: `NO` to `SURE`.

        Look at the content first: names lie. The head may be cut anywhere. Never raises.
        """

    @abstractmethod
    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        """The clips in a file, most formats exactly one; parts that give none as `Skipped`.

        Raises
        ------
        UserError
            The file as a whole cannot be used.
        """

    def fits_name(self, name: str) -> bool:
        """Whether the file's name has one of the reader's suffixes."""
        return name.lower().endswith(self.suffixes)


READERS: Registry[Reader] = Registry("format")


def register(kind: type[Reader]) -> type[Reader]:
    """Class decorator: adds the reader to `READERS`."""
    READERS.add(kind.name, kind())
    return kind


def name_numbers(pattern: re.Pattern[str], name: str) -> dict[str, int]:
    """The named groups of a file name pattern as integers; empty when the name does not fit.

    >>> name_numbers(re.compile(r"a(?P<action>[0-9]+)_s(?P<subject>[0-9]+)"), "a07_s02_e01")
    {'action': 7, 'subject': 2}
    """
    match = pattern.search(name)
    return {key: int(value) for key, value in match.groupdict().items()} if match else {}


def to_float32(values: Float[np.ndarray, "*any"]) -> Float32[np.ndarray, "*any"]:
    """Round to float32; what does not fit becomes infinite, which `Clip` refuses."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def zeros_are_missing(positions: Float32[np.ndarray, "*any C"]) -> Float32[np.ndarray, "*any C"]:
    """NaN for joints at exactly (0, 0, 0): a depth camera writes that for what it did not see, it lies in the lens."""
    if positions.all():
        return positions
    return np.where(positions.any(axis=-1, keepdims=True), positions, np.float32(np.nan))
