"""Rows and pairs: the right unit is averaged, and the interval is that of the units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from skelzero.protocol.result import Result, SplitFacts, Task
from skelzero.protocol.summary import pair_up, split_group, summarise, told_apart


def result(method: str, split: str, seed: int, top1: float, **changes: Any) -> Result:
    facts = SplitFacts(name=split, dataset="d", family="own", seen=("a", "b"), unseen=("c", "d"))
    task = Task(method=method, data="", checksum="", split=facts, seed=seed, class_set="", text_sha256="",
                text_encoder="", kinds=("action",))  # fmt: skip
    fields: dict[str, Any] = {
        "metrics": {"gzsl": {"H": top1 / 2}, "zsl": {"top1": top1}}, "chance": {"zsl": {"top1": 0.5}}, "per_class": {},
        "class_order": {}, "confusion": {}, "selection": None, "stacking": None, "gamma": None, "method_settings": {},
        "data": {}, "text": {}, "encoder": {}, "diagnostics": {}, "versions": {}, "hardware": {}, "seconds": {},
        "made": "", **changes,
    }  # fmt: skip
    return Result(key=task.key, task=task, **fields)


def test_fixed_split_counts_seeds() -> None:
    values = [0.2, 0.5, 0.35, 0.4]
    rows = summarise([result("m", "2/2", seed, v) for seed, v in enumerate(values)])
    assert [(r.setting, r.metric) for r in rows] == [("zsl", "top1"), ("gzsl", "H")]
    row = rows[0]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (row.mean, row.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert row.ci95 == pytest.approx((low, high)) and row.seeds == 4 and row.chance == 0.5
    assert rows[1].chance is None


def test_random_draws_are_one_row_and_seeds_of_a_draw_are_averaged_first() -> None:
    results = [
        result("m", f"random:2#{draw}", 2 * draw + k, 0.1 * draw + 0.02 * k) for draw in range(3) for k in (0, 1)
    ]
    row = summarise(results)[0]
    assert (row.split, row.seeds) == ("random:2", 3)
    assert row.sd == pytest.approx(np.std([0.01, 0.11, 0.21], ddof=1))
    assert split_group("random:2#1") == "random:2"


def test_one_unit_has_no_interval_and_no_nan() -> None:
    row = summarise([result("m", "2/2", 0, 0.4)])[0]
    assert row.sd is None and row.ci95 == (None, None)


def test_pairs_are_over_the_same_units() -> None:
    a, b = [0.5, 0.6, 0.4], [0.45, 0.5, 0.45]
    results = [result("m", "2/2", i, v) for i, v in enumerate(a)] + [
        result("ridge", "2/2", i, v) for i, v in enumerate(b)
    ]
    results.append(result("m", "2/2", 9, 1.0))  # without a partner
    pair = pair_up(results, "ridge")[0]
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert pair.ci95 == pytest.approx((expected.low, expected.high))
    assert (pair.method, pair.pairs, pair.better) == ("m", 3, 2)
    assert pair_up(results, "nobody") == []


def test_one_leaky_figure_marks_the_mean() -> None:
    rows = summarise([result("m", "2/2", 0, 0.4, leaky=True), result("m", "2/2", 1, 0.4)])
    assert all(row.leaky and row.seeds == 2 for row in rows)


def changed(given: Result, made: str = "", **task: Any) -> Result:
    other = given.task.model_copy(update=task)
    return given.model_copy(update={"task": other, "key": other.key + made, "made": made})


def test_setups_that_differ_are_told_apart() -> None:
    plain = result("m", "2/2", 0, 0.4)
    found = told_apart([plain, changed(plain, kinds=("label", "motion")), changed(plain, overrides={"alpha": 3.0}),
                        result("other", "2/2", 0, 0.5)])  # fmt: skip
    names = {r.task.method for r in found}
    assert names == {"m (action)", "m (label+motion)", "m (alpha 3.0, action)", "other"}
    assert {r.seeds for r in summarise(found)} == {1}


def test_equal_setups_keep_their_name_and_the_newer_of_two_results_stays() -> None:
    first = [result("m", "2/2", seed, 0.4) for seed in range(3)]
    again = [changed(r, made="later").model_copy(update={"metrics": {"zsl": {"top1": 0.6}}}) for r in first]
    for given in ([*first, *again], [*again, *first]):
        found = told_apart(given)
        assert {r.task.method for r in found} == {"m"} and len(found) == 3
        assert [r.mean for r in summarise(found)] == pytest.approx([0.6])


def test_data_sets_may_differ_in_their_encoders() -> None:
    one = result("m", "2/2", 0, 0.4)
    there = one.task.split.model_copy(update={"dataset": "e"})
    other = changed(one, split=there, encoder={"encoder": "st-gcn"})
    assert {r.task.method for r in told_apart([one, other])} == {"m"}


def test_only_the_wanted_metrics_are_paired() -> None:
    results = [result(m, "2/2", s, 0.4) for m in ("m", "ridge") for s in range(2)]
    assert {p.metric for p in pair_up(results, "ridge")} == {"top1", "H"}
    assert {p.metric for p in pair_up(results, "ridge", ["H"])} == {"H"}
