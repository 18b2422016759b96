"""The classes of the CMU trials that the packaged model is trained on keep to the rules of the shipped class sets."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from skelzero.text import load_class_set
from skelzero.text.attributes.schema import load_schema
from skelzero.text.rules import check_class_set

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CLASSES = load_class_set(BENCHMARKS / "cmu_trials.yaml")
INDEX = yaml.safe_load((BENCHMARKS / "cmu_trials_index.yaml").read_text(encoding="utf-8"))
SHARES = ("along-vertical", "along-side", "along-forward")
NOT_ABOVE = [
    ("other-arm-moves", "arm-moves"), ("other-leg-moves", "leg-moves"), ("hand-bottom", "hand-top"),
    ("hand-works-at", "hand-top"), ("other-hand-top", "hand-top"),
]  # fmt: skip
"""Attributes of which the first cannot exceed the second, where both are known."""


def test_the_classes_keep_to_the_rules() -> None:
    assert [str(finding) for finding in check_class_set(CLASSES)] == [] and CLASSES.name == INDEX["name"]
    assert len({c.attributes for c in CLASSES.classes}) == len(CLASSES)


def test_every_trial_is_in_one_class() -> None:
    trials = [trial for group in (*INDEX["trials"].values(), INDEX["unused"]) for trial in group]
    assert [trial for trial, count in Counter(trials).items() if count > 1] == []
    assert all(re.fullmatch(r"\d\d_\d\d", trial) for trial in trials) and len(trials) == 142
    assert tuple(INDEX["trials"]) == CLASSES.codes and all(INDEX["trials"].values())


def test_no_profile_contradicts_itself() -> None:
    """An unknown value contradicts none."""
    column = load_schema().index
    values = np.stack([c.profile for c in CLASSES.classes if c.profile is not None])  # (K, A)
    assert len(values) == len(CLASSES)
    for one, other in NOT_ABOVE:
        above = values[:, column[one]] > values[:, column[other]]
        assert [CLASSES.codes[k] for k in np.flatnonzero(above)] == [], f"{one} above {other}"
    off = np.abs(values[:, [column[way] for way in SHARES]].sum(axis=1) - 1) > 0.02
    assert [CLASSES.codes[k] for k in np.flatnonzero(off)] == [], "shares of the path"
