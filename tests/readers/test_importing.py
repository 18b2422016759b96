"""Imports survive kills, and leave the same bytes however they went."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from examples import EXAMPLES, bvh_file
from skelzero.clips import ClipStore
from skelzero.errors import UserError
from skelzero.readers import READERS, Source, import_parts, importing
from skelzero.readers.import_folder import ImportFolder

PROGRAM = [sys.executable, "-c", "import sys; from skelzero.cli import main; sys.exit(main(sys.argv[1:]))"]


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


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_parts, "PART_FILES", 3)


def digests(store: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(store.iterdir())}


def skipped_rows(store: Path) -> dict[str, str]:
    with (store / importing.SKIPPED).open(newline="") as file:
        return {row["name"]: row["reason"] for row in csv.DictReader(file)}


def test_workers_leave_no_trace(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 150)
    one = importing.import_clips(source, tmp_path / "one", workers=1)
    importing.import_clips(source, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert (one.clips, one.skipped) == (150, 1)
    rows = skipped_rows(tmp_path / "one")
    assert list(rows) == ["a01_s01_e09_skeleton3D.txt"] and str(tmp_path) not in rows["a01_s01_e09_skeleton3D.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "src", "two"]


# --- kills -----------------------------------------------------------------------------------------------------------


def import_and_die(source: Path, out: Path, step: int, *, overwrite: bool = False) -> int | None:
    """Import in a forked process that vanishes at its `step`-th access to the disk; None when it came to the end."""
    process = os.fork()
    if process == 0:
        seen = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir") and "/out" in str(arguments[0]):
                seen += 1
                if seen == step:
                    os._exit(9)

        sys.addaudithook(count)
        try:
            importing.import_clips(source, out, workers=1, overwrite=overwrite)
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert code in (0, 9)
    return None if code == 0 else step


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_at_any_step_the_import_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:  # fmt: skip
    monkeypatch.setattr(import_parts, "PART_FILES", 2)
    source = make_source(tmp_path / "src", 3, frames=2)
    importing.import_clips(source, tmp_path / "undisturbed", workers=1)
    expected = digests(tmp_path / "undisturbed")
    steps = 0
    for step in range(1, 1000, 3 if overwrite else 1):
        place = tmp_path / f"{step}"
        place.mkdir()
        if overwrite:
            importing.import_clips(make_source(tmp_path / "old", 2), place / "out", workers=1)
        if import_and_die(source, place / "out", step, overwrite=overwrite) is None:
            break
        steps += 1
        finished = (place / "out").exists() and digests(place / "out") == expected
        if finished and not (place / "out.partial").exists():
            continue  # nothing was left to do
        # At the very last step the empty folder is all that is left; then the store is there, and stays.
        last = finished and not any((place / "out.partial").iterdir())
        if last and not overwrite:
            with pytest.raises(UserError, match="exists already"):
                importing.import_clips(source, place / "out", workers=1)
        else:
            importing.import_clips(source, place / "out", workers=1, overwrite=overwrite)
        assert digests(place / "out") == expected, step
        assert [p.name for p in place.iterdir()] == ["out"], step
    assert steps > 15


@pytest.mark.slow
def test_killed_at_any_moment_with_workers_the_import_goes_on(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 640, frames=20)
    importing.import_clips(source, tmp_path / "undisturbed", workers=1)
    command = [*PROGRAM, "data", "import", str(source), "--out", str(tmp_path / "out"), "--workers", "2"]
    draw = random.Random(1)
    parts = tmp_path / "out.partial"
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        before = len(list(parts.glob("part-*")))
        # Kill once it has begun to work: only the program, so that its workers must notice.
        while process.poll() is None:
            if len(list(parts.glob("part-*"))) > before or draw.random() < 0.001:
                time.sleep(draw.random() * 0.05)
                process.kill()
                kills += process.wait() == -signal.SIGKILL
            time.sleep(0.002)
        assert group_ends(process.pid), "workers outlived their program"
        if process.returncode == 0:
            break
    assert kills >= 2
    if not (tmp_path / "out").exists():
        assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0
    assert digests(tmp_path / "out") == digests(tmp_path / "undisturbed")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "src", "undisturbed"]


def group_ends(group: int) -> bool:
    """Whether every process of the group is gone within ten seconds."""
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_ctrl_c_is_one_message_and_the_import_goes_on(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 640, frames=20)
    for attempt in range(5):
        # On a busy machine the import may be over before the signal comes: then once more, elsewhere.
        out = tmp_path / f"out{attempt}"
        partial = out.with_name(out.name + ".partial")
        command = [*PROGRAM, "data", "import", str(source), "--out", str(out), "--workers", "2"]
        # Started in the background, as some runners do, a process would ignore the signal.
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
        while process.poll() is None and not list(partial.glob("part-*")):
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers as well
        _, errors = process.communicate(timeout=60)
        if process.returncode != 0:
            break
    assert process.returncode == 130 and errors.count("error: stopped") == 1 and "Traceback" not in errors
    assert group_ends(process.pid)
    done = len(list(partial.glob("part-*")))
    report = importing.import_clips(source, out, workers=1)
    assert done >= 1 and report.clips == 640


# --- going on and starting anew --------------------------------------------------------------------------------------


def fail_at(monkeypatch: pytest.MonkeyPatch, nth: int, error: BaseException) -> list[str]:
    """Make the `nth` part fail; returns the list of parts begun."""
    begun: list[str] = []
    real = import_parts.make_part

    def failing(job: import_parts.Job) -> int:
        begun.append(job.folder.name)
        if len(begun) == nth:
            raise error
        return real(job)

    monkeypatch.setattr(importing, "make_part", failing)
    return begun


def test_finished_parts_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 130)
    begun = fail_at(monkeypatch, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        importing.import_clips(source, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    importing.import_clips(source, tmp_path / "out", workers=1)
    assert sorted(begun) == ["part-000000", "part-000001", "part-000001", "part-000002"]


def test_a_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 130)
    fail_at(monkeypatch, 2, OSError(28, "No space left on device"))
    with pytest.raises(UserError, match=r"disk is full(.|\n)*out.partial(.|\n)*run the same command again"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    # Only whole parts stay.
    assert sorted(p.name for p in (tmp_path / "out.partial").iterdir()) == ["card.json", "part-000000"]
    assert importing.import_clips(source, tmp_path / "out", workers=1).clips == 130


@pytest.mark.parametrize("stage", ["frames.f32", "index.npy", "card.json", "skipped.csv"])
def test_a_disk_that_fills_while_a_file_is_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    source = make_source(tmp_path / "src", 5)
    real = Path.open

    def full(path: Path, mode: str = "r", *args: object, **options: object) -> object:
        if stage in path.name and "w" in mode:
            raise OSError(28, "No space left on device")
        return real(path, mode, *args, **options)  # type: ignore[call-overload]

    def full_save(path: Path, values: np.ndarray) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    if stage == "index.npy":
        monkeypatch.setattr(np, "save", full_save)
    if stage == "card.json":
        monkeypatch.setattr(os, "fdopen", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises((UserError, OSError), match=r"disk is full|No space"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    monkeypatch.undo()
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if "src" not in p.parts}
    if stage == "skipped.csv":  # written last: the part is whole
        assert {name for name in left if name.count("/") <= 1} == {
            "out.partial", "out.partial/card.json", "out.partial/part-000000"
        }  # fmt: skip
    else:
        assert left == set()


@pytest.mark.parametrize("change", ["content", "format", "another file"])
def test_a_changed_source_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    source = make_source(tmp_path / "src", 70)
    fail_at(monkeypatch, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        importing.import_clips(source, tmp_path / "out", workers=1)
    monkeypatch.undo()
    changed = (source / "a02_s01_e01_skeleton3D.txt").read_text()
    if change == "content":
        (source / "a01_s01_e01_skeleton3D.txt").write_text(changed)
    elif change == "another file":
        (source / "a00_s01_e01_skeleton3D.txt").write_text(changed)
    begun = fail_at(monkeypatch, 99, KeyboardInterrupt())
    format = "msr-action3d" if change == "format" else "auto"
    importing.import_clips(source, tmp_path / "out", workers=1, format=format)
    assert begun == ["part-000000", "part-000001"]
    store = ClipStore.open(tmp_path / "out")
    first, second = store[store.find("a01_s01_e01")], store[store.find("a02_s01_e01")]
    assert np.array_equal(first.positions, second.positions) == (change == "content")


def test_two_imports_of_one_store_do_not_meet(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 3)
    folder = ImportFolder(tmp_path / "out")
    with folder.held(), pytest.raises(UserError, match="another import is writing this store"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    assert importing.import_clips(source, tmp_path / "out", workers=1).clips == 3


# --- what is in the way ----------------------------------------------------------------------------------------------


def test_nothing_of_the_users_is_removed(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 3)
    for name in ("out", "b.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="exists already"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    with pytest.raises(UserError, match="not overwritten"):
        importing.import_clips(source, tmp_path / "out", workers=1, overwrite=True)
    with pytest.raises(UserError, match="in the way"):
        importing.import_clips(source, tmp_path / "b", workers=1)
    with pytest.raises(UserError, match="in the folder that is read"):
        importing.import_clips(source, source / "store", workers=1)
    assert (tmp_path / "out" / "letter.txt").read_text() == (tmp_path / "b.partial" / "letter.txt").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.partial", "out", "src"]


def test_a_store_is_replaced_only_when_asked(tmp_path: Path) -> None:
    first, second = make_source(tmp_path / "a", 3), make_source(tmp_path / "b", 5)
    importing.import_clips(first, tmp_path / "out", workers=1)
    with pytest.raises(UserError, match="exists already"):
        importing.import_clips(second, tmp_path / "out", workers=1)
    assert importing.import_clips(second, tmp_path / "out", workers=1, overwrite=True).clips == 5
    assert len(ClipStore.open(tmp_path / "out")) == 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "out"]


def test_nothing_to_import_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "notes.md").write_text("# no recording\n")
    (tmp_path / "src" / "cut.skeleton").write_text("5\n1\n72057594037930000 0 1 1 1 1 0 0.02 -0.1 2\n25\n")
    with pytest.raises(UserError, match=r"no clip found(.|\n)*1 x .skeleton, 1 x .md; cut.skeleton: ") as caught:
        importing.import_clips(tmp_path / "src", tmp_path / "out")
    assert all(name in str(caught.value) for name in READERS)
    assert [p.name for p in tmp_path.iterdir()] == ["src"]


# --- what goes into the store ----------------------------------------------------------------------------------------


def archives(source: Path, folder: Path) -> Iterator[Path]:
    """The folder packed in every way, in an order that is not that of names."""
    names = sorted(source.rglob("*.*"), key=lambda p: hashlib.sha256(p.name.encode()).digest())
    for suffix, mode in ((".tar", "w:"), (".tar.gz", "w:gz"), (".tar.xz", "w:xz")):
        with tarfile.open(folder / f"src{suffix}", mode) as tar:  # type: ignore[call-overload]
            for path in names:
                tar.add(path, arcname=path.relative_to(source).as_posix())
        yield folder / f"src{suffix}"
    with zipfile.ZipFile(folder / "src.zip", "w") as archive:
        for path in names:
            archive.write(path, path.relative_to(source).as_posix())
    yield folder / "src.zip"


def test_archives_and_their_folder_give_the_same_store(tmp_path: Path, small_parts: None) -> None:
    source = make_source(tmp_path / "src", 40)
    importing.import_clips(source, tmp_path / "folder", workers=1)
    expected = digests(tmp_path / "folder")
    for archive in archives(source, tmp_path):
        out = tmp_path / ("from-" + archive.name)
        importing.import_clips(archive, out, workers=1)
        found = digests(out)
        found["card.json"] = expected["card.json"]  # it names the source
        assert found == expected


def test_the_first_layout_wins_and_the_others_are_listed(tmp_path: Path, small_parts: None) -> None:
    source = make_source(tmp_path / "src", 7)
    for name in ("nw-ucla", "ntu", "utd-mhad"):
        example = EXAMPLES[name]().source
        (source / f"z{example.name}").write_bytes(example.read())
    (source / "z.bvh").write_bytes(bvh_file())
    (source / "README.txt").write_text("hello\n")
    report = importing.import_clips(source, tmp_path / "out", workers=1)
    store = ClipStore.open(tmp_path / "out")
    assert store.layout.name == "kinect20-msr" and report.clips == len(store) == 7
    rows = skipped_rows(tmp_path / "out")
    assert report.skipped == len(rows) == 6 and rows["README.txt"] == "no reader"
    assert "one store holds one layout" in rows["zS001C002P003R001A061.skeleton"]
    assert "skelzero data import" in rows["zS001C002P003R001A061.skeleton"] and str(tmp_path) not in str(rows)


def test_every_format_can_be_imported(tmp_path: Path) -> None:
    for name in (name for name in EXAMPLES if not READERS[name].needs):
        example = EXAMPLES[name]()
        source = tmp_path / name
        for part in (example.source, example.source.labels):
            if part is not None:
                (source / part.name).parent.mkdir(parents=True, exist_ok=True)
                (source / part.name).write_bytes(part.read())
        report = importing.import_clips(source, tmp_path / f"{name}-out", workers=1)
        store = ClipStore.open(tmp_path / f"{name}-out")
        store.verify()
        assert report.clips == len(store) == len(example.codes)
        assert sorted(store.codes.tolist()) == sorted(example.codes)


def test_a_reader_that_breaks_costs_its_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 3)
    real = type(READERS["msr-action3d"]).clips

    def broken(self: object, file: Source) -> Iterator[object]:
        if "a02" in file.name:
            raise ZeroDivisionError("of all things")
        return real(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(type(READERS["msr-action3d"]), "clips", broken)
    assert importing.import_clips(source, tmp_path / "out", workers=1).clips == 2
    reason = skipped_rows(tmp_path / "out")["a02_s01_e01_skeleton3D.txt"]
    assert "ZeroDivisionError: of all things" in reason and "report" in reason


def test_a_source_that_vanishes_is_no_source_of_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "src", 100)
    real = import_parts.make_part

    def unplug(job: import_parts.Job) -> int:
        if job.folder.name == "part-000001":
            source.rename(tmp_path / "away")
        return real(job)

    monkeypatch.setattr(importing, "make_part", unplug)
    with pytest.raises(UserError, match="vanished"):
        importing.import_clips(source, tmp_path / "out", workers=1)
    (tmp_path / "away").rename(source)
    monkeypatch.undo()
    assert importing.import_clips(source, tmp_path / "out", workers=1).clips == 100


def test_of_two_members_of_one_name_the_last_is_read(tmp_path: Path) -> None:
    source = make_source(tmp_path / "src", 2)
    with tarfile.open(tmp_path / "src.tar.gz", "w:gz") as tar:
        for name in ("a01_s01_e01", "a02_s01_e01"):
            tar.add(source / f"{name}_skeleton3D.txt", arcname="a03_s01_e01_skeleton3D.txt")
    importing.import_clips(tmp_path / "src.tar.gz", tmp_path / "out", workers=1)
    importing.import_clips(source, tmp_path / "folder", workers=1)
    store, folder = ClipStore.open(tmp_path / "out"), ClipStore.open(tmp_path / "folder")
    np.testing.assert_array_equal(store[0].positions, folder[folder.find("a02_s01_e01")].positions)
    assert len(store) == 1


def test_parts_are_cut_by_size_and_number(tmp_path: Path) -> None:
    from skelzero.readers import from_bytes

    sizes = [1, 9 << 20, 9 << 20, 40 << 20, 1] + [1] * 100
    sources = [from_bytes(f"{i:03d}", b"") for i in range(len(sizes))]
    for source, size in zip(sources, sizes, strict=True):
        object.__setattr__(source, "data", range(size))  # only its length counts
    parts = import_parts.plan(sources)
    assert sorted(i for part in parts for i in part) == list(range(len(sizes)))
    assert [len(part) for part in parts] == [2, 1, 1, 64, 37]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "clips", "skipped"),
    [("utd_mhad.zip", 861, 1), ("nw_ucla.tar.xz", 1484, 0), ("msr_action3d.tar.xz", 566, 1)],
)
def test_real_archives(recordings: Path, tmp_path: Path, name: str, clips: int, skipped: int) -> None:
    report = importing.import_clips(recordings / name, tmp_path / "out", workers=1)
    assert (report.clips, report.skipped) == (clips, skipped)
