"""Folders, zip and tar archives: what is listed, what is refused, and that one pass is enough."""

from __future__ import annotations

import lzma
import multiprocessing
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from packing import folder_of, tar_of, zip_of

from skelzero.errors import UserError
from skelzero.readers import MemorySource, archive_checks, from_bytes, iter_sources, list_sources, tar_archive
from skelzero.readers.archive import attach_labels

FILES = {"b/2.skeleton": b"two" * 100, "a/1.skeleton": b"one", "a/sub/3.txt": b"three"}


def make(kind: str, folder: Path, files: dict[str, bytes]) -> Path:
    if kind == "folder":
        return folder_of(folder / "in", files)
    return (zip_of if kind == "zip" else tar_of)(folder / f"in.{kind}", files)


KINDS = ["folder", "zip", "tar", "tar.gz", "tar.xz", "tar.bz2"]


@pytest.mark.parametrize("kind", KINDS)
def test_same_files_out_of_every_kind(kind: str, tmp_path: Path) -> None:
    litter = {"__MACOSX/a/._1.skeleton": b"x", ".DS_Store": b"x", "a/.hidden": b"x"}
    path = make(kind, tmp_path, FILES | litter)
    listed = list_sources(path)
    assert [source.name for source in listed] == sorted(FILES)
    assert {source.name: source.read() for source in listed} == FILES
    assert {source.name: source.size for source in listed} == {name: len(data) for name, data in FILES.items()}
    assert {source.name: source.head(2) for source in listed} == {name: data[:2] for name, data in FILES.items()}
    streamed = list(iter_sources(path, listed))
    assert {source.name: source.read() for source in streamed} == FILES
    assert all(str(path) in source.where for source in (*listed, *streamed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_choice_of_the_files(kind: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path, FILES)
    chosen = [source for source in list_sources(path) if source.name != "a/1.skeleton"]
    assert {source.name for source in iter_sources(path, chosen)} == set(FILES) - {"a/1.skeleton"}


def test_a_compressed_tar_is_unpacked_once_for_the_list_and_once_for_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tar_of(tmp_path / "in.tar.xz", {f"{i}.txt": os.urandom(1000) for i in range(20)})
    opened: list[Path] = []
    unpacked = tar_archive._unpacked
    monkeypatch.setattr(tar_archive, "_unpacked", lambda path: opened.append(path) or unpacked(path))
    sources = list(iter_sources(path))
    assert all(isinstance(source, MemorySource) for source in sources)
    assert len(opened) == 2


def test_names_in_the_archive_do_not_depend_on_where_it_lies(tmp_path: Path) -> None:
    here, there = zip_of(tmp_path / "in.zip", FILES), folder_of(tmp_path / "deep" / "er", FILES)
    assert [s.name for s in list_sources(here)] == [s.name for s in list_sources(there)]


def test_a_leading_dot_folder_in_a_tar(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "in.tar", {"./a/1.txt": b"one"})
    assert [source.name for source in list_sources(path)] == ["a/1.txt"]


def test_one_file(tmp_path: Path) -> None:
    folder_of(tmp_path, {"1.skeleton": b"one"})
    (source,) = list_sources(tmp_path / "1.skeleton")
    assert (source.name, source.read()) == ("1.skeleton", b"one")


def _read_in_a_worker(path: Path) -> bytes:
    return b"".join(source.read() for source in list_sources(path))


def test_a_forked_worker_does_not_share_the_zip(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "in.zip", {f"{i}.txt": bytes([i]) * 5000 for i in range(50)})
    expected = _read_in_a_worker(path)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_read_in_a_worker, [path] * 8) == [expected] * 8


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_attached_and_no_files_of_their_own(kind: str, tmp_path: Path) -> None:
    files = {
        "v1/label/1.txt": b"1", "v1/skeleton/1.txt": b"s1", "v1/skeleton/2.txt": b"s2",
        "v2/Train_Label/1.txt": b"21", "v2/skeleton/1.txt": b"s21", "v2/Train_Label/9.txt": b"alone",
    }  # fmt: skip
    found = {source.name: source for source in iter_sources(make(kind, tmp_path, files))}
    labels = {name: source.labels.read() if source.labels else None for name, source in found.items()}
    assert labels == {
        "v1/skeleton/1.txt": b"1", "v1/skeleton/2.txt": None, "v2/skeleton/1.txt": b"21", "v2/Train_Label/9.txt": None,
    }  # fmt: skip


def test_labels_need_a_folder() -> None:
    sources = [from_bytes("labelled.txt", b"x"), from_bytes("skeleton/labelled.txt", b"y")]
    assert attach_labels(list(sources)) == sources


# --- bad input -------------------------------------------------------------------------------------------------------


def refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}") as caught:
        for source in iter_sources(path):
            source.read()
    assert path.name in str(caught.value)


BAD_NAMES = [
    "../evil.txt",
    "a/../../evil.txt",
    "/etc/evil.txt",
    "\\\\server\\evil.txt",
    "C:\\evil.txt",
    "a\\..\\..\\evil",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_out_of_the_archive(name: str, tmp_path: Path) -> None:
    refused(zip_of(tmp_path / "in.zip", {"ok.txt": b"x", name: b"x"}), "name that leads out of it")
    refused(tar_of(tmp_path / "in.tar.xz", {"ok.txt": b"x", name: b"x"}), "name that leads out of it")


def test_links(tmp_path: Path) -> None:
    def symbolic(info: zipfile.ZipInfo) -> None:
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    refused(zip_of(tmp_path / "in.zip", {"link": b"/etc/passwd"}, symbolic), "holds a link")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):

        def linked(info: tarfile.TarInfo, kind: bytes = kind) -> None:
            info.type, info.linkname, info.size = kind, "/etc/passwd", 0

        refused(tar_of(tmp_path / "in.tar.gz", {"link": b""}, linked), "holds a link")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices(kind: bytes, tmp_path: Path) -> None:
    def device(info: tarfile.TarInfo) -> None:
        info.type, info.size = kind, 0

    refused(tar_of(tmp_path / "in.tar", {"device": b""}, device), "neither file nor folder")


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits on small archives, so that the tests need no large ones."""
    monkeypatch.setattr(archive_checks, "FREE_BYTES", 1 << 10)


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_bombs(kind: str, tmp_path: Path) -> None:
    refused(make(kind, tmp_path, {"zeros.txt": b"\0" * (8 << 20)}), "looks like a bomb")


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("kind", ["zip", "tar.xz"])
def test_a_bomb_of_many_files(kind: str, tmp_path: Path) -> None:
    refused(make(kind, tmp_path, {f"{i}.txt": b"\0" * (100 << 10) for i in range(200)}), "looks like a bomb")


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    """The non-recursive bomb: many directory entries for one stretch of the file."""
    path = zip_of(tmp_path / "in.zip", {f"{i:03d}": os.urandom(1000) for i in range(100)})
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    offset = data[at + 42 : at + 46]
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 20 : at + 24] = struct.pack("<I", 3000)
        data[at + 42 : at + 46] = offset
    path.write_bytes(data)
    refused(path, "members that overlap")


def test_a_header_that_asks_for_gigabytes(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    path = tmp_path / "in.tar.xz"
    path.write_bytes(lzma.compress(info.tobuf() + b"\0" * (4 << 20)))
    refused(path, "header of more than a megabyte|bomb")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_checks, "MAX_MEMBERS", 10)
    files = {f"{i}.txt": b"x" for i in range(11)}
    refused(zip_of(tmp_path / "in.zip", files), "more than 10 members")
    refused(tar_of(tmp_path / "in.tar", files), "more than 10 members")


@pytest.mark.parametrize("kind", KINDS[1:])
def test_cut_archives(kind: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path, {f"{i}.txt": os.urandom(5000) for i in range(3)})
    data = path.read_bytes()
    for size in (0, 10, 300, len(data) // 2):
        path.write_bytes(data[:size])
        refused(path, "archive cannot be read|archive is cut short|nothing to read|bomb")


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "in.zip", {"a.txt": os.urandom(5000), "b.txt": os.urandom(5000)})
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    good, bad = list_sources(path)[::-1]
    assert len(good.read()) == 5000
    with pytest.raises(UserError, match=r"(?s)cannot be read.*in\.zip: a\.txt"):
        bad.read()


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "in.zip", {"a.txt": b"x" * 50})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    refused(path, "cannot be read.*encrypted")


def test_not_an_archive(tmp_path: Path) -> None:
    for name in ("in.zip", "in.tar", "in.tar.xz"):
        (tmp_path / name).write_bytes(b"hello")
        refused(tmp_path / name, "archive cannot be read")


def test_missing_and_empty(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no such file or folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "nothing to read in here")
    refused(zip_of(tmp_path / "in.zip", {}), "nothing to read in here")


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", FILES)
    first, *_ = list_sources(tmp_path / "in")
    first.path.unlink()
    with pytest.raises(UserError, match="no such file"):
        first.read()


def test_a_limit_holds_for_every_kind(tmp_path: Path) -> None:
    for kind in KINDS:
        for source in iter_sources(make(kind, tmp_path, {"1.txt": b"x" * 1000})):
            assert source.read(1000) == b"x" * 1000
            with pytest.raises(UserError, match=r"(?s)too large.*more than 999 bytes"):
                source.read(999)
