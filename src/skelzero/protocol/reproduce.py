"""A publication's experiments on the reader's own copy of its data: every split, the published configuration and ours.

What is run are tasks like those of a comparison. Where a store lacks classes of a split, the split does not run; asked
to, it runs on the classes that there are, under another name and beside no published figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from skelzero.cards import CARD
from skelzero.encoders import FeatureSet, TrainedEncoder, check_leak, load_public_weights
from skelzero.errors import UserError, unknown_choice
from skelzero.methods import METHODS
from skelzero.preprocess import PIPELINES, prepare
from skelzero.protocol.experiment import needs_pseudo
from skelzero.protocol.partitions import Partition, inner_partition, usual_partition
from skelzero.protocol.plan import Request, open_source, plan_one
from skelzero.protocol.published import Published, published_for
from skelzero.protocol.result import SplitFacts, Task
from skelzero.protocol.splits import Split, load_split, pseudo_fold, split_names
from skelzero.readers.importing import import_clips
from skelzero.text import load_class_set

REDUCED = " (reduced)"
FEWEST_SEEN, FEWEST_UNSEEN = 3, 2


@dataclass(frozen=True)
class Target:
    """A figure to reproduce: our setting and metric, and the setting under which it was published."""

    setting: str
    metric: str
    published: str


@dataclass(frozen=True)
class Publication:
    """What is run for a publication.

    Attributes
    ----------
    title : str
        As the table of published figures calls it.
    published, ours : str
        Registered methods.
    encoder : str
        Skeleton encoder of the publication; it is trained here, on seen classes only.
    kinds : tuple of str
        Texts.
    targets : tuple of Target
    for_classes : dict
        Settings of the published configuration that depend on the number of classes of the data set.
    quick : dict
        Settings that cut it short.
    lacks : str
        What of the publication's material nobody but its authors can give, and what stands in its place.
    """

    title: str
    published: str
    ours: str
    encoder: str
    kinds: tuple[str, ...]
    targets: tuple[Target, ...]
    lacks: str
    for_classes: dict[int, dict[str, Any]] = field(default_factory=dict)
    quick: dict[str, Any] = field(default_factory=dict)


PUBLICATIONS = {
    "scale": Publication(
        "SCALE", "scale-published", "scale", "shift-gcn", ("action", "motion"), (Target("zsl", "top1", "zsl"),),
        "the authors' descriptions of the classes and the features that they extracted are not distributed",
        quick={"epochs": 0, "steps": 60},
    ),
    "msf": Publication(
        "MSF-GZSSAR", "msf-published", "msf", "shift-gcn", ("label", "action", "motion"),
        (Target("zsl", "top1", "zsl"), Target("gzsl-msf", "H", "gzsl"), Target("gzsl", "H", "gzsl")),
        "the publication reads its own descriptions by CLIP (ViT-B/32 or ViT-B/16) and features that its authors "
        "extracted",
        for_classes={120: {"latent": 200, "cycle_steps": 1900, "cross_after": 1500}}, quick={"steps": 100},
    ),
    "pgfa": Publication(
        "PGFA", "pgfa-published", "pgfa", "st-gcn", ("action",),
        (Target("zsl-transductive", "top1", "zsl-transductive"), Target("zsl", "top1", "zsl")),
        "the publication reads its own long descriptions by all-mpnet-base-v2, and chose its share of trusted clips on "
        "the test clips; here it is chosen on pseudo-unseen classes",
        for_classes={120: {"rate": 0.005}}, quick={"steps": 5, "batch": 8},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a user asks to reproduce; see `skelzero reproduce --help`."""

    publication: str
    data: Path
    out: Path
    weights: Path | None = None
    splits: tuple[str, ...] = ()
    ours: bool = False
    seeds: int = 5
    quick: bool = False
    reduced: bool = False
    kinds: tuple[str, ...] = ()
    text_encoder: str = "minilm"
    encoder: str = ""
    steps: int = 0
    dataset: str = ""
    partition: str = ""
    allow_leaky: bool = False

    @property
    def facts(self) -> Publication:
        if self.publication not in PUBLICATIONS:
            raise unknown_choice("publication", self.publication, PUBLICATIONS)
        return PUBLICATIONS[self.publication]

    @property
    def semantics(self) -> tuple[str, ...]:
        return self.kinds or self.facts.kinds

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.facts.published, self.facts.ours) if self.ours else (self.facts.published,)


@dataclass(frozen=True)
class Planned:
    """Tasks, splits as they run, and why others do not.

    Attributes
    ----------
    tasks : list of Task
    groups : list of tuple of str
        Names of splits that share a published figure, as published; the others are alone.
    running : dict
        Published name of a split, then the split that runs in its place: the same one, or a reduced one.
    refused : dict
        Published name of a split, then the reason for which it cannot run.
    dataset : str
    """

    tasks: list[Task]
    groups: list[tuple[str, ...]]
    running: dict[str, Split]
    refused: dict[str, str]
    dataset: str


def data_of(asked: Asked, *, workers: int = 0, progress: Any = None) -> Path:
    """The store or the features to work on: imported and encoded as far as needed, into the output folder.

    Raises
    ------
    UserError
        Nothing readable; weights with a method that trains its encoder itself; features of other weights in OUT.
    """
    if not (asked.data / CARD).is_file() and not asked.data.exists():
        raise UserError("the data are not there", where=asked.data, expected="a clip store, or a folder or archive of "
                        "recordings such as NTU's .skeleton files")  # fmt: skip
    store = asked.data
    if not (asked.data / CARD).is_file():
        store = asked.out / "store"
        if not (store / CARD).is_file():
            import_clips(asked.data, store, workers=workers, progress=progress)
    if asked.weights is None:
        return store
    if METHODS[asked.facts.published].method.end_to_end:
        raise UserError(f"{asked.publication} trains its encoder end to end", where=asked.weights,
                        next_step="leave out --weights")  # fmt: skip
    return _encoded(asked, store, asked.weights)


def _encoded(asked: Asked, store: Path, weights: Path) -> Path:
    """Features of the store by given weights."""
    from skelzero.clips import ClipStore

    encoder = TrainedEncoder.load(weights) if weights.is_dir() else load_public_weights(weights)
    opened, folder = ClipStore.open(store), asked.out / "features"
    if folder.is_dir():
        found = FeatureSet.load(folder).card
        if (found.encoder, found.store_checksum) != (encoder.card, opened.checksum):
            raise UserError("features by other weights or of other clips lie here", where=folder,
                            next_step="give another folder with --out")  # fmt: skip
        return folder
    encoder.encode(prepare(opened, PIPELINES[encoder.card.pipeline])).save(folder)
    return folder


def plan(asked: Asked, data: Path) -> Planned:
    """All tasks, and what cannot run.

    Raises
    ------
    UserError
        No figures for this data set, an unknown split, a text encoder that is not there, an encoder that has been
        trained on unseen classes, no split that can run.
    """
    request = _request(asked, data)
    whole = {method: plan_one(request.model_copy(update={"methods": [method]}), 0) for method in asked.methods}
    source = open_source(data, request.encoder, "", asked.dataset)
    class_set = load_class_set(source.dataset)
    groups = _groups(asked, source.dataset, split_names(class_set))
    part = usual_partition(source.clips, source.dataset, name=asked.partition)
    table = Columns.of(source.clips)
    pseudo = any(needs_pseudo(task) for task in whole.values())
    running: dict[str, Split] = {}
    refused: dict[str, str] = {}
    for name in (name for group in groups for name in group if name in asked.splits or not asked.splits):
        split = load_split(class_set, name)
        lacking = _lacking(split, table, part)
        small = reduce_split(split, table, part, seeds=asked.seeds if pseudo else 0) if lacking else split
        if not lacking or (asked.reduced and small is not None):
            assert small is not None
            running[name] = small
        else:
            hint = "; --reduced runs what is left" if small is not None else "; too few clips for a reduced split, too"
            refused[name] = lacking + hint * (not asked.reduced or small is None)
    if not running:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise UserError(f"no split of {asked.facts.title} can run on these data", where=asked.data, got=reasons,
                        next_step="import the whole data set; --reduced runs what is left of splits")  # fmt: skip
    if isinstance(source.clips, FeatureSet):
        for split in running.values():
            check_leak(source.clips.card, [f"{source.dataset}:{c}" for c in split.unseen], allow=asked.allow_leaky)
    tasks = [
        _task(asked, whole[method], split, seed, of=load_split(class_set, name))
        for name, split in running.items() for seed in range(asked.seeds) for method in asked.methods
    ]  # fmt: skip
    return Planned(tasks, groups, running, refused, source.dataset)


def _request(asked: Asked, data: Path) -> Request:
    facts = asked.facts
    encoder = asked.encoder or ("shift-gcn:small" if asked.quick else facts.encoder)
    steps = asked.steps or (30 if asked.quick else 0)
    return Request(
        methods=list(asked.methods), data=data, splits=["all"], kinds=list(asked.semantics), dataset=asked.dataset,
        settings=[target.setting for target in facts.targets], text_encoder=asked.text_encoder,
        encoder={"encoder": encoder, **({"steps": steps} if steps else {})}, partition=asked.partition,
        allow_leaky=asked.allow_leaky,
    )  # fmt: skip


def _task(asked: Asked, whole: Task, split: Split, seed: int, *, of: Split) -> Task:
    """A method's task on a split, from its task on all classes: what is known of data and texts is the same.

    Its settings are those of the published split `of`, whatever is left of that.
    """
    classes = len(of.seen) + len(of.unseen)
    own = asked.facts.for_classes.get(classes, {}) if whole.method == asked.facts.published else {}
    short = asked.facts.quick if asked.quick else {}
    return whole.model_copy(
        update={"split": SplitFacts.of(split), "seed": seed, "overrides": {**whole.overrides, **own, **short}}
    )


def _groups(asked: Asked, dataset: str, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The publication's splits of a data set; those of which it reports the mean are together."""
    title, groups = asked.facts.title, dict[Any, list[str]]()
    for name in names:
        figures = [(t, p) for t in asked.facts.targets for p in figure(title, dataset, name, t)]
        if figures:
            groups.setdefault(figures[0] if "mean of" in figures[0][1].note else name, []).append(name)
    known = [name for group in groups.values() for name in group]
    if not known:
        raise UserError(f"{title} reports no figures for this data set", where=asked.data, got=dataset,
                        expected="NTU RGB+D 60 or 120, or PKU-MMD (PGFA)")  # fmt: skip
    for name in asked.splits:
        if name not in known:
            raise unknown_choice(f"split of {title}", name, known, where="--splits")
    wanted = set(asked.splits or known)
    # A group stays whole where only some of it was asked for: part of it is not what the published mean is of.
    return [tuple(group) for group in groups.values() if wanted & set(group)]


def figure(title: str, dataset: str, split: str, target: Target) -> Iterator[Published]:
    """What a publication reports for a target on a split: one figure, or none."""
    yield from (p for p in published_for(dataset, split, target.published, target.metric) if p.method == title)


@dataclass(frozen=True)
class Columns:
    """The table of clips without their coordinates."""

    names: np.ndarray
    codes: np.ndarray
    datasets: np.ndarray
    subjects: np.ndarray
    cameras: np.ndarray
    setups: np.ndarray

    @classmethod
    def of(cls, clips: Any) -> Columns:
        return cls(**{name: np.asarray(getattr(clips, name)) for name in cls.__dataclass_fields__})

    def take(self, rows: Bool[np.ndarray, " N"]) -> Columns:
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def _lacking(split: Split, table: Columns, part: Partition) -> str:
    """Which classes have no clips where they need some; empty if none."""
    trained, tested = set(table.codes[part.train].tolist()), set(table.codes[~part.train].tolist())
    seen = [code for code in split.seen if code not in trained]
    unseen = [code for code in split.unseen if code not in tested]
    found = [f"{len(missing)} of {len(of)} {name} classes without {side} clips ({', '.join(missing[:5])}"
             + (", ...)" if len(missing) > 5 else ")")
             for missing, of, name, side in ((seen, split.seen, "seen", "training"),
                                             (unseen, split.unseen, "unseen", "test")) if missing]  # fmt: skip
    return "; ".join(found)


def reduce_split(split: Split, table: Columns, part: Partition, *, seeds: int) -> Split | None:
    """The part of a split for which there are clips; None where too little is left.

    Parameters
    ----------
    split : Split
    table : Columns
    part : Partition
    seeds : int
        For how many seeds a pseudo phase, which holds some training clips out, must find clips of each class; 0 where
        nothing is chosen.
    """
    trained, tested = set(table.codes[part.train].tolist()), set(table.codes[~part.train].tolist())
    unseen = tuple(code for code in split.unseen if code in tested)
    seen = tuple(code for code in split.seen if code in trained)
    while len(seen) >= FEWEST_SEEN and len(unseen) >= FEWEST_UNSEEN:
        pseudo = tuple(code for code in split.pseudo_unseen if code in seen)
        if len(seen) - len(pseudo) < 2:
            return None
        small = replace(split, name=split.name + REDUCED, family="reduced", seen=seen, unseen=unseen,
                        pseudo_unseen=pseudo)  # fmt: skip
        held_out = {code for seed in range(seeds) for code in _held_out(small, table, part, seed)}
        if not held_out:
            return small
        seen = tuple(code for code in seen if code not in held_out)
    return None


def _held_out(split: Split, table: Columns, part: Partition, seed: int) -> list[str]:
    """Classes that a pseudo phase should fit and of which it holds out every clip."""
    training = table.take(part.train & np.isin(table.codes, split.seen))
    fitted = set(training.codes[inner_partition(training, part.by, seed=seed).train].tolist())
    others = pseudo_fold(split, seed=seed)
    return [code for code in split.seen if code not in others and code not in fitted]
