"""Texts encoded once: what an encoder made of some texts, kept on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skelzero.caches import cache_folder
from skelzero.cards import sha256_of, staged_folder
from skelzero.text.encoders import TextEncoder, TextStates

STATES = "states.npz"


def encode_cached(encoder: TextEncoder, texts: Sequence[str]) -> TextStates:
    """Encode texts, or read what the same encoder made of the same texts before.

    Entries lie in the cache folder under the SHA-256 of the texts and of the encoder's weights. A damaged one is made
    again; a cache that cannot be written costs time, not the result.
    """
    folder = cache_folder("text") / sha256_of([encoder.identity, list(texts)])
    states = _read_states(folder, len(texts))
    if states is None:
        states = encoder.encode(texts)
        with contextlib.suppress(OSError), staged_folder(folder, replace=True) as stage:
            np.savez(stage / STATES, tokens=states.tokens, mask=states.mask, pooled=states.pooled)
    return states


def _read_states(folder: Path, texts: int) -> TextStates | None:
    """A cache entry; None when there is none or when it is damaged in whatever way."""
    if not (folder / STATES).is_file():
        return None
    try:
        with np.load(folder / STATES, allow_pickle=False) as found:
            states = TextStates(found["tokens"], found["mask"], found["pooled"])
    except Exception:  # a cut or overwritten archive fails in as many ways as zip files have fields
        return None
    n, length, width = states.tokens.shape
    fits = (n, states.mask.shape, states.pooled.shape) == (texts, (n, length), (n, width))
    return states if fits and np.isfinite(states.pooled).all() and states.mask.any(axis=1).all() else None
