"""Tables of decimal numbers in text files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32

from skelzero.errors import UserError
from skelzero.readers.base import to_float32
from skelzero.readers.decimals import parse_decimals

PIECE = 1 << 20
"""Bytes that are parsed at a time: memory stays bounded, and the arrays in the processor's cache."""
MAX_LINE = 1 << 20


def numbers_in_line(line: bytes) -> int:
    """How many numbers a line holds; -1 when it holds anything else.

    >>> numbers_in_line(b" 1.5 -2 3e4"), numbers_in_line(b"HIERARCHY")
    (3, -1)
    """
    try:
        return len([float(word) for word in line.split()])
    except ValueError:
        return -1


def number_table(data: bytes, columns: int, *, where: object = None) -> Float32[np.ndarray, "lines columns"]:
    """Lines of `columns` numbers each, parted by blanks; empty lines at the end do not count.

    Raises
    ------
    UserError
        No line, or a line with another number of numbers or with anything else; with its line number.
    """
    data = data.rstrip()
    if not data:
        raise UserError("the file is empty", where=where, got="only blanks", expected=f"lines of {columns} numbers")
    tables, lines = [], 0
    for piece in _pieces(data, where):
        tables.append(_parse(piece, columns, lines, where))
        lines += len(tables[-1])
    return np.concatenate(tables)


def _pieces(data: bytes, where: object) -> Iterator[bytes]:
    """The data in pieces of whole lines."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        if end - start > PIECE + MAX_LINE:
            raise UserError("a line is too long", where=where, got="over a megabyte", expected="numbers of one frame")
        yield data[start:end]
        start = end


def _parse(data: bytes, columns: int, lines_before: int, where: object) -> Float32[np.ndarray, "lines columns"]:
    letters = np.frombuffer(data.rstrip(b"\r\n") + b"\n", np.uint8)
    inside = np.concatenate([[False], letters > ord(" ")])
    edges = np.flatnonzero(inside[1:] != inside[:-1])  # begin and end of each word, in turn
    starts, ends = edges[::2], edges[1::2]
    line_ends = np.flatnonzero(letters == ord("\n"))
    words = np.diff(np.searchsorted(starts, line_ends), prepend=0)
    wrong = np.flatnonzero(words != columns)
    if len(wrong):
        raise UserError("a line has the wrong number of numbers", where=f"{where}, line {lines_before + wrong[0] + 1}",
                        got=int(words[wrong[0]]), expected=columns)  # fmt: skip
    try:
        return to_float32(parse_decimals(data, starts, ends).reshape(-1, columns))
    except ValueError as error:
        raise UserError("a line holds something that is not a number", where=f"{where}, after line {lines_before}",
                        got=str(error)[:120]) from error  # fmt: skip
