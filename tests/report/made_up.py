"""Made-up results for the tests of the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from skelzero.protocol.result import Result

CODES = ["a1", "a2<script>", "a3"]
UTD = ["a1", "a2", "a6", "a7"]


def confused(matrix: list[list[int]]) -> list[tuple[int, int, int]]:
    """Counts, truth by answer, as they stand in results."""
    return [(t, a, n) for t, row in enumerate(matrix) for a, n in enumerate(row) if n]


def result(method: str, seed: int, top1: float, dataset: str = "made_up", split: str = "2/1", **changes: Any) -> Result:
    facts = {"name": split, "dataset": dataset, "family": "own", "seen": ["a1", "a2<script>"], "unseen": ["a3"],
             "pseudo_unseen": []}  # fmt: skip
    own = changes.pop("task", {})
    task = {"method": method, "overrides": {}, "data": "x", "checksum": "0", "pipeline": "kinect-64", "split": facts,
            "seed": seed, "class_set": "made_up", "text_sha256": "f" * 64, "text_encoder": "minilm",
            "kinds": ["action"], **own}  # fmt: skip
    known: dict[str, Any] = {
        "key": f"{method}{seed}{split}", "task": task, "metrics": {"zsl": {"top1": top1}},
        "chance": {"zsl": {"top1": 1 / 3}}, "per_class": {"zsl": {}}, "class_order": {"zsl": CODES},
        "confusion": {"zsl": [(0, 0, 1), (1, 1, 1), (2, 2, 1)]}, "selection": None, "stacking": None, "gamma": None,
        "method_settings": {}, "data": {"dataset": "made_up", "clips": 9}, "text": {"encoder": "minilm", "kinds": []},
        "encoder": {}, "diagnostics": {}, "versions": {"skelzero": "0"}, "hardware": {}, "seconds": {"total": 1.0},
        "made": "now",
    }  # fmt: skip
    return Result.model_validate({**known, **changes})


def utd(method: str, seed: int, top1: float, **changes: Any) -> Result:
    """On real class codes, with a confusion: wave is taken for clap, and clap for wave."""
    matrix = [[5, 0, 0, 0], [1, 3, 0, 0], [0, 0, 2, 6], [0, 0, 1, 7]]
    facts = {"name": "random:2#" + str(seed), "dataset": "utd_mhad", "family": "random", "seen": UTD[:2],
             "unseen": UTD[2:]}  # fmt: skip
    picture = {"codes": UTD, "seen": 2, "classes": [[0, 0], [1, 0], [0, 1], [1, 1]], "truth": [0, 2, 3],
               "clips": [[0.1, 0], [0, 0.9], [1, 1.1]], "explained": [0.5, 0.25], "rule": "made up"}  # fmt: skip
    seconds = {"selection": 1.0, "fit": 2.0, "judge": 0.5}
    cost = {"parameters": 98304, "encoder_parameters": 79804, "macs": 113664, "classes": 4, "seconds": seconds}
    points = np.linspace(0, 1, 41)
    settings = {"zsl": {"top1": top1, "per_class": top1, "top1_best_on_test": min(1.0, top1 + 0.05)},
                "gzsl": {"S": top1, "U": top1, "H": top1, "AUSUC": top1 * top1, "gate_auc": 0.7}}  # fmt: skip
    made: dict[str, Any] = {
        "task": {"split": facts, "class_set": "utd_mhad"}, "metrics": settings, "chance": {"zsl": {"top1": 0.5}},
        "class_order": dict.fromkeys(settings, UTD), "confusion": dict.fromkeys(settings, confused(matrix)),
        "curves": {"gzsl": (0.8 - 0.8 * points).tolist()},
        "diagnostics": {"cost": cost, **({} if seed else {"picture": picture})}, **changes,
    }  # fmt: skip
    return result(method, seed, top1, key=f"{method}-{seed}", **made)
