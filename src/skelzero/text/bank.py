"""The text side of classes, ready for methods: token states and pooled vectors of each kind of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from skelzero.caches import cache_folder
from skelzero.cards import CARD, read_json, sha256_of, staged_folder, write_json
from skelzero.errors import UserError, unknown_choice
from skelzero.text.class_sets import KINDS, ClassSet
from skelzero.text.encoders import TextEncoder, TextStates, VectorFile


@dataclass(frozen=True)
class TextBank:
    """Semantics of K classes.

    Attributes
    ----------
    classes : tuple of str
        `dataset:code`.
    labels : tuple of str
    kinds : tuple of str
        Which texts there are, in the order label, action, motion.
    pooled : dict of kind to float32 (K, D)
    tokens : dict of kind to float32 (K, L, D)
        Zero where padded.
    mask : dict of kind to bool (K, L)
    encoder : str
        Name of the text encoder.
    text_sha256 : str
        Hash of the texts and of the encoder's identity; goes with every figure.
    """

    classes: tuple[str, ...]
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    pooled: dict[str, Float32[np.ndarray, "K D"]]
    tokens: dict[str, Float32[np.ndarray, "K L D"]]
    mask: dict[str, Bool[np.ndarray, "K L"]]
    encoder: str
    text_sha256: str

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def width(self) -> int:
        """D, the width of one text vector."""
        return self.pooled[self.kinds[0]].shape[1]

    def take(self, rows: Sequence[int] | np.ndarray) -> TextBank:
        """The classes of some rows, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        parts = {name: {k: v[rows] for k, v in getattr(self, name).items()} for name in ("pooled", "tokens", "mask")}
        classes, labels = (tuple(names[i] for i in rows) for names in (self.classes, self.labels))
        return TextBank(classes, labels, self.kinds, **parts, encoder=self.encoder, text_sha256=self.text_sha256)

    def only(self, kinds: Sequence[str]) -> TextBank:
        """The bank with some of its kinds; an unknown one is a `UserError`."""
        for kind in kinds:
            if kind not in self.kinds:
                raise unknown_choice("kind of text in this bank", kind, self.kinds)
        chosen = tuple(kind for kind in self.kinds if kind in kinds)
        parts = {name: {k: getattr(self, name)[k] for k in chosen} for name in ("pooled", "tokens", "mask")}
        return replace(self, kinds=chosen, **parts)

    def vectors(self, kinds: Sequence[str] | None = None) -> Float32[np.ndarray, "K E"]:
        """Pooled vectors of some kinds (all by default), each of unit length, side by side.

        Raises
        ------
        UserError
            A kind that this bank was not built with.
        """
        bank = self if kinds is None else self.only(kinds)
        return np.concatenate([unit(bank.pooled[kind]) for kind in bank.kinds], axis=1)

    def save(self, folder: Path) -> None:
        """Write the bank as a folder with a card."""
        with staged_folder(folder, replace=True) as stage:
            arrays = {f"{part}-{kind}": getattr(self, part)[kind] for part in ("pooled", "tokens", "mask")
                      for kind in self.kinds}  # fmt: skip
            np.savez(stage / "bank.npz", **arrays)  # type: ignore[arg-type]
            fields = ("classes", "labels", "kinds", "encoder", "text_sha256")
            write_json(stage / CARD, {name: getattr(self, name) for name in fields})

    @classmethod
    def load(cls, folder: Path) -> TextBank:
        """Read a bank; a damaged one is a `UserError`."""
        card = read_json(folder / CARD, what="text bank")
        try:
            with np.load(folder / "bank.npz", allow_pickle=False) as arrays:
                parts = {
                    part: {k: arrays[f"{part}-{k}"] for k in card["kinds"]} for part in ("pooled", "tokens", "mask")
                }
            classes, labels, kinds = (tuple(card[name]) for name in ("classes", "labels", "kinds"))
            return cls(classes, labels, kinds, **parts, encoder=card["encoder"], text_sha256=card["text_sha256"])
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise UserError("this text bank is damaged", where=folder, got=str(error)) from error


def unit(vectors: Float32[np.ndarray, "K D"]) -> Float32[np.ndarray, "K D"]:
    """Rows scaled to length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def build_bank(class_set: ClassSet, encoder: TextEncoder, kinds: Sequence[str] = ("action", "motion")) -> TextBank:
    """Encode the texts of a class set.

    Parameters
    ----------
    class_set : ClassSet
    encoder : TextEncoder
    kinds : sequence of str
        A non-empty part of label, action, motion; the order does not matter.

    Raises
    ------
    UserError
        No kind, an unknown one, or a class without such a text.
    """
    if not kinds:
        raise UserError("no kind of text was asked for", expected=", ".join(KINDS))
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_choice("kind of text", kind, KINDS)
    ordered = tuple(kind for kind in KINDS if kind in kinds)
    texts = {kind: [c.text(kind) for c in class_set.classes] for kind in ordered}
    states = {kind: _cached_states(encoder, texts[kind]) for kind in ordered}
    return TextBank(
        classes=tuple(f"{class_set.name}:{code}" for code in class_set.codes),
        labels=tuple(c.label for c in class_set.classes), kinds=ordered,
        pooled={k: s.pooled for k, s in states.items()}, tokens={k: s.tokens for k, s in states.items()},
        mask={k: s.mask for k, s in states.items()}, encoder=encoder.name,
        text_sha256=sha256_of([encoder.identity, texts]),
    )  # fmt: skip


def _cached_states(encoder: TextEncoder, texts: list[str]) -> TextStates:
    """Encode, or read what the same encoder made of the same texts before; a damaged entry is made again."""
    if isinstance(encoder, VectorFile):
        return encoder.encode(texts)
    folder = cache_folder("text") / sha256_of([encoder.identity, texts])
    try:
        with np.load(folder / "states.npz", allow_pickle=False) as found:
            states = TextStates(found["tokens"], found["mask"], found["pooled"])
        if len(states.pooled) == len(texts):
            return states
    except (OSError, KeyError, ValueError, EOFError):
        pass
    except Exception as error:  # zipfile raises its own kind for a cut archive
        if type(error).__name__ != "BadZipFile":
            raise
    states = encoder.encode(texts)
    with staged_folder(folder, replace=True) as stage:
        np.savez(stage / "states.npz", tokens=states.tokens, mask=states.mask, pooled=states.pooled)
    return states
