"""NumPy's `.npy` format read in rows: the header is checked against the file before anything is allocated.

`np.load` would do for small files, but not for arrays of many gigabytes inside an `.npz` or an archive, which cannot be
memory-mapped. Here a stream is read row by row (or in blocks of rows), so memory depends on neither size nor container.
Arrays of Python objects, which are pickles, are refused.
Source: NumPy documentation, `numpy.lib.format`, versions 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import numpy as np

from skelzero.errors import UserError

MAGIC = b"\x93NUMPY"
MAX_HEADER = 4096
MAX_ROW_BYTES = 64 << 20
MAX_SIZE = 1 << 48
HEADER = re.compile(
    rb"\s*\{'descr': '([<>=|]?[a-zA-Z][0-9]{0,5})', 'fortran_order': (True|False), 'shape': \(([0-9, L]*)\),? ?\}\s*"
)
NUMERIC = "biuf"


@dataclass(frozen=True)
class NpyHeader:
    """What an array file says of itself: type, shape, and where the numbers start."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    start: int
    fortran: bool = False

    @property
    def row_bytes(self) -> int:
        return prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class _MalformedError(Exception):
    """What is wrong with a header, for the one message."""


def sniff_header(head: bytes) -> NpyHeader | None:
    """The header at the beginning of a file; None when there is none that can be used."""
    try:
        return _parse(head)
    except _MalformedError:
        return None


def read_header(stream: BinaryIO, size: int, where: str) -> NpyHeader:
    """Read the header of an array of `size` bytes in all and leave the stream at its first number.

    Raises
    ------
    UserError
        Not `.npy`, not plain numbers, column order, or a shape that does not fit the size.
    """
    head = stream.read(min(size, 12))
    try:
        head += stream.read(min(_length(head), MAX_HEADER) - len(head))
        header = _parse(head)
        if header.dtype.kind not in NUMERIC:
            raise _MalformedError(f"an array of type {header.dtype}")
        if header.fortran and len(header.shape) > 1:
            raise _MalformedError("an array in column order; save np.ascontiguousarray of it")
        if header.row_bytes > MAX_ROW_BYTES:
            raise _MalformedError(f"rows of {header.row_bytes} bytes")
    except _MalformedError as error:
        raise UserError("not an array that can be read", where=where, got=str(error),
                        expected=".npy of numbers in row order") from error  # fmt: skip
    expected = header.start + header.bytes
    if expected != size:
        kind = "cut" if expected > size else "longer than it declares"
        raise UserError(f"the array is {kind}", where=where, got=f"{size} bytes", next_step="get the file again",
                        expected=f"{expected} bytes for shape {header.shape}")  # fmt: skip
    return header


def row_blocks(stream: BinaryIO, header: NpyHeader, where: str, rows: int = 1) -> Iterator[np.ndarray]:
    """The rows of an array (entries along the first axis) in blocks of up to `rows`, from a stream at its start.

    Raises
    ------
    UserError
        The stream ends early.
    """
    for first in range(0, header.shape[0], rows):
        count = min(rows, header.shape[0] - first)
        data = stream.read(count * header.row_bytes)
        if len(data) < count * header.row_bytes:
            got = f"{first + len(data) // header.row_bytes} rows"
            raise UserError("the array is cut", where=where, got=got, expected=f"{header.shape[0]} rows",
                            next_step="get the file again")  # fmt: skip
        yield np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])


def _length(head: bytes) -> int:
    """Bytes from the beginning of the file to the first number."""
    if not head.startswith(MAGIC) or len(head) < 12 or head[6] not in (1, 2, 3):
        raise _MalformedError("no .npy header")
    size = 2 if head[6] == 1 else 4
    return 8 + size + int.from_bytes(head[8 : 8 + size], "little")


def _parse(head: bytes) -> NpyHeader:
    start = _length(head)
    match = HEADER.fullmatch(head, 10 if head[6] == 1 else 12, min(start, len(head)))
    if start > min(len(head), MAX_HEADER) or match is None:
        raise _MalformedError("a header of another form")
    sizes = [int(word.rstrip(b"L")) for word in match[3].replace(b" ", b"").split(b",") if word.rstrip(b"L").isdigit()]
    try:
        dtype = np.dtype(match[1].decode())
    except TypeError as error:
        raise _MalformedError(f"an unknown type {match[1].decode()}") from error
    if not sizes or len(sizes) > 8 or prod(sizes) * max(dtype.itemsize, 1) > MAX_SIZE or max(sizes) > MAX_SIZE:
        raise _MalformedError(f"an unusable shape ({match[3].decode()[:60]})")
    return NpyHeader(dtype, tuple(sizes), start, match[2] == b"True")
