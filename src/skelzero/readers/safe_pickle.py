"""Pickles of data from strangers: numbers, strings, containers and NumPy arrays, and a refusal for all else.

>>> import pickle
>>> load_pickle_bytes(pickle.dumps({"a": [1, 2.5, None]}))
{'a': [1, 2.5, None]}
"""

from __future__ import annotations

import mmap

import numpy as np

from skelzero.errors import UserError
from skelzero.readers.base import MAX_BYTES, Source
from skelzero.readers.pickle_machine import Machine
from skelzero.readers.pickle_values import MalformedError, RefusedError, StoredArray

__all__ = ["StoredArray", "array_of", "load_pickle", "load_pickle_bytes"]


def load_pickle(source: Source) -> object:
    """The value of a pickle file; arrays stay in the file (`StoredArray`), so that it may be larger than memory.

    Raises
    ------
    UserError
        Missing, empty or broken, or anything but data in it.
    """
    if type(source) is not Source:  # in an archive or in memory
        return load_pickle_bytes(source.read(MAX_BYTES), where=source.where)
    if not source.head(1):
        raise UserError("the file is empty", where=source.where, next_step="get the file again or leave it out")
    with source.path.open("rb") as file:
        # Not closed here: arrays are views of it, and the last of them lets it go.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return load_pickle_bytes(content, where=source.where)


def load_pickle_bytes(data: bytes | mmap.mmap, *, where: object = "pickle") -> object:
    """The value of a pickle in memory; see `pickle_machine.Machine` for what becomes of arrays, bytes and sets.

    Raises
    ------
    UserError
        Broken, or anything but data in it.
    """
    machine = Machine(data)
    try:
        return machine.run()
    except RefusedError as error:
        raise UserError(f"this pickle holds more than data: {error}", where=f"{where}, byte {machine.at}",
                        got=error.name or None, expected="arrays, numbers, strings and containers",
                        next_step="do not load it by other means unless you trust who made it") from error  # fmt: skip
    except MalformedError as error:
        raise UserError("the pickle is broken or cut", where=f"{where}, byte {machine.at}", got=str(error),
                        next_step="get the file again") from error  # fmt: skip


def array_of(value: object, *, where: object) -> np.ndarray:
    """A value of a pickle as an array: a stored array of numbers or strings, or a flat list or tuple of numbers.

    Raises
    ------
    UserError
        Anything else.
    """
    try:
        if isinstance(value, StoredArray):
            return value.load()
        if isinstance(value, list | tuple) and value and all(type(entry) in (int, float, bool) for entry in value):
            array = np.array(value)
            if array.dtype.kind in "biuf":
                return array
    except (MalformedError, OverflowError) as error:
        raise UserError("an array in the pickle cannot be used", where=where, got=str(error)) from error
    raise UserError("no array where one is needed", where=where, got=type(value).__name__,
                    expected="an array or a flat list of numbers")  # fmt: skip
