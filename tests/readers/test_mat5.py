"""The bounded MATLAB 5 reader against scipy."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import mat_file, walk
from skelzero.errors import UserError
from skelzero.readers import mat5
from skelzero.readers.mat5 import HEADER, read_variable


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_equal_to_scipy(packed: bool, dtype: str) -> None:
    values = (np.random.default_rng(0).normal(size=(3, 4, 5)) * 50).astype(dtype)
    data = mat_file("d_skel", values, packed=packed)
    expected = scipy.io.loadmat(io.BytesIO(data))["d_skel"]
    np.testing.assert_array_equal(read_variable(data, "d_skel"), expected)


@pytest.mark.parametrize("packed", [False, True])
def test_one_of_several_variables(packed: bool) -> None:
    file = io.BytesIO()
    other = {"text": "hello", "cell": np.array([1, "a"], dtype=object), "a": np.eye(2), "wanted": np.arange(6.0)}
    scipy.io.savemat(file, other, do_compression=packed)
    np.testing.assert_array_equal(read_variable(file.getvalue(), "wanted"), np.arange(6.0)[None])
    with pytest.raises(UserError, match=r"(?s)no variable 'missing'.*got: text, cell, a, wanted"):
        read_variable(file.getvalue(), "missing")
    for name in ("text", "cell"):
        with pytest.raises(UserError, match="not a real numeric array"):
            read_variable(file.getvalue(), name)


def test_complex_is_refused() -> None:
    with pytest.raises(UserError, match="not a real numeric array"):
        read_variable(mat_file("z", np.array([1 + 2j])), "z")


def test_big_endian() -> None:
    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(">II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

    parts = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 3)) + element(1, b"abc")
    body = parts + element(9, struct.pack(">ddd", 1.0, 2.0, 3.0))
    header = b"MATLAB 5.0 MAT-file".ljust(HEADER - 4) + b"\x01\x00MI"
    np.testing.assert_array_equal(read_variable(header + element(14, body), "abc"), [[1.0, 2.0, 3.0]])


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat5, "MAX_UNPACKED", 1 << 20)
    header = mat_file("a", np.eye(2))[:HEADER]
    one = zlib.compress(b"\0" * (900 << 10))
    elements = [struct.pack("<II", 15, len(one)) + one] * 2
    with pytest.raises(UserError, match="unpacks to more than"):
        read_variable(header + b"".join(elements), "d_skel")  # each fits, both together do not


@pytest.mark.parametrize("sizes", [(20, 3, 2**31 - 1), (2**31 - 1, 2**31 - 1, 2**31 - 1), (20, 3, -1), (20, 3, 7)])
def test_declared_sizes_are_not_believed(sizes: tuple[int, ...]) -> None:
    data = mat_file("d_skel", walk(6, 20).transpose(1, 2, 0), packed=False)
    true = struct.pack("<3i", 20, 3, 6)
    assert data.count(true) == 1
    with pytest.raises(UserError, match="not a readable MATLAB 5 file"):
        read_variable(data.replace(true, struct.pack("<3i", *sizes)), "d_skel")


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 400), word=st.binary(min_size=1, max_size=8))
def test_damaged_headers(at: int, word: bytes) -> None:
    data = mat_file("d_skel", walk(2, 20).transpose(1, 2, 0), packed=False)
    try:
        values = read_variable(data[:at] + word + data[at + len(word) :], "d_skel")
    except UserError:
        return
    assert values.size * 8 <= len(data) * 8


def test_matlab_7_3_and_others_are_named_as_such() -> None:
    with pytest.raises(UserError, match="no MATLAB 5 header"):
        read_variable(b"MATLAB 7.3 MAT-file".ljust(600), "d_skel")


def test_equal_to_scipy_on_recordings(recordings: Path) -> None:
    from skelzero.readers import list_sources

    sources = [s for s in list_sources(recordings / "utd_mhad.zip") if s.name.endswith(".mat")]
    for source in sources[::40]:
        data = source.read()
        np.testing.assert_array_equal(
            read_variable(data, "d_skel"), scipy.io.loadmat(io.BytesIO(data), variable_names=["d_skel"])["d_skel"]
        )
