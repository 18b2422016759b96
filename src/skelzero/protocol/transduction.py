"""Transductive recognition: the unlabelled test clips move the classes before they are judged.

A setting of its own, beside the inductive ones. What the alignment is told (its space, its share of kept clips) and
when it is switched off is chosen on pseudo-unseen classes; the test clips are seen without their labels only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from pydantic import BaseModel, Field

from skelzero.methods.alignment import (
    Alignment,
    AlignmentSettings,
    Guard,
    Rule,
    StreamStatistics,
    Trial,
    align,
    align_scores,
    fit_guard,
    soften,
)
from skelzero.methods.scaling import Standardizer
from skelzero.protocol.metrics import branches, side_margin, top_k
from skelzero.protocol.phases import Judged
from skelzero.protocol.stacking import Stacking, fit_stacking
from skelzero.protocol.streams import guard_streams
from skelzero.text.bank import unit

Space = Literal["own", "features"]
Form = Literal["prototypes", "balanced"]
ALPHAS = (0.4, 0.2, 0.6, 0.8, 0.9, 1.0)
EPSILONS = (0.05, 0.02, 0.1, 0.2)
FOREIGN_QUANTILE = 0.5
"""A clip looks foreign where its best score is below the median of clips that are."""
RULE_MARGIN = 0.01
"""A rule with conditions has to gain that much more accuracy than one with fewer: pseudo-unseen clips are few."""
RULE = "space and settings with the best top-1 on pseudo-unseen classes after alignment (mean over folds)"


@dataclass(frozen=True)
class Stream:
    """Clips to be aligned among some classes, in both spaces in which that can be done.

    Attributes
    ----------
    scores : float (N, K)
        By the method.
    own : pair of float (N, E) and (K, E), or None
        The method's own space, where it has one.
    features : float (N, D)
        z-scored by the fitted clips.
    temperature : float
        Makes scores log-probabilities.
    foreign_scores : float (F, K)
        By the method, of clips that are certainly of none of the classes: the fitted ones. Statistics of a stream mean
        little by themselves; what they are for such clips is known in every phase, without a label of the stream.
    """

    scores: Float[np.ndarray, "N K"]
    own: tuple[Float[np.ndarray, "N E"], Float[np.ndarray, "K E"]] | None
    features: Float32[np.ndarray, "N D"]
    temperature: float
    foreign_scores: Float[np.ndarray, "F K"]

    @property
    def spaces(self) -> tuple[Space, ...]:
        return ("features",) if self.own is None else ("own", "features")

    def take(self, rows: np.ndarray) -> Stream:
        """Some of the clips."""
        own = None if self.own is None else (self.own[0][rows], self.own[1])
        return Stream(self.scores[rows], own, self.features[rows], self.temperature, self.foreign_scores)

    @cached_property
    def guard(self) -> Guard:
        """What statistics of streams among these classes are compared with."""
        return Guard.of_scores(self.foreign_scores, temperature=self.temperature, foreign=FOREIGN_QUANTILE)

    @property
    def statistics(self) -> StreamStatistics:
        return self.guard.score_statistics(self.scores)

    def align(self, space: Space, settings: AlignmentSettings) -> Alignment:
        """After the alignment in a space; the published temperature 1 holds for cosines, scores have their own."""
        if space == "own":
            assert self.own is not None
            return align(*self.own, settings)
        return align_scores(self.features, self.scores, settings.model_copy(update={"temperature": self.temperature}))


class Attempt(BaseModel):
    """One space and settings, and the top-1 after alignment on the pseudo-unseen classes of each fold."""

    space: Space
    settings: AlignmentSettings
    top1: list[float]


class Transduction(BaseModel):
    """A chosen alignment.

    Attributes
    ----------
    without : list of float
        Top-1 on the pseudo-unseen classes without alignment, by fold.
    switch : Rule
        Which statistics of a stream speak for aligning it; of the form `prototypes` only.
    """

    rule: str = RULE
    space: Space
    settings: AlignmentSettings
    temperature: float
    without: list[float]
    attempts: list[Attempt] = Field(default_factory=list)
    switch: Rule | None = None

    def scores(self, stream: Stream, *, guarded: bool = False) -> Float[np.ndarray, "N K"]:
        """Scores after the alignment; guarded, those without it where the stream's statistics speak against it."""
        if guarded and self.softness(stream) == 1.0:
            return stream.scores
        return stream.align(self.space, self.settings).scores

    def softness(self, stream: Stream) -> float:
        """What the guard says of a stream: 0 to align it, 1 to leave it."""
        assert self.switch is not None
        return soften(stream.statistics, self.switch)


def unseen_stream(judged: Judged, temperature: float) -> Stream:
    """The held clips of unseen classes among these classes."""
    return branch_stream(judged, temperature).take(np.flatnonzero(~judged.seen[judged.truth]))


def branch_stream(judged: Judged, temperature: float) -> Stream:
    """All held clips among the unseen classes: those of seen classes are foreign there."""
    x, bank = judged.phase.held.features, judged.phase.unseen_bank
    return Stream(
        judged.branch_scores, judged.method.embed(x, bank), _z_scored(judged, x), temperature,
        judged.method.scores(judged.phase.fit.features, bank),
    )  # fmt: skip


def _z_scored(judged: Judged, x: Float32[np.ndarray, "N D"]) -> Float32[np.ndarray, "N D"]:
    return Standardizer.of(judged.phase.fit.features)(x)


def settings_of(form: Form) -> list[AlignmentSettings]:
    """What is tried, the first on equal terms preferred."""
    if form == "balanced":
        return [AlignmentSettings(form=form, epsilon=epsilon) for epsilon in EPSILONS]
    return [AlignmentSettings(alpha=alpha) for alpha in ALPHAS]


def fit_transduction(judged: Sequence[Judged], temperature: float, form: Form, *, seed: int = 0) -> Transduction:
    """Choose an alignment, and when to align, on the pseudo phases.

    Parameters
    ----------
    judged : sequence of Judged
        The method with its chosen settings in each pseudo phase.
    temperature : float
        Of the method's scores.
    form : str
        `prototypes` as published, or `balanced`.
    seed : int
        Of the streams on which the guard's rule is chosen.
    """
    streams, truths = [unseen_stream(j, temperature) for j in judged], [j.unseen_truth for j in judged]

    def attempt(space: Space, settings: AlignmentSettings) -> Attempt:
        top1 = [top_k(s.align(space, settings).scores, t) for s, t in zip(streams, truths, strict=True)]
        return Attempt(space=space, settings=settings, top1=top1)

    attempts = [attempt(space, settings) for space in streams[0].spaces for settings in settings_of(form)]
    best = max(attempts, key=lambda a: float(np.mean(a.top1)))
    chosen = Transduction(
        space=best.space, settings=best.settings, temperature=temperature, attempts=attempts,
        without=[top_k(s.scores, t) for s, t in zip(streams, truths, strict=True)],
    )  # fmt: skip
    return _guarded(chosen, judged, seed) if form == "prototypes" else chosen


def _guarded(chosen: Transduction, judged: Sequence[Judged], seed: int) -> Transduction:
    """With a rule for switching off, from streams that are short, unbalanced, or hold clips of fitted classes."""
    trials = [
        Trial(stream.statistics, _gain(chosen, stream, truth))
        for j in judged
        for stream, truth in spoiled_streams(branch_stream(j, chosen.temperature), j, seed)
    ]
    return chosen.model_copy(update={"switch": fit_guard(trials, margin=RULE_MARGIN)})


def spoiled_streams(
    clips: Stream, judged: Judged, seed: int
) -> Iterator[tuple[Stream, Int[np.ndarray, " N"]]]:  # fmt: skip
    """Streams of the held clips as they may come in practice, with their classes; -1 for a clip of none of these."""
    truth = np.where(judged.seen[judged.truth], -1, judged.truth - judged.phase.fitted)
    for rows in guard_streams(truth, np.random.default_rng([seed, 5])):
        yield clips.take(rows), truth[rows]


def _gain(chosen: Transduction, stream: Stream, truth: Int[np.ndarray, " N"]) -> float:
    """Accuracy with alignment minus that without, over the clips that are of one of the classes."""
    known = truth >= 0
    aligned = stream.align(chosen.space, chosen.settings).scores
    return top_k(aligned[known], truth[known]) - top_k(stream.scores[known], truth[known])


@dataclass(frozen=True)
class AmongAll:
    """Generalised: all classes compete, the fitted ones too.

    Attributes
    ----------
    scores : float (N, K)
        Held clips after alignment.
    reference : float (F,)
        Margins of the fitted clips by the same prototypes.
    """

    scores: Float[np.ndarray, "N K"]
    reference: Float[np.ndarray, " F"]


def align_among_all(judged: Judged, gamma: float, space: Space, alpha: float, temperature: float) -> AmongAll:
    """Align the held clips with all classes of a phase.

    In a method's own space as published: pseudo-labels are plain nearest texts. Among the features they are those of
    calibrated stacking, for which `gamma` is.
    """
    phase, settings = judged.phase, AlignmentSettings(alpha=alpha, temperature=1.0 if space == "own" else temperature)
    if space == "own":
        spaces = [judged.method.embed(x, phase.bank) for x in (phase.held.features, phase.fit.features)]
        assert spaces[0] is not None and spaces[1] is not None
        held, fitted = align(*spaces[0], settings), spaces[1][0]
    else:
        stacked = judged.scores - np.float32(gamma) * judged.seen
        held = align_scores(_z_scored(judged, phase.held.features), stacked, settings)
        fitted = _z_scored(judged, phase.fit.features)
    return AmongAll(held.scores, side_margin(unit(fitted - held.centre) @ held.prototypes.T, judged.seen))


class GeneralisedTransduction(BaseModel):
    """A chosen alignment among all classes, and the constant to be stacked after it."""

    rule: str = "space and alpha with the best smoothed H on pseudo-unseen classes after alignment and stacking"
    space: Space
    alpha: float
    temperature: float
    stacking: Stacking

    def apply(self, judged: Judged, gamma: float) -> tuple[Float[np.ndarray, "N K"], float]:
        """Scores of the held clips among all classes, and what to take from the seen classes' ones."""
        found = align_among_all(judged, gamma, self.space, self.alpha, self.temperature)
        return found.scores, self.stacking.constant(found.reference)


def fit_generalised(judged: Judged, gamma: float, temperature: float) -> GeneralisedTransduction:
    """Choose an alignment among all classes on a pseudo phase.

    Parameters
    ----------
    judged : Judged
    gamma : float
        The constant of calibrated stacking in this phase.
    temperature : float
        Of the method's scores.
    """
    found = []
    for space in branch_stream(judged, temperature).spaces:
        for alpha in ALPHAS:
            aligned = align_among_all(judged, gamma, space, alpha, temperature)
            stacking = fit_stacking(branches(aligned.scores, judged.truth, judged.seen), aligned.reference)
            found.append(GeneralisedTransduction(space=space, alpha=alpha, temperature=temperature, stacking=stacking))
    return max(found, key=lambda f: f.stacking.H)
