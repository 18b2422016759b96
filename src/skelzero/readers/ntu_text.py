"""Where the bodies lie in the text of a `.skeleton` file: found by array operations, explained line by line when wrong.

A good file is a pattern of words per line: 1 (frames), then per frame 1 (bodies), and per body 10 (tracking id and
flags), 1 (number of joints) and 25 lines of 12. So the lines of ten words are the bodies, and everything else follows.
Whatever does not fit the pattern is walked again slowly, only to say what is wrong and in which line.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from skelzero.errors import UserError

JOINTS = 25
BODY_WORDS, JOINT_WORDS = 10, 12
"""Words in the line that opens a body, and in that of a joint."""
BODY_LINES = 2 + JOINTS
MOST_BODIES = 64
"""In one frame; the sensor tracks six."""


@dataclass(frozen=True)
class BodyTable:
    """The bodies of a file, one entry for each body in each frame.

    Attributes
    ----------
    data : bytes
        The text.
    frames : int
        Number of frames.
    frame, person : int64 (B,)
        In which frame, and who: persons are counted in order of appearance.
    ids : tuple of int
        The tracking id of each person.
    starts, ends : int64 (B, V, 3)
        Where the words x, y, z of each joint begin and end.
    states : int64 (B, V)
        Where the last letter of each joint's line lies, its tracking state.
    """

    data: bytes
    frames: int
    frame: Int64[np.ndarray, " B"]
    person: Int64[np.ndarray, " B"]
    ids: tuple[int, ...]
    starts: Int64[np.ndarray, "B V 3"]
    ends: Int64[np.ndarray, "B V 3"]
    states: Int64[np.ndarray, "B V"]


class _IrregularError(Exception):
    """The text does not follow the pattern."""


def find_bodies(data: bytes, where: str) -> BodyTable:
    """Where the bodies of a file lie.

    Raises
    ------
    UserError
        Cut, wrong number of joints, too many bodies, no body, or no such file at all; with the line.
    """
    try:
        return _find(_Lines.of(data if data.endswith(b"\n") else data + b"\n"))
    except _IrregularError:
        rows = [(number, line.split()) for number, line in enumerate(data.splitlines(), 1)]
    walk = _Walk([(number, words) for number, words in rows if words], where)
    # Doubled or trailing blanks, empty lines and mixed line ends are no mistakes.
    tidy = b"".join(b" ".join(words) + b"\n" for _, words in walk.rows)
    try:
        return _find(_Lines.of(tidy or b"\n"))
    except _IrregularError as error:
        walk.explain()
        raise UserError("not a .skeleton file", where=where, got=str(error)) from None


@dataclass(frozen=True)
class _Lines:
    """A text with the places of its gaps (blanks and line ends): the word before gap g ends at `gaps[g]`.

    `before[i]` is the gap before line i (-1 for the first), `last[i]` the gap after its last word, `words[i]` how many
    words it has when no blank is doubled.
    """

    data: bytes
    letters: UInt8[np.ndarray, " letters"]
    gaps: Int64[np.ndarray, " gaps"]
    before: Int64[np.ndarray, " lines"]
    last: Int64[np.ndarray, " lines"]
    words: Int64[np.ndarray, " lines"]

    @classmethod
    def of(cls, data: bytes) -> _Lines:
        letters = np.frombuffer(data, np.uint8)
        gaps = np.flatnonzero(letters <= ord(" "))
        ends = np.flatnonzero(letters[gaps] == ord("\n"))
        before = np.concatenate([[-1], ends[:-1]])
        last = ends - 1 if data[: gaps[ends[0]]].endswith(b"\r") else ends
        return cls(data, letters, gaps, before, last, last - before)

    def first_words(self, lines: Int64[np.ndarray, " n"]) -> list[bytes]:
        """The first word of each of these lines (not of line 0)."""
        before = self.before[lines]
        return [
            self.data[a:b]
            for a, b in zip((self.gaps[before] + 1).tolist(), self.gaps[before + 1].tolist(), strict=True)
        ]


def _find(text: _Lines) -> BodyTable:
    opens = np.flatnonzero(text.words == BODY_WORDS)
    if not len(opens) or opens[-1] + BODY_LINES > len(text.words):
        raise _IrregularError("no line opens a body, or the last body is cut")
    block = opens[:, None] + np.arange(BODY_LINES)  # (B, lines of a body)
    words = text.words[block]
    if (words[:, 1] != 1).any() or (words[:, 2:] != JOINT_WORDS).any():
        raise _IrregularError("a line has the wrong number of words")
    if set(text.first_words(opens + 1)) != {b"%d" % JOINTS}:
        raise _IrregularError("wrong number of joints")
    frames, frame = _frames(text, opens, block)
    person, ids = _persons(frame, text.first_words(opens))
    joints = block[:, 2:]
    edges = text.gaps[text.before[joints][..., None] + np.arange(4)]  # (B, V, 4): around x, y and z
    states = text.gaps[text.last[joints]] - 1
    return BodyTable(text.data, frames, frame, person, ids, edges[..., :3] + 1, edges[..., 1:], states)


def _frames(
    text: _Lines, opens: Int64[np.ndarray, " B"], block: Int64[np.ndarray, "B lines"]
) -> tuple[int, Int64[np.ndarray, " B"]]:
    """Number of frames, and the frame of each body: the lines outside bodies are the counts."""
    outside = np.ones(len(text.words), bool)
    outside[block] = False
    heads = np.flatnonzero(outside)[1:]  # without line 0, one line for each frame
    if outside[0] == 0 or (text.words[heads] != 1).any() or text.data[: text.gaps[0]] != b"%d" % len(heads):
        raise _IrregularError("the number of frames does not fit")
    bodies = np.diff(np.searchsorted(opens, heads), append=len(opens))
    if bodies.sum() != len(opens) or text.first_words(heads) != [b"%d" % count for count in bodies.tolist()]:
        raise _IrregularError("the number of bodies does not fit")
    return len(heads), np.repeat(np.arange(len(heads)), bodies)


def _persons(frame: Int64[np.ndarray, " B"], words: list[bytes]) -> tuple[Int64[np.ndarray, " B"], tuple[int, ...]]:
    """The person of each body, and the persons' tracking ids: 64-bit integers, which a float would not hold."""
    if not all(word.isdigit() and len(word) <= 20 for word in set(words)):
        raise _IrregularError("a tracking id is not a whole number")
    keys = list(zip(words, itertools.repeat(0)))
    if len(set(zip(frame.tolist(), words, strict=True))) < len(words):
        seen: Counter[tuple[int, bytes]] = Counter()  # one id twice in a frame: two people
        for i, pair in enumerate(zip(frame.tolist(), words, strict=True)):
            keys[i] = (words[i], seen[pair])
            seen[pair] += 1
    number = {key: person for person, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys]), tuple(int(word) for word, _ in number)


@dataclass(frozen=True)
class _Walk:
    """A walk through a file that does not follow the pattern, up to the first line that does not.

    `rows` are the lines that hold anything: line number and words.
    """

    rows: list[tuple[int, list[bytes]]]
    where: str

    def explain(self) -> None:
        """Raise what is wrong."""
        frames = self._whole_number(0, "number of frames")
        if frames >= len(self.rows):
            raise self._cut("the file is cut short", got=f"{frames} frames declared, {len(self.rows) - 1} lines follow")
        at, bodies_at_all = 1, 0
        for frame in range(1, frames + 1):
            if at >= len(self.rows):
                raise self._cut("the file is cut short", got=f"frame {frame} of {frames} is missing")
            bodies = self._whole_number(at, "number of bodies")
            if bodies > MOST_BODIES:
                raise UserError("more bodies than a sensor can see", where=self._line(at), got=bodies,
                                expected=f"<= {MOST_BODIES}")  # fmt: skip
            bodies_at_all += bodies
            for body in range(bodies):
                self._explain_body(at + 1 + body * BODY_LINES, f"frame {frame} of {frames}")
            at += 1 + bodies * BODY_LINES
        if at < len(self.rows):
            raise UserError("lines are left after the last frame", where=self._line(at),
                            got=f"{len(self.rows) - at} lines", expected=f"the end after {frames} frames")  # fmt: skip
        if not bodies_at_all:
            raise UserError("no body in any frame", where=self.where, got=f"{frames} frames without a body",
                            next_step="leave this clip out; the data set's owner lists such clips")  # fmt: skip

    def _explain_body(self, at: int, frame: str) -> None:
        for row, count in enumerate((BODY_WORDS, 1, *[JOINT_WORDS] * JOINTS), at):
            if row >= len(self.rows) or (row == len(self.rows) - 1 and len(self._words(row)) < count):
                raise self._cut("the file is cut in the middle of a frame", got=f"the end inside a body of {frame}")
            words = self._words(row)
            if row == at + 1 and words != [b"%d" % JOINTS]:
                raise UserError("wrong number of joints", where=self._line(row), got=_shown(words), expected=JOINTS)
            if len(words) != count or (row == at and not words[0].isdigit()):
                raise UserError(f"a line of a body cannot be read ({frame})", where=self._line(row),
                                got=f"{len(words)} words: {_shown(words)}", expected=f"{count} numbers")  # fmt: skip

    def _words(self, row: int) -> list[bytes]:
        return self.rows[row][1] if row < len(self.rows) else []

    def _line(self, row: int) -> str:
        """The file and the line of a row, as messages name it."""
        return f"{self.where}, line {self.rows[row][0] if row < len(self.rows) else 1}"

    def _whole_number(self, row: int, what: str) -> int:
        words = self._words(row)
        if len(words) != 1 or not words[0].isdigit() or len(words[0]) > 20:
            raise UserError(f"the {what} cannot be read", where=self._line(row), got=_shown(words),
                            expected="a whole number")  # fmt: skip
        return int(words[0])

    def _cut(self, what: str, *, got: str) -> UserError:
        return UserError(what, where=self._line(len(self.rows) - 1), got=got,
                         expected="as many frames as the first line says",
                         next_step="get the file again or leave it out")  # fmt: skip


def _shown(words: list[bytes]) -> str:
    return repr(b" ".join(words)[:60])[1:]
