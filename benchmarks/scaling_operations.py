"""What `scaling.py` measures: operations of the package on made-up data of a given size.

Each `prepare(size, folder)` makes the input and returns the operation itself. What is not the axis is held: 20 classes,
128 features and texts of 96 numbers for methods, 20 joints and one person for clips.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelzero.clips import Clip, ClipStore, Origin, StoreWriter, load_layout
from skelzero.encoders import ENCODERS, SkeletonGraph, TrainedEncoder, TrainSettings, train_encoder
from skelzero.encoders.trained import make_card
from skelzero.encoders.training import batch_rows
from skelzero.kinematics import of_store
from skelzero.methods import METHODS
from skelzero.preprocess import PIPELINES, Prepared, prepare
from skelzero.protocol import metrics
from skelzero.protocol.stacking import best_constant
from skelzero.readers.importing import import_clips
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

CLIPS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
FEWER = (100, 300, *CLIPS)
"""For what takes a millisecond a clip and more."""
MORE = CLIPS[1:]
"""For what takes a microsecond."""
CLASSES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
FRAMES = (16, 64, 256, 1024, 4096)
WIDTH, TEXT_WIDTH, TOKENS, HELD_CLASSES = 128, 96, 6, 20
LAYOUT = "kinect20-msr"
SETTINGS = {"scale": {"batch": 16}, "msf": {"cycles": 1, "cross_after": 0, "kl_from": 0}}

Run = Callable[[], object]


@dataclass(frozen=True)
class Operation:
    """One line of the table: what is done, against what, how it is made ready."""

    name: str
    axis: str
    sizes: tuple[int, ...]
    prepare: Callable[[int, Path], Run]
    unit: str = ""


# --- clips -----------------------------------------------------------------------------------------------------------


def movement(frames: int) -> np.ndarray:
    """A standing body whose joints swing, (1, T, V, 3) in metres."""
    rng, layout = np.random.default_rng(0), load_layout(LAYOUT)
    place = rng.uniform([-0.3, 0.0, 2.5], [0.3, 1.8, 3.0], (len(layout), 3))
    swing = 0.2 * np.sin(np.arange(frames)[:, None, None] / 7 + rng.uniform(0, 6, (len(layout), 3)))
    return (place + swing)[None].astype(np.float32)


def clips(number: int, frames: int) -> Iterator[Clip]:
    layout, positions = load_layout(LAYOUT), movement(frames)
    for i in range(number):
        origin = Origin(f"clip-{i:07d}", "msr_action3d", f"a{i % HELD_CLASSES + 1:02d}", subject=i % 10)
        yield Clip(positions, layout, origin, 15.0)


def write(path: Path, number: int, frames: int) -> ClipStore:
    with StoreWriter(path, source="made up") as writer:
        for clip in clips(number, frames):
            writer.add(clip)
    return ClipStore.open(path)


def importing(number: int, frames: int, folder: Path) -> Run:
    """Text files of MSR-Action3D into a store, by one worker."""
    source, out = folder / "source", folder / "store"
    source.mkdir()
    text = "".join(f"{x:.4f} {y:.4f} {z:.4f} 1.0\n" for x, y, z in movement(frames).reshape(-1, 3))
    for i in range(number):
        (source / f"a{i % 20 + 1:02d}_s{i // 20 % 100 + 1:02d}_e{i // 2000 + 1:03d}_skeleton3D.txt").write_text(text)
    return lambda: import_clips(source, out, workers=1, overwrite=True)


def storing(number: int, folder: Path) -> Run:
    """Clips of two frames written, opened, and every one read."""
    path = (folder / f"store-{i}" for i in itertools.count())
    return lambda: sum(clip.frames for clip in write(next(path), number, 2))


def measuring(number: int, frames: int, folder: Path) -> Run:
    store, caches = write(folder / "store", number, frames), itertools.count()
    names = store.names.tolist()

    def run() -> object:
        os.environ["SKELZERO_CACHE"] = str(folder / f"cache-{next(caches)}")
        return of_store(store, names)

    return run


def preparing(number: int, frames: int, folder: Path) -> Run:
    store = write(folder / "store", number, frames)
    return lambda: prepare(store, PIPELINES["kinect-64"], cache=False)


def prepared(number: int, frames: int, folder: Path) -> Prepared:
    """Prepared clips, all of one movement; `frames` need not be what the pipeline gives."""
    few = prepare(write(folder / "few", HELD_CLASSES, 64), PIPELINES["kinect-64"], cache=False)
    rows = np.arange(number) % HELD_CLASSES
    many = few.take(rows)
    time = np.arange(frames) % 64
    return Prepared(**{**vars(many), "data": np.ascontiguousarray(many.data[:, :, time])})


def encoding(number: int, frames: int, folder: Path) -> Run:
    """Forward through shift-gcn:small, which need not be trained to cost what it costs."""
    ready = prepared(number, frames, folder)
    model = ENCODERS["shift-gcn:small"].build(SkeletonGraph.from_layout(ready.layout), HELD_CLASSES, persons=1)
    card = make_card(ready, "shift-gcn:small", tuple(f"msr_action3d:a{k + 1:02d}" for k in range(HELD_CLASSES)))
    encoder = TrainedEncoder(model.eval(), card)
    return lambda: encoder.encode(ready)


def training(number: int, frames: int, folder: Path) -> Run:
    """One epoch of shift-gcn:small."""
    ready = prepared(number, frames, folder)
    codes = [f"a{k + 1:02d}" for k in range(HELD_CLASSES)]
    return lambda: train_encoder(ready, codes, TrainSettings(epochs=1, accelerator="cpu"))


def ordering(number: int) -> Run:
    """The clips of every step of two epochs, as a training asks for them."""
    return lambda: sum(len(batch_rows(number, 32, 0, step)) for step in range(2 * number // 32))


# --- methods ---------------------------------------------------------------------------------------------------------


def bank(classes: int, seed: int = 0) -> TextBank:
    """Made-up texts, and motion attributes beside them."""
    rng, width = np.random.default_rng(seed), max(TEXT_WIDTH, len(load_schema()))
    pooled = {kind: rng.standard_normal((classes, width), dtype=np.float32) for kind in ("action", "attributes")}
    pooled["attributes"][:, len(load_schema()) :] = 0
    tokens = {kind: rng.standard_normal((classes, TOKENS, width), dtype=np.float32) for kind in pooled}
    mask = dict.fromkeys(pooled, np.ones((classes, TOKENS), dtype=bool))
    names = tuple(f"made-up:c{i}" for i in range(classes))
    return TextBank(names, names, tuple(pooled), pooled, tokens, mask, "made-up", "0" * 64)


def features(number: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((number, WIDTH), dtype=np.float32)


def fitting(method: str, number: int, classes: int, **settings: object) -> Run:
    texts, x, y = bank(classes), features(number), np.arange(number) % classes
    blocks = {"attributes": (0, len(load_schema())), "courses": (len(load_schema()), WIDTH)}
    made = {**SETTINGS.get(method, {}), **settings}
    return lambda: METHODS[method](**made).fit(x, y, texts, blocks=blocks)


def an_epoch(method: str, number: int) -> Run:
    """A fit that sees every clip about once."""
    epoch = {"scale": {"epochs": 1, "batch": 128}, "msf": {"steps": number // 64, "cycle_steps": max(2, number // 64)}}
    return fitting(method, number, HELD_CLASSES, **epoch.get(method, {}))


def fit_classes(method: str, classes: int) -> Run:
    few = {"scale": {"steps": 4}, "msf": {"steps": 100, "cycle_steps": 100}}
    return fitting(method, 20_000, classes, **few.get(method, {}))


def scoring(method: str, number: int, classes: int) -> Run:
    """Scores of clips under classes that the method has not seen; the texts' share is part of it."""
    few = {"scale": {"steps": 4}, "msf": {"steps": 100, "cycle_steps": 100}}
    fitted = fitting(method, 2_000, HELD_CLASSES, **few.get(method, {}))()
    x, asked = features(number), itertools.count(1)
    return lambda: fitted.scores(x, bank(classes, next(asked)))  # type: ignore[attr-defined]


def judging(number: int, classes: int) -> Run:
    """All figures of generalised recognition from scores, what was confused, and the constant of stacking."""
    rng = np.random.default_rng(2)
    scores, truth = rng.standard_normal((number, classes), dtype=np.float32), rng.integers(0, classes, number)
    seen = np.arange(classes) < classes // 2

    def run() -> object:
        parts = metrics.branches(scores, truth, seen)
        predicted = scores.argmax(axis=1)
        return (metrics.top_k(scores, truth, 5), metrics.per_class_mean(predicted, truth), metrics.ausuc(parts),
                metrics.gate_auc(parts), metrics.confusion(predicted, truth), best_constant(parts))  # fmt: skip

    return run


def _operations() -> Iterator[Operation]:
    yield Operation("import", "clips", FEWER, lambda n, folder: importing(n, 4, folder), "files of 4 frames")
    yield Operation("import", "frames", FRAMES, lambda t, folder: importing(100, t, folder), "100 files")
    yield Operation("store, write and read", "clips", CLIPS, storing, "clips of 2 frames")
    yield Operation("encode, prepare kinect-64", "clips", FEWER, lambda n, f: preparing(n, 16, f), "of 16 frames")
    yield Operation("encode, prepare kinect-64", "frames", FRAMES, lambda t, f: preparing(100, t, f), "100 clips")
    yield Operation("encode, kinematics", "clips", FEWER, lambda n, folder: measuring(n, 16, folder), "of 16 frames")
    yield Operation("encode, kinematics", "frames", FRAMES, lambda t, folder: measuring(64, t, folder), "64 clips")
    yield Operation("encode, shift-gcn:small", "clips", FEWER, lambda n, f: encoding(n, 16, f), "of 16 frames")
    yield Operation("encode, shift-gcn:small", "frames", FRAMES, lambda t, f: encoding(64, t, f), "64 clips")
    yield Operation("train shift-gcn:small, an epoch", "clips", FEWER,
                    lambda n, f: training(n, 16, f), "of 16 frames")  # fmt: skip
    yield Operation("train shift-gcn:small, an epoch", "frames", FRAMES, lambda t, f: training(64, t, f), "64 clips")
    yield Operation("train, order of batches", "clips", CLIPS, lambda n, folder: ordering(n), "two epochs")
    for method, sizes in (("ridge", MORE), ("skelzero", MORE), ("scale", CLIPS), ("msf", CLIPS)):
        yield Operation(f"fit {method}", "clips", sizes, lambda n, f, m=method: an_epoch(m, n), "20 classes")
        yield Operation(f"fit {method}", "classes", CLASSES, lambda k, f, m=method: fit_classes(m, k), "20,000 clips")
        yield Operation(
            f"score {method}", "clips", sizes, lambda n, f, m=method: scoring(m, n, HELD_CLASSES), "20 classes"
        )
        yield Operation(f"score {method}", "classes", CLASSES, lambda k, f, m=method: scoring(m, 256, k), "256 clips")
    yield Operation("judge", "clips", MORE, lambda n, folder: judging(n, HELD_CLASSES), "20 classes")
    yield Operation("judge", "classes", CLASSES, lambda k, folder: judging(2_000, k), "2,000 clips")


OPERATIONS = tuple(_operations())
