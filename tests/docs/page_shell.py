"""Runs the shell lines of a page: `skelzero` in this process, servers beside it, all else in a real shell."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from page_blocks import ROOT
from page_commands import elsewhere, lines_of, needs_shell, quick

DOCUMENTED = "127.0.0.1:8000"
"""Where the pages say that a server listens; the tests take any free port."""


@dataclass
class Shell:
    """One page's folder and its servers.

    Attributes
    ----------
    desk : Path
    processes : bool
        Run `skelzero` as a program of its own, as a user does, rather than in this process.
    ran, left_out : list of str
        Lines that were run here, and lines that are run elsewhere.
    """

    desk: Path
    processes: bool = False
    ran: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    address: str = DOCUMENTED

    def run(self, text: str) -> None:
        """All lines of a block, the first failure ending it."""
        for line in lines_of(text):
            if elsewhere(line):
                self.left_out.append(line)
                continue
            self._run(line.replace(DOCUMENTED, self.address))
            self.ran.append(line)

    def _run(self, line: str) -> None:
        if re.match(r"skelzero (serve|stream --port)", line):
            self._serve(line)
        elif line.startswith("skelzero ") and not needs_shell(line):
            self._skelzero(shlex.split(line)[1:])
        else:
            done = self._bash(line)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def _skelzero(self, words: list[str]) -> None:
        arguments = quick([part for word in words for part in self._expanded(word)])
        if self.processes:
            done = self._bash(shlex.join(["skelzero", *arguments]))
            assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
            return
        from skelzero.cli import main

        code = main(arguments)
        assert code == 0, f"skelzero {shlex.join(arguments)}: exit code {code}"

    def _expanded(self, word: str) -> list[str]:
        return sorted(path.name for path in self.desk.glob(word)) or [word] if "*" in word else [word]

    def _bash(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-ec", line], cwd=self.desk, env=self._environment(), capture_output=True,
                              text=True, timeout=240)  # fmt: skip

    def _environment(self) -> dict[str, str]:
        programs = [str(self.desk), str(Path(sys.executable).parent), os.environ["PATH"]]
        paths = [str(ROOT / "src"), str(self.desk)]
        return {**os.environ, "PATH": os.pathsep.join(programs), "PYTHONPATH": os.pathsep.join(paths)}

    def _serve(self, line: str) -> None:
        """Start, ask, and stop; the page's first web server stays for the lines that follow."""
        serves = line.startswith("skelzero serve")
        line = f"{line} --workers 1 --port 0" if serves else re.sub(r"--port \d+", "--port 0", line)
        server = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=self.desk, env=self._environment(), text=True,
                                  stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
        self.servers.append(server)
        assert server.stderr is not None
        heard = []
        for told in server.stderr:
            heard.append(told)
            if found := re.search(r"listening on \S*?:(\d+)", told):
                break
        else:
            raise AssertionError(f"{line}: {''.join(heard)}")
        address = f"127.0.0.1:{found[1]}"
        if not serves:
            _ask_stream(int(found[1]))
            return
        _ask_page(address)
        if self.address == DOCUMENTED:
            self.address = address

    def stop(self) -> None:
        """Ctrl-C for every server; each ends by itself and without complaint."""
        for server in self.servers:
            server.send_signal(signal.SIGINT)
        for server in self.servers:
            code = server.wait(30)
            assert server.stderr is not None
            told = server.stderr.read()
            server.stderr.close()
            assert code in (0, 130) and "Traceback" not in told, f"{code}: {told}"


@contextmanager
def page_shell(desk: Path, *, processes: bool = False) -> Iterator[Shell]:
    shell = Shell(desk, processes)
    try:
        yield shell
    finally:
        shell.stop()


def _ask_page(address: str) -> None:
    try:
        with urllib.request.urlopen(f"http://{address}/api/health", timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status in (200, 401), "an answer, or the wish for a token"


def _ask_stream(port: int) -> None:
    """A header and a line that is no frame; the answer says so."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b'{"layout": "ntu25", "fps": 30, "labels": ["walk"]}\nnonsense\n')
        with connection.makefile("rb") as answers:
            assert b'"error"' in answers.readline()
