"""A run: everything that a trained method needs to judge or to recognise, in one folder.

RUN/card.json   what it is and how it was made       RUN/method/    the fitted method
RUN/encoder/    the skeleton encoder, if there is one RUN/texts/     the texts of the split's classes
RUN/vocabulary/ movements to tell listed actions from, where the method reads descriptions of movement
RUN/log/PART/metrics.csv losses and rates of the parts that were trained: encoder, method
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from skelzero.cards import CARD, read_json, staged_folder, write_json
from skelzero.encoders import TrainedEncoder
from skelzero.errors import UserError
from skelzero.journal import Note
from skelzero.methods import ZeroShotMethod, load_method
from skelzero.protocol.calibration import Calibration
from skelzero.protocol.figures import Transductions
from skelzero.protocol.gates import Gate
from skelzero.protocol.rejection import Rejection
from skelzero.protocol.result import SplitFacts
from skelzero.protocol.selection import Selection
from skelzero.protocol.stacking import Stacking
from skelzero.text import TextBank

FORMAT = 1
LOG = "log"
METRICS = "metrics.csv"
LARGEST_LOG = 4 << 20


class RunCard(BaseModel):
    """What a run is.

    Attributes
    ----------
    network, kinematic : bool
        Features come from an encoder, from kinematics, or from both, in this order.
    pipeline, history, layout, persons
        How clips must be prepared for the encoder.
    text_encoder, kinds, class_set, text_sha256
        How words become vectors; other words must go through the same encoder.
    gamma : float or None
        Subtracted from seen classes' scores when all classes compete; None where no class is unseen.
    gates : dict
        By name; between the encoder's classifier and the method among unseen classes.
    transductions : Transductions
        Alignments for the transductive settings.
    calibration : Calibration
        From scores to probabilities.
    rejection : Rejection or None
        When to name nothing; None where there were too few classes to learn it.
    data, checksum, partition
        The clips that it was trained on.
    leaky : bool
        The encoder was trained on unseen classes of the split.
    """

    format: int = FORMAT
    method: str
    settings: dict[str, Any]
    seed: int
    dataset: str
    split: SplitFacts
    network: bool = True
    kinematic: bool = False
    pipeline: str
    history: list[str]
    layout: str
    persons: int
    class_set: str
    text_encoder: str
    kinds: list[str]
    text_sha256: str
    selection: Selection
    stacking: Stacking
    gamma: float | None
    gates: dict[str, Gate] = Field(default_factory=dict)
    transductions: Transductions = Field(default_factory=Transductions)
    calibration: Calibration
    rejection: Rejection | None = None
    data: str
    checksum: str
    partition: str
    test_subjects: list[int]
    partition_rule: str
    diagnostics: dict[str, Any]
    leaky: bool
    versions: dict[str, str]
    hardware: dict[str, Any]
    seconds: dict[str, float]
    made: str


@dataclass(frozen=True)
class Run:
    """A trained method with its encoder, texts and card.

    Attributes
    ----------
    bank : TextBank
        The split's seen classes, then its unseen ones.
    vocabulary : TextBank or None
        Movements to tell listed actions from, where the card's rejection was learned with them.
    log : mapping of str to tuple of Note
        What was noted while each part was trained. A loaded run has none: see `read_log`.
    """

    card: RunCard
    encoder: TrainedEncoder | None
    method: ZeroShotMethod
    bank: TextBank
    vocabulary: TextBank | None = None
    log: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)

    def save(self, folder: Path, *, replace: bool = False) -> None:
        """Write the folder; it appears whole or not at all.

        Raises
        ------
        UserError
            `folder` exists and `replace` is false.
        """
        with staged_folder(folder, replace=replace) as stage:
            if self.encoder is not None:
                self.encoder.save(stage / "encoder")
            self.method.save(stage / "method")
            self.bank.save(stage / "texts")
            if self.vocabulary is not None:
                self.vocabulary.save(stage / "vocabulary")
            if self.log:
                from skelzero.protocol.logs import write_csv  # brings Fabric, which using a run does not need

                write_csv(stage / LOG, self.log)
            write_json(stage / CARD, self.card.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run; a folder that is none is a `UserError`."""
        try:
            card = RunCard.model_validate(read_json(folder / CARD, what="run"))
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError("this is not a run", where=folder, got=f"{first['loc']}: {first['msg']}",
                            expected="a folder written by `skelzero train`") from error  # fmt: skip
        encoder = TrainedEncoder.load(folder / "encoder") if card.network else None
        has_vocabulary = card.rejection is not None and card.rejection.vocabulary
        vocabulary = TextBank.load(folder / "vocabulary") if has_vocabulary else None
        return cls(card, encoder, load_method(folder / "method"), TextBank.load(folder / "texts"), vocabulary)


def read_log(folder: Path) -> dict[str, tuple[Note, ...]]:
    """The notes in a run folder by their part; a log that cannot be read is a `UserError`."""
    return {path.parent.name: _read_metrics(path) for path in sorted((folder / LOG).glob(f"*/{METRICS}"))}


def _read_metrics(path: Path) -> tuple[Note, ...]:
    try:
        if path.stat().st_size > LARGEST_LOG:
            raise ValueError(f"{path.stat().st_size} bytes")
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
        return tuple(Note(path.parent.name, int(row.pop("step")), row) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UserError("a log cannot be read", where=path, got=f"{type(error).__name__}: {error}",
                        next_step="delete it; the run does not need it") from error  # fmt: skip
