"""Decimal numbers out of a byte buffer, many at a time, equal to `float()` to the last bit.

Reading skeletons is mostly turning text into numbers, and `float()` on one word after another is what bounds the
public readers. Here the digits of thousands of words are turned into integers by the same few array operations: eight
digits lie in one 64-bit word, and three multiplications add neighbours pairwise (digits to pairs, pairs to fours, fours
to eight). A number is then mantissa / 10^decimals with both exact in float64 (mantissa below 10^15, power of ten at
most 10^14), so the one division rounds as `float()` does.
Source: D. Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021, section 4;
W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990 (the exact case).

Words of another form than `[-]d.dddd` (exponents, `NaN`, two digits before the point) go through `float()`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64

MOST_DECIMALS = 14
REACH = 3 + 8 + 8
"""How far behind the beginning of a word bytes are loaded: sign, unit, point and two times eight digits."""
_TENS_INT = 10 ** np.arange(MOST_DECIMALS + 1, dtype=np.int64)
_TENS = np.concatenate([10.0 ** np.arange(16), -(10.0 ** np.arange(16))])
"""Powers of ten, from 16 on negative: dividing by them also gives the sign (and -0.0)."""
_BYTE, _TWO_BYTES = np.uint64(0xFF), np.uint64(0xFFFF)
_EIGHT, _SIXTEEN, _THIRTY_TWO = np.uint64(8), np.uint64(16), np.uint64(32)
_UNIT_AND_POINT = np.uint64(ord("0") + (ord(".") << 8))
_ZEROS = np.uint64(0x3030303030303030)
_ABOVE_NINE = np.uint64(0x7676767676767676)
"""Added to a byte of more than nine, this sets the highest bit."""
_TOP_BITS = np.uint64(0x8080808080808080)


def parse_decimals(
    data: bytes, starts: Int64[np.ndarray, " n"], ends: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """The numbers in `data[starts[i]:ends[i]]`.

    Parameters
    ----------
    data : bytes
        The text. A few bytes after the last word save a copy: words are loaded eight bytes at a time.
    starts, ends : int64 (n,)
        Where each word begins and ends.

    Raises
    ------
    ValueError
        A word that `float()` does not take; the message names it.

    >>> parse_decimals(b"0.25 -3.5e2", np.array([0, 5]), np.array([4, 11])).tolist()
    [0.25, -350.0]
    """
    if not len(starts):
        return np.zeros(0)
    if int(starts.max()) + REACH > len(data):
        data = data + b" " * REACH
    words = np.ndarray(len(data) - 7, "<u8", data, 0, (1,))  # the eight bytes from every offset on
    opening = words[starts]
    negative = (opening & _BYTE) == ord("-")
    opening >>= negative.astype(np.uint64) << np.uint64(3)
    opening ^= _UNIT_AND_POINT
    opening &= _TWO_BYTES  # now the digit before the point; more than nine for any other form
    places = starts + negative
    places += 2
    decimals = ends - places
    plain = (decimals - 1).view(np.uint64) < MOST_DECIMALS  # 1 to 14 in one comparison
    plain &= opening <= 9
    if not plain.all():
        decimals[~plain] = 1
    mantissa = _digits(words, places, decimals, plain)
    mantissa += opening.view(np.int64) * _TENS_INT.take(decimals)
    result = mantissa / _TENS.take(decimals + (negative.astype(np.int64) << 4))
    odd = np.flatnonzero(~plain)
    if len(odd):
        pairs = zip(starts[odd].tolist(), ends[odd].tolist(), strict=True)
        result[odd] = [float(data[a:b]) for a, b in pairs]
    return result


def _digits(
    words: UInt64[np.ndarray, " m"],
    at: Int64[np.ndarray, " n"],
    count: Int64[np.ndarray, " n"],
    ok: Bool[np.ndarray, " n"],
) -> Int64[np.ndarray, " n"]:
    """The whole number made of `count` (1 to 14) digits from `at` on; clears `ok` where one of them is no digit."""
    long = np.flatnonzero(count > 8)
    if not len(long):
        return _eight_digits(words[at], count, ok)
    value = _eight_digits(words[at], np.minimum(count, 8), ok)
    more, fine = count[long] - 8, ok[long]
    value[long] = value[long] * _TENS_INT[more] + _eight_digits(words[at[long] + 8], more, fine)
    ok[long] = fine
    return value


def _eight_digits(
    word: UInt64[np.ndarray, " n"], count: Int64[np.ndarray, " n"], ok: Bool[np.ndarray, " n"]
) -> Int64[np.ndarray, " n"]:
    """The whole number made of the first `count` (1 to 8) bytes of each word (the first byte is the lowest)."""
    shift = (8 - count).view(np.uint64) << np.uint64(3)
    word <<= shift  # drops what follows the digits and leaves zero bytes before them
    word ^= _ZEROS << shift  # letters to digits
    above = word + _ABOVE_NINE
    above |= word
    above &= _TOP_BITS
    ok &= above == 0
    word *= np.uint64(10 * 256 + 1)
    word >>= _EIGHT
    word &= np.uint64(0x00FF00FF00FF00FF)
    word *= np.uint64(100 * 65536 + 1)
    word >>= _SIXTEEN
    word &= np.uint64(0x0000FFFF0000FFFF)
    word *= np.uint64((10000 << 32) + 1)
    word >>= _THIRTY_TWO
    return word.view(np.int64)
