"""The report tells the truth about constructed results, escapes what is hostile, and renders in a real browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.protocol.result import Result
from skelzero.report.html import write_report

CODES = ["a1", "a2<script>", "a3"]


def result(method: str, seed: int, top1: float, dataset: str = "made_up", **changes: Any) -> Result:
    split = {"name": "2/1", "dataset": dataset, "family": "own", "seen": ["a1", "a2<script>"], "unseen": ["a3"],
             "pseudo_unseen": []}  # fmt: skip
    task = {"method": method, "overrides": {}, "data": "x", "checksum": "0", "pipeline": "kinect-64", "split": split,
            "seed": seed, "class_set": "made_up", "text_sha256": "f" * 64, "text_encoder": "minilm",
            "kinds": ["action"]}  # fmt: skip
    facts: dict[str, Any] = {
        "key": f"{method}{seed}", "task": task, "metrics": {"zsl": {"top1": top1}}, "chance": {"zsl": {"top1": 1 / 3}},
        "per_class": {"zsl": {}}, "class_order": {"zsl": CODES},
        "confusion": {"zsl": np.eye(3, dtype=int).tolist()}, "selection": None, "stacking": None, "gamma": None,
        "method_settings": {}, "data": {"dataset": "made_up", "clips": 9}, "text": {"encoder": "minilm", "kinds": []},
        "encoder": {}, "diagnostics": {}, "versions": {"skelzero": "0"}, "hardware": {}, "seconds": {"total": 1.0},
        "made": "now",
    }  # fmt: skip
    return Result.model_validate({**facts, **changes})


def page(tmp_path: Path, results: list[Result], **options: Any) -> str:
    write_report(results, tmp_path / "r.html", title="Test <b>", **options)
    text = (tmp_path / "r.html").read_text()
    return text[text.index("<body>") :]


def test_the_headline_names_the_winner_and_says_whether_to_believe_it(tmp_path: Path) -> None:
    clear = [result("ridge", s, 0.40 + 0.01 * s) for s in range(5)] + [
        result("scale", s, 0.60 + 0.01 * s) for s in range(5)
    ]
    body = page(tmp_path, clear)
    assert "<b>scale</b> is best with 62.0" in body and "+20.0 points" in body and "<b>distinguishable</b>" in body
    noisy = [result("ridge", s, 0.4 + 0.1 * (s % 2)) for s in range(5)]
    noisy += [result("scale", s, 0.5 - 0.1 * (s % 2)) for s in range(5)]
    assert "<b>not distinguishable</b>" in page(tmp_path, noisy)


def test_names_are_escaped_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    body = page(tmp_path, [result("ridge", 0, 0.5), result("<img src=x>", 0, 0.4)])
    assert "<img src=x>" not in body and "a2<script>" not in body and "<h1>Test &lt;b&gt;</h1>" in body
    whole = (tmp_path / "r.html").read_text()
    assert 'src="http' not in whole and 'rel="stylesheet"' not in whole


def test_leaks_and_synthetic_motion_are_marked(tmp_path: Path) -> None:
    assert "leaky encoder" in page(tmp_path, [result("ridge", 0, 0.5, leaky=True)])
    assert "leaky" not in page(tmp_path, [result("ridge", 0, 0.5)])
    assert "Synthetic motion" in page(tmp_path, [result("ridge", 0, 0.5, "synthetic")])


def test_no_result_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to report"):
        write_report([], tmp_path / "r.html", title="")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_page_renders_in_a_browser(tmp_path: Path) -> None:
    page(tmp_path, [result("ridge", s, 0.5) for s in range(2)])
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=8000"]  # fmt: skip
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path}/r.html"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    assert dom.count("main-svg") >= 2 and "heatmaplayer" in dom


def gated(method: str, seed: int, h: float) -> Result:
    points = np.linspace(0, 1, 41)
    values = {"S": h, "U": h, "H": h, "AUSUC": h * h, "gate_auc": 0.7, "H_oracle_gate": 0.9, "H_best_on_test": h}
    settings = {"gzsl": values, "gzsl-msf": {**values, "H": h - 0.1}, "gzsl-combined": {**values, "H": h + 0.1}}
    confusion = {name: np.eye(3, dtype=int).tolist() for name in settings}
    order, curves = dict.fromkeys(settings, CODES), {"gzsl": (0.8 - 0.8 * points).tolist()}
    return result(method, seed, 0.5, metrics=settings, chance={}, confusion=confusion, class_order=order, curves=curves)


def test_gates_have_one_table_and_curves_a_figure(tmp_path: Path) -> None:
    body = page(tmp_path, [gated(m, s, 0.4 + 0.02 * s) for m in ("ridge", "scale") for s in range(3)])
    assert body.count("H behind each gate") == 1 and "oracle gate" in body and "calibrated stacking" in body
    assert "<b>52.0" in body, "the best gate of a method is bold"
    assert "seen against unseen accuracy" in body and "ridge (40.0)" in body
    assert "best-on-test (as published)" in body
    without = page(tmp_path, [result("ridge", 0, 0.5)])
    assert "behind each gate" not in without and "seen against unseen" not in without
