"""`skelzero stream`: name actions while they happen, from lines on standard input or a socket."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from skelzero.cli import console
from skelzero.cli.app import app
from skelzero.errors import UserError

Put = Callable[[dict[str, Any]], None]


@app.command()
def stream(
    labels: Annotated[str, typer.Option(help='Words to choose from: "walk, jumping jack, boxing".')] = "",
    labels_file: Annotated[Path | None, typer.Option(help="A file with one label a line, or a class-set YAML.")] = None,
    layout: Annotated[str | None, typer.Option(help="Joint layout of the frames: ntu25, common20, ...")] = None,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 30.0,
    persons: Annotated[int, typer.Option(help="Most people in a frame.")] = 1,
    top: Annotated[int | None, typer.Option(min=1, help="Labels to give in each answer.")] = None,
    model: Annotated[Path | None, typer.Option(help="A run folder; by default the model in the package.")] = None,
    false_accepts: Annotated[
        float | None, typer.Option(help="Share of windows with other actions that may be named.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Listen on this TCP port of 127.0.0.1; 0 takes any free one.")
    ] = None,
    replay: Annotated[Path | None, typer.Option("--from", help="Play a recording instead of reading lines.")] = None,
    format: Annotated[str, typer.Option(help="Reader to use for --from.")] = "auto",
    realtime: Annotated[bool, typer.Option(help="Play the recording at its own speed.")] = False,
) -> None:
    """Name actions while they happen.

    Every line is a frame: `{"joints": [[x, y, z], null, ...]}` or `{"persons": [[[x, y, z], ...], null]}`. The first
    one may be `{"layout": "ntu25", "fps": 30, "labels": ["walk", "wave"]}` instead. Answers are JSON lines on standard
    output, or on the socket: `now` once a second, `segment` when it can no longer change, `error` for a bad line.
    The end of the input, or Ctrl-C, gives the last segments.

    Example: `my-camera | skelzero stream --labels "walk, jumping jack, boxing" --layout ntu25 --fps 30`

    To try it: `skelzero stream --from clip.bvh --realtime --labels "walk, jumping jack, boxing"`
    """
    from skelzero.clips import load_layout
    from skelzero.grid import one_thread
    from skelzero.recognize import Recognizer
    from skelzero.recognize.lines import Terms, converse

    if port is not None and replay is not None:
        raise UserError("a recording or a socket?", expected="--port or --from, not both")
    words = _words(labels, labels_file)
    terms = Terms(words, None if layout is None else load_layout(layout), fps, persons, top, false_accepts)
    one_thread()
    recognizer = Recognizer.load(model)
    try:
        if replay is not None:
            _play(replay, format, recognizer, terms, realtime)
        elif port is not None:
            _listen(port, lambda source, put: converse(source, put, recognizer, terms))
        else:
            converse(sys.stdin.buffer, _put, recognizer, terms)
    except KeyboardInterrupt:
        pass  # the usual end of a stream
    except BrokenPipeError:
        # Who read the answers has gone; Python would complain once more when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _words(labels: str, file: Path | None) -> Any:
    """The words of the command line, or None where the stream is to bring them."""
    from skelzero.cli.recognize import read_labels

    return read_labels(labels, file) if labels or file is not None else None


def _put(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def _play(file: Path, format: str, recognizer: Any, terms: Any, realtime: bool) -> None:
    """Push the frames of a recording, as fast as possible or when they are due."""
    from skelzero.readers import read_clip
    from skelzero.recognize.stream import LiveRecognizer
    from skelzero.recognize.windows import frame_rate

    if terms.labels is None:
        raise UserError("which words? give --labels or --labels-file")
    clip = read_clip(file, format)
    live = LiveRecognizer(recognizer, terms.labels, clip.layout, frame_rate(clip), persons=clip.persons, top=terms.top,
                          false_accepts=terms.false_accepts, unit=clip.unit)  # fmt: skip
    begin = time.monotonic()
    try:
        for t in range(clip.frames):
            if realtime:
                time.sleep(max(0.0, begin + (t + 1) / live.fps - time.monotonic()))
            for event in live.push(clip.positions[:, t]):
                _put(event)
    finally:
        for event in live.finish():
            _put(event)


def _listen(port: int, answer: Callable[[BinaryIO, Put], None]) -> None:
    """Take one connection after the other until Ctrl-C."""
    with socket.create_server(("127.0.0.1", port)) as server:
        console.say(f"listening on 127.0.0.1:{server.getsockname()[1]} (Ctrl-C ends it)")
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as source:
                _answer(connection, source, answer)


def _answer(connection: socket.socket, source: BinaryIO, answer: Callable[[BinaryIO, Put], None]) -> None:
    def put(event: dict[str, Any]) -> None:
        connection.sendall(json.dumps(event).encode() + b"\n")

    try:
        try:
            answer(source, put)
        except UserError as error:
            put({"event": "error", "message": error.one_line()})
    except ConnectionError:
        console.say("the connection was lost")
