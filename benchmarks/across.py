"""Across data sets: trained on some, asked about all classes of another; and what needs no training at all.

`python benchmarks/across.py --data msr_action3d=STORE utd_mhad=STORE nw_ucla=STORE [--cmu ARCHIVE] [--json FILE]`. All
clips of the third data set are judged among all its classes. Features are kinematic (no encoder is trained), so that
every source of motion has the same ones. Training classes that are related to a class of the third data set - their
names share a verb - are kept or dropped. Beside it, supervised: a linear classifier of the same features, trained on
the third data set's own training clips and judged by its test clips.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from skelzero.clips import ClipStore
from skelzero.kinematics import ATTRIBUTES, COURSES, of_clips, of_store
from skelzero.methods import METHODS
from skelzero.methods.scaling import Standardizer
from skelzero.preprocess import default_pipeline, prepare
from skelzero.protocol.metrics import per_class_mean, top_k
from skelzero.protocol.partitions import usual_partition
from skelzero.synthetic import generate
from skelzero.text import ClassSet, TextBank, build_bank, load_class_set, load_text_encoder
from skelzero.text.attributes.schema import load_schema
from train_default_model import CMU_CLASSES, cmu_windows

TEXTS = ("action", "motion")
ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("texts, ridge", "ridge", TEXTS),
    ("attributes, ridge", "ridge", ("attributes",)),
    ("attributes, ESZSL", "eszsl", ("attributes",)),
    ("attributes read from texts, ridge", "ridge", ("read-attributes",)),
    ("match (training-free)", "match", ("attributes",)),
    ("match, attributes read from texts", "match", ("read-attributes",)),
    ("skelzero", "skelzero", (*TEXTS, "attributes")),
    ("skelzero, attributes read from texts", "skelzero", (*TEXTS, "read-attributes")),
)
EXTRAS = {"the other two": ("two",), "the other two and synthetic": ("two", "synthetic"), "synthetic": ("synthetic",)}
WITH_CMU = {
    "synthetic and CMU": ("synthetic", "cmu"),
    "the other two and synthetic and CMU": ("two", "synthetic", "cmu"),
}


@dataclass(frozen=True)
class Source:
    """Clips of one data set: kinematic features, and classes as rows of the class set."""

    name: str
    features: np.ndarray
    truth: np.ndarray
    classes: ClassSet
    train: np.ndarray

    @property
    def blocks(self) -> dict[str, tuple[int, int]]:
        attributes = len(load_schema())
        return {ATTRIBUTES: (0, attributes), COURSES: (attributes, self.features.shape[1])}


def from_store(name: str, path: Path) -> Source:
    store = ClipStore.open(path)
    clips = prepare(store, default_pipeline(store.layout))
    present = sorted(set(clips.codes.tolist()), key=load_class_set(name).index)
    rows = {code: i for i, code in enumerate(present)}
    classes = part_of(load_class_set(name), present)
    truth = np.array([rows[code] for code in clips.codes.tolist()])
    return Source(name, of_store(store, clips.names), truth, classes, usual_partition(clips, name).train)


def from_synthetic() -> Source:
    clips = list(generate(subjects=6, replications=3, seed=21))
    classes = load_class_set("synthetic")
    truth = np.array([classes.index(clip.origin.code) for clip in clips])
    return Source("synthetic", np.concatenate(of_clips(clips), axis=1), truth, classes, np.ones(len(clips), dtype=bool))


def from_cmu(archive: Path) -> Source:
    windows = list(cmu_windows(archive))
    classes = load_class_set(CMU_CLASSES)
    truth = np.array([classes.index(code) for code, _ in windows])
    features = np.concatenate(of_clips([clip for _, clip in windows]), axis=1)
    return Source("cmu", features, truth, classes, np.ones(len(truth), dtype=bool))


def unrelated(source: Source, target: Source) -> Source:
    """Without classes that share a verb with a class of the target."""
    verbs = {c.verb for c in target.classes.classes}
    kept = [i for i, c in enumerate(source.classes.classes) if c.verb not in verbs]
    rows = np.isin(source.truth, kept)
    classes = part_of(source.classes, [source.classes.codes[i] for i in kept])
    truth = np.searchsorted(kept, source.truth[rows])
    return replace(source, features=source.features[rows], truth=truth, classes=classes, train=source.train[rows])


def judge(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return {"top1": top_k(scores, truth), "top5": top_k(scores, truth, 5), 
            "per_class": per_class_mean(scores.argmax(axis=1), truth)}  # fmt: skip


def zero_shot(method: str, kinds: tuple[str, ...], sources: list[Source], target: Source) -> dict[str, float]:
    banks = [bank_of(source.classes, kinds) for source in sources]
    starts = np.cumsum([0, *map(len, banks)])
    x = np.concatenate([source.features for source in sources])
    y = np.concatenate([source.truth + start for source, start in zip(sources, starts[:-1], strict=True)])
    fitted = METHODS[method]().fit(x, y, TextBank.join(banks), blocks=target.blocks)
    return judge(fitted.scores(target.features, bank_of(target.classes, kinds)), target.truth)


def bank_of(classes: ClassSet, kinds: tuple[str, ...]) -> TextBank:
    return build_bank(classes, load_text_encoder("minilm"), kinds)


def supervised(target: Source) -> dict[str, float]:
    train, test = target.train, ~target.train
    scale = Standardizer.of(target.features[train])
    model = LogisticRegression(C=0.02, max_iter=500).fit(scale(target.features[train]), target.truth[train])
    return judge(model.predict_log_proba(scale(target.features[test])), target.truth[test])


def second_wording(target: Source) -> Source | None:
    try:
        second = load_class_set(f"{target.name}-second")
    except ValueError:
        return None
    return replace(target, classes=part_of(second, target.classes.codes))


def part_of(classes: ClassSet, codes: Sequence[str]) -> ClassSet:
    return ClassSet(name=classes.name, classes=tuple(classes.classes[classes.index(code)] for code in codes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="CLASS_SET=STORE")
    parser.add_argument("--cmu", type=Path, help="archive of CMU's BVH files, to train on as well")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    sources = {name: from_store(name, Path(path)) for name, _, path in (item.partition("=") for item in given.data)}
    made = {"synthetic": from_synthetic(), **({"cmu": from_cmu(given.cmu)} if given.cmu else {})}
    extras = EXTRAS | (WITH_CMU if given.cmu else {})
    found: dict[str, Any] = {"training-free": {}, "across": {}, "supervised": {}}
    for name, target in sources.items():
        free = found["training-free"][name] = {"chance": 1 / len(target.classes), "clips": len(target.truth)}
        others = [source for other, source in sources.items() if other != name]
        for form, classes, kind in (("written", target, "attributes"), ("read", target, "read-attributes"),
                                    ("read, second wording", second_wording(target), "read-attributes")):  # fmt: skip
            if classes is not None:
                free[form] = zero_shot("match", (kind,), others, classes)
        found["supervised"][name] = supervised(target)
        for related in ("kept", "dropped"):
            for extra, training in extras.items():
                trained_on = [
                    *(others if "two" in training else []),
                    *(made[name] for name in training if name in made),
                ]
                chosen = trained_on if related == "kept" else [unrelated(source, target) for source in trained_on]
                cell = found["across"][f"{name}, related {related}, {extra}"] = {
                    "classes": sum(len(s.classes) for s in chosen), "clips": sum(len(s.truth) for s in chosen),
                }  # fmt: skip
                for label, method, kinds in ROWS:
                    cell[label] = zero_shot(method, kinds, chosen, target)
    show(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


def put(title: str, figures: dict[str, str]) -> None:
    print(title)
    for name, value in figures.items():
        print(f"  {name:36s} {value}")


def show(found: dict[str, Any]) -> None:
    for name, free in found["training-free"].items():
        forms = {form: f"{v['top1']:.1%} / {v['top5']:.1%}" for form, v in free.items() if isinstance(v, dict)}
        put(f"training-free, {name}: top-1 / top-5 of {free['clips']} clips, chance {free['chance']:.1%}", forms)
    for setting, cell in found["across"].items():
        put(f"to {setting} ({cell['classes']} classes, {cell['clips']} clips)",
            {label: f"{cell[label]['top1']:.1%}" for label, _, _ in ROWS})  # fmt: skip
    for extra in dict.fromkeys(setting.split(", ", 2)[2] for setting in found["across"]):
        cells = [cell for setting, cell in found["across"].items() if setting.endswith(f", {extra}")]
        put(f"mean over the six settings, {extra}", {
            label: f"{np.mean([cell[label]['top1'] for cell in cells]):.1%}" for label, _, _ in ROWS
        })  # fmt: skip
    put("supervised, linear, test clips", {name: f"{v['top1']:.1%}" for name, v in found["supervised"].items()})


if __name__ == "__main__":
    main()
