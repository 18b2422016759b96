"""Damaged files: whatever is done to a valid file, a reader gives clips or one `UserError`, in bounded time and memory.

More examples: SKELZERO_EXPLORE=1 SKELZERO_FUZZ=20000 pytest tests/readers/test_fuzz.py
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest
import scipy.optimize  # noqa: F401  (where people are linked by place; its first import is not a file's time)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packing import pack

from examples import EXAMPLES
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, clips_of, from_bytes, iter_sources

RUNS = int(os.environ.get("SKELZERO_FUZZ", "60"))
SECONDS, BYTES = 5.0, 200 << 20
fuzzed = settings(
    max_examples=RUNS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

ODD_WORDS = (
    b"", b"0", b"-1", b"25", b"24", b"26", b"NaN", b"-nan", b"inf", b"1e999", b"1e-400", b"1e5", b"-", b".", b"-.5",
    b"1.", b"1_0", b"0x10", b"1000000", b"99999999999999999999999", b"9" * 5000, b"18446744073709551617",
    b"0.12345678901234567", b"\xff\xfe", b"\0", b"{", b"[" * 3000, b"null", b'"a"', b"1,2", b"1 2", b"\r", b"\n",
    b"\t", b"\x0b", b"\x1c",
)  # fmt: skip

Change = tuple[str, float, float, bytes]
changes = st.lists(
    st.tuples(
        st.sampled_from(
            ["cut", "delete", "double", "insert", "overwrite", "replace word", "replace line", "drop lines", "flip"]
        ),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.sampled_from(ODD_WORDS), st.binary(max_size=12)),
    ),
    min_size=1,
    max_size=5,
)


def damage(data: bytes, steps: list[Change]) -> bytes:
    """Apply the changes one after another; places are given as shares of the length."""
    for kind, at, length, word in steps:
        i = int(at * len(data))
        j = min(len(data), i + int(length**4 * len(data)) + 1)  # mostly short stretches
        if kind == "cut":
            data = data[:i]
        elif kind == "delete":
            data = data[:i] + data[j:]
        elif kind == "double":
            data = data[:j] + data[i:]
        elif kind == "insert":
            data = data[:i] + word + data[i:]
        elif kind == "overwrite":
            data = data[:i] + word + data[i + len(word) :]
        elif kind == "flip" and data:
            data = data[:i] + bytes([data[i] ^ (1 << int(length * 8))]) + data[i + 1 :]
        elif kind == "replace word":
            words = data.split(b" ")
            words[int(at * len(words))] = word
            data = b" ".join(words)
        elif kind in ("replace line", "drop lines"):  # mostly among the first, where the structure is
            lines = data.split(b"\n")
            first = int(at**3 * len(lines))
            lines[first : first + 1 + int(length**4 * len(lines))] = [word] if kind == "replace line" else []
            data = b"\n".join(lines)
    return data


def read_within_bounds(source: object, read: object) -> None:
    """Only clips and `UserError` come out; time and memory stay bounded."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        for item in read(source):  # type: ignore[operator]
            assert isinstance(item, Clip | Skipped)
    except UserError as error:
        says_where = "\n  where: " in str(error)
        assert says_where, f"a mistake must say where: {error}"  # noqa: PT017  (both ways out are fine)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.perf_counter() - start < SECONDS
    assert peak < BYTES


@functools.cache
def example_bytes(name: str) -> bytes:
    return EXAMPLES[name]().source.data


@pytest.mark.parametrize("name", sorted(READERS))
@fuzzed
@given(steps=changes)
def test_damaged_files(name: str, steps: list[Change]) -> None:
    example = EXAMPLES[name]().source
    data = damage(example_bytes(name), steps)
    read_within_bounds(from_bytes(example.name, data, example.labels), READERS[name].clips)
    read_within_bounds(from_bytes(example.name, data, example.labels), clips_of)


@pytest.mark.parametrize("name", [name for name in sorted(READERS) if EXAMPLES[name]().source.labels])
@fuzzed
@given(steps=changes)
def test_damaged_labels(name: str, steps: list[Change]) -> None:
    example = EXAMPLES[name]().source
    assert example.labels is not None
    labels = from_bytes(example.labels.name, damage(example.labels.read(), steps))
    read_within_bounds(from_bytes(example.name, example.data, labels), READERS[name].clips)


@pytest.mark.parametrize("name", sorted(READERS))
@fuzzed
@given(data=st.binary(max_size=300))
def test_random_bytes(name: str, data: bytes) -> None:
    head = EXAMPLES[name]().source.head(200)
    for start in (b"", head):
        read_within_bounds(from_bytes("x" + READERS[name].suffixes[0], start + data), READERS[name].clips)


@functools.cache
def archive_bytes(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return pack(kind, {f"a/{i}.skeleton": example_bytes("ntu") for i in range(3)}, Path(folder)).read_bytes()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
@fuzzed
@given(steps=changes)
def test_damaged_archives(kind: str, steps: list[Change], tmp_path: Path) -> None:
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(damage(archive_bytes(kind), steps))
    read_within_bounds(path, lambda path: (clip for source in iter_sources(path) for clip in clips_of(source)))
