"""What an alignment is told, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int
from pydantic import BaseModel, ConfigDict, Field


class AlignmentSettings(BaseModel):
    """How unlabelled clips move the classes; the defaults are the published form with every clip kept.

    Attributes
    ----------
    form : str
        `prototypes` as published, or `balanced`: equal class shares by Sinkhorn, a setting and a column of its own.
    alpha : float
        Share of a pseudo-class's clips that is kept: floor(alpha n) of them. Published: 0.9 on NTU-60, 0.4 on NTU-120,
        1 on PKU-MMD. Not used by `balanced`.
    temperature : float
        Of the softmax whose entropy ranks the clips. Published: 1.
    softness : float
        Share of the text in the new prototype. Published: 0; with 1 the prototypes are the texts.
    prior : float
        For how many clips the text counts in the mean. Published: 0; a few of them calm the first clips of a stream.
    epsilon : float
        Cosines are divided by it before the equal shares are enforced; `balanced` only.
    rounds : int
        How many times `balanced` assigns and recomputes the prototypes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Literal["prototypes", "balanced"] = "prototypes"
    alpha: Annotated[float, Field(gt=0, le=1)] = 1.0
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    softness: Annotated[float, Field(ge=0, le=1)] = 0.0
    prior: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    rounds: Annotated[int, Field(ge=1)] = 3


@dataclass(frozen=True)
class Alignment:
    """Classes after the alignment, and how the clips were used.

    Attributes
    ----------
    scores : float64 (N, K)
        Cosines with the new prototypes; with `balanced`, log p(class | clip) of the last assignment.
    prototypes : float64 (K, D)
        Of length 1.
    labels : int (N,)
        Pseudo-labels before the alignment.
    kept : bool (N,)
        The clips that make up the prototypes.
    entropy : float64 (N,)
        Of each clip before the alignment, in nats.
    centre : float64 (D,)
        What was taken from the clips before they were compared: 0 in a common space, their mean in the score form.
    """

    scores: Float64[np.ndarray, "N K"]
    prototypes: Float64[np.ndarray, "K D"]
    labels: Int[np.ndarray, " N"]
    kept: Bool[np.ndarray, " N"]
    entropy: Float64[np.ndarray, " N"]
    centre: Float64[np.ndarray, " D"]

    def put_back(self, clips: Int[np.ndarray, " N"], classes: Int[np.ndarray, " K"]) -> Alignment:
        """The same in the caller's order; `clips` and `classes` are the permutations that led away from it."""
        back_clips, back_classes = np.argsort(clips), np.argsort(classes)
        return Alignment(
            scores=self.scores[back_clips][:, back_classes], prototypes=self.prototypes[back_classes],
            labels=classes[self.labels[back_clips]], kept=self.kept[back_clips], entropy=self.entropy[back_clips],
            centre=self.centre,
        )  # fmt: skip
