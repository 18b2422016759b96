"""A trained encoder with its card: saved, loaded, brought in from public weights, and put to work on clips."""

from __future__ import annotations

import csv
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from skelzero import __version__
from skelzero.cards import CARD, read_json, sha256_file, staged_folder, write_json
from skelzero.clips import load_layout
from skelzero.encoders.base import ENCODERS, SkeletonEncoder
from skelzero.encoders.card import EncoderCard
from skelzero.encoders.features import TABLE, FeatureCard, FeatureSet
from skelzero.encoders.frozen import FrozenEncoder
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.memory import reused_memory
from skelzero.encoders.public_weights import convert_shift_gcn, read_state_dict
from skelzero.errors import UserError
from skelzero.journal import Note
from skelzero.preprocess import Prepared

WEIGHTS = "weights.safetensors"
LOSSES = "losses.csv"
PART = "encoder"
"""What notes of an encoder's training are called."""
LARGEST_LOSSES = 1 << 20


@dataclass(frozen=True)
class TrainedEncoder:
    """An encoder that no longer changes.

    Attributes
    ----------
    model : SkeletonEncoder
    card : EncoderCard
    losses : tuple of Note
        Loss and rate while it was trained; empty where that is not known.
    """

    model: SkeletonEncoder
    card: EncoderCard
    losses: tuple[Note, ...] = ()

    @cached_property
    def frozen(self) -> FrozenEncoder:
        """The fast form of the model."""
        return FrozenEncoder(self.model)

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write `weights.safetensors`, `losses.csv` and the card; all or nothing.

        Raises
        ------
        UserError
            `folder` exists and `overwrite` is false.
        """
        with staged_folder(folder, replace=overwrite) as stage:
            save_file({k: v.contiguous() for k, v in self.model.state_dict().items()}, stage / WEIGHTS)
            if self.losses:
                write_losses(stage / LOSSES, self.losses)
            checked = self.card.model_copy(update={"weights_sha256": sha256_file(stage / WEIGHTS)})
            write_json(stage / CARD, checked.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> TrainedEncoder:
        """Read what `save` wrote.

        Raises
        ------
        UserError
            Not such a folder, weights that do not fit their checksum or the encoder.
        """
        value = read_json(folder / CARD, what="encoder card")
        try:
            card = EncoderCard.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError("this is no encoder that this version can read", where=folder,
                            got=f"{first['loc']}: {first['msg']}") from error  # fmt: skip
        path = folder / WEIGHTS
        if not path.is_file() or sha256_file(path) != card.weights_sha256:
            raise UserError("the weights are missing or do not fit their checksum", where=path,
                            next_step="copy the encoder again, or train it again")  # fmt: skip
        try:
            state = load_file(path)
        except (SafetensorError, OSError) as error:
            raise UserError("the weights cannot be read", where=path, got=str(error)) from error
        losses = read_losses(folder / LOSSES) if (folder / LOSSES).is_file() else ()
        return cls(_model_of(card, state, where=path), card, losses)

    def encode(
        self, prepared: Prepared, batch: int = 64, *, progress: Callable[[int, int], None] | None = None
    ) -> FeatureSet:
        """Features and logits of every clip.

        Raises
        ------
        UserError
            Clips on other joints or prepared by another pipeline than the training clips, or with NaN.
        """
        self._check(prepared)
        features, logits = [], []
        with reused_memory():
            for start in range(0, len(prepared), batch):
                x = torch.from_numpy(np.array(prepared.data[start : start + batch], dtype=np.float32))
                f, z = self.outputs(require_finite(x))
                features.append(f.numpy())
                logits.append(z.numpy())
                if progress is not None:
                    progress(min(start + batch, len(prepared)), len(prepared))
        card = FeatureCard(
            encoder=self.card, store_checksum=prepared.store_checksum, pipeline=prepared.pipeline,
            history=prepared.history, skipped=prepared.skipped,
        )  # fmt: skip
        table = {name: getattr(prepared, name) for name in TABLE}
        return FeatureSet(np.concatenate(features), **table, card=card, logits=np.concatenate(logits))

    @torch.inference_mode()
    def outputs(
        self, x: Float[Tensor, "N C T V M"]
    ) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N K"]]:  # fmt: skip
        """Features and class scores; the features of an encoder aligned to class vectors are vectors among these."""
        features, out = self.frozen(x)
        return (out if self.card.adapter else features), self.model.class_scores(out)

    def _check(self, prepared: Prepared) -> None:
        card, layout = self.card, prepared.layout
        if not len(prepared):
            raise UserError("no clip to encode")
        if layout.checksum != card.layout_checksum:
            raise UserError("clips on other joints than the encoder's", got=layout.name, expected=card.graph.name,
                            next_step="train an encoder on these joints, or use a common-64 encoder")  # fmt: skip
        if prepared.pipeline != card.pipeline:
            raise UserError("clips were prepared otherwise than the encoder's training clips",
                            got=prepared.pipeline, expected=card.pipeline)  # fmt: skip


def make_card(prepared: Prepared, encoder: str, classes: tuple[str, ...], **facts: Any) -> EncoderCard:
    """The card of an encoder trained on these clips."""
    return EncoderCard(
        encoder=encoder, graph=SkeletonGraph.from_layout(prepared.layout), layout_checksum=prepared.layout.checksum,
        pipeline=prepared.pipeline, persons=prepared.persons, classes=classes, versions=versions(), **facts,
    )  # fmt: skip


def load_public_weights(path: Path, layout: str = "ntu25") -> TrainedEncoder:
    """The public Shift-GCN weights (`.pt`), trained on NTU RGB+D 60 or 120.

    The classes are told by the width of the last layer: NTU's codes A001 onwards.

    Raises
    ------
    UserError
        Not such weights.
    """
    state = convert_shift_gcn(read_state_dict(path), where=path)
    classes = tuple(f"ntu120:A{k + 1:03d}" for k in range(len(state.get("head.bias", ()))))
    joints = load_layout(layout)
    card = EncoderCard(
        encoder="shift-gcn", graph=SkeletonGraph.from_layout(joints), layout_checksum=joints.checksum,
        pipeline="ntu-300", persons=2, classes=classes, weights_sha256=sha256_file(path), versions=versions(),
        source=path.name,
    )  # fmt: skip
    return TrainedEncoder(_model_of(card, state, where=path), card)


def require_finite(x: Tensor) -> Tensor:
    """The tensor, or a `UserError` where it holds NaN or infinity."""
    bad = ~torch.isfinite(x).flatten(1).all(dim=1)
    if bad.any():
        raise UserError("clips hold NaN or infinite coordinates", got=f"{int(bad.sum())} of {len(x)} clips",
                        next_step="prepare them with a pipeline, which fills what is missing")  # fmt: skip
    return x


def write_losses(path: Path, losses: Sequence[Note]) -> None:
    """A table of step, loss and rate; read again, the numbers are the same to the last bit."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [(note.step, note.values["loss"], note.values["rate"]) for note in losses]
        csv.writer(file).writerows([("step", "loss", "rate"), *rows])


def read_losses(path: Path) -> tuple[Note, ...]:
    """What `write_losses` wrote; anything else is a `UserError`."""
    try:
        if path.stat().st_size > LARGEST_LOSSES:
            raise ValueError(f"{path.stat().st_size} bytes")
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return tuple(Note(PART, int(r["step"]), {n: float(r[n]) for n in ("loss", "rate")}) for r in rows)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError("the losses of an encoder cannot be read", where=path, got=f"{type(error).__name__}: {error}",
                        next_step="delete this file; the encoder does not need it") from error  # fmt: skip


def versions() -> dict[str, str]:
    return {"skelzero": __version__, "torch": str(torch.__version__), "python": platform.python_version()}


def _model_of(card: EncoderCard, state: dict[str, Tensor], *, where: Path) -> SkeletonEncoder:
    model = ENCODERS[card.encoder].build(card.graph, card.adapter or len(card.classes), persons=card.persons)
    if card.adapter:
        model.align_to(torch.ones(len(card.classes), card.adapter), 1.0)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise UserError(f"the weights do not fit {card.encoder} on {card.graph.name}", where=where,
                        got=" ".join(str(error).split())[:300]) from error  # fmt: skip
    return model.eval()
