"""NTU RGB+D as CTR-GCN prepares it: one `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.

`x` is (clips, frames, 150): padded with zeros to 300 frames, two bodies of 25 Kinect v2 joints in metres, bodies chosen
and moved so that the first frame's spine lies at the origin; `y` is one-hot. The number of classes tells the data set:
60 or 120 NTU RGB+D (`ntu120`, codes A001 ...), 51 PKU-MMD. Names and people are not in the file; clips are called
`<file>-train-000000` and so on. Clips are read one by one, whatever the size of the file.
Source: Chen, Zhang, Yuan, Li, Deng, Hu, "Channel-wise topology refinement graph convolution for skeleton-based action
recognition", ICCV 2021, and the preparation scripts published with it.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, cast

import numpy as np
from jaxtyping import Int64

from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers.archive_checks import BROKEN, FREE_BYTES, MAX_RATIO
from skelzero.readers.base import NO, SURE, Reader, Skipped, Source, register
from skelzero.readers.class_codes import BY_COUNT
from skelzero.readers.npy import NpyHeader, read_header, row_blocks
from skelzero.readers.prepared_arrays import (
    BODY,
    FPS,
    MAX_PERSONS,
    flat_bodies,
    numbered_origin,
    prepared_clip,
)

PARTS = ("train", "test")
HISTORY = ("ctr-gcn-bodies", "centre-first-root")
MAX_CLASSES = 1000
LABEL_ROWS = 4096


@register
class CtrGcnReader(Reader):
    name: ClassVar[str] = "ctr-gcn"
    title: ClassVar[str] = "NTU RGB+D prepared for CTR-GCN (.npz)"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def sniff(self, head: bytes, name: str) -> float:
        # The name of a zip archive's first member begins at byte 30.
        first = head[30 : 30 + 16]
        ours = any(first.startswith(f"{kind}_{part}.npy".encode()) for kind in "xy" for part in PARTS)
        return SURE if head.startswith(b"PK\x03\x04") and ours else NO

    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        if source.member is not None and source.size > self.limit:
            raise UserError("this file is too large to be read inside an archive", where=source.where,
                            got=f"{source.size} bytes", next_step="unpack the archive and give the folder")  # fmt: skip
        if not source.head(1):
            raise UserError("the file is empty", where=source.where, next_step="get the file again or leave it out")
        try:
            with source.open() as file, zipfile.ZipFile(file) as archive:
                yield from _all_clips(archive, source)
        except (*BROKEN, OSError) as error:
            got = f"{type(error).__name__}: {error}"
            raise UserError("not a readable .npz file", where=source.where, got=got,
                            next_step="get the file again") from error  # fmt: skip


def _all_clips(archive: zipfile.ZipFile, source: Source) -> Iterator[Clip | Skipped]:
    names = archive.namelist()
    parts = [part for part in PARTS if f"x_{part}.npy" in names and f"y_{part}.npy" in names]
    if not parts:
        raise UserError("no clips in this .npz file", where=source.where, got=", ".join(names[:8])[:200] or "nothing",
                        expected="x_train, y_train, x_test, y_test")  # fmt: skip
    for part in parts:
        labels, dataset = _labels(archive, part, source)
        with _array(archive, f"x_{part}.npy", source) as (stream, header, where):
            shape = header.shape
            if len(shape) != 3 or shape[2] not in [BODY * n for n in range(1, MAX_PERSONS + 1)] or not shape[1]:
                raise UserError("clips of the wrong shape", where=where, got=shape, expected="(clips, frames, 150)")
            if len(labels) != shape[0]:
                raise UserError("clips and labels differ in number", where=where, got=shape[0], expected=len(labels))
            for i, row in enumerate(row_blocks(stream, header, where)):
                name = f"{source.stem}-{part}-{i:06d}"
                origin = numbered_origin(name, dataset, int(labels[i]), source.name, where=where)
                yield prepared_clip(flat_bodies(row[0]), origin, HISTORY, FPS)


def _labels(archive: zipfile.ZipFile, part: str, source: Source) -> tuple[Int64[np.ndarray, " N"], str]:
    """The class number of each clip, and the data set that has as many classes."""
    found = []
    with _array(archive, f"y_{part}.npy", source) as (stream, header, where):
        if len(header.shape) != 2 or not 2 <= header.shape[1] <= MAX_CLASSES:
            raise UserError("labels of the wrong shape", where=where, got=header.shape,
                            expected=f"one-hot (clips, 2 to {MAX_CLASSES} classes)")  # fmt: skip
        for rows in row_blocks(stream, header, where, LABEL_ROWS):
            hot = rows == 1
            if ((rows != 0) != hot).any() or (hot.sum(axis=1) != 1).any():
                raise UserError("labels are not one-hot", where=where, expected="one 1 and else 0 in each row")
            found.append(hot.argmax(axis=1))
        dataset = BY_COUNT.get(header.shape[1], "")
    return np.concatenate(found) if found else np.zeros(0, np.int64), dataset


@contextlib.contextmanager
def _array(archive: zipfile.ZipFile, name: str, source: Source) -> Iterator[tuple[BinaryIO, NpyHeader, str]]:
    info, where = archive.getinfo(name), f"{source.where}: {name}"
    if info.file_size > max(MAX_RATIO * info.compress_size, FREE_BYTES):
        raise UserError("the file looks like a bomb", where=where, expected=f"at most {MAX_RATIO} to 1",
                        got=f"{info.compress_size} bytes that unpack to {info.file_size}")  # fmt: skip
    with archive.open(info) as file:
        stream = cast(BinaryIO, file)
        yield stream, read_header(stream, info.file_size, where), where
