"""What a pickle of data can hold, and the few names that it may use to say so; the machine is in `pickle_machine`.

Source: `numpy.ndarray.__reduce__`, `numpy.dtype.__reduce__` and how Python's pickle stores bytes and sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

MAX_DIMS = 8
LAZY_BYTES = 1024
"""Text that stands for at least so many bytes is not decoded until it is needed."""
TYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|[SU][0-9]{1,5})")
ENCODE = "_codecs.encode"
NDARRAY = "numpy.ndarray"


class RefusedError(Exception):
    """What the pickle does that data do not do; `name` is the global that it asks for."""

    def __init__(self, what: str, name: str = "") -> None:
        super().__init__(what)
        self.name = name


class MalformedError(Exception):
    """The pickle is cut or broken."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name from `CALLS`, before it is used."""

    name: str


@dataclass(frozen=True, slots=True)
class LatinText:
    """A stretch of the file in UTF-8 whose characters are bytes (how protocols 0 to 2 store bytes)."""

    data: memoryview

    def decode(self) -> bytes:
        try:
            return bytes(self.data).decode("utf-8").encode("latin-1")
        except UnicodeError as error:
            raise MalformedError("bytes that are none") from error


@dataclass(slots=True)
class StoredType:
    """A NumPy type, completed by the state that follows it."""

    dtype: np.dtype[np.generic]


@dataclass(slots=True)
class StoredArray:
    """An array that lies in the file; `load` gives it. Type and shape are empty until its state has been read."""

    dtype: np.dtype[np.generic] | None = None
    shape: tuple[int, ...] = ()
    fortran: bool = False
    data: memoryview | LatinText | None = None

    def fill(self, shape: object, kind: object, data: object, fortran: bool = False) -> None:
        """Take type, shape and content."""
        if isinstance(data, str):
            data = data.encode("latin-1")  # Python 2
        if isinstance(data, bytes):
            data = memoryview(data)
        sound = isinstance(shape, tuple) and len(shape) <= MAX_DIMS and all(type(n) is int and n >= 0 for n in shape)
        if not sound or not isinstance(kind, StoredType) or not isinstance(data, memoryview | LatinText):
            raise RefusedError("an array of anything but numbers or strings")
        self.dtype, self.shape, self.fortran, self.data = kind.dtype, shape, fortran, data  # type: ignore[assignment]
        size, text = prod(self.shape) * kind.dtype.itemsize, isinstance(data, LatinText)
        have = len(data.data) if isinstance(data, LatinText) else len(data)
        if not size <= have <= (2 * size if text else size):
            raise MalformedError(f"{have} bytes for an array of shape {shape}")

    @property
    def bytes(self) -> int:
        """Size of the content."""
        return prod(self.shape) * self.dtype.itemsize if self.dtype is not None else 0

    def load(self) -> np.ndarray:
        """The array, read-only; a view of the file where its bytes lie there as they are."""
        if self.dtype is None or self.data is None:
            raise MalformedError("an array without content")
        data = self.data.decode() if isinstance(self.data, LatinText) else self.data
        if len(data) != prod(self.shape) * self.dtype.itemsize:
            raise MalformedError(f"{len(data)} bytes for an array of shape {self.shape}")
        order = "F" if self.fortran else "C"
        return np.frombuffer(data, self.dtype).reshape(self.shape, order=order)  # type: ignore[call-overload]


def _blank(kind: object, shape: object, code: object) -> StoredArray:
    if not isinstance(kind, Global) or kind.name != NDARRAY:
        raise ValueError
    return StoredArray()


def _from_buffer(data: object, kind: object, shape: object, order: object) -> StoredArray:
    array = StoredArray()
    array.fill(shape, kind, data, order == "F")
    return array


def _dtype(code: object, align: object = False, copy: object = False) -> StoredType:
    if not isinstance(code, str) or not TYPE.fullmatch(code):
        raise RefusedError("an array of Python objects" if code == "O8" else "an array of unusual type")
    return StoredType(np.dtype(code))


def _scalar(kind: object, data: object) -> object:
    array = StoredArray()
    array.fill((), kind, data)
    return array.load().item()


def _encode(text: object, encoding: object) -> object:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError
    if isinstance(text, LatinText):
        return text if len(text.data) >= LAZY_BYTES else text.decode()
    if not isinstance(text, str):
        raise ValueError
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    return b""


def _list(values: object) -> list[object]:
    if not isinstance(values, list):
        raise ValueError
    return list(values)


def _ordered() -> dict[str, object]:
    return {}


CALLS: dict[str, Callable[..., object]] = {
    "numpy.core.multiarray._reconstruct": _blank,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy.dtype": _dtype,
    ENCODE: _encode,
    "builtins.bytes": _no_bytes,
    "builtins.set": _list,
    "builtins.frozenset": _list,
    "collections.OrderedDict": _ordered,
}
"""The names that a pickle may use, and what stands for them here. None of them is looked up anywhere."""
