"""The program of a worker process: reads recordings, recognises, answers; `python -m skelzero.server.worker`.

It works in a temporary folder of its own, which the server made and removes, and sees the rest of the world through
standard input and output only. What a hostile recording can do here, the operating system limits.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from skelzero.errors import UserError
from skelzero.server import wire
from skelzero.server.failures import failure, no_memory

MAX_CACHE = 256 << 20
"""Bytes of text vectors on disk; strangers bring ever new words."""
RETIRE = 512 << 20
"""A worker that has grown by this much is replaced by a fresh one: caches and leaks have a bound."""


def main() -> None:
    """Answer one message after the other until standard input ends."""
    inward, outward = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get between the messages
    started = wire.receive_header(inward)
    if started is None:
        return
    options = started[0]
    _stay_in(Path(options["folder"]))
    try:
        from skelzero.server.desk import Desk

        desk = Desk(options)
        desk.warm_up()
    except UserError as error:
        _send(outward, {"ready": False, **failure(error)})
        return
    limit_memory(options["memory"], options["max_bytes"])
    _send(outward, {"ready": True, "models": desk.models(), "examples": desk.examples(), "formats": desk.formats()})
    settled = resident()
    while message := wire.receive_header(inward):
        header, size = message
        upload = _take(inward, size)
        answer, body = _answered(desk, header, upload)
        _clear()
        _send(outward, {**answer, "retire": resident() > settled + RETIRE}, body)


def _answered(desk: Any, header: dict[str, Any], upload: Path) -> tuple[dict[str, Any], bytes]:
    try:
        return {"status": 200}, desk.answer(header, upload)
    except UserError as error:
        return failure(error), b""
    except MemoryError:
        return failure(no_memory()), b""
    except Exception as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            return failure(no_memory()), b""
        traceback.print_exc()
        return failure(error), b""


def _send(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    stream.write(wire.pack(header, len(body)))
    stream.write(body)
    stream.flush()


def _take(stream: BinaryIO, size: int) -> Path:
    """The bytes of a message as a file under a name that nobody else chose."""
    with tempfile.NamedTemporaryFile(dir=".", prefix="upload-", delete=False) as file:
        while size:
            piece = stream.read(min(size, wire.PIECE))
            if not piece:
                raise SystemExit(0)
            file.write(piece)
            size -= len(piece)
    return Path(file.name)


def _clear() -> None:
    """Remove what a request left in the folder of uploads, and text vectors that have become too many."""
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    cache = Path(os.environ["SKELZERO_CACHE"])
    if sum(path.stat().st_size for path in cache.rglob("*")) > MAX_CACHE:
        shutil.rmtree(cache)


def _stay_in(folder: Path) -> None:
    """Everything that is written goes here: uploads, temporary files, the cache of text vectors."""
    (folder / "uploads").mkdir()
    os.chdir(folder / "uploads")
    os.environ.update(TMPDIR=str(folder), SKELZERO_CACHE=str(folder / "cache"))
    tempfile.tempdir = str(folder)


def limit_memory(memory: int, max_bytes: int) -> None:
    """From here on at most `memory` bytes more, files of bounded size, no core dumps; where the system can do that."""
    try:
        import resource
    except ImportError:
        return
    most = _pages(0) + memory
    largest = max(max_bytes, 64 << 20)
    for kind, limit in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        # macOS knows no limit of address space and refuses to set one.
        if kind != resource.RLIMIT_AS or sys.platform.startswith("linux"):
            resource.setrlimit(kind, (limit, hard))


def resident() -> int:
    """Bytes of memory in use; 0 where the system does not say."""
    return _pages(1)


def _pages(field: int) -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[field]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    main()
