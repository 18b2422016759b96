"""Imports survive kills, and leave the same bytes however they went."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from skelzero.clips import ClipStore
from skelzero.errors import UserError
from skelzero.readers import importing


def make_source(folder: Path, files: int, frames: int = 12) -> Path:
    """MSR-Action3D text files with made-up numbers, and one that is cut."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(files):
        rows = np.c_[rng.standard_normal((frames * 20, 3)) + 3, np.ones(frames * 20)]
        name = f"a{i % 20 + 1:02d}_s{i // 20 % 10 + 1:02d}_e{i // 200 + 1:02d}_skeleton3D.txt"
        np.savetxt(folder / name, rows, fmt="%.6f")
    (folder / "a01_s01_e09_skeleton3D.txt").write_text("1 2 3 1\n4 5 6 1\n")
    return folder


def digests(store: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(store.iterdir())}


def test_workers_leave_no_trace(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 150)
    one = importing.import_clips(source, tmp_path / "one", workers=1)
    importing.import_clips(source, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert (one.clips, one.skipped) == (150, 1)
    rows = list(csv.DictReader((tmp_path / "one" / "skipped.csv").open()))
    assert rows[0]["name"] == "a01_s01_e09_skeleton3D.txt" and rows[0]["reason"]
    assert not (tmp_path / "one.partial").exists()


def test_killed_at_any_moment_the_import_goes_on(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 400)
    importing.import_clips(source, tmp_path / "undisturbed", workers=1)
    command = [sys.executable, "-c", "import sys; from skelzero.cli import main; sys.exit(main(sys.argv[1:]))",
               "data", "import", str(source), "--out", str(tmp_path / "out"), "--workers", "1"]  # fmt: skip
    draw = random.Random(1)
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 60
        parts_before = len(list((tmp_path / "out.partial").glob("part-*")))
        # Kill once it has begun to work, a little later each time.
        while process.poll() is None and time.monotonic() < deadline:
            if len(list((tmp_path / "out.partial").glob("part-*"))) > parts_before:
                time.sleep(draw.random() * 0.05)
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        if process.wait() == 0:
            break
    assert kills >= 2
    if not (tmp_path / "out").exists():
        assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "undisturbed")
    assert not (tmp_path / "out.partial").exists()


def test_finished_parts_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 130)
    calls = []
    real = importing._make_part

    def failing(job: importing._Job) -> int:
        calls.append(job.folder.name)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(job)

    monkeypatch.setattr(importing, "_make_part", failing)
    with pytest.raises(OSError, match="No space"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    importing.import_clips(source, tmp_path / "out", workers=1)
    assert sorted(calls) == ["part-000000", "part-000001", "part-000001", "part-000002"]


def test_a_changed_source_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 70)
    monkeypatch.setattr(importing, "_assemble", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        importing.import_clips(source, tmp_path / "out", workers=1)
    monkeypatch.undo()
    (source / "a01_s01_e01_skeleton3D.txt").write_text((source / "a02_s01_e01_skeleton3D.txt").read_text())
    importing.import_clips(source, tmp_path / "out", workers=1)
    store = ClipStore.open(tmp_path / "out")
    first, second = store[store.find("a01_s01_e01")], store[store.find("a02_s01_e01")]
    np.testing.assert_array_equal(first.positions, second.positions)


def test_nothing_to_import_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "notes.md").write_text("# no recording\n")
    with pytest.raises(UserError, match=r"no clip found(.|\n)*msr-action3d"):
        importing.import_clips(tmp_path / "src", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_archive_and_folder_give_the_same_store(tmp_path: Path) -> None:
    import tarfile

    source = make_source(tmp_path / "src", 70)
    with tarfile.open(tmp_path / "src.tar.xz", "w:xz") as tar:
        for path in sorted(source.iterdir(), reverse=True):
            tar.add(path, arcname=path.name)
    importing.import_clips(source, tmp_path / "folder", workers=1)
    importing.import_clips(tmp_path / "src.tar.xz", tmp_path / "archive", workers=1)
    for name in ("frames.f32", "index.npy"):
        assert digests(tmp_path / "folder")[name] == digests(tmp_path / "archive")[name]


@pytest.mark.parametrize(("name", "clips", "skipped"), [("utd_mhad.zip", 861, 1), ("msr_action3d.tar.xz", 566, 1)])
def test_real_archives(recordings: Path, tmp_path: Path, name: str, clips: int, skipped: int) -> None:
    report = importing.import_clips(recordings / name, tmp_path / "out", workers=1)
    assert (report.clips, report.skipped) == (clips, skipped)
