"""The table at the end of a reproduction: a row for each published figure, with its setting, and ours beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from skelzero.protocol.metrics import interval
from skelzero.protocol.reproduce import REDUCED, Asked, Planned, Target, figure
from skelzero.protocol.result import Result
from skelzero.protocol.summary import Row, summarise

QUICK = "quick: trainings were cut short, the figures say only that everything runs"


class Line(BaseModel):
    """A published figure and ours; accuracies from 0 to 1.

    Attributes
    ----------
    split : str
        As it ran; of several that share a published figure, all of them.
    published : float or None
        None where nothing is published, where not all of its splits ran, or where what ran is not the published split.
    note, source, chosen : str
        Of the published figure.
    mean, ci95, seeds
        Ours, over seeds; over the splits' means where these are several.
    """

    split: str
    classes: str
    setting: str
    metric: str
    method: str
    published: float | None
    note: str
    source: str
    chosen: str
    mean: float
    ci95: tuple[float | None, float | None]
    seeds: int
    chance: float | None
    reduced: bool
    quick: bool
    leaky: bool


def table(asked: Asked, planned: Planned, results: Sequence[Result]) -> list[Line]:
    """Lines in the order of splits, settings and methods."""
    rows = {(r.split, r.method, r.setting, r.metric): r for r in summarise(results)}
    lines = []
    for group in planned.groups:
        for names in ([n] for n in group) if any(_is_cut(planned, n) for n in group) else (group,):
            for target in asked.facts.targets:
                for method in asked.methods:
                    found = [rows[planned.running[name].name, method, target.setting, target.metric]
                             for name in names if name in planned.running]  # fmt: skip
                    if found:
                        lines.append(_line(asked, planned, names, target, method, found))
    return lines


def _is_cut(planned: Planned, name: str) -> bool:
    """A split that does not run as published: the mean over its group is then none of the published one's kind."""
    return name not in planned.running or planned.running[name].name != name


def _line(
    asked: Asked, planned: Planned, names: Sequence[str], target: Target, method: str, rows: Sequence[Row]
) -> Line:  # fmt: skip
    reduced = any(_is_cut(planned, name) for name in names)
    whole = any(set(names) == set(group) for group in planned.groups)
    published = list(figure(asked.facts.title, planned.dataset, names[0], target)) if whole and not reduced else []
    one = published[0] if published else None
    means = interval([row.mean for row in rows])
    splits = [planned.running[name] for name in names]
    chances = [row.chance for row in rows if row.chance is not None]
    return Line(
        split=", ".join(split.name for split in splits),
        classes=", ".join(dict.fromkeys(f"{len(s.seen)} seen, {len(s.unseen)} unseen" for s in splits)),
        setting=target.setting, metric=target.metric, method=method, published=one.value if one else None,
        note=one.note if one else "", source=one.source if one else "", chosen=one.chosen if one else "",
        mean=means.mean, ci95=rows[0].ci95 if len(rows) == 1 else (means.low, means.high), seeds=rows[0].seeds,
        chance=sum(chances) / len(chances) if chances else None, reduced=reduced, quick=asked.quick,
        leaky=any(row.leaky for row in rows),
    )  # fmt: skip


def remarks(asked: Asked, planned: Planned, lines: Sequence[Line]) -> list[str]:
    """What a reader must know beside the table."""
    facts = asked.facts
    said = [
        f"texts: {facts.lacks}; here the class set {planned.dataset} ({', '.join(asked.semantics)}) is read by "
        f"{asked.text_encoder}",
        f"skeletons: {asked.weights} as they are" if asked.weights
        else f"skeletons: {planned.tasks[0].encoder.get('encoder', 'an encoder')} trained on each split's seen classes",
    ]  # fmt: skip
    said += dict.fromkeys(f"published figures: {line.chosen}; ours are chosen without unseen test clips"
                          for line in lines if line.chosen)  # fmt: skip
    said += dict.fromkeys(f"published on {line.split}, {line.setting}: {line.note}" for line in lines if line.note)
    if any(line.reduced for line in lines):
        said.append(f"splits marked{REDUCED} have fewer classes than published: no published figure stands beside them")
    if any(line.leaky for line in lines):
        said.append("the encoder was trained on unseen classes: these are not zero-shot results")
    return [*said, QUICK] if asked.quick else said


def record(asked: Asked, planned: Planned, results: Sequence[Result]) -> dict[str, Any]:
    """Everything, for JSON."""
    lines = table(asked, planned, results)
    return {
        "publication": asked.publication, "dataset": planned.dataset, "quick": asked.quick,
        "rows": [line.model_dump() for line in lines], "not_run": planned.refused,
        "reduced": {name: {"as": split.name, "seen": split.seen, "unseen": split.unseen}
                    for name, split in planned.running.items() if split.name != name},
        "remarks": remarks(asked, planned, lines), "files": sorted({result.key for result in results}),
        "out": str(asked.out),
    }  # fmt: skip
