"""The verdict: its level follows from its reasons, and each reason from the results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_up import result, utd

from skelzero.protocol.metrics import paired_difference
from skelzero.report.comparison import compare
from skelzero.report.verdict import Verdict


def verdict(results: list[Any], setting: str = "zsl", **options: Any) -> Verdict:
    found = compare(results, where="here", **options)
    return found.verdict(next(key for key in found.keys if key[2] == setting))


def draws(means: dict[str, float], n: int, spread: float = 0.01, **changes: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    noise = {m: spread * rng.normal(size=n) for m in means}
    return [utd(m, s, means[m] + noise[m][s], **changes) for m in means for s in range(n)]


def says(found: Verdict) -> str:
    return "; ".join(reason.says for reason in found.reasons)


def test_enough_draws_and_a_clear_lead_may_be_believed() -> None:
    results = draws({"ridge": 0.6, "scale": 0.8, "skelzero": 0.9}, 16)
    found = verdict(results)
    assert found.level == "yes" and found.best.method == "skelzero"
    assert found.gain is not None and found.gain.baseline == "ridge" and found.lead is not None
    own = {m: [r.metrics["zsl"]["top1"] for r in results if r.task.method == m] for m in ("ridge", "scale", "skelzero")}
    by_hand = paired_difference(own["skelzero"], own["scale"])
    assert found.lead.baseline == "scale" and found.lead.ci95 == pytest.approx((by_hand.low, by_hand.high))


@pytest.mark.parametrize(
    ("results", "level", "reason"),
    [(draws({"ridge": 0.6, "scale": 0.8}, 5), "care", "only 5 random draws"),
     (draws({"ridge": 0.6, "scale": 0.601, "msf": 0.8}, 1), "no", "no interval"),
     (draws({"ridge": 0.6, "scale": 0.62}, 16, 0.2), "no", "not distinguishable"),
     (draws({"ridge": 0.6, "scale": 0.8, "msf": 0.801}, 16), "care", "not distinguishable from"),
     (draws({"ridge": 0.6, "scale": 0.8}, 16, leaky=True), "no", "leaky"),
     (draws({"scale": 0.8}, 16), "care", "nothing to compare"),
     (draws({"ridge": 0.3, "scale": 0.5}, 16), "no", "chance"),
     (draws({f"m{i}": 0.6 + 0.02 * i for i in range(10)}, 16), "care", "the best of 10"),
     ([result(m, s, v + 0.01 * s, "synthetic") for m, v in (("ridge", 0.5), ("msf", 0.8)) for s in range(5)], "no",
      "synthetic"),
     ([result(m, s, v + 0.01 * s) for m, v in (("ridge", 0.5), ("msf", 0.8)) for s in range(5)], "care",
      "one fixed split")],
)  # fmt: skip
def test_each_doubt_is_told(results: list[Any], level: str, reason: str) -> None:
    found = verdict(results)
    assert found.level == level and reason in says(found)


def test_a_baseline_that_wins_is_compared_with_the_next() -> None:
    found = verdict(draws({"ridge": 0.8, "scale": 0.6}, 16))
    assert found.best.method == "ridge" and found.gain == found.lead and found.gain is not None
    assert found.gain.baseline == "scale" and found.level == "yes"
    unclear = verdict(draws({"ridge": 0.61, "scale": 0.6}, 16, 0.2))
    assert unclear.level == "no" and says(unclear).count("not distinguishable") == 1


def test_a_choice_on_features_that_knew_the_classes_asks_for_care() -> None:
    trial = {"settings": {}, "top1": [0.5], "reciprocal_rank": [0.5]}
    selection = {"trials": [trial, trial], "chosen": 0, "pseudo_unseen": [["a1"]], "clips": 4}
    fair = verdict(draws({"ridge": 0.6, "scale": 0.8}, 16, selection=selection))
    assert fair.level == "yes" and "chosen without the unseen classes' test clips" in says(fair)
    knew = verdict(draws({"ridge": 0.6, "scale": 0.8}, 16, selection={**selection, "encoder_saw_pseudo": True}))
    assert knew.level == "care" and "knew the pseudo-unseen" in says(knew)
