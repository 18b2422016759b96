"""One numeric variable out of a MATLAB 5 file, with sizes checked before anything is allocated.

`scipy.io.loadmat` unpacks whatever a file declares, so a file of a few kilobytes can take all memory; a reader of
strangers' files needs bounds. The tests compare with scipy on real files.

Source: MathWorks, "MAT-File Format", level 5: a 128-byte header, then elements of (type, size, data), 8-byte aligned;
an array is the elements flags, dimensions, name, values.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from math import prod

import numpy as np
from jaxtyping import Float64

from skelzero.errors import UserError

MAGIC = b"MATLAB 5.0 MAT-file"
MAX_UNPACKED = 256 << 20
HEADER = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Data types by their number in the file (MATLAB stores whole doubles as small integers)."""
NUMERIC_CLASSES = range(6, 16)
COMPLEX_FLAG = 0x0800


class _MalformedError(Exception):
    """What is wrong, for the one message."""


def read_variable(data: bytes, name: str, *, where: object = None) -> Float64[np.ndarray, "*any"]:
    """The real numeric array called `name`, as float64 in MATLAB's shape.

    Raises
    ------
    UserError
        Not MATLAB 5, broken, no such variable, or one that is not a real numeric array.
    """
    try:
        order = _byte_order(data)
        seen, left = [], MAX_UNPACKED
        for kind, body in _elements(data[HEADER:], order):
            if kind == COMPRESSED:
                body = _unpack(body, max(left, 1))
                left -= len(body)
                kind, body = next(_elements(body, order))
            if kind != MATRIX:
                continue
            parts = _elements(body, order)
            flags, shape, found = _array_header(parts, order)
            if found == name:
                return _values(parts, flags, shape, order)
            seen.append(found[:40])
    except (_MalformedError, StopIteration) as error:
        got = str(error) or "an element without content"
        raise UserError("not a readable MATLAB 5 file", where=where, got=got, next_step="get it again") from error
    raise UserError(f"no variable {name!r}", where=where, got=", ".join(seen[:10]) or "no variable at all")


def _byte_order(data: bytes) -> str:
    mark = data[HEADER - 2 : HEADER]
    if not data.startswith(MAGIC) or mark not in (b"IM", b"MI"):
        raise _MalformedError("no MATLAB 5 header")
    return "<" if mark == b"IM" else ">"


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, content) of the elements that follow each other in `data`."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise _MalformedError("cut in the middle of an element's tag")
        kind, size = struct.unpack_from(f"{order}II", data, at)
        start, end = at + 8, at + 8 + size
        if kind >> 16:  # up to four bytes of content are packed into the tag itself
            kind, size = kind & 0xFFFF, min(kind >> 16, 4)
            start, end = at + 4, at + 8
        if end > len(data):
            raise _MalformedError(f"cut: an element of {size} bytes where {len(data) - start} are left")
        yield kind, data[start : start + size]
        at = end if kind == COMPRESSED else -(-end // 8) * 8


def _unpack(packed: bytes, most: int) -> bytes:
    try:
        machine = zlib.decompressobj()
        data = machine.decompress(packed, most)
    except zlib.error as error:
        raise _MalformedError(f"broken compression: {error}") from error
    if machine.unconsumed_tail:
        raise _MalformedError(f"unpacks to more than {MAX_UNPACKED} bytes")
    return data


def _array_header(parts: Iterator[tuple[int, bytes]], order: str) -> tuple[int, tuple[int, ...], str]:
    (_, flags), (_, shape), (_, name) = next(parts), next(parts), next(parts)
    if len(flags) < 4 or len(shape) % 4 or not 8 <= len(shape) <= 4 * 32:
        raise _MalformedError("an array without flags or dimensions")
    sizes = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    if min(sizes) < 0:
        raise _MalformedError("an array with negative dimensions")
    return struct.unpack_from(f"{order}I", flags)[0], sizes, name.decode("latin-1")


def _values(
    parts: Iterator[tuple[int, bytes]], flags: int, shape: tuple[int, ...], order: str
) -> Float64[np.ndarray, "*any"]:
    kind, body = next(parts)
    if flags & 0xFF not in NUMERIC_CLASSES or flags & COMPLEX_FLAG or kind not in NUMBERS:
        raise _MalformedError("the variable is not a real numeric array")
    dtype = np.dtype(order + NUMBERS[kind])
    if len(body) != prod(shape) * dtype.itemsize:
        raise _MalformedError(f"{len(body)} bytes of numbers for an array of shape {shape}")
    return np.frombuffer(body, dtype).reshape(shape, order="F").astype(np.float64)
