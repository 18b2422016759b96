"""`train` and `evaluate` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    codes = list(synthetic.actions())[:8]
    write_store(path, synthetic.generate(codes, subjects=4, replications=1), source="the tests")
    return path


@pytest.fixture
def options(store: Path, tmp_path: Path) -> list[str]:
    texts = tmp_path / "texts.npy"
    np.save(texts, np.random.default_rng(1).normal(size=(len(synthetic.actions()), 6)).astype(np.float32))
    return ["--data", str(store), "--split", "random:2#1", "--out", str(tmp_path / "run"), "--steps", "2",
            "--semantics", "action", "--text-encoder", f"file:{texts}"]  # fmt: skip


def test_train_then_evaluate(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "scale", *options, "--set", "steps=3", "--seed", "4", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["split"], made["seed"], made["seen"], made["unseen"]) == ("random:2#1", 4, 6, 2)
    assert made["settings"]["steps"] == 3
    assert main(["evaluate", str(tmp_path / "run"), "--setting", "gzsl", "--json"]) == 0
    found = capsys.readouterr()
    judged = json.loads(found.out)
    assert set(judged["metrics"]) == {"gzsl"} and {"S", "U", "H", "AUSUC"} <= set(judged["metrics"]["gzsl"])
    assert "scale on synthetic random:2#1, gzsl" in " ".join(found.err.split())
    assert main(["train", "scale", *options]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_run_of_msf_has_gates_to_be_judged_behind(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "msf", *options, "--set", "steps=20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["cycle"] in range(1, 11)
    assert main(["evaluate", str(tmp_path / "run"), "--setting", "gzsl,gzsl-msf,gzsl-combined", "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["metrics"]
    assert set(judged) == {"gzsl", "gzsl-msf", "gzsl-combined"}
    assert judged["gzsl-msf"]["H_oracle_gate"] == judged["gzsl-combined"]["H_oracle_gate"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nowhere"], "no run found"),
        (["evaluate", "nowhere", "--setting", "fsl"], "unknown setting"),
        (["train", "scael", "--data", "{store}", "--split", "random:2", "--out", "{out}"], "did you mean 'scale'?"),
        (["train", "ridge", "--data", "{store}", "--split", "random:99", "--out", "{out}"], "random split needs"),
        (["train", "ridge", "--data", "{store}", "--split", "all", "--out", "{out}", "--set", "x"], "key=value"),
        (["train", "ridge", "--data", "{store}", "--split", "51/16", "--out", "{out}"], "are not in the data"),
    ],
)
def test_mistakes(
    arguments: list[str], message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert main([a.format(store=store, out=tmp_path / "run") for a in arguments]) == 2
    found = capsys.readouterr()
    assert message in " ".join(found.err.split()) and found.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "Example" in capsys.readouterr().out
