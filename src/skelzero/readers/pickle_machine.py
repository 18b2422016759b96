"""A reader for pickles that can hold nothing but data: no import, no call, no object is ever made by what a file says.

A pickle is a program for a small stack machine. Python's own machine looks up any name and calls anything; this one
knows the operations for numbers, strings and containers, and the handful of constructions by which NumPy stores arrays,
numbers and their types (`pickle_values.CALLS`). Any other name ends the reading with that name in the message, whatever
would have been done with it. It follows that there is nothing to trick into running.

Array contents are not copied: they stay where they are in the file, which may be memory-mapped, until asked for.
Sizes are checked against what is there; the number of operations is bounded by the size of the file.
Source: Python documentation, `pickletools`; PEP 307, 3154 and 574.
"""

from __future__ import annotations

import codecs
import pickle
import struct
from collections.abc import Callable
from mmap import mmap

from skelzero.readers.pickle_values import (
    CALLS,
    ENCODE,
    NDARRAY,
    Global,
    LatinText,
    MalformedError,
    RefusedError,
    StoredArray,
    StoredType,
)

MAX_INT_BYTES = 8
SHORT, INT, UINT, ULONG, DOUBLE = (struct.Struct(form) for form in ("<H", "<i", "<I", "<Q", ">d"))
FREE_STEPS, BYTES_A_STEP = 1_000_000, 16
"""Operations that any file may hold, and how many bytes allow one more: in honest files most bytes are arrays."""


class Machine:
    """Runs one pickle; `run` returns its value.

    Numbers, strings, None, lists, tuples and dictionaries come back as themselves, bytes as `memoryview` or `bytes`,
    arrays as `StoredArray`, sets as lists, NumPy numbers as Python's.
    """

    def __init__(self, buffer: bytes | mmap) -> None:
        self.buffer, self.view = buffer, memoryview(buffer)
        self.at, self.end = 0, len(buffer)
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        steps = FREE_STEPS + self.end // BYTES_A_STEP
        for _ in range(steps):
            code = self.byte()
            step = STEPS.get(code)
            if step is not None:
                step(self)
            elif code == ord("."):
                return self.pop()
            else:
                raise RefusedError(f"an operation that data do not need ({REFUSED.get(code, f'code {code}')})")
        raise RefusedError(f"more than {steps} operations in {self.end} bytes")

    # --- bytes -------------------------------------------------------------------------------------------------------

    def take(self, count: int) -> memoryview:
        if not 0 <= count <= self.end - self.at:
            raise MalformedError(f"{count} bytes announced where {self.end - self.at} are left")
        self.at += count
        return self.view[self.at - count : self.at]

    def byte(self) -> int:
        at = self.at
        if at >= self.end:
            raise MalformedError("no end")
        self.at = at + 1
        return self.view[at]

    def number(self, form: struct.Struct) -> int:
        return int(form.unpack(self.take(form.size))[0])

    def line(self) -> bytes:
        stop = self.buffer.find(b"\n", self.at)
        if stop < 0:
            raise MalformedError("a line without end")
        start, self.at = self.at, stop + 1
        return self.buffer[start:stop].rstrip(b"\r")

    # --- stack -------------------------------------------------------------------------------------------------------

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise MalformedError("an operation without its operands")
        return self.stack.pop()

    def pop_to_mark(self) -> list[object]:
        if not self.marks:
            raise MalformedError("a container without its beginning")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def top(self, kind: type) -> object:
        value = self.stack[-1] if self.stack else None
        if not isinstance(value, kind):
            raise RefusedError(f"{kind.__name__} entries given to a {type(value).__name__}")
        return value

    def remember(self, key: int) -> None:
        value = self.pop()
        self.memo[key] = value
        self.push(value)

    def recall(self, key: int) -> None:
        if key not in self.memo:
            raise MalformedError("a reference to nothing")
        self.push(self.memo[key])


# --- what the operations do ------------------------------------------------------------------------------------------


def _text(machine: Machine, data: memoryview) -> None:
    # After the name of the function that makes bytes of text comes its argument, which may be a whole array.
    before = machine.stack[-1] if machine.stack else None
    if isinstance(before, Global) and before.name == ENCODE:
        machine.push(LatinText(data))
    else:
        machine.push(str(data, "utf-8", "replace"))


def _integer(data: memoryview | bytes) -> int:
    if len(data) > MAX_INT_BYTES:
        raise RefusedError(f"a number of {len(data)} bytes")
    return int.from_bytes(data, "little", signed=True)


def _from_text(machine: Machine, kind: Callable[[str], object]) -> None:
    word = machine.line().decode("ascii", "replace").removesuffix("L")
    if len(word) > 40:
        raise RefusedError(f"a number of {len(word)} digits")
    try:
        machine.push({"00": False, "01": True}[word] if kind is int and word in ("00", "01") else kind(word))
    except ValueError as error:
        raise MalformedError(f"no number: {word!r}") from error


def _quoted(machine: Machine) -> None:
    line = machine.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        raise MalformedError("a string without quotes")
    try:
        machine.push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))  # type: ignore[attr-defined]
    except ValueError as error:
        raise MalformedError("a string with broken escapes") from error


def _escaped(machine: Machine) -> None:
    try:
        machine.push(str(machine.line(), "raw-unicode-escape"))
    except UnicodeError as error:
        raise MalformedError("a string with broken escapes") from error


def _tuple(machine: Machine, count: int) -> None:
    values = [machine.pop() for _ in range(count)]
    machine.push(tuple(values[::-1]))


def _append(machine: Machine, values: list[object]) -> None:
    machine.top(list).extend(values)  # type: ignore[attr-defined]


def _set(machine: Machine, values: list[object]) -> None:
    target = machine.top(dict)
    if len(values) % 2:
        raise MalformedError("a key without a value")
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, str | int | float | None):
            # The hash of a nested tuple can be made to take for ever.
            raise RefusedError(f"a dictionary key of type {type(key).__name__}")
        target[key] = value  # type: ignore[index]


def _dict(machine: Machine) -> None:
    values = machine.pop_to_mark()
    machine.push({})
    _set(machine, values)


def _global(machine: Machine, module: object, name: object) -> None:
    if not isinstance(module, str) or not isinstance(name, str):
        raise RefusedError("it asks for something by a name that is no text")
    full = f"{ALIASES.get(module, module)}.{name}"
    if full not in CALLS and full != NDARRAY:
        raise RefusedError("it asks for something that is not data", f"{module}.{name}"[:200])
    machine.push(Global(full))


ALIASES = {
    "__builtin__": "builtins",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}
"""Modules that have had another name."""


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    _global(machine, module, name)


def _reduce(machine: Machine) -> None:
    arguments, function = machine.pop(), machine.pop()
    if not isinstance(function, Global) or function.name not in CALLS or not isinstance(arguments, tuple):
        raise RefusedError("it calls something that is not data")
    try:
        machine.push(CALLS[function.name](*arguments))
    except (TypeError, ValueError, UnicodeError) as error:
        raise RefusedError(f"{function.name} with unusual arguments", function.name) from error


def _build(machine: Machine) -> None:
    state, target = machine.pop(), machine.stack[-1] if machine.stack else None
    if isinstance(target, StoredArray) and isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, fortran, data = state
        target.fill(shape, kind, data, fortran in (True, 1))
    elif isinstance(target, StoredType) and isinstance(state, tuple) and state[2:5] == (None, None, None):
        if state[1] in ("<", ">"):
            target.dtype = target.dtype.newbyteorder(state[1])
    else:
        raise RefusedError(f"a state for a {type(target).__name__}")


Step = Callable[[Machine], object]
STEPS: dict[int, Step] = {
    code[0]: step
    for code, step in {
        pickle.PROTO: lambda m: m.take(1),
        pickle.FRAME: lambda m: m.number(ULONG),
        pickle.MARK: lambda m: m.marks.append(len(m.stack)),
        pickle.NONE: lambda m: m.push(None),
        pickle.NEWTRUE: lambda m: m.push(True),
        pickle.NEWFALSE: lambda m: m.push(False),
        pickle.INT: lambda m: _from_text(m, int),
        pickle.LONG: lambda m: _from_text(m, int),
        pickle.FLOAT: lambda m: _from_text(m, float),
        pickle.BININT: lambda m: m.push(m.number(INT)),
        pickle.BININT1: lambda m: m.push(m.byte()),
        pickle.BININT2: lambda m: m.push(m.number(SHORT)),
        pickle.LONG1: lambda m: m.push(_integer(m.take(m.byte()))),
        pickle.LONG4: lambda m: m.push(_integer(m.take(m.number(INT)))),
        pickle.BINFLOAT: lambda m: m.push(DOUBLE.unpack(m.take(8))[0]),
        pickle.STRING: _quoted,
        pickle.BINSTRING: lambda m: m.push(str(m.take(m.number(INT)), "latin-1")),
        pickle.SHORT_BINSTRING: lambda m: m.push(str(m.take(m.byte()), "latin-1")),
        pickle.UNICODE: _escaped,
        pickle.SHORT_BINUNICODE: lambda m: _text(m, m.take(m.byte())),
        pickle.BINUNICODE: lambda m: _text(m, m.take(m.number(UINT))),
        pickle.BINUNICODE8: lambda m: _text(m, m.take(m.number(ULONG))),
        pickle.SHORT_BINBYTES: lambda m: m.push(m.take(m.byte())),
        pickle.BINBYTES: lambda m: m.push(m.take(m.number(UINT))),
        pickle.BINBYTES8: lambda m: m.push(m.take(m.number(ULONG))),
        pickle.BYTEARRAY8: lambda m: m.push(m.take(m.number(ULONG))),
        pickle.EMPTY_TUPLE: lambda m: m.push(()),
        pickle.TUPLE: lambda m: m.push(tuple(m.pop_to_mark())),
        pickle.TUPLE1: lambda m: _tuple(m, 1),
        pickle.TUPLE2: lambda m: _tuple(m, 2),
        pickle.TUPLE3: lambda m: _tuple(m, 3),
        pickle.EMPTY_LIST: lambda m: m.push([]),
        pickle.EMPTY_SET: lambda m: m.push([]),
        pickle.LIST: lambda m: m.push(m.pop_to_mark()),
        pickle.FROZENSET: lambda m: m.push(m.pop_to_mark()),
        pickle.APPEND: lambda m: _append(m, [m.pop()]),
        pickle.APPENDS: lambda m: _append(m, m.pop_to_mark()),
        pickle.ADDITEMS: lambda m: _append(m, m.pop_to_mark()),
        pickle.EMPTY_DICT: lambda m: m.push({}),
        pickle.DICT: _dict,
        pickle.SETITEM: lambda m: _set(m, [m.pop(), m.pop()][::-1]),
        pickle.SETITEMS: lambda m: _set(m, m.pop_to_mark()),
        pickle.PUT: lambda m: m.remember(_small(m)),
        pickle.BINPUT: lambda m: m.remember(m.byte()),
        pickle.LONG_BINPUT: lambda m: m.remember(m.number(UINT)),
        pickle.MEMOIZE: lambda m: m.remember(len(m.memo)),
        pickle.GET: lambda m: m.recall(_small(m)),
        pickle.BINGET: lambda m: m.recall(m.byte()),
        pickle.LONG_BINGET: lambda m: m.recall(m.number(UINT)),
        pickle.GLOBAL: lambda m: _global(m, str(m.line(), "utf-8", "replace"), str(m.line(), "utf-8", "replace")),
        pickle.STACK_GLOBAL: _stack_global,
        pickle.REDUCE: _reduce,
        pickle.BUILD: _build,
    }.items()
}


def _small(machine: Machine) -> int:
    word = machine.line()
    if not word.isdigit() or len(word) > 9:
        raise MalformedError("a reference that is no number")
    return int(word)


REFUSED = {getattr(pickle, name)[0]: name for name in (
    "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER",
    "READONLY_BUFFER", "DUP", "POP", "POP_MARK",
)}  # fmt: skip
"""Names of operations that pickles of data do not hold."""
