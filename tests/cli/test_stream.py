"""`skelzero stream` as a user's programs meet it: lines in, lines out, and ends that leave nothing unsaid."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero.cli import main
from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.recognize import Recognizer
from skelzero.recognize.lines import MAX_LINE, Terms, converse, parse, read_lines
from skelzero.synthetic import make_clip

WORDS = ["do a deep squat", "jumping jack", "clap both hands"]
LABELS = ", ".join(WORDS)
PROGRAM = [sys.executable, "-c", "import sys; from skelzero.cli import main; sys.exit(main())", "stream"]


@pytest.fixture(scope="module")
def clip() -> Clip:
    x = np.concatenate([make_clip(code, 2, 1, seed=4).positions for code in ("s48", "s53", "s24")], axis=1)
    return Clip(x, load_layout("common20"), Origin("r"), fps=30.0)


def lines_of(clip: Clip, *first: object) -> bytes:
    frames = [{"persons": [x.astype(float).tolist() for x in clip.positions[:, t]]} for t in range(clip.frames)]
    written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in (*first, *frames)]
    return b"\n".join(written) + b"\n"


def run(
    given: bytes, arguments: Sequence[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[dict[str, Any]], str]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    code = main(["stream", *arguments])
    printed = capsys.readouterr()
    return code, [json.loads(line) for line in printed.out.splitlines()], printed.err


def segments(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in event.items() if k != "event"} for event in events if event["event"] == "segment"]


def assert_same(got: list[dict[str, Any]], clip: Clip) -> None:
    expected = [s.to_json() for s in Recognizer.load().recognize(clip, WORDS).segments]
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours["start"], ours["end"]) == (theirs["start"], theirs["end"])
        shares = [{r["label"]: r["probability"] for r in s["labels"]} for s in (ours, theirs)]  # type: ignore[attr-defined]
        assert shares[0] == pytest.approx(shares[1], abs=2e-4)


def test_lines_in_and_out(
    clip: Clip, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    code, events, _ = run(lines_of(clip), ["--labels", LABELS, "--layout", "common20"], capsys, monkeypatch)
    assert code == 0
    assert_same(segments(events), clip)
    now = [e for e in events if e["event"] == "now"]
    assert [e["time"] for e in now] == [float(s) for s in range(3, int(clip.frames / 30) + 1)]


def test_a_header_says_it_all_and_bad_lines_are_answered(
    clip: Clip, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    header = {"layout": load_layout("common20").to_json(), "fps": 30, "labels": WORDS, "persons": 1, "top": 1}
    bad = [b"{not json", b"[1, 2]", b'{"joints": [[1, 2]]}', b"[" * 100_000, b"x" * (MAX_LINE + 5), b"\xff\xfe", b"  "]
    code, events, _ = run(lines_of(clip, header, *bad), [], capsys, monkeypatch)
    errors = [e for e in events if e["event"] == "error"]
    assert code == 0 and [e["line"] for e in errors] == [2, 3, 4, 5, 6, 7]
    assert "20 joints" in errors[2]["message"] and "too long" in errors[4]["message"]
    got = segments(events)
    assert got and all(len(s["labels"]) == 1 for s in got) and got[-1]["end"] == round(clip.frames / 30, 3)


@pytest.mark.parametrize(
    ("given", "arguments", "message"),
    [
        (b'{"joints": []}\n', ["--layout", "ntu25"], "which words"),
        (b'{"joints": []}\n', ["--labels", "a, b"], "which joints"),
        (b'{"lables": ["a"]}\n', [], "neither a frame nor a header"),
        (b'{"layout": "ntu52", "labels": ["a", "b"]}\n', [], "did you mean 'ntu25'"),
        (b'{"layout": {"name": 3}, "labels": ["a", "b"]}\n', [], "layout cannot be read"),
        (b'{"fps": -1, "layout": "ntu25", "labels": ["a", "b"]}\n', [], "frame rate"),
        (b"", ["--port", "0", "--from", "clip.bvh", "--labels", "a, b"], "not both"),
        (b"", ["--from", "missing.bvh", "--labels", "a, b"], "missing.bvh"),
        (b"", ["--from", "missing.bvh"], "which words"),
        (b"", ["--layout", "ntu52", "--labels", "a, b"], "did you mean 'ntu25'"),
    ],
)
def test_mistakes_exit_with_two(
    given: bytes,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, events, said = run(given, arguments, capsys, monkeypatch)
    assert code == 2 and events == [] and message in said and "Traceback" not in said


def test_a_recording_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    path = tmp_path / "a01_s01_e01_skeleton3D.txt"
    body = np.random.default_rng(0).random((20, 3)) + 2
    sway = 0.2 * np.sin(np.arange(20) / 3)[:, None, None]
    np.savetxt(path, np.concatenate([np.c_[body + s, np.ones(20)] for s in sway]), fmt="%.6f")
    code, events, _ = run(b"", ["--from", str(path), "--labels", LABELS, "--realtime"], capsys, monkeypatch)
    assert code == 0 and [e["event"] for e in events] == ["segment"] and events[0]["start"] == 0


def test_no_line_holds_more_than_the_limit() -> None:
    class Endless(io.RawIOBase):
        """A line of ten limits, then a short one; it must be read in pieces."""

        def __init__(self) -> None:
            self.left = [b"x" * MAX_LINE] * 10 + [b"\n", b"{}\n"]

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 < size <= MAX_LINE
            return self.left.pop(0) if self.left else b""

    assert list(read_lines(Endless())) == [None, b"{}\n"]  # type: ignore[arg-type]
    with pytest.raises(UserError, match="too long"):
        parse(None)


def test_what_interrupts_a_stream_leaves_its_last_segments(clip: Clip) -> None:
    class Interrupted(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            if not line:
                raise KeyboardInterrupt
            return line

    events: list[dict[str, Any]] = []
    with pytest.raises(KeyboardInterrupt):
        converse(Interrupted(lines_of(clip)), events.append, Recognizer.load(), Terms(WORDS, clip.layout))
    assert_same(segments(events), clip)


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, "--labels", LABELS, "--layout", "common20", *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a program in the background ignores Ctrl-C
    )  # fmt: skip


@pytest.mark.slow
def test_a_socket_takes_one_stream_after_another_until_ctrl_c(clip: Clip) -> None:
    with started("--port", "0") as program:
        assert program.stderr is not None
        port = int(program.stderr.readline().split(b"127.0.0.1:")[1].split()[0])
        for header in (None, {"layout": "nowhere"}, None):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(lines_of(clip) if header is None else json.dumps(header).encode() + b"\n")
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as answers:
                    events = [json.loads(line) for line in answers]
            if header is None:
                assert_same(segments(events), clip)
            else:
                assert [e["event"] for e in events] == ["error"] and "nowhere" in events[0]["message"]
        # A client that disappears without a word does not end the service.
        socket.create_connection(("127.0.0.1", port)).close()
        program.send_signal(signal.SIGINT)
        try:
            said = program.communicate(timeout=60)[1]
        finally:
            program.kill()
    assert program.returncode == 0 and b"Traceback" not in said


@pytest.mark.slow
def test_a_reader_who_goes_away_ends_it_cleanly(clip: Clip) -> None:
    with started() as program:
        assert program.stdin is not None and program.stdout is not None and program.stderr is not None
        program.stdin.write(lines_of(clip))
        program.stdin.flush()
        assert json.loads(program.stdout.readline())["event"] == "now"
        program.stdout.close()
        try:
            program.stdin.write(lines_of(clip))
            program.stdin.close()
        except BrokenPipeError:
            program.stdin = None
        said = program.stderr.read()
        program.wait(timeout=60)
    assert program.returncode == 0 and b"Traceback" not in said and b"Exception" not in said
