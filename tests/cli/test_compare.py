"""`compare` through the command line: the JSON that others script against, tables, resuming, and its mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skelzero.cli import main

KEYS = {"method", "split", "setting", "metric", "mean", "sd", "ci95", "seeds", "chance"}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["compare", *map(str, arguments)])
    found = capsys.readouterr()
    return code, found.out, found.err


@pytest.fixture
def basics(features_folder: Path, text_file: Path, tmp_path: Path) -> list[object]:
    return ["--data", features_folder, "--text-encoder", f"file:{text_file}", "--semantics", "action", "--workers", 1,
            "--out", tmp_path / "out"]  # fmt: skip


def test_json_and_tables(basics: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*basics, "--methods", "ridge,scale", "--set", "scale.steps=5", "--split", "22/5", "--seeds", 2, "--json"]
    code, out, err = run(capsys, *options)
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    assert set(found["results"][0]) >= KEYS
    rows = {(r["method"], r["setting"], r["metric"]): r for r in found["results"]}
    assert {m for _, s, m in rows if s == "zsl"} >= {"top1", "per_class"}
    assert {m for _, s, m in rows if s == "gzsl"} >= {"S", "U", "H", "AUSUC"}
    row = rows["ridge", "zsl", "top1"]
    assert (row["split"], row["seeds"], row["chance"]) == ("22/5", 2, 0.2)
    assert 0 <= row["mean"] <= 1 and row["ci95"][0] <= row["mean"] <= row["ci95"][1]
    assert {p["method"] for p in found["paired"]} == {"scale"}
    assert "utd_mhad 22/5, gzsl" in " ".join(err.split()) and "chance" in err
    assert len(list((tmp_path / "out" / "results").glob("*.json"))) == 4
    again = run(capsys, *options)
    assert json.loads(again[1]) == found == json.loads((tmp_path / "out" / "compare.json").read_text())


def test_setting_limits_the_figures(basics: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, *basics, "--methods", "ridge", "--split", "22/5", "--seeds", 1, "--setting", "zsl", "--json"
    )
    assert code == 0 and {r["setting"] for r in json.loads(out)["results"]} == {"zsl"}


def test_gates_have_settings_and_a_table(basics: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--methods", "ridge", "--split", "22/5", "--seeds", 1, "--setting", "gzsl,gates", "--json"]
    code, out, err = run(capsys, *basics, *options)
    rows = {(r["setting"], r["metric"]): r["mean"] for r in json.loads(out)["results"]}
    assert code == 0 and {s for s, _ in rows} >= {"gzsl", "gzsl-msf", "gzsl-combined", "gzsl-energy"}
    for setting in {s for s, _ in rows}:
        assert rows[setting, "H"] <= rows[setting, "H_best_on_test"] + 1e-9
    assert rows["gzsl-msf", "H_best_on_test"] <= rows["gzsl-msf", "H_oracle_gate"] + 1e-9
    table = " ".join(err.split())
    assert "H behind each gate" in table and "oracle" in table and "stacking" in table


def test_methods_that_need_verbs_and_nouns_get_them(
    features_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever texts the others read; by the text encoder in the package."""
    options = [
        "--data",
        features_folder,
        "--methods",
        "ridge,jpose",
        "--split",
        "22/5",
        "--seeds",
        1,
        "--setting",
        "zsl",
    ]
    code, out, _ = run(capsys, *options, "--set", "jpose.steps=3", "--out", tmp_path / "out", "--workers", 1, "--json")
    assert code == 0 and {r["method"] for r in json.loads(out)["results"]} == {"ridge", "jpose"}
    tasks = [json.loads(p.read_text())["task"] for p in (tmp_path / "out" / "results").glob("*.json")]
    assert {t["method"]: t["kinds"] for t in tasks} == {"ridge": ["action", "motion"], "jpose": ["verb", "noun"]}


def test_leaky_features_are_refused_or_marked(basics: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    options = [*basics, "--methods", "ridge", "--split", "random:9", "--draws", 2, "--json"]
    code, out, err = run(capsys, *options)
    assert code == 2 and out == "" and "--allow-leaky-encoder" in err
    code, out, err = run(capsys, *options, "--allow-leaky-encoder")
    rows = json.loads(out)["results"]
    assert code == 0 and all(row["leaky"] and row["split"] == "random:9" and row["seeds"] == 2 for row in rows)
    assert "leaky encoder" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "ridge"], "no split named"),
        (["--methods", "ridge", "--split", "23/4"], "22/5"),
        (["--methods", "bridge", "--split", "22/5"], "did you mean 'ridge'?"),
        (["--methods", "ridge", "--split", "22/5", "--set", "alpha=1"], "method.key=value"),
        (["--methods", "ridge", "--split", "22/5", "--set", "ridge.alhpa=1"], "alhpa"),
        (["--methods", "ridge", "--split", "22/5", "--test-subjects", "1,x"], "whole numbers"),
        (["--methods", "ridge", "--split", "22/5", "--test-subjects", "99"], "no clip of a test subject"),
        (["--methods", "ridge", "--split", "22/5", "--setting", "gzsl-msv"], "did you mean 'gzsl-msf'?"),
        (["--methods", "ridge", "--split", "random:26"], "at least one unseen and two seen classes"),
        (["--methods", "ridge", "--split", "random:25", "--setting", "gates"], "at least two seen classes"),
    ],
)
def test_mistakes(
    basics: list[object], options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    code, out, err = run(capsys, *basics, *options)
    assert code == 2 and out == "" and "Traceback" not in err
    assert message in " ".join(err.split())


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--help")
    assert code == 0 and "Example" in out + err
