"""Which classes lie near some words, as a text encoder sees it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from skelzero.errors import UserError, unknown_choice
from skelzero.text.bank import build_bank, unit
from skelzero.text.cached import encode_cached
from skelzero.text.class_sets import TEXTS, ClassSet
from skelzero.text.encoders import TextEncoder
from skelzero.text.vector_files import VectorFiles


def similarities(
    words: str, class_set: ClassSet, encoder: TextEncoder, kinds: Sequence[str] = ("action", "motion")
) -> Float32[np.ndarray, " K"]:
    """Cosine between some words and each class, averaged over the kinds of text.

    Parameters
    ----------
    words : str
        A label or a description of one's own.
    class_set : ClassSet
    encoder : TextEncoder
    kinds : sequence of str
        Texts of the classes to compare with.

    Raises
    ------
    UserError
        No words, an encoder that knows its classes only, or a kind that is no text.
    """
    if not words.strip():
        raise UserError("no words to compare", expected='a phrase such as "turn a key"')
    if isinstance(encoder, VectorFiles):
        raise UserError("ready vectors know no other words", where=encoder.name, next_step="use minilm, say")
    for kind in kinds:
        if kind not in TEXTS:
            raise unknown_choice("kind of text to compare with", kind, TEXTS)
    bank = build_bank(class_set, encoder, kinds)
    asked = unit(encode_cached(encoder, [words.strip()]).pooled)[0]
    return np.stack([unit(bank.pooled[kind]) @ asked for kind in bank.kinds]).mean(axis=0, dtype=np.float32)
