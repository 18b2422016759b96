"""PGFA: a skeleton encoder trained end to end against frozen texts by a symmetric contrast.

"Zero-shot skeleton-based action recognition with prototype-guided feature alignment", IEEE TIP 2025, arXiv 2507.00566.
The alignment at test time is `methods.alignment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float32, Int
from pydantic import Field

from skelzero.errors import UserError
from skelzero.methods.base import METHODS, EndToEndMethod, Fitting, MethodSettings, MethodSpec
from skelzero.text import TextBank
from skelzero.text.bank import unit

PUBLISHED = {
    "encoder": "st-gcn", "optimiser": "sgd", "rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "batch": 128,
    "epochs": 50, "epoch_rates": {"warmup": 5, "drops": [50, 80]},
}  # fmt: skip
"""Section IV: SGD, warm-up over five epochs from 0, tenfold drops at epochs 50 and 80, batches of 128, 50 epochs."""
PUBLISHED_SCALE = 1 / 0.07
UNCHANGED = {"turn": 0.0, "tilt": 0.0, "scale": 0.0, "move": 0.0, "noise": 0.0, "crop": 1.0}
DEVICE = ("accelerator", "devices", "precision")


class PgfaSettings(MethodSettings):
    """Settings of PGFA; what is not given comes from the recipe.

    Attributes
    ----------
    recipe : str
        `shared`: the encoder and the schedule that the other methods' encoder has. `published`: those of the paper.
    encoder : str, optional
        Name of a skeleton encoder.
    steps, epochs, batch : int, optional
        Length of the training: steps, or epochs of whole batches (0: as the recipe says).
    rate : float, optional
    accumulate : int
        Parts in which a batch is computed, for memory's sake; the contrast is within the whole batch.
    scale : float
        Of the cosines. Published: 1 / 0.07. With the dozen seen classes of the open data sets so sharp a softmax is
        soon content, and clips are drawn no further; 5 was chosen on MSR-Action3D.
    learn_scale : bool
    sharpness : float
        Of the targets, 10 as published.
    augment : bool
        Whether training clips are changed at random.
    centre_text : bool
        Take the seen classes' mean from every class vector first: sentence embeddings share a large common part.
    """

    recipe: Literal["shared", "published"] = "shared"
    encoder: str | None = None
    steps: int | None = Field(None, ge=1)
    epochs: int = Field(0, ge=0)
    batch: int | None = Field(None, ge=2)
    rate: float | None = Field(None, gt=0)
    accumulate: int = Field(1, ge=1)
    scale: float = Field(5.0, gt=0)
    learn_scale: bool = False
    sharpness: float = Field(10.0, gt=0)
    augment: bool = True
    centre_text: bool = True


class Pgfa(EndToEndMethod):
    """The contrast in training, and the nearest text by cosine at test (the inductive form).

    Kept: the adapter to the full text width, frozen texts, the symmetric divergence to targets of softmax(10 [same
    class]), a constant scale. Kept in `pgfa-published` only: ST-GCN with SGD for 50 epochs, unchanged clips, plain
    texts, the scale 1 / 0.07. Different from the published code in both: no epoch is chosen by the test clips, and
    clips count equally.
    """

    Settings: ClassVar[type[MethodSettings]] = PgfaSettings
    kind = "pgfa"
    settings: PgfaSettings

    def training(self, given: Mapping[str, Any]) -> dict[str, Any]:
        own = self.settings
        if own.recipe == "published":
            base: dict[str, Any] = {**PUBLISHED, **{name: given[name] for name in DEVICE if name in given}}
        else:
            base = dict(given)
        if own.encoder and own.encoder != base.get("encoder"):
            # What the other encoder's schedule was made for does not hold for this one.
            kept = base if own.recipe == "published" else {n: base[n] for n in DEVICE if n in base}
            base = {**kept, "encoder": own.encoder}
        chosen = {"steps": own.steps, "epochs": own.epochs or None, "batch": own.batch, "rate": own.rate}
        if own.steps:
            base = {name: value for name, value in base.items() if name not in ("epochs", "epoch_rates")}
        base |= {name: value for name, value in chosen.items() if value is not None}
        if not own.augment:
            base["augmentation"] = UNCHANGED
        contrast = {"scale": own.scale, "learn_scale": own.learn_scale, "sharpness": own.sharpness}
        return {**base, "accumulate": own.accumulate, "contrast": contrast}

    def anchors(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        vectors = self._texts(bank).vectors()
        return unit(vectors - self._common(vectors))

    def _common(self, vectors: Float32[np.ndarray, "K E"]) -> Float32[np.ndarray, " E"]:
        """What is taken from every class vector."""
        return vectors.mean(axis=0) * np.float32(self.settings.centre_text)

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        vectors = bank.vectors()
        if vectors.shape[1] != x.shape[1]:
            raise UserError("the adapter and the texts have different widths", got=f"adapter {x.shape[1]}",
                            expected=f"{vectors.shape[1]}: {len(bank.kinds)} kind(s) of text by {bank.encoder}",
                            next_step="train the encoder against these texts (`skelzero train pgfa`)")  # fmt: skip
        self.text_mean_ = self._common(vectors)
        right = self._scores(x, bank).argmax(axis=1) == y
        self.diagnostics_ = {"training_accuracy": float(right.mean())}

    def _embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]]:  # fmt: skip
        return unit(x), unit(bank.vectors() - self.text_mean_)

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        clips, classes = self._embed(x, bank)
        return clips @ classes.T

    def _state(self) -> dict[str, np.ndarray]:
        return {"text_mean": self.text_mean_}

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.text_mean_ = state["text_mean"]


METHODS.add("pgfa", MethodSpec("pgfa", Pgfa, summary="PGFA: an encoder trained end to end against the texts"))
METHODS.add("pgfa-published", MethodSpec(
    "pgfa-published", Pgfa, {"recipe": "published", "scale": PUBLISHED_SCALE, "augment": False, "centre_text": False},
    summary="PGFA with the published encoder and schedule", searched=False,
))  # fmt: skip
