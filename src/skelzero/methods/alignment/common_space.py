"""Alignment where clips and texts lie in one space: the published form, and the balanced one (pgfa.md, Test)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from skelzero.methods.alignment.geometry import (
    canonical_order,
    checked_anchors,
    checked_vectors,
    clip_entropy,
    log_softmax,
    unit,
)
from skelzero.methods.alignment.prototypes import prototypes_of, sums_of_classes
from skelzero.methods.alignment.settings import Alignment, AlignmentSettings
from skelzero.methods.alignment.sinkhorn import balanced_assignment


def align(
    vectors: Float[np.ndarray, "N D"], anchors: Float[np.ndarray, "K D"], settings: AlignmentSettings
) -> Alignment:  # fmt: skip
    """Replace the texts by prototypes of the unlabelled clips, in one pass over all of them.

    `prototypes`: pseudo-label = argmax of the cosines; of each pseudo-class the floor(alpha n) clips of lowest entropy
    are kept; their mean unit vector is the prototype, and a class left with no clip keeps its text (arXiv 2507.00566).

    `balanced`: an assignment with equal class shares from the cosines, prototypes as means under it, and so on for
    `rounds` rounds. Scores are log p(class | clip) of the last assignment, of which the prototypes given back are the
    means. All clips are kept. It assumes balance; the shares stay equal whatever `softness` is. One clip has nothing
    to balance: its scores are the plain softmax, and the texts stay.

    Other orders of clips or classes give the same bits in that order; only equal rows cannot be told apart.

    Parameters
    ----------
    vectors : float (N, D)
        Clips; N may be 0. A clip of zeros has cosine 0 with all.
    anchors : float (K, D)
        Texts of the classes.
    settings : AlignmentSettings

    Raises
    ------
    UserError
        Values that are not finite, widths that differ, no text, a text of zeros.
    """
    texts = checked_anchors(anchors)
    raw = checked_vectors(vectors, texts.shape[1])
    clips, classes = canonical_order(raw), canonical_order(texts)
    form = _balanced if settings.form == "balanced" else _published
    return form(unit(raw[clips]), unit(texts[classes]), settings).put_back(clips, classes)


def _published(
    units: Float64[np.ndarray, "N D"], texts: Float64[np.ndarray, "K D"], settings: AlignmentSettings
) -> Alignment:  # fmt: skip
    cosines = units @ texts.T
    labels, entropy = cosines.argmax(axis=1), clip_entropy(cosines, settings.temperature)
    sums, kept = sums_of_classes(units, cosines, labels, entropy, settings.alpha)
    new = prototypes_of(sums, texts, settings)
    return Alignment(units @ new.T, new, labels, kept, entropy, np.zeros(texts.shape[1]))


def _balanced(
    units: Float64[np.ndarray, "N D"], texts: Float64[np.ndarray, "K D"], settings: AlignmentSettings
) -> Alignment:  # fmt: skip
    cosines, new = units @ texts.T, texts
    labels, entropy = cosines.argmax(axis=1), clip_entropy(cosines, settings.temperature)
    if len(units) < 2:  # every prototype would be this clip, and its class forgotten
        log_p = log_softmax(cosines, settings.epsilon)
        return Alignment(log_p, texts, labels, np.zeros(len(units), dtype=bool), entropy, np.zeros(texts.shape[1]))
    for _ in range(settings.rounds):
        log_p = balanced_assignment(units @ new.T / settings.epsilon)
        new = prototypes_of(np.exp(log_p).T @ units, texts, settings)
    return Alignment(log_p, new, labels, np.ones(len(units), dtype=bool), entropy, np.zeros(texts.shape[1]))
