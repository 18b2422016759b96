"""Alignment for methods that give scores and no common space: prototypes among the clips' own features."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64

from skelzero.errors import UserError
from skelzero.methods.alignment.geometry import (
    CANCELLED,
    canonical_order,
    checked,
    clip_entropy,
    log_softmax,
    unit,
)
from skelzero.methods.alignment.prototypes import sums_of_classes
from skelzero.methods.alignment.settings import Alignment, AlignmentSettings
from skelzero.methods.alignment.sinkhorn import balanced_assignment


def align_scores(
    features: Float[np.ndarray, "N D"], scores: Float[np.ndarray, "N K"], settings: AlignmentSettings
) -> Alignment:  # fmt: skip
    """Prototypes of pseudo-labelled clips where classes have no place among the features.

    The mean of the given clips is taken from all of them (which is transductive too), and what is left is brought to
    length 1. Pseudo-labels and entropies come from `scores`; prototypes are means as in `align`; a class with no clip
    kept takes the one that gives it the largest share of its softmax. Scores given back are cosines with the
    prototypes. `balanced` starts from scores / temperature in the place of cosines and goes on with the cosines, so
    that one round is the balanced form of the scores alone.

    There is no text to hold on to, so `softness` mixes scores: (1 - softness) cosines + softness s, where s are the
    given scores less each clip's mean, brought to the spread of the cosines. Softness 1 predicts what the method does.
    Clips that do not differ, one clip for instance, give nothing to align by: their scores stay as they are.

    Parameters
    ----------
    features : float (N, D)
        N may be 0; the prototypes are then zeros.
    scores : float (N, K)
        Higher is better. `settings.temperature` brings them to the scale of logits.
    settings : AlignmentSettings
        `prior` has to be 0.

    Raises
    ------
    UserError
        Values that are not finite, numbers of rows that differ, a prior.
    """
    raw, given = checked(features, "features"), checked(scores, "scores")
    if len(raw) != len(given):
        raise UserError("features and scores of different clips", got=f"{len(given)} scores", expected=f"{len(raw)}")
    if settings.prior:
        raise UserError("without a common space a text cannot count as clips", got=f"prior {settings.prior}",
                        expected="prior 0", next_step="use softness")  # fmt: skip
    # Sorted scores: the order of clips must not depend on the order of classes.
    clips = canonical_order(np.concatenate([raw, np.sort(given, axis=1)], axis=1))
    classes = canonical_order(given[clips].T)
    return _aligned(raw[clips], given[clips][:, classes], settings).put_back(clips, classes)


def _aligned(
    raw: Float64[np.ndarray, "N D"], given: Float64[np.ndarray, "N K"], settings: AlignmentSettings
) -> Alignment:  # fmt: skip
    centre = raw.mean(axis=0) if len(raw) else np.zeros(raw.shape[1])
    units = _centred(raw, centre)
    labels, entropy = given.argmax(axis=1), clip_entropy(given, settings.temperature)
    if not units.any():
        nothing = np.zeros((given.shape[1], raw.shape[1]))
        return Alignment(given, nothing, labels, np.zeros(len(raw), dtype=bool), entropy, centre)
    if settings.form == "balanced":
        new_scores, new = _balanced(units, given, settings)
        return Alignment(new_scores, new, labels, np.ones(len(raw), dtype=bool), entropy, centre)
    sums, kept = sums_of_classes(units, given, labels, entropy, settings.alpha)
    sums, kept = _lend(units, log_softmax(given, settings.temperature), labels, sums, kept)
    new = unit(sums)
    return Alignment(_soften(units @ new.T, given, settings.softness), new, labels, kept, entropy, centre)


def _centred(raw: Float64[np.ndarray, "N D"], centre: Float64[np.ndarray, " D"]) -> Float64[np.ndarray, "N D"]:
    """Unit directions from the centre; what only rounding keeps from it has none."""
    rest = raw - centre
    if len(raw):
        rest[np.abs(rest).max(axis=1) <= CANCELLED * np.abs(raw).max()] = 0.0
    return unit(rest)


def _lend(
    units: Float64[np.ndarray, "N D"],
    log_p: Float64[np.ndarray, "N K"],
    labels: np.ndarray,
    sums: Float64[np.ndarray, "K D"],
    kept: Bool[np.ndarray, " N"],
) -> tuple[Float64[np.ndarray, "K D"], Bool[np.ndarray, " N"]]:
    """A class without a clip takes the one that fits it best, which stays where it was as well."""
    lent, sums = kept.copy(), sums.copy()
    for empty in np.setdiff1d(np.arange(len(sums)), labels[kept]):
        best = int(log_p[:, empty].argmax())
        sums[empty], lent[best] = units[best], True
    return sums, lent


def _balanced(
    units: Float64[np.ndarray, "N D"], given: Float64[np.ndarray, "N K"], settings: AlignmentSettings
) -> tuple[Float64[np.ndarray, "N K"], Float64[np.ndarray, "K D"]]:
    current = given / settings.temperature
    for _ in range(settings.rounds):
        log_p = balanced_assignment(current / settings.epsilon)
        new = unit(np.exp(log_p).T @ units)
        current = _soften(units @ new.T, given, settings.softness)
    return log_p, new


def _soften(
    cosines: Float64[np.ndarray, "N K"], given: Float64[np.ndarray, "N K"], softness: float
) -> Float64[np.ndarray, "N K"]:  # fmt: skip
    if not softness:
        return cosines
    plain = given - given.mean(axis=1, keepdims=True)
    spread, own = float(cosines.std()), float(plain.std())
    if not spread:
        return plain
    return (1 - softness) * cosines + softness * plain * (spread / own if own else 0.0)
