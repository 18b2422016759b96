"""The text side of classes, ready for methods: token states and pooled vectors of each kind of text."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64

from skelzero.cards import CARD, read_json, sha256_file, sha256_of, staged_folder, write_json
from skelzero.errors import UserError, unknown_choice
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import kin_of, load_translator, texts_of
from skelzero.text.attributes.vectors import profile_vectors
from skelzero.text.cached import encode_cached
from skelzero.text.class_sets import KINDS, TEXTS, WRITTEN, ClassSet
from skelzero.text.encoders import TextEncoder, TextStates
from skelzero.text.vector_files import VectorFiles

ARRAYS = "bank.npz"
PARTS = ("pooled", "tokens", "mask")
FACTS = ("classes", "labels", "kinds", "encoder", "text_sha256")


@dataclass(frozen=True)
class TextBank:
    """Semantics of K classes.

    Attributes
    ----------
    classes : tuple of str
        `dataset:code`.
    labels : tuple of str
    kinds : tuple of str
        Which texts there are, in the order of `KINDS`.
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

    def __post_init__(self) -> None:
        rows = {len(array) for part in PARTS for array in getattr(self, part).values()}
        assert rows <= {len(self.classes)} and len(self.labels) == len(self.classes), "one row a class"

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
        pooled, tokens, mask = ({k: part[k] for k in chosen} for part in (self.pooled, self.tokens, self.mask))
        return replace(self, kinds=chosen, pooled=pooled, tokens=tokens, mask=mask)

    def vectors(self, kinds: Sequence[str] | None = None) -> Float32[np.ndarray, "K E"]:
        """Pooled vectors of some kinds (all by default), each of unit length, side by side.

        Raises
        ------
        UserError
            A kind that this bank was not built with.
        """
        bank = self if kinds is None else self.only(kinds)
        return np.concatenate([unit(bank.pooled[kind]) for kind in bank.kinds], axis=1)

    @classmethod
    def join(cls, banks: Sequence[TextBank]) -> TextBank:
        """The classes of several banks, one after the other.

        Raises
        ------
        UserError
            Banks of other kinds of text or another encoder, or a class that stands in two of them.
        """
        first, classes = banks[0], tuple(c for bank in banks for c in bank.classes)
        facts = {(bank.kinds, bank.encoder, bank.width) for bank in banks}
        if len(facts) > 1 or len(set(classes)) < len(classes):
            raise UserError("these text banks do not go together", got=sorted(map(str, facts)),
                            expected="equal kinds and encoders, and no class twice")  # fmt: skip
        longest = {kind: max(bank.mask[kind].shape[1] for bank in banks) for kind in first.kinds}

        def stacked(part: str, kind: str) -> np.ndarray:
            arrays = [getattr(bank, part)[kind] for bank in banks]
            if part == "pooled":
                return np.concatenate(arrays)
            return np.concatenate([
                np.pad(a, [(0, 0), (0, longest[kind] - a.shape[1]), *[(0, 0)] * (a.ndim - 2)]) for a in arrays
            ])  # fmt: skip

        parts = {part: {kind: stacked(part, kind) for kind in first.kinds} for part in PARTS}
        return cls(classes, tuple(label for bank in banks for label in bank.labels), first.kinds, **parts,
                   encoder=first.encoder, text_sha256=sha256_of([bank.text_sha256 for bank in banks]))  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write the bank as a folder with a card; one that is there already is replaced."""
        with staged_folder(folder, replace=True) as stage:
            arrays = {f"{part}-{kind}": getattr(self, part)[kind] for part in PARTS for kind in self.kinds}
            np.savez(stage / ARRAYS, **arrays)  # type: ignore[arg-type]
            card = {name: getattr(self, name) for name in FACTS}
            write_json(stage / CARD, {**card, "sha256": sha256_file(stage / ARRAYS)})

    @classmethod
    def load(cls, folder: Path) -> TextBank:
        """Read a bank that `save` wrote.

        Raises
        ------
        UserError
            It is missing, or changed since it was written.
        """
        card = read_json(folder / CARD, what="text bank")
        try:
            if sha256_file(folder / ARRAYS) != card["sha256"]:
                raise ValueError("the checksum of its arrays is wrong")
            with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
                pooled, tokens, mask = ({k: arrays[f"{part}-{k}"] for k in card["kinds"]} for part in PARTS)
            classes, labels, kinds = (tuple(card[name]) for name in ("classes", "labels", "kinds"))
            return cls(classes, labels, kinds, pooled, tokens, mask, card["encoder"], card["text_sha256"])
        except (KeyError, ValueError, OSError, TypeError, zipfile.BadZipFile) as error:
            raise UserError("this text bank is damaged", where=folder, got=error, next_step="make it again") from error


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
        A non-empty part of `KINDS`; the order does not matter.

    Raises
    ------
    UserError
        No kind, an unknown one, a class without such a text, or ready vectors that do not fit the classes.
    """
    if not kinds:
        raise UserError("no kind of text was asked for", expected=", ".join(KINDS))
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_choice("kind of text", kind, KINDS)
    ordered = tuple(kind for kind in KINDS if kind in kinds)
    written = [kind for kind in ordered if kind in TEXTS]
    texts: dict[str, Any] = {kind: [c.text(kind) for c in class_set.classes] for kind in written}
    if isinstance(encoder, VectorFiles):
        states = encoder.of_kinds(written, len(class_set))
    else:
        states = {kind: encode_cached(encoder, texts[kind]) for kind in written}
    width = states[written[0]].pooled.shape[1] if written else 0
    for kind in ordered:
        if kind not in TEXTS:
            profiles = profiles_of(class_set, encoder, kind)
            states[kind] = attribute_states(profiles, width)
            texts[kind] = [[None if np.isnan(v) else float(v) for v in row] for row in profiles]
    states = _of_one_width(states)
    return TextBank(
        classes=tuple(f"{class_set.name}:{code}" for code in class_set.codes),
        labels=tuple(c.label for c in class_set.classes), kinds=ordered,
        pooled={k: s.pooled for k, s in states.items()}, tokens={k: s.tokens for k, s in states.items()},
        mask={k: s.mask for k, s in states.items()}, encoder=encoder.name,
        text_sha256=sha256_of([encoder.identity, texts]),
    )  # fmt: skip


def _of_one_width(states: dict[str, TextStates]) -> dict[str, TextStates]:
    """Texts of an encoder that is narrower than the profiles get zeros behind, which changes no angle and no length."""
    width = max(s.pooled.shape[1] for s in states.values())

    def padded(array: np.ndarray) -> np.ndarray:
        return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])])

    return {kind: TextStates(padded(s.tokens), s.mask, padded(s.pooled)) for kind, s in states.items()}


def profiles_of(class_set: ClassSet, encoder: TextEncoder, kind: str) -> Float64[np.ndarray, "K A"]:
    """Motion attributes of classes: written where they are and were asked for, else read from the classes' texts.

    The translator that reads `READ` has learned from no profile of the class set itself, so that what it gives is what
    a class would get that nobody ever profiled.
    """
    own = [c.profile if kind == WRITTEN else None for c in class_set.classes]
    if any(profile is None for profile in own):
        translator = load_translator(encoder, () if kind == WRITTEN else kin_of(class_set.name))
        read = translator.read([texts_of(c) for c in class_set.classes]).values
        own = [read[i] if profile is None else profile for i, profile in enumerate(own)]
    return np.stack([profile for profile in own if profile is not None])


def attribute_states(profiles: Float64[np.ndarray, "K A"], width: int) -> TextStates:
    """Profiles in the form of texts: the pooled vector is the profile, and each part of the vocabulary is one token.

    A profile takes the first coordinates of a vector as wide as the texts' (at least A), the others are zero: lengths
    and angles are the profile's own, and whatever reads texts reads attributes too. Unknown values are zero.
    """
    schema = load_schema()
    pooled = np.zeros((len(profiles), max(width, len(schema))), dtype=np.float32)
    pooled[:, : len(schema)] = profile_vectors(profiles)
    tokens = np.zeros((len(profiles), len(schema.parts), pooled.shape[1]), dtype=np.float32)
    for i, part in enumerate(schema.parts):
        columns = np.flatnonzero(schema.of_part(part))
        tokens[:, i, columns] = pooled[:, columns]
    return TextStates(tokens, np.ones(tokens.shape[:2], dtype=bool), pooled)
