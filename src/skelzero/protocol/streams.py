"""Streams as they come in practice: short ones, unbalanced ones, ones that lack classes or hold clips of none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

FOREIGN_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)
IMBALANCES = (1, 3, 10, 50)
LENGTHS = (1, 3, 10, 30, 0)
REPEATS = 3


def draw_stream(
    truth: Int[np.ndarray, " N"], rng: np.random.Generator, *, foreign: float = 0.0, imbalance: float = 1.0,
    length: int = 0,
) -> Int[np.ndarray, " n"]:  # fmt: skip
    """Rows of a stream in a random order, none twice.

    Parameters
    ----------
    truth : int (N,)
        Class of each clip at hand; -1 for a clip of none of the classes.
    rng : numpy.random.Generator
    foreign : float
        Share of the stream that is of none of the classes, in [0, 1). Where there are too few such clips the others are
        thinned out, all alike.
    imbalance : float
        How many clips the most frequent class has for one of the rarest; classes in between follow a geometric
        sequence, in a random order. Fractions of clips are drawn, so that a rare class may be missing.
    length : int
        Clips that are kept at random; 0 for all. At least one is of the classes.
    """
    assert 0 <= foreign < 1 <= imbalance
    own = _unbalanced(truth, rng, imbalance)
    others = rng.permutation(np.flatnonzero(truth < 0))
    wanted = round(len(own) * foreign / (1 - foreign))
    if wanted > len(others):
        own = rng.permutation(own)[: max(1, round(len(others) * (1 - foreign) / foreign))]
        wanted = len(others)
    stream = rng.permutation(np.concatenate([own, others[:wanted]]))
    if length and length < len(stream):
        first = rng.choice(own)
        stream = np.concatenate([[first], stream[stream != first][: length - 1]])
    return stream


def _unbalanced(
    truth: Int[np.ndarray, " N"], rng: np.random.Generator, imbalance: float
) -> Int[np.ndarray, " n"]:  # fmt: skip
    """Clips of the classes, thinned out to the imbalance; at least one."""
    classes = rng.permutation(np.unique(truth[truth >= 0]))
    if imbalance == 1 or len(classes) == 1:
        return np.flatnonzero(truth >= 0)
    kept = []
    for rank, label in enumerate(classes):
        rows = rng.permutation(np.flatnonzero(truth == label))
        wanted = len(rows) * imbalance ** (-rank / (len(classes) - 1))
        kept.append(rows[: int(wanted) + int(rng.random() < wanted % 1)])
    return np.concatenate(kept)


def guard_streams(truth: Int[np.ndarray, " N"], rng: np.random.Generator) -> Iterator[Int[np.ndarray, " n"]]:
    """The streams on which a guard's rule is chosen: each kind of damage alone, and foreign clips with imbalance."""
    kinds = [{"foreign": share} for share in FOREIGN_SHARES]
    kinds += [{"imbalance": float(ratio)} for ratio in IMBALANCES[1:]]
    kinds += [{"length": count} for count in LENGTHS[:-1]]
    kinds += [{"foreign": 0.4, "imbalance": 10.0}, {"foreign": 0.2, "imbalance": 3.0}]
    for kind in kinds:
        for _ in range(REPEATS):
            yield draw_stream(truth, rng, **kind)  # type: ignore[arg-type]
