"""Clips in one `.npy` array, as AimCLR, SMIE and PGFA keep them, with labels in a file beside it.

Accepted shapes: (clips, 3, frames, 25, bodies) and (clips, frames, 75 or 150), one or two bodies of 25 Kinect v2 joints
in metres, padded with zeros. The frame rate is not known (these clips are mostly resampled to 50 frames).

Labels are looked for beside the array on disk (`label_files`). Names in a label file are the clips' names, and NTU
RGB+D names tell class and people; otherwise the data set is told by a file or folder name that begins with `ntu` or
`pku` (`data/zeroshot/ntu60/split_1/unseen_data.npy`), and when nothing tells it, the class code is the bare number. An
array without labels, or in an archive, gives clips without codes. Files of labels and of features are not clips: no
reader takes them.
Source: Guo et al., "Contrastive learning from extremely augmented skeleton sequences", AAAI 2022; Zhou et al.,
"Zero-shot skeleton-based action recognition via mutual information estimation and maximization", ACM Multimedia 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from skelzero.clips import Clip, Origin
from skelzero.errors import UserError
from skelzero.readers.base import NO, SURE, Reader, Skipped, Source, register
from skelzero.readers.class_codes import dataset_of_path
from skelzero.readers.label_files import Labels, labels_beside, read_labels
from skelzero.readers.npy import NUMERIC, NpyHeader, read_header, row_blocks, sniff_header
from skelzero.readers.prepared_arrays import (
    BODY,
    JOINTS,
    MAX_PERSONS,
    flat_bodies,
    ntu_origin,
    numbered_origin,
    prepared_clip,
)

HISTORY = ("prepared-elsewhere",)


@register
class SmieReader(Reader):
    name: ClassVar[str] = "smie"
    title: ClassVar[str] = "clips in one array as for SMIE, AimCLR, PGFA (.npy)"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)

    def sniff(self, head: bytes, name: str) -> float:
        header = sniff_header(head)
        return SURE if header is not None and _holds_clips(header) else NO

    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        if source.member is not None and source.size > self.limit:
            raise UserError("this file is too large to be read inside an archive", where=source.where,
                            got=f"{source.size} bytes", next_step="unpack the archive and give the folder")  # fmt: skip
        if not source.head(1):
            raise UserError("the file is empty", where=source.where, next_step="get the file again or leave it out")
        with source.open() as file:
            header = read_header(file, source.size, source.where)
            if not _holds_clips(header):
                raise UserError("an array of another shape than clips have", where=source.where, got=header.shape,
                                expected="(clips, 3, frames, 25, 1 or 2) or (clips, frames, 75 or 150)")  # fmt: skip
            labels, dataset = _labels(source, header.shape[0])
            for i, row in enumerate(row_blocks(file, header, source.where)):
                values = row[0].transpose(3, 1, 2, 0) if row.ndim == 5 else flat_bodies(row[0])  # (P, T, V, C)
                yield prepared_clip(values, _origin(source, i, labels, dataset), HISTORY, math.nan)


def _holds_clips(header: NpyHeader) -> bool:
    shape, bodies = header.shape, range(1, MAX_PERSONS + 1)
    if header.dtype.kind not in NUMERIC or len(shape) not in (3, 5) or 0 in shape:
        return False
    if len(shape) == 5:
        return shape[1] == 3 and shape[3] == JOINTS and shape[4] in bodies
    return shape[2] in [BODY * n for n in bodies]


def _labels(source: Source, count: int) -> tuple[Labels | None, str]:
    """Labels beside the array (only on disk), and the data set told by the path."""
    path = labels_beside(source.path) if type(source) is Source else None
    labels = read_labels(path, expected=count) if path is not None else None
    return labels, dataset_of_path(source.path.absolute())


def _origin(source: Source, i: int, labels: Labels | None, dataset: str) -> Origin:
    name = f"{source.stem}-{i:06d}"
    number = int(labels.numbers[i]) if labels is not None else -1
    if labels is not None and labels.names:
        name = labels.names[i].rpartition("/")[2].removesuffix(".skeleton") or name
        known = ntu_origin(name, source.name)
        if known is not None:
            return known
    return numbered_origin(name, dataset, number, source.name, where=source.where)
