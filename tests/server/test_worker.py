"""A worker's own housekeeping, and what the operating system refuses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skelzero.server import worker


def test_nothing_is_left_of_a_request_and_vectors_stay_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads, cache = tmp_path / "uploads", tmp_path / "cache" / "text"
    uploads.mkdir()
    cache.mkdir(parents=True)
    monkeypatch.chdir(uploads)
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache"))
    (uploads / "clip.bvh").write_bytes(b"x")
    (uploads / "unpacked").mkdir()
    (cache / "vectors").write_bytes(b"x" * 100)
    worker._clear()
    assert not list(uploads.iterdir()) and (cache / "vectors").exists()
    monkeypatch.setattr(worker, "MAX_CACHE", 50)
    worker._clear()
    assert not cache.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits address space")
@pytest.mark.parametrize(("deed", "error"), [("bytearray(300 << 20)", "MemoryError"),
                                             ("open('big', 'wb').write(bytes(70 << 20))", "OSError")])  # fmt: skip
def test_memory_and_files_have_a_limit(tmp_path: Path, deed: str, error: str) -> None:
    program = f"from skelzero.server.worker import limit_memory\nlimit_memory(200 << 20, 1)\n{deed}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and error in done.stderr
