"""From what a user asks for to the list of tasks, with every mistake found before anything is computed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from skelzero.cards import CARD, canonical_json, read_json
from skelzero.errors import UserError, unknown_choice
from skelzero.kinematics.joined import NAME as KINEMATICS
from skelzero.methods import METHODS
from skelzero.methods.described import measured_columns
from skelzero.protocol.bench import BankOf
from skelzero.protocol.figures import GZSL, SETTINGS, ZSL
from skelzero.protocol.result import SplitFacts, Task
from skelzero.protocol.sources import FeatureSource, FolderSource, StoreSource
from skelzero.protocol.splits import RANDOM, Split, check_present, load_split, random_splits
from skelzero.text import KINDS, ClassSet, TextBank, build_bank, load_class_set, load_text_encoder
from skelzero.text.class_sets import READ, WRITTEN


class Request(BaseModel):
    """A comparison as asked for; see `skelzero compare --help`.

    Attributes
    ----------
    seeds : int or None
        Runs of each fixed split (5 by default) or of each random draw (1).
    draws, draw_seed : int
        How many random draws of unseen classes, and the seed of their sequence.
    overrides : dict
        Method, then setting, then value; what is said of `scale` holds for `scale:no-list` too.
    """

    methods: list[str]
    data: Path
    splits: list[str]
    seeds: int | None = None
    draws: int = 16
    draw_seed: int = 0
    settings: list[str] = Field(default_factory=lambda: [ZSL, GZSL])
    kinds: list[str] = Field(default_factory=lambda: ["action", "motion"])
    text_encoder: str = "minilm"
    encoder: dict[str, Any] = Field(default_factory=dict)
    class_set: str = ""
    dataset: str = ""
    pipeline: str = ""
    partition: str = ""
    test_subjects: list[int] = Field(default_factory=list)
    folds: int = 1
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    allow_leaky: bool = False


def plan(request: Request) -> list[Task]:
    """All tasks of a comparison, those that share encoders side by side.

    Raises
    ------
    UserError
        Unknown names, a class without text, a split whose classes the data do not have or without unseen classes.
    """
    tasks = _tasks(request, _units)
    for task in tasks:
        if not task.split.unseen:
            raise UserError("nothing to compare on: no class is unseen", where=f"split {task.split.name}",
                            next_step="name a split with unseen classes")  # fmt: skip
    return tasks


def plan_one(request: Request, seed: int) -> Task:
    """The task of one method on one split with one seed; of random draws the first unless `#i` says which."""
    return _tasks(request, lambda request, class_set, codes: [
        (load_split(class_set, request.splits[0], seed=request.draw_seed, codes=codes), seed)
    ])[0]  # fmt: skip


Unit = tuple[Split, int]


def _tasks(request: Request, units: Callable[[Request, ClassSet, list[str]], list[Unit]]) -> list[Task]:
    known = (("method", request.methods, METHODS), ("setting", request.settings, SETTINGS),
             ("kind of text", request.kinds, KINDS), ("split", request.splits, request.splits))  # fmt: skip
    for kind, given, choices in known:
        _check_known(kind, given, choices)
    source = open_source(request.data, request.encoder, request.pipeline, request.dataset)
    class_set = load_class_set(request.class_set or source.dataset)
    codes = check_texts(source, class_set)
    banks = {
        method: open_bank(class_set, request.text_encoder, kinds_of(method, request)) for method in request.methods
    }
    tasks = []
    for split, seed in units(request, class_set, codes):
        check_present(split, codes, where=request.data)
        tasks += [_task(request, source, class_set, banks[method], split, seed, method) for method in request.methods]
    return tasks


def kinds_of(method: str, request: Request) -> tuple[str, ...]:
    """The semantics that a method reads: those it cannot do without, or those that were asked for.

    A method of motion attributes gets the written ones where none were asked for.
    """
    asked = METHODS[method].method.requires or tuple(request.kinds)
    lacks = METHODS[method].method.described and not {WRITTEN, READ} & set(asked)
    return (*asked, WRITTEN) if lacks else asked


def encoder_of(method: str, source: FeatureSource) -> dict[str, Any]:
    """Settings of the encoder for a method: those asked for, with the kinematic features that the method needs.

    >>> from types import SimpleNamespace
    >>> encoder_of("skelzero", SimpleNamespace(settings={"encoder": "st-gcn", "steps": 9}))
    {'encoder': 'st-gcn+kinematics', 'steps': 9}
    """
    needed, settings = METHODS[method].method.encoder, source.settings
    if needed and isinstance(source, FolderSource):
        # Found here, before anything is computed.
        measured_columns(source.clips.card.blocks, method)
    if not needed or not settings or settings["encoder"].endswith(KINEMATICS):
        return settings
    return {**settings, "encoder": settings["encoder"] + needed} if needed.startswith("+") else {"encoder": needed}


def _check_known(kind: str, given: Sequence[str], choices: Iterable[str]) -> None:
    names = list(choices)
    if not given:
        raise UserError(f"no {kind} named", expected=", ".join(names) or "such as 22/5")
    for name in given:
        if name not in names:
            raise unknown_choice(kind, name, names)


def _units(request: Request, class_set: ClassSet, codes: list[str]) -> list[Unit]:
    units: list[Unit] = []
    for name in request.splits:
        match = RANDOM.fullmatch(name)
        if match and match[2] is None:
            drawn = random_splits(class_set, int(match[1]), request.draws, seed=request.draw_seed, codes=codes)
            seeds = request.seeds or 1
            # Each draw has its own seeds, so that nothing but the data is common to two draws.
            units += [(split, i * seeds + k) for i, split in enumerate(drawn) for k in range(seeds)]
        else:
            split = load_split(class_set, name, seed=request.draw_seed, codes=codes)
            units += [(split, seed) for seed in range(request.seeds or 5)]
    return units


def _task(
    request: Request, source: FeatureSource, class_set: ClassSet, bank: TextBank, split: Split, seed: int, method: str
) -> Task:  # fmt: skip
    return Task(
        method=method, overrides=overrides_for(method, request.overrides), data=str(request.data),
        checksum=source.checksum, pipeline=source.pipeline, split=SplitFacts.of(split), seed=seed,
        class_set=request.class_set or class_set.name, text_sha256=bank.text_sha256, text_encoder=request.text_encoder,
        kinds=kinds_of(method, request), encoder=encoder_of(method, source), partition=request.partition,
        test_subjects=tuple(sorted(request.test_subjects)), settings=tuple(request.settings), folds=request.folds,
        allow_leaky=request.allow_leaky,
    )  # fmt: skip


def overrides_for(method: str, overrides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What holds for a method: what is said of its family, then what is said of itself.

    >>> overrides_for("scale:no-kl", {"scale": {"steps": 9, "tau": 1}, "scale:no-kl": {"tau": 2}})
    {'steps': 9, 'tau': 2}
    """
    return {**overrides.get(method.split(":")[0], {}), **overrides.get(method, {})}


def check_texts(source: FeatureSource, class_set: ClassSet) -> list[str]:
    """Codes of the classes at hand, in the order of the class set; a class without text is a `UserError`."""
    present = {str(code) for code in np.unique(source.clips.codes)}
    unknown = sorted(present - set(class_set.codes))
    if unknown:
        raise UserError(
            "a class is in no text set", where=f"class set {class_set.name}", got=", ".join(unknown[:12]),
            expected=f"codes such as {', '.join(class_set.codes[:3])}",
            next_step="name the right one with --class-set, or write one (YAML: name, title, source, classes)",
        )  # fmt: skip
    return [code for code in class_set.codes if code in present]


def open_source(path: Path, encoder: dict[str, Any], pipeline: str = "", dataset: str = "") -> FeatureSource:
    """A store or a features folder, told apart by their cards."""
    return _open_source(str(path), _stamp(path / CARD), canonical_json(encoder), pipeline, dataset)


def _stamp(path: Path) -> int:
    """Changes when a file does: what is kept in memory must not outlive what it was made of."""
    return path.stat().st_mtime_ns if path.is_file() else 0


@functools.lru_cache(maxsize=4)
def _open_source(path: str, stamp: int, encoder: str, pipeline: str, dataset: str) -> FeatureSource:
    import json

    folder = Path(path)
    card = read_json(folder / CARD, what="clip store or features folder")
    if isinstance(card, dict) and "store_checksum" in card:
        return FolderSource(folder, dataset=dataset)
    return StoreSource(folder, json.loads(encoder), pipeline=pipeline, dataset=dataset)


def open_bank(class_set: ClassSet, text_encoder: str, kinds: tuple[str, ...]) -> TextBank:
    """Texts of a class set by an encoder; computed once and kept in the cache."""
    return _open_bank(class_set, text_encoder, _stamp(Path(text_encoder.removeprefix("file:"))), kinds)


@functools.lru_cache(maxsize=4)
def _open_bank(class_set: ClassSet, text_encoder: str, stamp: int, kinds: tuple[str, ...]) -> TextBank:
    return build_bank(class_set, load_text_encoder(text_encoder), kinds)


def bank_of(bank: TextBank, class_set: ClassSet) -> BankOf:
    """Texts of class codes, in their order."""
    return lambda codes: bank.take(np.array([class_set.index(code) for code in codes]))
