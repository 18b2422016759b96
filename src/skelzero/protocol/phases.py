"""A phase: clips that a method is fitted on, clips that judge it, and the texts of all classes.

There are two kinds. In the final phase the unseen classes are judged; in a pseudo phase some seen classes play their
part, and only training clips of seen classes take part at all. A method's `fit` gets the fitted clips and the texts of
their classes, nothing else: leakage is impossible by shape.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from skelzero.caches import cache_folder
from skelzero.cards import sha256_array, sha256_of
from skelzero.encoders import FeatureSet
from skelzero.errors import UserError
from skelzero.methods import ZeroShotMethod
from skelzero.protocol.metrics import Branches, branches, side_margin
from skelzero.text import TextBank


@dataclass(frozen=True)
class Phase:
    """One fit and its judgement.

    Attributes
    ----------
    fit : FeatureSet
        Clips that the method may learn from; all of fitted classes.
    held : FeatureSet
        Clips that judge it; none of them among `fit`.
    bank : TextBank
        Texts of the fitted classes and then of the others.
    codes : tuple of str
        Class codes in the order of the bank.
    fitted : int
        How many classes are fitted: the first rows of the bank.
    exemplars : FeatureSet, optional
        Clips of the other classes on the training side: no method is fitted on them; one-shot recognition takes single
        ones of them as examples.
    changed : callable
        Features of the fitted clips in a changed form, by its name; None where there are only features.
    """

    fit: FeatureSet
    held: FeatureSet
    bank: TextBank
    codes: tuple[str, ...]
    fitted: int
    exemplars: FeatureSet | None = None
    changed: Callable[[str], Float32[np.ndarray, "N D"] | None] = lambda name: None

    def __post_init__(self) -> None:
        assert not set(self.fit.names) & set(self.held.names), "a clip both fits and judges"
        assert set(self.fit.codes) <= set(self.codes[: self.fitted]), "a clip of an unseen class would be fitted"
        assert len(self.bank) == len(self.codes)

    @property
    def seen(self) -> Bool[np.ndarray, " K"]:
        """Which classes are fitted."""
        return np.arange(len(self.codes)) < self.fitted

    @property
    def seen_bank(self) -> TextBank:
        return self.bank.take(np.flatnonzero(self.seen))

    @property
    def unseen_bank(self) -> TextBank:
        return self.bank.take(np.flatnonzero(~self.seen))

    def truth(self, clips: FeatureSet) -> Int[np.ndarray, " N"]:
        """Rows of the bank that are the clips' classes."""
        row = {code: i for i, code in enumerate(self.codes)}
        return np.array([row[code] for code in clips.codes.tolist()], dtype=np.int64)

    @property
    def others(self) -> int:
        """How many classes are known from words only."""
        return len(self.codes) - self.fitted

    @property
    def unseen_truth(self) -> Int[np.ndarray, " M"]:
        """Classes of the held clips of unseen classes, counted among these classes."""
        truth = self.held_truth
        return truth[truth >= self.fitted] - self.fitted

    @functools.cached_property
    def held_truth(self) -> Int[np.ndarray, " N"]:
        return self.truth(self.held)


@dataclass(frozen=True)
class Judged:
    """A fitted method's scores on the held clips, and on those that it was fitted on.

    Attributes
    ----------
    phase : Phase
    scores : float32 (N, K)
        Held clips by all classes of the phase.
    branch_scores : float32 (N, U)
        Held clips among the unseen classes alone: a method may well score a class relative to the others.
    fitted_scores : float32 (F, K)
        Fitted clips by all classes.
    method : ZeroShotMethod
        That gave the scores.
    """

    phase: Phase
    scores: Float32[np.ndarray, "N K"]
    branch_scores: Float32[np.ndarray, "N U"]
    fitted_scores: Float32[np.ndarray, "F K"]
    method: ZeroShotMethod

    @property
    def seen(self) -> Bool[np.ndarray, " K"]:
        return self.phase.seen

    @property
    def truth(self) -> Int[np.ndarray, " N"]:
        """Columns of `scores` that are the held clips' classes."""
        return self.phase.held_truth

    @property
    def unseen_scores(self) -> Float32[np.ndarray, "M U"]:
        """Held clips of unseen classes among these classes."""
        return self.branch_scores[~self.seen[self.truth]]

    @property
    def unseen_truth(self) -> Int[np.ndarray, " M"]:
        return self.phase.unseen_truth

    @property
    def reference(self) -> Float32[np.ndarray, " F"]:
        """Margins (best seen minus best unseen score) of the fitted clips."""
        return side_margin(self.fitted_scores, self.seen)

    @property
    def branches(self) -> Branches:
        return branches(self.scores, self.truth, self.seen)


Maker = Callable[[], ZeroShotMethod]


def fit_on(phase: Phase, make: Maker, *, seed: int) -> ZeroShotMethod:
    """Fit a new method on the phase's fitted clips and the texts of their classes.

    A long fit that was stopped goes on where it was: its checkpoint lies in the cache folder until it is done.
    """
    method, x, y = make(), phase.fit.features, phase.truth(phase.fit)
    views = {name: view for name in method.views if (view := phase.changed(name)) is not None}
    blocks = phase.fit.card.blocks
    if not method.resumable:
        return method.fit(x, y, phase.seen_bank, seed=seed, views=views, blocks=blocks)
    facts = [method.kind, method.settings.model_dump(mode="json"), seed, phase.bank.text_sha256, phase.codes,
             phase.fitted, sha256_array(x), sha256_array(y)]  # fmt: skip
    folder = cache_folder("methods-unfinished") / sha256_of(facts)
    fitted = method.fit(x, y, phase.seen_bank, seed=seed, folder=folder, views=views, blocks=blocks)
    shutil.rmtree(folder, ignore_errors=True)
    return fitted


def judge(phase: Phase, method: ZeroShotMethod) -> Judged:
    """Score the clips; nothing of the method changes."""
    scores = method.scores(phase.held.features, phase.bank)
    among_unseen = method.scores(phase.held.features, phase.unseen_bank) if phase.others else scores[:, :0]
    return Judged(phase, scores, among_unseen, method.scores(phase.fit.features, phase.bank), method)


def unseen_scores(phase: Phase, method: ZeroShotMethod) -> Float32[np.ndarray, "M U"]:
    """Held clips of unseen classes among these classes, and nothing else: enough to rank settings."""
    of_unseen = phase.held_truth >= phase.fitted
    return method.scores(phase.held.features[of_unseen], phase.unseen_bank)


def make_phase(
    clips: FeatureSet, bank_of: Callable[[tuple[str, ...]], TextBank], *, classes: tuple[str, ...],
    others: tuple[str, ...], fit: Bool[np.ndarray, " N"], held: Bool[np.ndarray, " N"], where: str,
    changed: Callable[[str], FeatureSet | None] = lambda name: None,
) -> Phase:  # fmt: skip
    """Build a phase out of all clips.

    Parameters
    ----------
    clips : FeatureSet
        Features by one encoder.
    bank_of : callable
        Texts of some class codes, in that order.
    classes, others : tuple of str
        Fitted classes, and those that are known from words only.
    fit, held : bool (N,)
        Clips that may be fitted (those of `classes` are) and clips that may judge (those of either are).
    where : str
        Named in messages.
    changed : callable, optional
        All clips' features in a changed form, by its name.

    Raises
    ------
    UserError
        A class without clips on the side where it needs some.
    """
    of_classes = np.isin(clips.codes, classes)
    exemplars = clips.take(np.flatnonzero(fit & ~held & np.isin(clips.codes, others)))
    fit, held = fit & of_classes, held & (of_classes | np.isin(clips.codes, others))
    _need(classes, clips.codes[fit], "training", where)
    _need(others, clips.codes[held], "test", where)
    codes = (*classes, *others)
    return Phase(
        clips.take(np.flatnonzero(fit)), clips.take(np.flatnonzero(held)), bank_of(codes), codes, len(classes),
        exemplars, lambda name: None if (found := changed(name)) is None else found.features[fit],
    )  # fmt: skip


def _need(classes: tuple[str, ...], present: np.ndarray, side: str, where: str) -> None:
    missing = [code for code in classes if code not in set(present.tolist())]
    if missing:
        raise UserError(f"classes without {side} clips", where=where, got=", ".join(missing[:12]),
                        next_step="import more clips, or choose another split or partition")  # fmt: skip
