"""Files of a folder, a zip or a tar archive as sources, read in place: nothing is unpacked to disk.

Archives come from strangers: names that leave the archive, links, and sizes that no honest archive has are refused
before anything is unpacked.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import itertools
import lzma
import os
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from skelzero.errors import UserError
from skelzero.readers.base import MemorySource, Source

MAX_MEMBERS = 2_000_000
MAX_RATIO = 200
"""Text of skeletons packs 3 to 15 times; a bomb, 1000 times and more."""
FREE_BYTES = 64 << 20
"""Below this an archive may unpack to any multiple of its size."""
MAX_HEADER = 1 << 20
"""No honest tar header (with its extended names) is larger."""
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
          RuntimeError, ValueError, OverflowError)  # fmt: skip
"""What the standard library raises on broken archives (`RuntimeError`: encrypted, `NotImplementedError`: packing)."""


def list_sources(path: Path | str) -> list[Source]:
    """The files of a file, folder or archive, sorted by name; label files are attached to what they label.

    Raises
    ------
    UserError
        Missing path, empty or broken archive, unsafe names, links, or sizes that look like a bomb.
    """
    path = Path(path)
    if path.is_dir():
        found = list(_folder_files(path))
    elif not path.is_file():
        raise UserError("no such file or folder", where=path, next_step="check the path")
    elif path.name.lower().endswith(".zip"):
        found = list(_zip_members(path))
    elif path.name.lower().endswith(TAR_SUFFIXES):
        found = list(_tar_members(path))
    else:
        return [Source(name=path.name, path=path)]
    if not found:
        raise UserError("nothing to read in here", where=path, got="no file", expected="recordings")
    return attach_labels(sorted(found, key=lambda source: source.name))


def iter_sources(path: Path | str, sources: Iterable[Source] | None = None) -> Iterator[Source]:
    """The same sources, in the order in which they are read fastest.

    A compressed tar cannot be entered in the middle; its members come in the archive's order and with their bytes
    (`MemorySource`), so that one pass over the archive is enough. Everything else comes in the order given.

    Parameters
    ----------
    path : path
        File, folder or archive.
    sources : iterable of Source, optional
        What to read of it, from `list_sources`; everything when left out.
    """
    chosen = list_sources(path) if sources is None else list(sources)
    packed = [source for source in chosen if isinstance(source, TarMember) and source.packed]
    yield from (source for source in chosen if not (isinstance(source, TarMember) and source.packed))
    if packed:
        yield from _stream(Path(path), packed)


def attach_labels(sources: list[Source]) -> list[Source]:
    """Give each file the label file of the same stem, when there is one, and take that out of the list.

    Label files are those below a folder whose name contains `label` (PKU-MMD: `label/0002-L.txt` beside
    `skeleton/0002-L.txt`). Of several, the one that shares most of the path is taken.
    """
    labels: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if _in_label_folder(source):
            labels[source.stem].append(source)
    if not labels:
        return sources
    used: set[str] = set()
    result = []
    for source in sources:
        candidates = [] if _in_label_folder(source) else labels.get(source.stem, [])
        if candidates:
            best = max(candidates[:64], key=lambda label: _shared(label, source))
            used.add(best.name)
            source = replace(source, labels=best)
        result.append(source)
    return [source for source in result if source.name not in used]


def _shared(a: Source, b: Source) -> int:
    """How many folders two sources have in common."""
    pairs = zip(PurePosixPath(a.name).parts, PurePosixPath(b.name).parts, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _in_label_folder(source: Source) -> bool:
    return any("label" in part.lower() for part in PurePosixPath(source.name).parts[:-1])


# --- folders ---------------------------------------------------------------------------------------------------------


def _folder_files(folder: Path) -> Iterator[Source]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_litter(name))
        for file in files:
            path = Path(parent) / file
            if not _is_litter(file) and path.is_file():
                yield Source(name=path.relative_to(folder).as_posix(), path=path)


def _is_litter(name: str) -> bool:
    """Hidden files and what macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"


# --- zip -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ZipMember(Source):
    """A file in a zip archive."""

    bytes: int = 0

    @property
    def size(self) -> int:
        return self.bytes

    def open(self) -> BinaryIO:
        return cast(BinaryIO, _opened_zip(self.path, os.getpid(), self.path.stat().st_mtime_ns).open(self.member or ""))

    def _take(self, n: int) -> bytes:
        try:
            return super()._take(n)
        except BROKEN as error:
            raise _broken(self.where, error) from error


@functools.lru_cache(maxsize=2)
def _opened_zip(path: Path, process: int, changed: int) -> zipfile.ZipFile:
    # Reading the directory of 100,000 members takes a second: it is kept open. A forked worker must not share the
    # parent's file position, hence the process in the key.
    return zipfile.ZipFile(path)


def _zip_members(path: Path) -> Iterator[Source]:
    try:
        infos = _opened_zip(path, os.getpid(), path.stat().st_mtime_ns).infolist()
    except (*BROKEN, OSError) as error:
        raise _broken(path, error) from error
    _check_size(path, len(infos), sum(info.file_size for info in infos))
    if sum(info.compress_size for info in infos) > path.stat().st_size:
        raise _bomb(path, "members that overlap")
    for info in infos:
        _check_name(path, info.filename)
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise _link(path, info.filename)
        if info.file_size > max(MAX_RATIO * info.compress_size, FREE_BYTES):
            raise _bomb(path, f"{info.filename}: {info.compress_size} bytes that unpack to {info.file_size}")
        if not info.is_dir() and not any(_is_litter(part) for part in PurePosixPath(info.filename).parts):
            yield ZipMember(name=info.filename, path=path, member=info.filename, bytes=info.file_size)


# --- tar -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TarMember(Source):
    """A file in a tar archive, compressed or not, at `offset` bytes of the unpacked stream."""

    bytes: int = 0
    offset: int = 0
    packed: bool = field(default=False, repr=False)

    @property
    def size(self) -> int:
        return self.bytes

    def open(self) -> BinaryIO:
        with _unpacked(self.path) as stream:
            stream.seek(self.offset)
            return io.BytesIO(_read_exactly(stream, self.bytes, self.where))

    def _take(self, n: int) -> bytes:
        try:
            with _unpacked(self.path) as stream:
                stream.seek(self.offset)
                return stream.read(min(n, self.bytes))
        except (*BROKEN, OSError) as error:
            raise _broken(self.where, error) from error


class _Bounded(io.RawIOBase):
    """A stream for `tarfile` that refuses to read what no honest header needs and to go where no honest member lies."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.stream, self.path = stream, path
        self.most = _most_bytes(path)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise _bomb(self.path, "a header of more than a megabyte")
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset > self.most:
            raise _bomb(self.path, f"more than {self.most} unpacked bytes")
        return self.stream.seek(offset)

    def tell(self) -> int:
        return self.stream.tell()


def _unpacked(path: Path) -> BinaryIO:
    """The tar stream inside a possibly compressed file; the content counts, not the suffix."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.open(path))
    if magic == b"\xfd7zXZ\x00":
        return cast(BinaryIO, lzma.open(path))
    if magic[:3] == b"BZh":
        return cast(BinaryIO, bz2.open(path))
    return path.open("rb")


def _tar_members(path: Path) -> Iterator[Source]:
    try:
        with _unpacked(path) as stream:
            packed = not isinstance(stream, io.BufferedReader)
            with tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream, path)), mode="r:") as archive:
                yield from _safe_members(path, archive, packed)
    except UserError:
        raise
    except (*BROKEN, OSError) as error:
        raise _broken(path, error) from error


def _safe_members(path: Path, archive: tarfile.TarFile, packed: bool) -> Iterator[Source]:
    for count, info in enumerate(archive):
        cast(Any, archive).members = []  # tarfile keeps them all otherwise
        _check_name(path, info.name)
        if info.issym() or info.islnk():
            raise _link(path, info.name)
        if not (info.isfile() or info.isdir()) or info.issparse():
            raise UserError("the archive holds something that is neither file nor folder", where=f"{path}: {info.name}")
        _check_size(path, count + 1, info.offset_data + info.size)
        if info.isfile() and not any(_is_litter(part) for part in PurePosixPath(info.name).parts):
            name = info.name.removeprefix("./")
            offset = info.offset_data
            yield TarMember(name=name, path=path, member=name, bytes=info.size, offset=offset, packed=packed)


def _stream(path: Path, members: list[TarMember]) -> Iterator[Source]:
    """Members of a compressed tar with their bytes, in one pass; label files (small) in a pass before."""
    labels = {m.labels.name: m.labels for m in members if isinstance(m.labels, TarMember)}
    texts = {source.name: source for source in _read_in_order(path, list(labels.values()))}
    owners = {member.name: member.labels for member in members}
    for source in _read_in_order(path, members):
        label = owners[source.name]
        yield replace(source, labels=texts[label.name]) if label else source


def _read_in_order(path: Path, members: list[TarMember]) -> Iterator[MemorySource]:
    if not members:
        return
    try:
        with _unpacked(path) as stream:
            for member in sorted(members, key=lambda member: member.offset):
                stream.seek(member.offset)
                data = _read_exactly(stream, member.bytes, member.where)
                yield MemorySource(name=member.name, path=path, member=member.member, data=data)
    except (*BROKEN, OSError) as error:
        raise _broken(path, error) from error


def _read_exactly(stream: BinaryIO, size: int, where: object) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise UserError("the archive is cut short", where=where, got=f"{len(data)} bytes", expected=f"{size} bytes")
    return data


# --- what is refused -------------------------------------------------------------------------------------------------


def _check_name(path: Path, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
        raise UserError("the archive holds a name that leads out of it", where=path, got=repr(name[:200]),
                        next_step="do not trust this archive; get it from its owner")  # fmt: skip


def _most_bytes(path: Path) -> int:
    return max(MAX_RATIO * path.stat().st_size, FREE_BYTES)


def _check_size(path: Path, members: int, unpacked: int) -> None:
    if members > MAX_MEMBERS:
        raise _bomb(path, f"more than {MAX_MEMBERS} members")
    if unpacked > _most_bytes(path):
        raise _bomb(path, f"{path.stat().st_size} bytes that unpack to {unpacked}")


def _bomb(path: Path, got: str) -> UserError:
    return UserError("the archive looks like a bomb", where=path, got=got, expected=f"at most {MAX_RATIO} to 1",
                     next_step="unpack it yourself if you trust it, and give the folder")  # fmt: skip


def _link(path: Path, name: str) -> UserError:
    return UserError("the archive holds a link", where=path, got=repr(name[:200]), expected="files and folders",
                     next_step="pack it again without links")  # fmt: skip


def _broken(where: object, error: BaseException) -> UserError:
    got = f"{type(error).__name__}: {error}"
    return UserError("the archive cannot be read", where=where, got=got, next_step="get it again or unpack it yourself")
