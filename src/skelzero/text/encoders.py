"""Text encoders: from sentences to vectors, by name. Nothing is fetched unless the user names something to fetch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float32

from skelzero.errors import UserError
from skelzero.registry import Registry


@dataclass(frozen=True)
class TextStates:
    """What an encoder makes of some texts.

    Attributes
    ----------
    tokens : float32 (N, L, D)
        States of the tokens, zero where padded; an encoder that only pools gives its vector as one token.
    mask : bool (N, L)
        True for real tokens.
    pooled : float32 (N, D)
        One vector a text, as the encoder defines it.
    """

    tokens: Float32[np.ndarray, "N L D"]
    mask: Bool[np.ndarray, "N L"]
    pooled: Float32[np.ndarray, "N D"]

    @classmethod
    def of_rows(cls, rows: Sequence[Float32[np.ndarray, "L D"]], pooled: Float32[np.ndarray, "N D"]) -> TextStates:
        """Stack token states of different lengths, zero-padded to the longest."""
        longest = max(len(row) for row in rows)
        tokens = np.zeros((len(rows), longest, pooled.shape[1]), dtype=np.float32)
        mask = np.zeros((len(rows), longest), dtype=bool)
        for i, row in enumerate(rows):
            tokens[i, : len(row)], mask[i, : len(row)] = row, True
        return cls(tokens, mask, pooled)

    @classmethod
    def pooled_only(cls, pooled: Float32[np.ndarray, "N D"]) -> TextStates:
        """States of an encoder that has one vector a text: that vector is its only token."""
        return cls(pooled[:, None], np.ones((len(pooled), 1), dtype=bool), pooled)


class TextEncoder(Protocol):
    """Anything that turns texts into states; `identity` changes whenever its numbers would."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> TextStates: ...


TEXT_ENCODERS: Registry[Callable[[str], TextEncoder]] = Registry("text encoder")
"""By the part of a name before the first colon; called with the part after it."""


def load_text_encoder(spec: str) -> TextEncoder:
    """The encoder that a name stands for.

    Parameters
    ----------
    spec : str
        `minilm` (ships with the package), `sentence-transformers:NAME`, `open-clip:ARCHITECTURE/WEIGHTS` (these fetch
        a model that is not on disk), or `file:X.npy` (one row a class, in the order of the class set; several kinds of
        text take several files, with commas between them).

    Raises
    ------
    UserError
        An unknown name, a package that is not installed, a model or file that cannot be had.
    """
    kind, _, rest = spec.partition(":")
    return TEXT_ENCODERS[kind](rest)


# Imported when called for: PyTorch and the model libraries cost seconds, and `skelzero text list` needs neither.
@TEXT_ENCODERS.register("minilm")
def _minilm(rest: str) -> TextEncoder:
    from skelzero.text.minilm import MiniLm

    if rest:
        raise UserError("minilm takes no name", got=f"minilm:{rest}", expected="minilm")
    return MiniLm()


@TEXT_ENCODERS.register("sentence-transformers")
def _sentence_transformers(rest: str) -> TextEncoder:
    from skelzero.text.hub import SentenceTransformer

    return SentenceTransformer(rest)


@TEXT_ENCODERS.register("open-clip")
def _open_clip(rest: str) -> TextEncoder:
    from skelzero.text.hub import OpenClip

    return OpenClip(rest)


@TEXT_ENCODERS.register("file")
def _file(rest: str) -> TextEncoder:
    from skelzero.text.vector_files import VectorFiles

    return VectorFiles(rest)
