"""One task and its result: a number and everything that made it, in one JSON file named by the task's key."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

import skelzero.methods
from skelzero import __version__
from skelzero.cards import read_json, sha256_of, write_json
from skelzero.errors import UserError
from skelzero.protocol.gates import Gate
from skelzero.protocol.selection import Selection
from skelzero.protocol.splits import Split
from skelzero.protocol.stacking import Stacking

FORMAT = 2
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "safetensors", "pydantic", "lightning-fabric")


class SplitFacts(BaseModel):
    """A split as it stands in a result; see `Split`."""

    model_config = ConfigDict(frozen=True)

    name: str
    dataset: str
    family: str
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    pseudo_unseen: tuple[str, ...] = ()

    @classmethod
    def of(cls, split: Split) -> SplitFacts:
        return cls(**{name: getattr(split, name) for name in cls.model_fields})

    def split(self) -> Split:
        return Split(**self.model_dump())


class Task(BaseModel):
    """One method on one split with one seed, and all that the outcome depends on.

    Attributes
    ----------
    method : str
        A registered method.
    overrides : dict
        Settings of the method that the user fixed; they hold for every candidate.
    data : str
        Path of the store, or of the features folder; not part of the key, since the checksum says what it is.
    checksum : str
        Of the store or the features.
    encoder : dict
        Settings of the skeleton encoder's training, without the seed; empty for features made elsewhere.
    partition : str
        Which recordings train; empty for the data set's usual one.
    settings : tuple of str
        `zsl`, `gzsl`.
    folds : int
        Pseudo phases to choose on.
    allow_leaky : bool
        Go on although the encoder was trained on unseen classes; every figure is marked.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    overrides: dict[str, Any] = Field(default_factory=dict)
    data: str
    checksum: str
    pipeline: str = ""
    split: SplitFacts
    seed: int
    class_set: str
    text_sha256: str
    text_encoder: str
    kinds: tuple[str, ...]
    encoder: dict[str, Any] = Field(default_factory=dict)
    partition: str = ""
    test_subjects: tuple[int, ...] = ()
    settings: tuple[str, ...] = ("zsl", "gzsl")
    folds: int = 1
    allow_leaky: bool = False

    @property
    def key(self) -> str:
        """SHA-256 of everything that the result depends on, the methods' code included."""
        facts = self.model_dump(mode="json", exclude={"data", "class_set"})
        return sha256_of([FORMAT, __version__, _code_hash(), facts])

    @property
    def unit(self) -> tuple[str, str, int]:
        """Tasks of one unit differ in their method only: they share encoders, and are compared in pairs."""
        return self.split.dataset, self.split.name, self.seed


class Result(BaseModel):
    """What a task gave.

    Attributes
    ----------
    metrics : dict
        Setting, then metric, then value (accuracies from 0 to 1).
    chance : dict
        The same for guessing.
    per_class : dict
        Setting, then class code, then accuracy.
    confusion : dict
        Setting, then (true class, predicted class, clips) for every pair that occurs; classes are places in
        `class_order`.
    gates, gates_on_pseudo : dict
        Fitted gates, and how well each tells pseudo-unseen classes' clips from the others (AUC).
    curves : dict
        Setting, then S at equally spaced U from 0 to 1.
    method_settings : dict
        All settings of the fitted method, chosen and default ones.
    transductions : dict
        The alignments of the transductive settings, and how they were chosen. Such settings have seen all test clips
        without their labels (`clips_seen` in their metrics) and never share a column with inductive ones.
    leaky : bool
        True where the encoder was trained on unseen classes: not a zero-shot result.
    """

    format: int = FORMAT
    key: str
    task: Task
    metrics: dict[str, dict[str, float]]
    chance: dict[str, dict[str, float]]
    per_class: dict[str, dict[str, float | None]]
    class_order: dict[str, list[str]]
    confusion: dict[str, list[tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt]]]
    curves: dict[str, list[float]] = Field(default_factory=dict)
    selection: Selection | None
    stacking: Stacking | None
    gamma: float | None
    gates: dict[str, Gate] = Field(default_factory=dict)
    gates_on_pseudo: dict[str, float] = Field(default_factory=dict)
    method_settings: dict[str, Any]
    data: dict[str, Any]
    text: dict[str, Any]
    encoder: dict[str, Any]
    diagnostics: dict[str, Any]
    transductions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    leaky: bool = False
    versions: dict[str, str]
    hardware: dict[str, Any]
    seconds: dict[str, float]
    made: str

    @model_validator(mode="after")
    def _confused_classes_are_known(self) -> Self:
        for setting, pairs in self.confusion.items():
            if any(max(pair[:2]) >= len(self.class_order.get(setting, ())) for pair in pairs):
                raise ValueError(f"confusion of {setting}: a place beyond class_order")
        return self

    def write(self, folder: Path) -> Path:
        """Write `folder/<key>.json` atomically."""
        path = result_path(folder, self.key)
        write_json(path, self.model_dump(mode="json"))
        return path


def result_path(folder: Path, key: str) -> Path:
    return folder / "results" / f"{key}.json"


def read_result(path: Path) -> Result:
    """Read one result file; a malformed one is a `UserError`."""
    try:
        return Result.model_validate(read_json(path, what="result"))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError("not a result of this version", where=path, got=f"{first['loc']}: {first['msg']}",
                        next_step="delete the file and run the comparison again") from error  # fmt: skip


def read_results(folder: Path) -> list[Result]:
    """All results of a comparison's folder, in the order of their keys."""
    paths = sorted((folder / "results").glob("*.json"))
    if not paths:
        raise UserError("no results here", where=folder, expected="a folder written by `skelzero compare --out`")
    return [read_result(path) for path in paths]


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what computed."""
    found = {"skelzero": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # an optional one
            continue
    return found


@functools.cache
def hardware() -> dict[str, Any]:
    """What it ran on."""
    import torch

    gpus = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return {"machine": platform.machine(), "processor": _processor(), "cores": os.cpu_count(), "gpus": gpus}


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


@functools.cache
def _code_hash() -> str:
    """Hash of the methods' sources: a changed method must not find its old results."""
    folder = Path(skelzero.methods.__file__).parent
    files = sorted(folder.rglob("*.py"))
    return sha256_of([[str(f.relative_to(folder)), hashlib.sha256(f.read_bytes()).hexdigest()] for f in files])
