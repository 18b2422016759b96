"""The choice of a rule, and what it does to a stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from skelzero.errors import UserError
from skelzero.methods.alignment import Condition, Rule, StreamStatistics, Trial, fit_guard, soften

USUAL = {"balance": 0.9, "effective_classes": 4.0, "entropy": 1.0, "confidence": 1.0, "foreign": 0.1,
         "clips_a_class": 20.0}  # fmt: skip


def stream(**changed: float) -> StreamStatistics:
    return StreamStatistics(**{**USUAL, **changed})


def trials(**columns: list[float]) -> list[Trial]:
    gains = columns.pop("gain")
    return [Trial(stream(**{k: v[i] for k, v in columns.items()}), gain) for i, gain in enumerate(gains)]


def value(rule: Rule, given: list[Trial]) -> float:
    got = sorted(t.gain if soften(t.statistics, rule) == 0 else 0.0 for t in given)
    worst = got[: -(-len(got) // 10)]
    return sum(got) / len(got) + 0.25 * sum(worst) / len(worst)


def test_gains_everywhere_are_always_taken() -> None:
    given = trials(gain=[0.05, 0.1, 0.02], foreign=[0.0, 0.5, 0.9])
    rule = fit_guard(given)
    assert rule.kind == "always" and soften(stream(foreign=1.0, balance=0.0), rule) == 0.0


@pytest.mark.parametrize("gains", [[-0.05, -0.1, -0.02], [0.0, 0.0, 0.0]])
def test_losses_and_nothing_are_never_taken(gains: list[float]) -> None:
    rule = fit_guard(trials(gain=gains, foreign=[0.0, 0.5, 0.9]))
    assert rule.kind == "never" and soften(stream(), rule) == 1.0


def test_foreign_streams_are_left_alone_where_they_lose() -> None:
    rule = fit_guard(trials(gain=[0.1, 0.1, 0.05, -0.2, -0.3], foreign=[0.0, 0.1, 0.2, 0.5, 0.8]))
    assert rule == Rule(
        kind="when", conditions=(Condition(statistic="foreign", side="at_most", threshold=0.35),)
    )  # fmt: skip
    assert soften(stream(foreign=0.3), rule) == 0.0 and soften(stream(foreign=0.4), rule) == 1.0


def test_two_conditions_where_one_does_not_do() -> None:
    grid = list(itertools.product([0.3, 0.9], [0.1, 0.7]))
    given = trials(gain=[0.1 if b > 0.5 and f < 0.5 else -0.1 for b, f in grid],
                   balance=[b for b, _ in grid], foreign=[f for _, f in grid])  # fmt: skip
    rule = fit_guard(given)
    assert {c.statistic for c in rule.conditions} == {"balance", "foreign"}
    assert [soften(t.statistics, rule) for t in given] == [1.0 if t.gain < 0 else 0.0 for t in given]


def test_a_rare_disaster_outweighs_a_small_mean_gain() -> None:
    given = trials(gain=[0.03] * 9 + [-0.2])  # mean 0.007, worst tenth -0.2, and nothing tells it apart
    assert value(Rule(kind="always"), given) < 0 and fit_guard(given).kind == "never"


def test_the_margin_asks_for_more_of_a_less_simple_rule() -> None:
    given = trials(gain=[0.1, 0.1, 0.1, -0.004], foreign=[0.0, 0.1, 0.2, 0.9])
    assert fit_guard(given).kind == "when"
    assert fit_guard(given, margin=0.01).kind == "always"


def test_no_single_condition_does_better_than_the_choice() -> None:
    rng = np.random.default_rng(0)
    given = [
        Trial(stream(**{k: float(v) for k, v in zip(USUAL, rng.random(6), strict=True)}), float(rng.normal()))
        for _ in range(25)
    ]
    chosen = value(fit_guard(given), given)
    others = [Rule(kind="never"), Rule(kind="always")] + [
        Rule(kind="when", conditions=(Condition(statistic=name, side=side, threshold=at),))
        for name, side in (("balance", "at_least"), ("foreign", "at_most"), ("entropy", "at_most"))
        for at in np.linspace(0, 1, 60)
    ]
    assert chosen >= max(value(rule, given) for rule in others) - 1e-9
    assert fit_guard(given[::-1]) == fit_guard(given)


def test_a_rule_survives_its_card() -> None:
    rule = fit_guard(trials(gain=[0.1, -0.2], balance=[0.9, 0.2]))
    assert rule.kind == "when" and Rule.model_validate_json(rule.model_dump_json()) == rule


def test_trials_without_an_answer_are_refused() -> None:
    with pytest.raises(UserError, match="no rule can be chosen"):
        fit_guard([])
    with pytest.raises(UserError, match=r"no rule can be chosen(.|\n)*nan"):
        fit_guard(trials(gain=[float("nan")]))


def test_rules_that_make_no_sense_are_refused() -> None:
    condition = Condition(statistic="balance", side="at_least", threshold=0.5)
    for wrong in ({"kind": "always", "conditions": (condition,)}, {"kind": "when"},
                  {"kind": "when", "conditions": (condition,) * 3}):  # fmt: skip
        with pytest.raises(ValidationError, match="one or two conditions"):
            Rule(**wrong)
