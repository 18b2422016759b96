"""Vectorised decimals against `float()`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.readers.decimals import parse_decimals


def parse(words: list[bytes], gap: bytes = b" ") -> np.ndarray:
    ends = np.cumsum([len(word) + len(gap) for word in words]) - len(gap)
    starts = ends - [len(word) for word in words]
    return parse_decimals(gap.join(words), starts, ends)


def same_bits(values: np.ndarray, words: list[bytes]) -> bool:
    expected = np.array([float(word) for word in words])
    nan = np.isnan(expected)
    return bool(np.array_equal(np.isnan(values), nan)) and values[~nan].tobytes() == expected[~nan].tobytes()


plain = st.builds(
    lambda sign, unit, decimals: f"{sign}{unit}.{decimals}".encode(),
    st.sampled_from(["", "-"]),
    st.integers(0, 9),
    st.text("0123456789", min_size=1, max_size=17),
)
printed = st.floats(allow_nan=True, allow_infinity=True).map(lambda x: repr(x).encode())
seven_digits = st.floats(-10, 10).map(lambda x: f"{x:.7g}".encode())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(plain, printed, seven_digits), min_size=1, max_size=40))
def test_equal_to_float_to_the_last_bit(words: list[bytes]) -> None:
    assert same_bits(parse(words), words)


def test_many_random_words() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=20_000) * 10.0 ** rng.integers(-6, 2, size=20_000)
    words = [f"{x:.7g}".encode() for x in numbers]
    assert same_bits(parse(words), words)


@pytest.mark.parametrize(
    "word",
    [b"0", b"-0", b"-0.0", b"5", b"-7", b"12.5", b"-123.25", b"1.", b".5", b"-.5", b"+1.5", b"1e-05", b"2.5E3", b"NaN",
     b"-nan", b"0.00000000000001", b"9.99999999999999", b"0.123456789012345", b"9.999999999999999999", b"1.23456789"],
)  # fmt: skip
def test_forms(word: bytes) -> None:
    assert same_bits(parse([b"1.5", word, b"-2.25"]), [b"1.5", word, b"-2.25"])


@pytest.mark.parametrize(
    "word",
    [b"", b"-", b".", b"-.", b"1.2.3", b"1-2", b"0.12a", b"0.1234567a9", b"a.123", b"1,5", b"0.12345678/", b"0:12"],
)
def test_refused(word: bytes) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        parse([b"1.5", word, b"-2.25"])


@pytest.mark.parametrize(
    "letter", [chr(code) for code in range(33, 127) if not chr(code).isdigit() and chr(code) != "_"]
)
@pytest.mark.parametrize("place", [2, 5, 9, 10, 13])
def test_one_wrong_letter_is_seen(letter: str, place: int) -> None:
    digits = bytearray(b"1.234567890123")
    digits[place] = ord(letter)
    word = bytes(digits)
    try:
        float(word)
    except ValueError:
        with pytest.raises(ValueError):
            parse([word])
    else:
        assert same_bits(parse([word]), [word])


def test_neighbours_do_not_matter() -> None:
    """Eight bytes are loaded at a time; what follows a word must not leak into it."""
    for gap in (b" ", b"9"):
        data = gap.join([b"1.5", b"-2.25", b"3.125"])
        values = parse_decimals(data, np.array([0, 4, 10]), np.array([3, 9, 15]))
        assert values.tolist() == [1.5, -2.25, 3.125]


def test_nothing() -> None:
    assert parse_decimals(b"", np.zeros(0, int), np.zeros(0, int)).shape == (0,)
