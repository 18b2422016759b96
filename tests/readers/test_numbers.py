from __future__ import annotations

import io

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.readers import numbers
from skelzero.readers.numbers import number_table


@pytest.mark.parametrize("piece", [1, 50, 1000, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_equal_to_loadtxt(piece: int, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "PIECE", piece)
    monkeypatch.setattr(numbers, "MAX_LINE", 1000)
    values = np.random.default_rng(0).normal(size=(200, 6))
    text = end.join("  " + " ".join(f"{x:.6f}" for x in row) for row in values) + 2 * end
    expected = np.loadtxt(io.StringIO(text)).astype(np.float32)
    np.testing.assert_array_equal(number_table(text.encode(), 6), expected)


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_the_wrong_line_is_named(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "PIECE", piece)
    with pytest.raises(UserError, match=r"(?s)wrong number of numbers.*somewhere, line 3.*got: 1.*expected: 2"):
        number_table(b"1 2\n3 4\n5\n6 7\n", 2, where="somewhere")


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(UserError, match=r"(?s)not a number.*somewhere.*'x'"):
        number_table(b"1 2\n3 x\n", 2, where="somewhere")


def test_an_empty_line_in_the_middle_is_a_wrong_line() -> None:
    with pytest.raises(UserError, match="line 2"):
        number_table(b"1 2\n\n3 4\n", 2)


def test_a_line_without_end_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(UserError, match="a line is too long"):
        number_table(b"1 " * (3 << 20), 4)
