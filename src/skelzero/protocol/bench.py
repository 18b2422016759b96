"""One split with one seed: partition, encoders, features and phases, shared by all methods that are compared on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool

from skelzero.encoders import FeatureSet, check_leak
from skelzero.protocol.metrics import top_k
from skelzero.protocol.partitions import Partition, inner_partition, usual_partition
from skelzero.protocol.phases import Phase, make_phase
from skelzero.protocol.seen_branch import own_logits
from skelzero.protocol.sources import FeatureSource
from skelzero.protocol.splits import Split, check_present, pseudo_fold
from skelzero.text import TextBank

BankOf = Callable[[tuple[str, ...]], TextBank]


class Bench:
    """The phases of one split and seed, made when first asked for.

    Parameters
    ----------
    source : FeatureSource
    split : Split
    bank_of : callable
        Texts of class codes, in their order.
    seed : int
        Of the encoders, the pseudo-unseen draw and the held-out part.
    folds : int
        Pseudo phases.
    partition, test_subjects
        See `usual_partition`.
    allow_leaky : bool
        Go on with an encoder that was trained on unseen classes.

    Attributes
    ----------
    partition : Partition
        Training and test clips.

    Raises
    ------
    UserError
        Classes that are missing in the data or on one side of the partition, or known to the encoder.
    """

    def __init__(
        self, source: FeatureSource, split: Split, bank_of: BankOf, *, seed: int, folds: int = 1, partition: str = "",
        test_subjects: Sequence[int] = (), allow_leaky: bool = False,
    ) -> None:  # fmt: skip
        check_present(split, sorted(set(source.clips.codes.tolist())), where=source.dataset)
        self.source, self.split, self.bank_of = source, split, bank_of
        self.seed, self.folds, self.allow_leaky = seed, folds, allow_leaky
        self.partition: Partition = usual_partition(
            source.clips, source.dataset, name=partition, test_subjects=test_subjects
        )
        self._final: Phase | None = None
        self._pseudo: dict[int, Phase] = {}
        self._leaky = False

    def final(self) -> Phase:
        """Fitted on the training clips of all seen classes, judged by the test clips of all classes."""
        if self._final is None:
            features = self._features(self.split.seen, self.partition.train)
            self._leaky = check_leak(features.card, self._keys(self.split.unseen), allow=self.allow_leaky)
            self._final = self._phase(
                features, self.split.seen, self.split.unseen, self.partition.train, ~self.partition.train
            )
        return self._final

    def pseudo(self) -> list[Phase]:
        """Some seen classes play the unseen ones; only training clips of seen classes take part.

        Clips of the fitted classes judge, too (seen against unseen has to be balanced), so a part of them is held out
        from the encoder and the method. Of the pseudo-unseen classes all training clips judge.
        """
        return [self.pseudo_phase(fold) for fold in range(self.folds)]

    def pseudo_phase(self, fold: int) -> Phase:
        """One of them; fold 0 has the published pseudo-unseen classes where there are some."""
        if fold not in self._pseudo:
            self._pseudo[fold] = self._make_pseudo(fold)
        return self._pseudo[fold]

    @property
    def leaky(self) -> bool:
        """The encoder of the final phase was trained on unseen classes."""
        self.final()
        return self._leaky

    def encoder_saw_pseudo(self) -> bool:
        """The encoder of a pseudo phase was trained on pseudo-unseen classes: only where features are given."""
        phases = [(phase.fit.card, self._keys(phase.codes[phase.fitted :])) for phase in self.pseudo()]
        return any(check_leak(card, keys, allow=True) for card, keys in phases)

    def encoder_accuracy(self) -> float | None:
        """Top-1 of the encoder's own classifier on seen classes' test clips; None where it has none for them."""
        phase = self.final()
        logits, truth = own_logits(phase, phase.held), phase.held_truth
        of_seen = truth < phase.fitted
        return None if logits is None else top_k(logits[of_seen], truth[of_seen])

    def _make_pseudo(self, fold: int) -> Phase:
        others = pseudo_fold(self.split, fold=fold, seed=self.seed)
        classes = tuple(code for code in self.split.seen if code not in others)
        clips = self.source.clips
        training = self.partition.train & np.isin(clips.codes, self.split.seen)
        rows = np.flatnonzero(training)
        inner = inner_partition(clips.take(rows), self.partition.by, seed=self.seed + fold)
        fit = np.zeros_like(training)
        fit[rows[inner.train]] = True
        held = training & (~fit | np.isin(clips.codes, others))
        return self._phase(self._features(classes, fit), classes, others, fit, held)

    def _phase(
        self, features: FeatureSet, classes: tuple[str, ...], others: tuple[str, ...],
        fit: Bool[np.ndarray, " N"], held: Bool[np.ndarray, " N"],
    ) -> Phase:  # fmt: skip
        where = f"split {self.split.name} of {self.source.dataset}, {self.partition.rule}"
        return make_phase(
            features, self.bank_of, classes=classes, others=others, fit=fit, held=held, where=where,
            changed=lambda view: self.source.changed_features(view, classes, fit, self.seed),
        )  # fmt: skip

    def _features(self, classes: tuple[str, ...], fit: Bool[np.ndarray, " N"]) -> FeatureSet:
        features = self.source.features(classes, fit, self.seed)
        assert (features.names == self.source.clips.names).all(), "features and clips must be in the same order"
        return features

    def _keys(self, codes: Sequence[str]) -> list[str]:
        return [f"{self.source.dataset}:{code}" for code in codes]
