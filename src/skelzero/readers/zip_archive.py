"""Members of a zip archive as sources."""

from __future__ import annotations

import functools
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from skelzero.readers.archive_checks import (
    BROKEN,
    bomb,
    broken,
    check_name,
    check_ratio,
    check_size,
    is_litter,
    link,
)
from skelzero.readers.base import Source


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
            raise broken(self.where, error) from error


@functools.lru_cache(maxsize=2)
def _opened_zip(path: Path, process: int, changed: int) -> zipfile.ZipFile:
    # Reading the directory of 100,000 members takes a second: it is kept open. A forked worker must not share the
    # parent's file position, hence the process in the key.
    return zipfile.ZipFile(path)


def zip_members(path: Path) -> Iterator[Source]:
    try:
        infos = _opened_zip(path, os.getpid(), path.stat().st_mtime_ns).infolist()
    except (*BROKEN, OSError) as error:
        raise broken(path, error) from error
    check_size(path, len(infos), sum(info.file_size for info in infos))
    if sum(info.compress_size for info in infos) > path.stat().st_size:
        raise bomb(path, "members that overlap")
    for info in infos:
        check_name(path, info.filename)
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise link(path, info.filename)
        check_ratio(path, info.compress_size, info.file_size)
        if not info.is_dir() and not any(is_litter(part) for part in PurePosixPath(info.filename).parts):
            yield ZipMember(name=info.filename, path=path, member=info.filename, bytes=info.file_size)
