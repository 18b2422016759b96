"""Features that others have already computed: one array (clips, width) and the class of each clip.

SynSE, SMIE, SCALE-like code and others distribute 256 numbers a clip from a Shift-GCN trained on the seen classes, as
`train.npy` + `train_label.npy`, `ztest.npy` + `z_label.npy` (unseen classes), `gtest.npy` + `g_label.npy` (all).
`load_feature_table` gives them as plain arrays; turning those into a feature set with a card, which needs to say which
encoder made them and from which classes, is for the `encoders` layer and its user: the files do not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from skelzero.errors import UserError
from skelzero.readers.base import Source
from skelzero.readers.class_codes import class_code, dataset_of_path
from skelzero.readers.label_files import labels_beside, read_labels
from skelzero.readers.npy import read_header, row_blocks

MAX_WIDTH = 65536
MAX_FEATURE_BYTES = 8 << 30
BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class FeatureTable:
    """Features as they were found.

    Attributes
    ----------
    features : float32 (N, D)
    labels : int64 (N,)
        Class numbers from 0 on, as in the label file.
    codes : str (N,)
        The classes' codes in `dataset`; the bare numbers when that is empty.
    names : str (N,)
        From the label file, else `<file>-000000` and so on.
    dataset : str
        Name of the class set, or empty.
    """

    features: Float32[np.ndarray, "N D"]
    labels: Int64[np.ndarray, " N"]
    codes: np.ndarray
    names: np.ndarray
    dataset: str

    def __len__(self) -> int:
        return len(self.features)


def load_feature_table(
    features_path: Path | str, labels_path: Path | str | None = None, *, dataset: str | None = None
) -> FeatureTable:
    """Read features and their labels.

    Parameters
    ----------
    features_path : path
        `.npy`, numbers (N, D).
    labels_path : path, optional
        `.npy` or pickle; left out, the file beside the features is taken (`label_files`).
    dataset : str, optional
        `ntu120` or `pku_mmd` (class numbers become their codes) or empty; left out, told by file and folder names.

    Raises
    ------
    UserError
        Missing or broken files, other shapes, numbers that are not finite, labels that do not fit.
    """
    path = Path(features_path)
    features = _features(path)
    found = Path(labels_path) if labels_path is not None else labels_beside(path)
    if found is None:
        raise UserError("no label file beside the features", where=path, expected="for example train_label.npy",
                        next_step="name the label file")  # fmt: skip
    labels = read_labels(found, expected=len(features))
    known = dataset_of_path(path.absolute()) if dataset is None else dataset
    codes = [class_code(known, int(number), where=found) for number in np.unique(labels.numbers)]
    rows = np.unique(labels.numbers, return_inverse=True)[1]
    names = labels.names or tuple(f"{path.stem}-{i:06d}" for i in range(len(features)))
    return FeatureTable(features, labels.numbers, np.array(codes)[rows], np.array(names), known)


def _features(path: Path) -> Float32[np.ndarray, "N D"]:
    source = Source(name=path.name, path=path)
    if not source.head(1):
        raise UserError("the file is empty", where=path, next_step="get the file again")
    with source.open() as file:
        header = read_header(file, source.size, source.where)
        if len(header.shape) != 2 or not 1 <= header.shape[1] <= MAX_WIDTH or not header.shape[0]:
            raise UserError("not a table of features", where=path, got=f"shape {header.shape}",
                            expected="(clips, width)")  # fmt: skip
        if header.shape[0] * header.shape[1] * 4 > MAX_FEATURE_BYTES:
            raise UserError("the features are too large for memory", where=path, got=f"shape {header.shape}")
        features = np.empty(header.shape, np.float32)
        first = 0
        for block in row_blocks(file, header, source.where, max(1, BLOCK_BYTES // header.row_bytes)):
            with np.errstate(over="ignore"):
                features[first : first + len(block)] = block
            first += len(block)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise UserError("features that are not finite numbers", where=path, got=f"{len(bad)} rows, first {bad[0]}")
    return features
