"""The space in which clips and classes meet, projected to two dimensions to be looked at."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel

from skelzero.methods import ZeroShotMethod
from skelzero.protocol.phases import Phase

CLIPS = 400
DIGITS = 3


class Picture(BaseModel):
    """Test clips and classes in a plane.

    Attributes
    ----------
    rule : str
    codes : list of str
        Of the classes, the seen ones first.
    seen : int
        How many these are.
    classes : list of (x, y)
    clips : list of (x, y)
    truth : list of int
        Each clip's row in `codes`.
    explained : (float, float)
        Shares of the variance that the two directions hold.
    """

    rule: str = (
        "the two principal directions of clips and classes together, both sides weighing the same; at most "
        f"{CLIPS} test clips, of every class as many"
    )
    codes: list[str]
    seen: int
    classes: list[tuple[float, float]]
    clips: list[tuple[float, float]]
    truth: list[int]
    explained: tuple[float, float]


def draw(method: ZeroShotMethod, phase: Phase, *, seed: int = 0) -> Picture | None:
    """The picture of a fitted method; None where clips and classes do not share a space.

    Parameters
    ----------
    method : ZeroShotMethod
    phase : Phase
        Its held clips are shown.
    seed : int
        Of the choice of clips.
    """
    rows = balanced(phase.held_truth, CLIPS, np.random.default_rng([seed, 11]))
    space = method.space(phase.held.features[rows], phase.bank)
    if space is None or space[0].shape[1] < 2:
        return None
    clips, classes, explained = project(*space)
    return Picture(
        codes=list(phase.codes), seen=phase.fitted, classes=_rounded(classes), clips=_rounded(clips),
        truth=phase.held_truth[rows].tolist(), explained=explained,
    )  # fmt: skip


def balanced(truth: Int[np.ndarray, " N"], most: int, rng: np.random.Generator) -> Int[np.ndarray, " M"]:
    """Rows of at most `most` clips: of each class as many, unless it has fewer, in their old order."""
    order = rng.permutation(len(truth))
    # A clip's place within its class: the first ones of all classes come before the second ones of any.
    by_class = order[np.argsort(truth[order], kind="stable")]
    counts = np.bincount(truth, minlength=1)
    place = np.arange(len(truth)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(by_class[np.argsort(place, kind="stable")[:most]])


def project(
    clips: Float[np.ndarray, "N E"], classes: Float[np.ndarray, "K E"]
) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, "K 2"], tuple[float, float]]:
    """Principal directions of both sides, each weighing one half; coordinates, and the shares of the variance.

    The signs are such that the largest entry of each direction is positive.
    """
    both = np.concatenate([clips, classes]).astype(np.float64)
    weights = np.repeat([0.5 / len(clips), 0.5 / len(classes)], [len(clips), len(classes)])
    centred = both - weights @ both
    _, sizes, directions = np.linalg.svd(centred * np.sqrt(weights)[:, None], full_matrices=False)
    first = directions[:2]
    first = first * np.sign(first[np.arange(2), np.abs(first).argmax(axis=1)])[:, None]
    flat, shares = centred @ first.T, sizes**2 / max(float((sizes**2).sum()), 1e-30)
    return flat[: len(clips)], flat[len(clips) :], (round(float(shares[0]), 4), round(float(shares[1]), 4))


def _rounded(points: Float[np.ndarray, "N 2"]) -> list[tuple[float, float]]:
    return [(round(x, DIGITS), round(y, DIGITS)) for x, y in points.tolist()]
