"""`skelzero serve` as a user types it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from skelzero.cli import main


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_serves_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from skelzero.cli import main; raise SystemExit(main())",
               "serve", "--port", "0", "--workers", "1"]  # fmt: skip
    home = {**os.environ, "TMPDIR": str(tmp_path), "SKELZERO_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=home) as program:
        assert program.stderr is not None
        line = next(line for line in program.stderr if "listening on" in line)
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(f"{url}/api/health", timeout=20) as answer:
            assert b'"ok"' in answer.read()
        workers = children(program.pid)
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
    assert len(workers) == 1 and not Path(f"/proc/{workers[0]}").exists()
    assert not list(tmp_path.glob("*")), "nothing was written that is left"


def children(program: int) -> list[int]:
    """Process numbers, from the parent's number in each process's own account of itself."""
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(stat.split()[0]) for stat in stats if int(stat.rpartition(")")[2].split()[1]) == program]


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "another program uses this port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--model", "nowhere"], "nowhere"), (["--host", "256.1.1.1"], "no such address"),
     (["--timeout", "0"], "must be positive"), (["--token", ""], "plain characters")],
)  # fmt: skip
def test_mistakes_exit_with_two(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", *arguments]) == 2
    captured = capsys.readouterr()
    assert told in captured.err and "Traceback" not in captured.err and captured.out == ""


def test_without_the_extra_the_next_step_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "skelzero.server.program", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 2
    assert "pip install 'skelzero[serve]'" in capsys.readouterr().err
