"""Ready text vectors from `.npy` files, such as those that authors publish beside their code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from skelzero.cards import sha256_array, sha256_of
from skelzero.errors import UserError
from skelzero.text.encoders import TextStates


class VectorFiles:
    """One row a class, in the order of the class set; one file for each kind of text, in the order of the kinds.

    Parameters
    ----------
    paths : str
        `X.npy`, or `X.npy,Y.npy` for two kinds of text.

    Raises
    ------
    UserError
        A file is missing, no plain array (classes, width) of finite numbers, or of another shape than the first.
    """

    def __init__(self, paths: str) -> None:
        self.name = f"file:{paths}"
        self._vectors = [_read(Path(path.strip())) for path in paths.split(",")]
        shapes = [vectors.shape for vectors in self._vectors]
        if len(set(shapes)) > 1:
            raise UserError("files of text vectors differ in shape", where=self.name, got=shapes, expected="one shape")

    @property
    def identity(self) -> str:
        return f"file:{sha256_of([sha256_array(vectors) for vectors in self._vectors])}"

    def encode(self, texts: Sequence[str]) -> TextStates:
        """The rows of the only file, in place of encoding the texts that they stand for."""
        return self.of_kinds(["text"], len(texts))["text"]

    def of_kinds(self, kinds: Sequence[str], classes: int) -> dict[str, TextStates]:
        """The rows of each kind.

        Raises
        ------
        UserError
            Not one file a kind, or not one row a class.
        """
        if len(kinds) != len(self._vectors):
            files = ",".join(f"{kind.upper()}.npy" for kind in kinds)
            raise UserError("one file of text vectors stands for one kind of text", where=self.name,
                            got=f"{len(self._vectors)} for {', '.join(kinds)}",
                            next_step=f"give file:{files}, or as many kinds as files with --semantics")  # fmt: skip
        rows = len(self._vectors[0])
        if rows != classes:
            hint = f"name the set's first {rows} classes with --class-set NAME:{rows}" if rows < classes else None
            raise UserError("text vectors do not fit the class set", where=self.name, got=f"{rows} rows",
                            expected=f"{classes}, one a class", next_step=hint)  # fmt: skip
        return {kind: TextStates.pooled_only(v) for kind, v in zip(kinds, self._vectors, strict=True)}


def _read(file: Path) -> Float32[np.ndarray, "K D"]:
    if not file.is_file():
        raise UserError("no such file of text vectors", where=file, next_step="check the path after file:")
    try:
        # Mapped first: a header that lies about its size is an error then, not an allocation.
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header or archive fails in as many ways as there are parsers in numpy
        raise UserError("text vectors cannot be read", where=file, got=error, expected="a .npy array") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
        got = f"{getattr(array, 'dtype', type(array).__name__)} {getattr(array, 'shape', '')}"
        raise UserError("text vectors cannot be used", where=file, got=got, expected="numbers (classes, width)")
    vectors = np.array(array, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1))
    if len(bad):
        raise UserError("a text vector is not finite or all zero", where=file, got=f"row {bad[0]}", next_step="mend it")
    return vectors
