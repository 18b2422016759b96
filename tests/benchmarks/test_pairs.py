"""The rule all benchmarks follow: in turn, at least five pairs, median and minimum."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def pairs() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "pairs.py"
    spec = importlib.util.spec_from_file_location("pairs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_sides_run_in_turn(pairs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    clock = iter([0.0, 4.0, 10.0, 11.0, 20.0, 24.0, 30.0, 31.0, 40.0, 46.0, 50.0, 52.0,
                  60.0, 64.0, 70.0, 71.0, 80.0, 83.0, 90.0, 91.0])  # fmt: skip
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    result = pairs.compare(lambda: seen.append("A"), lambda: seen.append("B"), pairs=5, warm_up=1)
    assert "".join(seen) == "AB" * 6
    assert result == {
        "reference_median": 4.0, "reference_min": 3.0, "ours_median": 1.0, "ours_min": 1.0,
        "ratio_median": 4.0, "ratio_min": 3.0,
    }  # fmt: skip


def test_fewer_than_five_pairs_are_refused(pairs: ModuleType) -> None:
    with pytest.raises(AssertionError, match="fewer than five"):
        pairs.compare(lambda: None, lambda: None, pairs=4)


def test_figures_go_to_a_file(pairs: ModuleType, tmp_path: Path) -> None:
    pairs.put("title", {"ratio": 2.0, "outputs": "equal"}, tmp_path / "a" / "b.json")
    written = json.loads((tmp_path / "a" / "b.json").read_text())
    assert (written["title"], written["ratio"], written["outputs"]) == ("title", 2.0, "equal")
    assert written["cores"] >= 1
