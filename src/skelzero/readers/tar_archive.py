"""Members of a tar archive as sources; a compressed one cannot be entered in the middle, so it is read as a stream."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from skelzero.errors import UserError
from skelzero.readers.archive_checks import (
    BROKEN,
    MAX_HEADER,
    bomb,
    broken,
    check_name,
    check_size,
    is_litter,
    link,
    most_bytes,
)
from skelzero.readers.base import MemorySource, Source

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


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
            raise broken(self.where, error) from error


class _Bounded(io.RawIOBase):
    """A stream for `tarfile` that refuses to read what no honest header needs and to go where no honest member lies."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.stream, self.path = stream, path
        self.most = most_bytes(path)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise bomb(self.path, "a header of more than a megabyte")
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset > self.most:
            raise bomb(self.path, f"more than {self.most} unpacked bytes")
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


def tar_members(path: Path) -> Iterator[Source]:
    try:
        with _unpacked(path) as stream:
            packed = not isinstance(stream, io.BufferedReader)
            with tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream, path)), mode="r:") as archive:
                yield from _safe_members(path, archive, packed)
    except UserError:
        raise
    except (*BROKEN, OSError) as error:
        raise broken(path, error) from error


def _safe_members(path: Path, archive: tarfile.TarFile, packed: bool) -> Iterator[Source]:
    for count, info in enumerate(archive):
        cast(Any, archive).members = []  # tarfile keeps them all otherwise
        check_name(path, info.name)
        if info.issym() or info.islnk():
            raise link(path, info.name)
        if not (info.isfile() or info.isdir()) or info.issparse():
            raise UserError("the archive holds something that is neither file nor folder", where=f"{path}: {info.name}")
        check_size(path, count + 1, info.offset_data + info.size)
        if info.isfile() and not any(is_litter(part) for part in PurePosixPath(info.name).parts):
            name = info.name.removeprefix("./")
            offset = info.offset_data
            yield TarMember(name=name, path=path, member=name, bytes=info.size, offset=offset, packed=packed)


def stream_members(path: Path, members: list[TarMember]) -> Iterator[Source]:
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
        raise broken(path, error) from error


def _read_exactly(stream: BinaryIO, size: int, where: object) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise UserError("the archive is cut short", where=where, got=f"{len(data)} bytes", expected=f"{size} bytes")
    return data
