"""The report tells the truth about constructed results, escapes what is hostile, and renders in a real browser."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import CODES, confused, result, utd
from plotly.offline import get_plotlyjs

from skelzero.errors import UserError
from skelzero.protocol.result import Result
from skelzero.report.html import write_report


def page(tmp_path: Path, results: list[Result], **options: Any) -> str:
    write_report(results, tmp_path / "r.html", title="Test <b>", **options)
    text = (tmp_path / "r.html").read_text()
    return text[text.index("<body>") :]


def test_the_headline_names_the_winner_and_says_whether_to_believe_it(tmp_path: Path) -> None:
    clear = [result("ridge", s, 0.40 + 0.01 * s) for s in range(5)] + [
        result("scale", s, 0.60 + 0.011 * s) for s in range(5)
    ]
    body = page(tmp_path, clear)
    card = body[: body.index("<h2>")]
    assert (
        "<b>scale</b> wins with <b>62.2 ±2.2 %</b>" in card and "<b>+20.2 [+20.0, +20.4]</b> points over ridge" in card
    )
    assert "With care" in card and "one fixed split" in card and "excludes zero" in card
    noisy = [result("ridge", s, 0.4 + 0.1 * (s % 2)) for s in range(5)]
    noisy += [result("scale", s, 0.5 - 0.08 * (s % 2)) for s in range(5)]
    body = page(tmp_path, noisy)
    assert "<b>scale</b> leads" in body and "not distinguishable from ridge" in body and "Conclude nothing" in body


def test_texts_that_differ_are_told_apart(tmp_path: Path) -> None:
    results = [result("ridge", s, 0.3 + 0.3 * (kind == "motion"), key=f"{kind}{s}", task={"kinds": [kind]})
               for s in range(3) for kind in ("label", "motion")]  # fmt: skip
    body = page(tmp_path, results)
    assert "ridge (motion)" in body and "ridge (label)" in body and "45.0" not in body


def test_an_unknown_baseline_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not among the results"):
        page(tmp_path, [result("ridge", 0, 0.5)], baseline="nobody")


def test_published_figures_stand_beside_ours_and_in_no_mean(tmp_path: Path) -> None:
    facts = {"name": "55/5", "dataset": "ntu120", "family": "SynSE", "seen": ["a1", "a2<script>"], "unseen": ["a3"]}
    ntu = [result("scale", s, 0.7 + 0.01 * s, task={"split": facts}) for s in range(5)]
    body = page(tmp_path, ntu)
    row = next(line for line in body.split("<tr") if "<td>scale</td>" in line)
    assert "<td>72.0 ±2.0</td>" in row and "84.5 (second-hand, from a summary)" in row
    assert "TDSM, published" in body and "86.5" in body and "SCALE, published" not in body
    assert "best epoch on the unseen test clips" in body and "2411.10745" in body
    assert "TDSM" not in page(tmp_path, [result("scale", 0, 0.7)]), "no such figure for this split"


def test_confusions_say_what_texts_and_movements_share(tmp_path: Path) -> None:
    body = page(
        tmp_path, [utd(m, s, 0.5 + 0.1 * (m == "scale") + 0.01 * s) for m in ("ridge", "scale") for s in (0, 1)]
    )
    part = body[body.index("What scale confuses") :]
    assert "arm cross <small>a6</small></td><td>basketball shoot <small>a7</small></td><td>75 % of 16" in part
    assert "random:2" in part and "the leading hand" in part


def test_the_space_and_the_cost_are_shown_where_results_have_them(tmp_path: Path) -> None:
    results = [utd(m, s, 0.5 + 0.01 * s) for m in ("ridge", "scale") for s in (0, 1)]
    body = page(tmp_path, results)
    assert "the space in which clips and classes meet" in body and "clips of unseen classes" in body
    assert "98.3 k</td><td>114 k</td><td>79.8 k</td><td>1.00</td><td>2.00</td><td>0.50" in body
    assert "its MACs a body" not in body, "nobody knows them here"
    old = page(tmp_path, [r.model_copy(update={"diagnostics": {}}) for r in results])
    assert "the space in which" not in old and "<h2>Cost" not in old and "What ridge confuses" in old
    broken = {"picture": {"codes": "nonsense"}, "cost": "much"}
    assert "the space in which" not in page(tmp_path, [utd("ridge", 0, 0.5, diagnostics=broken)])


def test_hashes_and_rules_are_told(tmp_path: Path) -> None:
    body = page(tmp_path, [utd("ridge", s, 0.5) for s in (0, 1)])
    part = body[body.index("How these numbers were made") :]
    assert "selection rule" in part and "2 draws: classes&#x27; SHA-256" in part and "minilm" in part


def test_a_thousand_results_are_a_matter_of_seconds_and_a_small_page(tmp_path: Path) -> None:
    results = [utd(f"m{i}", s, 0.4 + 0.001 * i + 0.01 * (s % 7)) for i in range(20) for s in range(50)]
    page(tmp_path, results[:1])  # imports and texts
    begin = time.perf_counter()
    page(tmp_path, results)
    assert time.perf_counter() - begin < 30, "each step must be linear in the results"
    assert len((tmp_path / "r.html").read_text()) - len(get_plotlyjs()) < 2_000_000


def test_names_are_escaped_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    body = page(tmp_path, [result("ridge", 0, 0.5), result("<img src=x>", 0, 0.4)])
    assert "<img src=x>" not in body and "a2<script>" not in body and "<h1>Test &lt;b&gt;</h1>" in body
    whole = (tmp_path / "r.html").read_text()
    assert 'src="http' not in whole and 'rel="stylesheet"' not in whole


def test_leaks_and_synthetic_motion_are_marked(tmp_path: Path) -> None:
    leaky = page(tmp_path, [result("ridge", 0, 0.5, leaky=True)])
    assert "leaky encoder" in leaky and "Conclude nothing" in leaky
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
    confusion = {name: confused(np.eye(3, dtype=int).tolist()) for name in settings}
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
