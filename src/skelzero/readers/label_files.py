"""Class numbers that lie in a file beside the clips or features which they label.

Which file that is goes by the names in use: `train_label.npy` or `.pkl` beside `train.npy`, `train_data.npy`,
`train_data_joint.npy` or `train_position.npy`; `z_label.npy` and `g_label.npy` beside SynSE's `ztest.npy`, `gtest.npy`.
In it: an array of whole numbers from 0 on, one for each clip, or one-hot rows; or a pickle of such an array or list, or
of the pair (names, numbers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from skelzero.errors import UserError
from skelzero.readers.base import MAX_BYTES, Source
from skelzero.readers.npy import read_header, row_blocks
from skelzero.readers.safe_pickle import array_of, load_pickle

WHAT = re.compile(r"_(data_joint|data|position|joint|features?)$")
SPECIAL = {"ztest": "z", "gtest": "g"}
ENDINGS = ("_label.npy", "_labels.npy", "_label.pkl", "_labels.pkl")
MAX_CLASSES = 100_000
MAX_NAME = 200


@dataclass(frozen=True)
class Labels:
    """Class numbers (N,) from 0 on, and the clips' names where the file has them."""

    numbers: Int64[np.ndarray, " N"]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)


def labels_beside(path: Path) -> Path | None:
    """The label file of a file of clips or features; None when there is none.

    Raises
    ------
    UserError
        There are several.
    """
    stem = WHAT.sub("", path.stem)
    found = [path.with_name(SPECIAL.get(stem, stem) + ending) for ending in ENDINGS]
    found = [file for file in found if file.is_file()]
    if len(found) > 1:
        raise UserError("several label files fit", where=path, got=", ".join(file.name for file in found),
                        next_step="leave only the right one there")  # fmt: skip
    return found[0] if found else None


def read_labels(path: Path | str, *, expected: int | None = None) -> Labels:
    """The class numbers in a `.npy` or pickle file.

    Parameters
    ----------
    path : path
    expected : int, optional
        How many there must be.

    Raises
    ------
    UserError
        Missing, broken, no whole numbers from 0 on, or another number of them.
    """
    source = Source(name=Path(path).name, path=Path(path))
    labels = _from_npy(source) if source.name.lower().endswith(".npy") else _from_pickle(source)
    if expected is not None and len(labels) != expected:
        raise UserError("clips and labels differ in number", where=source.where, got=f"{len(labels)} labels",
                        expected=f"{expected}")  # fmt: skip
    return labels


def _from_npy(source: Source) -> Labels:
    if not source.head(1) or source.size > MAX_BYTES:
        raise UserError("the file is empty or too large for labels", where=source.where, got=f"{source.size} bytes")
    with source.open() as file:
        header = read_header(file, source.size, source.where)
        if len(header.shape) > 2:
            raise UserError("labels of the wrong shape", where=source.where, got=header.shape, expected="(clips,)")
        values = np.concatenate([np.zeros((0, *header.shape[1:])), *row_blocks(file, header, source.where, 1 << 20)])
    return Labels(_numbers(values, source.where))


def _from_pickle(source: Source) -> Labels:
    value = load_pickle(source)
    if isinstance(value, tuple | list) and len(value) == 2 and not isinstance(value[0], int | float):
        names, numbers = value
        labels = _numbers(array_of(numbers, where=source.where), source.where)
        texts = _names(names, source.where)
        if len(texts) != len(labels):
            got = f"{len(texts)} names and {len(labels)} labels"
            raise UserError("names and labels differ in number", where=source.where, got=got)
        return Labels(labels, texts)
    return Labels(_numbers(array_of(value, where=source.where), source.where))


def _names(value: object, where: str) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else array_of(value, where=where).tolist()
    if not all(isinstance(name, str) for name in names):
        raise UserError("the names of the clips are no text", where=where)
    return tuple(str(name)[:MAX_NAME] for name in names)


def _numbers(values: np.ndarray, where: str) -> Int64[np.ndarray, " N"]:
    if values.ndim == 2 and values.shape[1] > 1:
        if not (np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()):
            raise UserError("labels are neither class numbers nor one-hot", where=where, got=f"shape {values.shape}")
        return values.argmax(axis=1)
    flat = values.reshape(-1) if values.ndim in (1, 2) else np.full(1, np.nan)
    if flat.dtype.kind not in "biuf" or not (np.isfinite(flat) & (flat == np.floor(flat))).all():
        raise UserError("labels are no whole numbers", where=where, got=f"{values.dtype} {values.shape}")
    if len(flat) and not 0 <= flat.min() <= flat.max() < MAX_CLASSES:
        raise UserError("labels out of range", where=where, got=f"{flat.min()} to {flat.max()}",
                        expected=f"0 to {MAX_CLASSES - 1}")  # fmt: skip
    return flat.astype(np.int64)
