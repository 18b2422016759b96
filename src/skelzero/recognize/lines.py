"""Streams as lines: frames as JSON come in, events as JSON go out, from any source of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skelzero.clips import JointLayout, load_layout
from skelzero.errors import UserError
from skelzero.recognize.recognizer import Recognizer
from skelzero.recognize.stream import Event, LiveRecognizer
from skelzero.text import ClassSet

MAX_LINE = 1 << 20
"""Bytes; 64 people of 75 joints, written with all digits, take less."""
FPS = 30.0


class Header(BaseModel):
    """What a stream may say of itself in its first line; all of it can be left to the receiver."""

    model_config = ConfigDict(extra="forbid")
    layout: str | dict[str, Any] | None = None
    fps: float | None = None
    labels: list[str] | None = None
    persons: int | None = None
    top: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class Terms:
    """What holds for a stream whose header does not say otherwise."""

    labels: Sequence[str] | ClassSet | None = None
    layout: JointLayout | None = None
    fps: float = FPS
    persons: int = 1
    top: int | None = None
    false_accepts: float | None = None

    def open(self, recognizer: Recognizer, header: Header) -> LiveRecognizer:
        """Begin a stream.

        Raises
        ------
        UserError
            Nobody says which words or which joints; or what `LiveRecognizer` refuses.
        """
        words = self.labels if header.labels is None else header.labels
        if words is None:
            raise UserError("which words? nobody says", next_step='start with {"labels": ["walk", "wave"]} or --labels')
        layout = self.layout if header.layout is None else _layout(header.layout)
        if layout is None:
            raise UserError("which joints? nobody says", next_step='start with {"layout": "ntu25"} or --layout')
        return LiveRecognizer(
            recognizer, words, layout, self.fps if header.fps is None else header.fps,
            persons=self.persons if header.persons is None else header.persons, top=header.top or self.top,
            false_accepts=self.false_accepts,
        )  # fmt: skip


def converse(source: BinaryIO, put: Callable[[Event], None], recognizer: Recognizer, terms: Terms) -> None:
    """Answer a stream until it ends; Ctrl-C ends it too, after the last segments.

    A line that is no frame is answered by an `error` event and not counted.

    Raises
    ------
    UserError
        A stream that cannot be begun.
    KeyboardInterrupt
        After the last segments.
    """
    live, stopped = None, False
    try:
        for number, line in enumerate(read_lines(source), start=1):
            try:
                value = parse(line)
            except UserError as error:
                put(_told(number, error))
                continue
            if live is None:
                starts = is_header(value)
                live = terms.open(recognizer, _header(value) if starts else Header())
                if starts:
                    continue
            try:
                events = live.push(value)
            except UserError as error:
                events = [_told(number, error)]
            for event in events:
                put(event)
    except KeyboardInterrupt:
        stopped = True
    for event in live.finish() if live is not None else ():
        put(event)
    if stopped:
        raise KeyboardInterrupt


def read_lines(source: BinaryIO, limit: int = MAX_LINE) -> Iterator[bytes | None]:
    """Lines that are not blank; None for one that is longer than `limit`, of which no more than that is held."""
    while line := source.readline(limit):
        if len(line) < limit or line.endswith(b"\n"):
            if line.strip():
                yield line
            continue
        while line and not line.endswith(b"\n"):
            line = source.readline(limit)
        yield None


def parse(line: bytes | None) -> dict[str, Any]:
    """The JSON object in a line."""
    if line is None:
        raise UserError("the line is too long", expected=f"at most {MAX_LINE} bytes")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError("the line is no JSON", got=str(error)) from error
    if not isinstance(value, dict):
        raise UserError("the line is no JSON object", got=type(value).__name__)
    return value


def is_header(value: dict[str, Any]) -> bool:
    """Whether an object can only be a header: `persons` is a number there and a list in frames."""
    return "joints" not in value and not isinstance(value.get("persons"), list)


def _header(value: dict[str, Any]) -> Header:
    try:
        return Header.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError("the first line is neither a frame nor a header", where=".".join(map(str, first["loc"])),
                        got=first["msg"], expected=", ".join(Header.model_fields)) from error  # fmt: skip


def _layout(given: str | dict[str, Any]) -> JointLayout:
    return load_layout(given) if isinstance(given, str) else JointLayout.from_json(given, where="the header's layout")


def _told(number: int, error: UserError) -> Event:
    return {"event": "error", "line": number, "message": error.one_line()}
