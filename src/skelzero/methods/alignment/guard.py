"""What a stream says about itself without a label: balance, confidence, and what looks foreign."""

from __future__ import annotations

from typing import Self

import numpy as np
from jaxtyping import Float, Float64
from pydantic import BaseModel, ConfigDict, Field

from skelzero.errors import UserError
from skelzero.methods.alignment.geometry import checked, checked_anchors, checked_vectors, log_softmax, unit

FLOOR = 1e-6
"""Of a reference value, so that a perfectly sure reference does not make every stream infinitely unsure."""


class StreamStatistics(BaseModel):
    """Statistics of one stream; all of them finite.

    Attributes
    ----------
    balance : float
        Entropy of the predicted class shares over log K: 1 when all classes are predicted equally often, 0 for one.
    effective_classes : float
        exp of that entropy, 1..K; 0 for an empty stream.
    entropy : float
        Mean entropy of the clips over log K, divided by the reference's.
    confidence : float
        Mean of (largest softmax - 1/K) / (1 - 1/K), divided by the reference's.
    foreign : float
        Share of clips whose best score lies below the threshold of the reference.
    clips_a_class : float
        N / K.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    balance: float
    effective_classes: float
    entropy: float
    confidence: float
    foreign: float
    clips_a_class: float


class Guard(BaseModel):
    """What a stream is compared with: the same statistics of reference clips with the same classes.

    A reference has to be at hand where a rule is used as well as where it was chosen. Clips that are certainly of none
    of the classes serve best, such as the clips that a method was trained on among the unseen classes: a threshold on
    the statistics of a stream alone, or in units of other classes' clips, does not carry over to other classes.

    Attributes
    ----------
    temperature : float
        Of the softmax of the statistics.
    entropy, confidence : float
        Means over the reference, as in `StreamStatistics` before the division.
    threshold : float
        A clip whose best score lies below looks foreign.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    temperature: float = Field(gt=0, allow_inf_nan=False)
    entropy: float = Field(gt=0, allow_inf_nan=False)
    confidence: float = Field(gt=0, allow_inf_nan=False)
    threshold: float = Field(allow_inf_nan=False)

    @classmethod
    def of(
        cls, vectors: Float[np.ndarray, "N D"], anchors: Float[np.ndarray, "K D"], *, temperature: float = 0.07,
        foreign: float = 0.05,
    ) -> Self:  # fmt: skip
        """From a reference set in a common space; `of_scores` of its cosines."""
        return cls.of_scores(_cosines(vectors, anchors), temperature=temperature, foreign=foreign)

    @classmethod
    def of_scores(cls, scores: Float[np.ndarray, "N K"], *, temperature: float = 0.07, foreign: float = 0.05) -> Self:
        """From the scores of a reference set.

        Parameters
        ----------
        scores : float (N, K)
        temperature : float
            The published scale of the logits for cosines; other scores need another.
        foreign : float
            Share of the reference that may look foreign, in [0, 1].

        Raises
        ------
        UserError
            No clip, a value that is not finite, a share or a temperature out of range.
        """
        given = checked(scores, "scores")
        if not len(given):
            raise UserError("a guard needs a reference", got="0 clips", expected="at least 1")
        if not 0 <= foreign <= 1 or not temperature > 0:
            raise UserError("a guard's setting is out of range", got=f"foreign {foreign}, temperature {temperature}",
                            expected="foreign in 0..1, temperature above 0")  # fmt: skip
        entropy, confidence = _certainty(given, temperature)
        return cls(temperature=temperature, entropy=max(entropy, FLOOR), confidence=max(confidence, FLOOR),
                   threshold=float(np.quantile(given.max(axis=1), foreign)))  # fmt: skip

    def statistics(self, vectors: Float[np.ndarray, "N D"], anchors: Float[np.ndarray, "K D"]) -> StreamStatistics:
        """Of a stream in a common space; `score_statistics` of its cosines."""
        return self.score_statistics(_cosines(vectors, anchors))

    def score_statistics(self, scores: Float[np.ndarray, "N K"]) -> StreamStatistics:
        """Of the scores of a stream, on the same scale as the reference's; an empty one is as sure as the reference.

        Raises
        ------
        UserError
            A value that is not finite.
        """
        given = checked(scores, "scores")
        N, K = given.shape
        if not N:
            return StreamStatistics(
                balance=0.0, effective_classes=0.0, entropy=1.0, confidence=1.0, foreign=0.0, clips_a_class=0.0
            )
        entropy, confidence = _certainty(given, self.temperature)
        spread = _share_entropy(given)
        return StreamStatistics(
            balance=spread / np.log(K) if K > 1 else 1.0, effective_classes=float(np.exp(spread)),
            entropy=entropy / self.entropy, confidence=confidence / self.confidence,
            foreign=float((given.max(axis=1) < self.threshold).mean()), clips_a_class=N / K,
        )  # fmt: skip


def _cosines(vectors: Float[np.ndarray, "N D"], anchors: Float[np.ndarray, "K D"]) -> Float64[np.ndarray, "N K"]:
    texts = checked_anchors(anchors)
    return unit(checked_vectors(vectors, texts.shape[1])) @ unit(texts).T


def _share_entropy(scores: Float64[np.ndarray, "N K"]) -> float:
    """Entropy of the predicted class shares, in nats."""
    shares = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1]) / len(scores)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()) + 0.0


def _certainty(scores: Float64[np.ndarray, "N K"], temperature: float) -> tuple[float, float]:
    """Mean normalised entropy and mean normalised largest probability; 0 and 1 for a single class."""
    K = scores.shape[1]
    if K < 2:
        return 0.0, 1.0
    log_p = log_softmax(scores, temperature)
    p = np.exp(log_p)
    entropy = float(-(p * log_p).sum(axis=1).mean() / np.log(K))
    return entropy, float(((p.max(axis=1) - 1 / K) / (1 - 1 / K)).mean())
