"""The seen branch of generalised recognition: a classifier of the seen classes.

It is the skeleton encoder's own classifier where the features carry its logits for all of these classes, and otherwise
a logistic regression on the features, fitted on the same clips.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from skelzero.encoders import FeatureSet
from skelzero.methods.scaling import Standardizer
from skelzero.protocol.phases import Phase


def own_logits(phase: Phase, clips: FeatureSet) -> Float32[np.ndarray, "N S"] | None:
    """The encoder's logits for the fitted classes, in their order; None where it does not know them all."""
    datasets = sorted({str(name) for name in phase.fit.datasets})
    keys = [f"{datasets[0]}:{code}" for code in phase.codes[: phase.fitted]]
    known = {key: column for column, key in enumerate(clips.card.encoder.classes)}
    if clips.logits is None or len(datasets) != 1 or not set(keys) <= set(known):
        return None
    return clips.logits[:, [known[key] for key in keys]]


def seen_logits(phase: Phase) -> tuple[Float32[np.ndarray, "F S"], Float32[np.ndarray, "N S"]]:
    """Logits over the fitted classes for the fitted and the held clips."""
    fitted, held = own_logits(phase, phase.fit), own_logits(phase, phase.held)
    if fitted is not None and held is not None:
        return fitted, held
    return _regression(phase)


def _regression(phase: Phase) -> tuple[Float32[np.ndarray, "F S"], Float32[np.ndarray, "N S"]]:
    from sklearn.linear_model import LogisticRegression

    scale, truth = Standardizer.of(phase.fit.features), phase.truth(phase.fit)
    if phase.fitted < 2:
        return tuple(np.zeros((len(clips), 1), dtype=np.float32) for clips in (phase.fit, phase.held))  # type: ignore[return-value]
    model = LogisticRegression(C=0.1, max_iter=2000).fit(scale(phase.fit.features), truth)
    columns = [_columns(model.decision_function(scale(clips.features))) for clips in (phase.fit, phase.held)]
    return columns[0], columns[1]


def _columns(decision: np.ndarray) -> Float32[np.ndarray, "N S"]:
    """Of two classes scikit-learn gives one number: the log-odds of the second."""
    both = np.stack([-decision / 2, decision / 2], axis=1) if decision.ndim == 1 else decision
    return both.astype(np.float32)
