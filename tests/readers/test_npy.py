"""Arrays read in rows, against `np.load`; headers that lie."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from examples import npy
from skelzero.errors import UserError
from skelzero.readers.npy import MAGIC, read_header, row_blocks, sniff_header

TYPES = ["<f2", "<f4", "<f8", ">f4", "<i8", "u1", "?"]


@settings(max_examples=60, deadline=None)
@given(
    npst.arrays(st.sampled_from(TYPES), npst.array_shapes(max_dims=4, max_side=5)),
    st.integers(1, 7),
    st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_rows_equal_those_of_numpy(array: np.ndarray, rows: int, version: tuple[int, int]) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    size = file.tell()
    file.seek(0)
    header = read_header(file, size, "x")
    assert (header.dtype, header.shape) == (array.dtype, array.shape)
    blocks = list(row_blocks(file, header, "x", rows))
    assert all(len(block) <= rows for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), array)


def header_bytes(text: str) -> bytes:
    data = text.encode() + b"\n"
    return MAGIC + b"\x01\x00" + len(data).to_bytes(2, "little") + data


def refusal(data: bytes) -> str:
    tracemalloc.start()
    with pytest.raises(UserError, match=r"x\.npy") as caught:
        file = io.BytesIO(data)
        for _ in row_blocks(file, read_header(file, len(data), "x.npy"), "x.npy"):
            pass
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 150), }", "the array is cut"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 10000000000), }", "rows of"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "unusable shape"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "unusable shape"),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "column order"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "type object"),
        ("{'descr': '<U5', 'fortran_order': False, 'shape': (2,), }", "type <U5"),
        ("{'descr': '<f9', 'fortran_order': False, 'shape': (2,), }", "unknown type"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "header of another form"),
        ("__import__('os').system('true')", "header of another form"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "(" * 3000 + "), }", "header of another form"),
    ],
)
def test_headers_that_lie(text: str, message: str) -> None:
    assert message in refusal(header_bytes(text))


def test_files_that_are_cut_or_too_long() -> None:
    data = npy(np.zeros((4, 3), np.float32))
    assert "the array is cut" in refusal(data[:-1])
    assert "longer than it declares" in refusal(data + b"\0")
    assert "no .npy header" in refusal(b"")
    assert "no .npy header" in refusal(b"PK\x03\x04" + bytes(100))
    assert "another form" in refusal(data[:40])


def test_a_stream_that_ends_early_is_told() -> None:
    data = npy(np.zeros((4, 3), np.float32))
    file = io.BytesIO(data[:-13])
    header = read_header(file, len(data), "x")
    with pytest.raises(UserError, match="2 rows"):
        list(row_blocks(file, header, "x", 3))


def test_sniffing_gives_the_shape_or_nothing() -> None:
    header = sniff_header(npy(np.zeros((4, 3, 5, 25, 2), np.float16)))
    assert header is not None
    assert header.shape == (4, 3, 5, 25, 2)
    assert sniff_header(b"\x93NUMPY") is None
    assert sniff_header(b"") is None
