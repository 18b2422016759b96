"""From results to rows: mean, deviation and interval over seeds or draws, and paired differences to a baseline."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel

from skelzero.protocol.metrics import Interval, interval, paired_difference
from skelzero.protocol.result import Result

Unit = tuple[str, int]
ORDER = ("zsl", "gzsl", "top1", "top5", "per_class", "S", "U", "H", "AUSUC", "gate_auc")
"""Rows come in this order, whatever order the files keep; what is not named comes last."""


class Row(BaseModel):
    """One method, split, setting and metric over seeds or draws; accuracies from 0 to 1."""

    method: str
    dataset: str
    split: str
    family: str
    setting: str
    metric: str
    mean: float
    sd: float | None
    ci95: tuple[float | None, float | None]
    seeds: int
    chance: float | None
    leaky: bool


class Pair(BaseModel):
    """Mean difference of a method to the baseline on the same seeds and draws."""

    method: str
    baseline: str
    dataset: str
    split: str
    setting: str
    metric: str
    difference: float
    ci95: tuple[float | None, float | None]
    better: int
    pairs: int


def split_group(name: str) -> str:
    """Draws of one kind are one row: `random:9#3` belongs to `random:9`.

    >>> split_group("random:9#3"), split_group("22/5")
    ('random:9', '22/5')
    """
    return name.split("#")[0]


def told_apart(results: Iterable[Result]) -> list[Result]:
    """One name for each setup: where a method occurs with several, its name says in what they differ.

    Figures of different texts or settings must not be averaged because they bear one name. Of two results of one task
    (the methods' code has changed in between) the newer one stays.
    """
    newest: dict[str, Result] = {}
    for result in sorted(results, key=lambda r: r.made):
        newest[result.task.model_dump_json(exclude={"data"})] = result
    kept = sorted(newest.values(), key=lambda r: r.key)
    setups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for result in kept:
        setups[result.task.method, result.task.split.dataset].append(_setup(result))
    differing = {
        key: {name for setup in found for name in setup if len({s.get(name) for s in found}) > 1}
        for key, found in setups.items()
    }
    return [_named(result, differing[result.task.method, result.task.split.dataset]) for result in kept]


def _setup(result: Result) -> dict[str, str]:
    """What must be equal among results that are averaged, by a name for people."""
    task = result.task
    encoder = str(task.encoder.get("encoder", "")) or f"features {task.checksum[:8]}"
    own = {name: f"{name} {value}" for name, value in task.overrides.items()}
    return {**own, "kinds": "+".join(task.kinds), "encoder": encoder,
            "text encoder": task.text_encoder, "partition": task.partition}  # fmt: skip


def _named(result: Result, differing: set[str]) -> Result:
    said = ", ".join(text for name, text in _setup(result).items() if name in differing and text)
    if not said:
        return result
    task = result.task.model_copy(update={"method": f"{result.task.method} ({said})"})
    return result.model_copy(update={"task": task})


def summarise(results: Iterable[Result]) -> list[Row]:
    """One row for each method, split, setting and metric.

    Several seeds on one random draw are averaged first: the draws are the independent units.
    """
    rows = []
    for (method, dataset, split, setting, metric), units in _values(results).items():
        found = interval(list(units.values.values()))
        rows.append(Row(
            method=method, dataset=dataset, split=split, family=units.family, setting=setting, metric=metric,
            mean=found.mean, sd=_number(found.sd), ci95=_bounds(found), seeds=found.n,
            chance=_number(float(np.mean(units.chance))) if units.chance else None, leaky=units.leaky,
        ))  # fmt: skip
    return sorted(rows, key=_place)


def pair_up(results: Sequence[Result], baseline: str, metrics: Sequence[str] = ()) -> list[Pair]:
    """Differences of every other method to `baseline`, over the units that both have.

    Parameters
    ----------
    results : sequence of Result
    baseline : str
    metrics : sequence of str
        Which ones; all of them when empty.
    """
    values = _values(results)
    pairs = []
    for (method, dataset, split, setting, metric), units in values.items():
        other = values.get((baseline, dataset, split, setting, metric))
        if method == baseline or other is None or (metrics and metric not in metrics):
            continue
        own, theirs = units.values, other.values
        shared = [unit for unit in own if unit in theirs]
        a, b = [own[u] for u in shared], [theirs[u] for u in shared]
        found = paired_difference(a, b)
        pairs.append(Pair(
            method=method, baseline=baseline, dataset=dataset, split=split, setting=setting, metric=metric,
            difference=found.mean, ci95=_bounds(found), better=sum(x > y for x, y in zip(a, b, strict=True)),
            pairs=len(shared),
        ))  # fmt: skip
    return sorted(pairs, key=_place)


def _place(row: Row | Pair) -> tuple[int, int]:
    # Sorting keeps the order of data sets, splits and methods within equal places.
    setting, metric = row.setting.split("-")[0], row.metric
    return tuple(ORDER.index(name) if name in ORDER else len(ORDER) for name in (setting, metric))  # type: ignore[return-value]


class _Units:
    def __init__(self) -> None:
        self.lists: dict[Unit, list[float]] = defaultdict(list)
        self.chance: list[float] = []
        self.family = ""
        self.leaky = False

    @property
    def values(self) -> dict[Unit, float]:
        return {unit: math.fsum(values) / len(values) for unit, values in sorted(self.lists.items())}


def _values(results: Iterable[Result]) -> dict[tuple[str, str, str, str, str], _Units]:
    table: dict[tuple[str, str, str, str, str], _Units] = defaultdict(_Units)
    for result in results:
        task = result.task
        group = split_group(task.split.name)
        # On a fixed split the seed is the unit; on random draws the draw is.
        unit: Unit = (task.split.name, task.seed if group == task.split.name else -1)
        for setting, metrics in result.metrics.items():
            for metric, value in metrics.items():
                units = table[(task.method, task.split.dataset, group, setting, metric)]
                units.lists[unit].append(value)
                units.family, units.leaky = task.split.family, units.leaky or result.leaky
                if metric in result.chance.get(setting, {}):
                    units.chance.append(result.chance[setting][metric])
    return table


def _bounds(found: Interval) -> tuple[float | None, float | None]:
    return _number(found.low), _number(found.high)


def in_percent(value: float, ci95: tuple[float | None, float | None], sign: str = "") -> str:
    """A mean or, with sign `+`, a difference in per cent, with half the width of its interval where there is one.

    >>> in_percent(0.5, (0.4, 0.6)), in_percent(0.021, (None, None), "+")
    ('50.0 ±10.0', '+2.1')
    """
    low, high = ci95
    half = "" if low is None or high is None else f" ±{50 * (high - low):.1f}"
    return f"{100 * value:{sign}.1f}{half}"


def _number(value: float) -> float | None:
    # JSON has no NaN.
    return None if math.isnan(value) else value
