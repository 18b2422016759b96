"""When to align: on/off rules over a stream's statistics, chosen on pseudo-unseen classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Self, get_args

import numpy as np
from jaxtyping import Bool, Float64
from pydantic import BaseModel, ConfigDict, Field, model_validator

from skelzero.errors import UserError
from skelzero.methods.alignment.guard import StreamStatistics

Statistic = Literal["balance", "foreign", "confidence", "entropy", "clips_a_class", "effective_classes"]
Side = Literal["at_least", "at_most"]
SIDES: dict[str, tuple[Side, ...]] = {
    "balance": ("at_least",), "foreign": ("at_most",), "confidence": ("at_least", "at_most"),
    "entropy": ("at_most", "at_least"), "clips_a_class": ("at_least",), "effective_classes": ("at_least",),
}  # fmt: skip
"""Rules that make sense. Confidence and entropy go both ways: a sure stream has little to gain, an unsure one little
to gain it from."""
WORST_SHARE, WORST_WEIGHT = 0.1, 0.25
THRESHOLDS_OF_PAIRS = 12
TIE = 1e-12


class Condition(BaseModel):
    """One statistic on one side of a threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    statistic: Statistic
    side: Side
    threshold: float = Field(allow_inf_nan=False)

    def holds(self, statistics: StreamStatistics) -> bool:
        value = getattr(statistics, self.statistic)
        return value >= self.threshold if self.side == "at_least" else value <= self.threshold


class Rule(BaseModel):
    """Align `always`, `never`, or `when` all of one or two conditions hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["never", "always", "when"]
    conditions: tuple[Condition, ...] = ()

    @model_validator(mode="after")
    def _conditions_fit(self) -> Self:
        if (len(self.conditions) in (1, 2)) != (self.kind == "when") or len(self.conditions) > 2:
            raise ValueError("one or two conditions with 'when', and none without")
        return self


class Trial(NamedTuple):
    """One stream of known classes: its statistics, and the accuracy with alignment minus the one without."""

    statistics: StreamStatistics
    gain: float


def soften(statistics: StreamStatistics, rule: Rule) -> float:
    """The softness that the rule asks for: 0 where it aligns as published, 1 where it keeps the texts."""
    aligned = rule.kind == "always" or (rule.kind == "when" and all(c.holds(statistics) for c in rule.conditions))
    return 0.0 if aligned else 1.0


def fit_guard(trials: Sequence[Trial], *, margin: float = 0.0) -> Rule:
    """The rule with the best value over trials.

    The value of a rule is the mean of its gains (0 where it does not align) plus a quarter of the mean of its worst
    tenth (one trial at least): so that a rule pays for the streams that it spoils. Candidates, from simple to less so:
    never; always; one condition, with every midpoint between the values of a statistic as threshold; two conditions on
    two statistics that must both hold, with at most 12 thresholds each, evenly among those. A less simple one has to
    be better by more than `margin`; ties go to the simpler, and then to the earlier in the order of `SIDES`.

    Parameters
    ----------
    trials : sequence of Trial
        Streams of pseudo-unseen classes.
    margin : float
        In units of the gains.

    Raises
    ------
    UserError
        No trial, or a gain that is not finite.
    """
    if not trials or not all(math.isfinite(trial.gain) for trial in trials):
        raise UserError("no rule can be chosen from these trials", got=[trial.gain for trial in trials][:8],
                        expected="at least one, with finite gains")  # fmt: skip
    ordered = sorted(trials, key=lambda t: (t.gain, *t.statistics.model_dump().values()))
    gains = np.array([trial.gain for trial in ordered])
    best, value = Rule(kind="never"), 0.0
    for level in (_always, _singles, _pairs):
        found, reached = best, -math.inf
        for rules, masks in level(ordered):
            values = _values(masks, gains)
            top = int((values >= values.max() - TIE).argmax())
            if values[top] > reached + TIE:
                found, reached = rules[top], float(values[top])
        if reached > value + margin + TIE:
            best, value = found, reached
    return best


Block = tuple[list[Rule], Bool[np.ndarray, "R T"]]


def _values(masks: Bool[np.ndarray, "R T"], gains: Float64[np.ndarray, " T"]) -> Float64[np.ndarray, " R"]:
    got = np.sort(np.where(masks, gains, 0.0), axis=1)
    worst = got[:, : math.ceil(WORST_SHARE * len(gains))]
    return got.mean(axis=1) + WORST_WEIGHT * worst.mean(axis=1)


def _always(trials: Sequence[Trial]) -> Iterator[Block]:
    yield [Rule(kind="always")], np.ones((1, len(trials)), dtype=bool)


def _singles(trials: Sequence[Trial]) -> Iterator[Block]:
    conditions, masks = _conditions(trials, None)
    if conditions:
        yield [Rule(kind="when", conditions=(c,)) for c in conditions], masks


def _pairs(trials: Sequence[Trial]) -> Iterator[Block]:
    conditions, masks = _conditions(trials, THRESHOLDS_OF_PAIRS)
    for i, first in enumerate(conditions):
        others = [j for j in range(i + 1, len(conditions)) if conditions[j].statistic != first.statistic]
        if others:
            rules = [Rule.model_construct(kind="when", conditions=(first, conditions[j])) for j in others]
            yield rules, masks[others] & masks[i]


def _conditions(trials: Sequence[Trial], most: int | None) -> tuple[list[Condition], Bool[np.ndarray, "R T"]]:
    """Every condition that tells some trials from others, and in which trials it holds."""
    conditions, masks = [], []
    for statistic in get_args(Statistic):
        values = np.array([getattr(trial.statistics, statistic) for trial in trials])
        for threshold in _thresholds(values, most):
            for side in SIDES[statistic]:
                conditions.append(Condition(statistic=statistic, side=side, threshold=threshold))
                masks.append(values >= threshold if side == "at_least" else values <= threshold)
    return conditions, np.array(masks, dtype=bool).reshape(len(conditions), len(trials))


def _thresholds(values: Float64[np.ndarray, " T"], most: int | None) -> list[float]:
    distinct = np.unique(values)
    middle = (distinct[1:] + distinct[:-1]) / 2
    if most is not None and len(middle) > most:
        middle = middle[np.linspace(0, len(middle) - 1, most).round().astype(int)]
    return [float(v) for v in middle]
