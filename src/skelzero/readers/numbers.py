"""Tables of decimal numbers in text files."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from skelzero.errors import UserError


def numbers_in_line(line: bytes) -> int:
    """How many numbers a line holds; -1 when it holds anything else.

    >>> numbers_in_line(b" 1.5 -2 3e4"), numbers_in_line(b"HIERARCHY")
    (3, -1)
    """
    try:
        return len([float(word) for word in line.split()])
    except ValueError:
        return -1


def number_table(data: bytes, columns: int, *, where: object = None) -> Float64[np.ndarray, "lines columns"]:
    """Lines of `columns` numbers each, parted by blanks; empty lines at the end do not count.

    Raises
    ------
    UserError
        A line with another number of numbers or with anything else, with its line number.
    """
    lines = data.rstrip().splitlines()
    words = [line.split() for line in lines]
    if not words:
        raise UserError("the file is empty", where=where, got="only blanks", expected=f"lines of {columns} numbers")
    for i, row in enumerate(words):
        if len(row) != columns:
            raise UserError("a line has the wrong number of numbers", where=f"{where}, line {i + 1}",
                            got=f"{len(row)}", expected=f"{columns}")  # fmt: skip
    try:
        return np.array([[float(word) for word in row] for row in words], dtype=np.float64).reshape(-1, columns)
    except ValueError as error:
        raise UserError("a line holds something that is not a number", where=where, got=str(error)[:200]) from error
