"""From a path to clips: detection, ambiguity, and what is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from examples import EXAMPLES, skeleton_text, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Reader, Skipped, Source, clips_of, detect, from_bytes, read_clip, read_clips
from skelzero.readers.base import SURE, register

GOOD = skeleton_text([{7: joints} for joints in walk(3, 25)])


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two good clips, a cut one, an empty one and a note."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.skeleton").write_bytes(GOOD)
    (folder / "b.skeleton").write_bytes(GOOD[: len(GOOD) // 2])
    (folder / "c.skeleton").write_bytes(b"")
    (folder / "d.skeleton").write_bytes(GOOD)
    (folder / "notes.md").write_text("# Notes\n")
    return folder


@pytest.fixture
def twin() -> Iterator[str]:
    """A second reader that is as sure of NTU files as NTU's own."""

    class Twin(Reader):
        name: ClassVar[str] = "twin"
        title: ClassVar[str] = "twin"
        suffixes: ClassVar[tuple[str, ...]] = (".skeleton",)

        def sniff(self, head: bytes, name: str) -> float:
            return SURE

        def clips(self, source: Source) -> Iterator[Clip | Skipped]:
            yield Skipped(source.name, "twin")

    register(Twin)
    yield Twin.name
    del READERS._entries[Twin.name]


def test_read_clip_sniffs_whatever_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "clip.dat"
    path.write_bytes(GOOD)
    clip = read_clip(path)
    assert clip.layout.name == "ntu25"
    np.testing.assert_array_equal(read_clip(str(path), "ntu").positions, clip.positions)


def test_ambiguity_lists_the_candidates_and_stops(twin: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.skeleton"
    path.write_bytes(GOOD)
    with pytest.raises(UserError, match=r"(?s)several formats fit.*clip\.skeleton.*ntu, twin.*--format ntu"):
        read_clip(path)
    assert read_clip(path, "ntu").frames == 3
    (item,) = clips_of(Source("x", path))
    assert isinstance(item, Skipped)
    assert "several formats fit" in item.reason


def test_no_reader_lists_the_formats() -> None:
    with pytest.raises(UserError, match=r"(?s)no reader knows this file.*x\.dat.*ntu \(\.skeleton\)"):
        detect(from_bytes("x.dat", b"hello"))


def test_a_wrong_format_name_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)unknown format.*'nut'.*did you mean 'ntu'"):
        read_clip(tmp_path / "does-not-matter", "nut")


def test_the_wrong_format_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.skeleton"
    path.write_bytes(GOOD)
    for name in sorted(set(READERS) - {"ntu"}):
        with pytest.raises(UserError):
            read_clip(path, name)


def test_broken_files_are_skipped_by_name_in_a_folder(mixed: Path) -> None:
    skipped: list[Skipped] = []
    clips = list(read_clips(mixed, skipped=skipped))
    assert [clip.origin.name for clip in clips] == ["a", "d"]
    assert [item.name for item in skipped] == ["b.skeleton", "c.skeleton", "notes.md"]
    assert "cut" in skipped[0].reason
    assert "empty" in skipped[1].reason
    assert skipped[2].reason == "no reader"
    assert all("\n" not in item.reason for item in skipped)


def test_without_a_list_a_broken_file_is_an_error_and_a_note_is_not(mixed: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)a file gave no clip.*b\.skeleton.*cut"):
        list(read_clips(mixed))
    for name in ("b.skeleton", "c.skeleton"):
        (mixed / name).unlink()
    assert len(list(read_clips(mixed))) == 2


def test_a_named_format_reads_only_its_own_suffixes(mixed: Path) -> None:
    (mixed / "e.txt").write_bytes(EXAMPLES["msr-action3d"]().source.data)
    skipped: list[Skipped] = []
    clips = list(read_clips(mixed, "ntu", skipped))
    assert len(clips) == 2
    assert [item.name for item in skipped if item.reason == "no reader"] == ["e.txt", "notes.md"]


def test_read_clip_wants_one(mixed: Path) -> None:
    (mixed / "b.skeleton").unlink()
    (mixed / "c.skeleton").unlink()
    with pytest.raises(UserError, match="more than one clip found"):
        read_clip(mixed)
    (mixed / "d.skeleton").unlink()
    assert read_clip(mixed).origin.name == "a"
    (mixed / "a.skeleton").unlink()
    with pytest.raises(UserError, match=r"no clip found|no reader knows"):
        read_clip(mixed)


def test_a_single_broken_file_is_an_error(mixed: Path) -> None:
    with pytest.raises(UserError, match="cut"):
        read_clip(mixed / "b.skeleton")
    with pytest.raises(UserError, match="the file is empty"):
        read_clip(mixed / "c.skeleton")
    with pytest.raises(UserError, match="no reader knows this file"):
        read_clip(mixed / "notes.md")


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)no such file or folder.*nothing\.skeleton"):
        read_clip(tmp_path / "nothing.skeleton")
