"""Unit vectors, cosines, entropies, and an order of rows that does not depend on where they stood."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int

from skelzero.errors import UserError

CANCELLED = 1e-12
"""A sum this small beside its terms is rounding: it has no direction."""


def checked(values: Float[np.ndarray, "N D"], name: str) -> Float64[np.ndarray, "N D"]:
    """A finite matrix with at least one column, as float64 and without negative zeros.

    Raises
    ------
    UserError
        Not a matrix of numbers, no columns, or a value that is not finite.
    """
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.shape[1]:
        raise UserError(f"{name} do not fit", got=f"{array.dtype} {array.shape}", expected="numbers (rows, width)")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array).all(axis=1)).sum())
        raise UserError(f"{name} are not finite", got=f"{bad} of {len(array)} rows", next_step="leave these rows out")
    return np.ascontiguousarray(array, dtype=np.float64) + 0.0


def checked_anchors(anchors: Float[np.ndarray, "K D"]) -> Float64[np.ndarray, "K D"]:
    """The texts of one class or more, each with a direction."""
    texts = checked(anchors, "texts")
    if not len(texts):
        raise UserError("no class to align", got="0 texts", expected="at least 1")
    if not texts.any(axis=1).all():
        raise UserError("a text is all zero", got=f"row {int(np.flatnonzero(~texts.any(axis=1))[0])}",
                        next_step="build the texts again")  # fmt: skip
    return texts


def checked_vectors(vectors: Float[np.ndarray, "N D"], width: int) -> Float64[np.ndarray, "N D"]:
    """Clips in the space of texts of this width."""
    clips = checked(vectors, "clips")
    if clips.shape[1] != width:
        raise UserError("clips and texts lie in different spaces", got=f"width {clips.shape[1]}",
                        expected=f"width {width}", next_step="align scores instead")  # fmt: skip
    return clips


def unit(rows: Float64[np.ndarray, "N D"]) -> Float64[np.ndarray, "N D"]:
    """Rows of length 1; a row of zeros stays one, and has cosine 0 with everything."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1.0)  # else squares of tiny or huge values leave the range
    length = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))[:, None]
    return scaled / np.where(length > 0, length, 1.0)


def log_sum_exp(values: Float64[np.ndarray, "N K"], axis: int) -> Float64[np.ndarray, " M"]:
    top = values.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - top).sum(axis=axis)) + top.squeeze(axis)


def log_softmax(scores: Float64[np.ndarray, "N K"], temperature: float) -> Float64[np.ndarray, "N K"]:
    """log p(class | clip)."""
    logits = scores / temperature
    return logits - log_sum_exp(logits, axis=1)[:, None]


def clip_entropy(scores: Float64[np.ndarray, "N K"], temperature: float) -> Float64[np.ndarray, " N"]:
    """Entropy of each clip's softmax, in nats."""
    log_p = log_softmax(scores, temperature)
    return -np.einsum("nk,nk->n", np.exp(log_p), log_p)


def canonical_order(rows: Float64[np.ndarray, "N D"]) -> Int[np.ndarray, " N"]:
    """The order of the rows' bytes.

    Whatever is computed in this order and put back gives the same bits for every order of the input: sums are rounded
    alike and ties end alike. Equal rows keep their order, and nothing can tell them apart.
    """
    if len(rows) < 2 or not rows.shape[1]:
        return np.arange(len(rows))
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    return np.argsort(whole, kind="stable")
