"""Text encoders: from sentences to vectors, by name. Nothing is fetched unless the user names something to fetch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float32

from skelzero.cards import sha256_array
from skelzero.errors import UserError, missing_extra
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


class TextEncoder(Protocol):
    """Anything that turns texts into states; `identity` changes whenever its numbers would."""

    name: str

    @property
    def identity(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> TextStates: ...


TEXT_ENCODERS: Registry[Callable[[str], TextEncoder]] = Registry("text encoder")
"""By the part of a name before the colon; called with the part after it."""


def load_text_encoder(spec: str) -> TextEncoder:
    """The encoder that a name stands for.

    Parameters
    ----------
    spec : str
        `minilm` (ships with the package), `sentence-transformers:NAME`, `open-clip:NAME` (these fetch NAME when it is
        not on disk), or `file:X.npy` (one row a class, in the order of the class set).

    Raises
    ------
    UserError
        An unknown name, a package that is not installed, a model that cannot be had.
    """
    kind, _, rest = spec.partition(":")
    return TEXT_ENCODERS[kind](rest)


@TEXT_ENCODERS.register("minilm")
def _minilm(rest: str) -> TextEncoder:
    from skelzero.text.minilm import MiniLm

    if rest:
        raise UserError("minilm takes no name", got=f"minilm:{rest}", expected="minilm")
    return MiniLm()


class VectorFile:
    """Ready vectors from a `.npy` file, one row a text in the order in which texts are asked for.

    Raises
    ------
    UserError
        Not a plain two-dimensional array of finite numbers.
    """

    def __init__(self, path: str) -> None:
        self.name = f"file:{path}"
        file = Path(path)
        if not file.is_file():
            raise UserError("no such file of text vectors", where=file, next_step="check the path after file:")
        try:
            array = np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise UserError(
                "text vectors cannot be read", where=file, got=str(error), expected="a .npy array"
            ) from error
        if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
            got = f"{getattr(array, 'dtype', type(array))} {getattr(array, 'shape', '')}"
            raise UserError("text vectors cannot be used", where=file, got=got, expected="numbers (classes, width)")
        self._vectors = array.astype(np.float32)
        if not np.isfinite(self._vectors).all():
            raise UserError("text vectors are not finite", where=file)

    @property
    def identity(self) -> str:
        return f"file:{sha256_array(self._vectors)}"

    def encode(self, texts: Sequence[str]) -> TextStates:
        if len(texts) != len(self._vectors):
            raise UserError("text vectors do not fit the class set", where=self.name, got=f"{len(self._vectors)} rows",
                            expected=f"{len(texts)}, one a class")  # fmt: skip
        return pooled_only(self._vectors)


TEXT_ENCODERS.add("file", VectorFile)


def pooled_only(vectors: Float32[np.ndarray, "N D"]) -> TextStates:
    """States of an encoder that has one vector a text: that vector is its only token."""
    return TextStates(vectors[:, None], np.ones((len(vectors), 1), dtype=bool), vectors)


class SentenceTransformer:
    """Any model of the sentence-transformers library, with its token states."""

    def __init__(self, model: str) -> None:
        self.name = f"sentence-transformers:{model}"
        try:
            import sentence_transformers
        except ImportError as error:
            raise missing_extra("sentence_transformers", "text", self.name) from error
        if not model:
            raise UserError("which model?", got=self.name, expected="sentence-transformers:all-mpnet-base-v2, say")
        self._model = _fetched(self.name, lambda: sentence_transformers.SentenceTransformer(model, device="cpu"))

    @property
    def identity(self) -> str:
        return self.name

    def encode(self, texts: Sequence[str]) -> TextStates:
        states = self._model.encode(list(texts), output_value=None, show_progress_bar=False)
        pooled = np.stack([s["sentence_embedding"].cpu().numpy() for s in states]).astype(np.float32)
        rows = [s["token_embeddings"][s["attention_mask"].bool()].cpu().numpy() for s in states]
        return pad(rows, pooled)


TEXT_ENCODERS.add("sentence-transformers", SentenceTransformer)


class OpenClip:
    """The text tower of an OpenCLIP model, `open-clip:ARCHITECTURE/WEIGHTS`; one vector a text."""

    def __init__(self, model: str) -> None:
        self.name = f"open-clip:{model}"
        try:
            import open_clip
        except ImportError as error:
            raise missing_extra("open_clip", "clip", self.name) from error
        architecture, _, weights = model.partition("/")
        if not weights:
            raise UserError("which weights?", got=self.name, expected="open-clip:ViT-B-32/laion2b_s34b_b79k, say")
        self._model, _, _ = _fetched(
            self.name, lambda: open_clip.create_model_and_transforms(architecture, pretrained=weights)
        )
        self._tokenizer = open_clip.get_tokenizer(architecture)

    @property
    def identity(self) -> str:
        return self.name

    def encode(self, texts: Sequence[str]) -> TextStates:
        import torch

        with torch.inference_mode():
            vectors = self._model.eval().encode_text(self._tokenizer(list(texts)))
        return pooled_only(vectors.float().numpy())


TEXT_ENCODERS.add("open-clip", OpenClip)


def _fetched(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:
        # Hub clients raise a wide family of errors for "not on disk and not reachable".
        raise UserError("the text model cannot be loaded", where=name, got=f"{type(error).__name__}: {error}",
                        next_step="check name and network, or use the built-in `minilm`") from error  # fmt: skip


def pad(rows: list[np.ndarray], pooled: Float32[np.ndarray, "N D"]) -> TextStates:
    """Stack token states of different lengths, zero-padded."""
    L = max(len(row) for row in rows)
    tokens = np.zeros((len(rows), L, pooled.shape[1]), dtype=np.float32)
    mask = np.zeros((len(rows), L), dtype=bool)
    for i, row in enumerate(rows):
        tokens[i, : len(row)], mask[i, : len(row)] = row, True
    return TextStates(tokens, mask, pooled)
