"""Methods of motion attributes as a user types them: compared, trained, judged, and asked about free words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import write_store
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

CODES = ("s07", "s13", "s23", "s38", "s48", "s53", "s55", "s64")
WORDS = ["clap hands slowly", "do a deep squat", "punch the air with both fists"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    write_store(path, synthetic.generate(CODES, subjects=4, replications=1), source="the tests")
    return path


@pytest.fixture
def basics(store: Path, tmp_path: Path) -> list[object]:
    """Made-up texts; profiles are those that ship."""
    texts = tmp_path / "texts.npy"
    np.save(texts, np.random.default_rng(1).normal(size=(len(synthetic.actions()), 6)).astype(np.float32))
    return ["--data", store, "--steps", 2, "--text-encoder", f"file:{texts}", "--out", tmp_path / "out"]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Somebody who squats, as a file of 20 joints a frame in MSR-Action3D's form."""
    x = np.nan_to_num(synthetic.make_clip("s48", 3, 1, seed=11).positions[0])
    path = tmp_path / "a01_s01_e01_skeleton3D.txt"
    np.savetxt(path, np.c_[x.reshape(-1, 3), np.ones(x.shape[0] * x.shape[1])], fmt="%.6f")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(list(map(str, arguments)))
    found = capsys.readouterr()
    return code, found.out, " ".join(found.err.split())


def test_methods_are_compared_each_on_what_it_needs(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", store, "--methods", "ridge,match,skelzero", "--semantics", "action,motion,attributes",
               "--split", "random:3#1", "--seeds", 1, "--steps", 2, "--workers", 1]  # fmt: skip
    options += ["--out", tmp_path / "out", "--json"]
    code, out, err = run(capsys, "compare", *options)
    assert code == 0
    rows = {(r["method"], r["setting"], r["metric"]): r["mean"] for r in json.loads(out)["results"]}
    assert {m for m, _, _ in rows} == {"ridge", "match", "skelzero"} and "match" in err
    assert rows["match", "zsl", "top1"] > 0.6 and rows["skelzero", "zsl", "top1"] > 0.6  # chance 0.33
    assert {p["method"] for p in json.loads(out)["paired"]} == {"match", "skelzero"}
    results = {r["task"]["method"]: r for r in map(_read, (tmp_path / "out" / "results").glob("*.json"))}
    encoders = {method: result["task"]["encoder"]["encoder"] for method, result in results.items()}
    assert encoders == {"ridge": "shift-gcn:small", "match": "kinematics", "skelzero": "shift-gcn:small+kinematics"}
    assert {tuple(r["task"]["kinds"]) for r in results.values()} == {("action", "motion", "attributes")}
    assert results["match"]["encoder"]["encoder"]["encoder"] == "kinematics"
    assert len(results["skelzero"]["diagnostics"]["reliability"]) == len(load_schema())
    assert run(capsys, "compare", *options)[1] == out, "what is there is read"


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.mark.parametrize(("method", "options", "parts"), [
    ("match", [], {"card.json", "method", "texts"}),
    ("skelzero", ["--encoder", "kinematics", "--semantics", "attributes"], {"card.json", "method", "texts"}),
    ("skelzero", ["--pipeline", "common-64", "--steps", "2"], {"card.json", "method", "texts", "encoder", "log"}),
])  # fmt: skip
def test_trained_then_judged_then_asked(
    method: str, options: list[str], parts: set[str], store: Path, recording: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    where = tmp_path / "run"
    given = ["--data", store, "--split", "random:3#1", "--out", where]
    code, out, _ = run(capsys, "train", method, *given, *options, "--json")
    assert code == 0 and {p.name for p in where.iterdir()} == parts
    card = _read(where / "card.json")
    assert card["kinematic"] is True and card["network"] is ("encoder" in parts) and "attributes" in card["kinds"]
    assert (json.loads(out)["encoder_seen_top1"] is None) is ("encoder" not in parts)
    settings = "zsl,gzsl,gzsl-energy,zsl-transductive,one-shot"
    code, out, _ = run(capsys, "evaluate", where, "--setting", settings, "--json")
    judged = json.loads(out)["metrics"]
    assert code == 0 and judged["zsl"]["top1"] > 0.6
    assert set(judged) == set(settings.split(","))
    # The attributes of words that no class set has are read from the words.
    code, out, _ = run(capsys, "recognize", recording, "--labels", ", ".join(WORDS), "--model", where, "--json")
    answer = json.loads(out)
    found = answer["segments"][0]["labels"]
    assert code == 0 and {r["label"] for r in found} == set(WORDS)
    assert found[0]["label"] == WORDS[1] and sum(r["probability"] for r in found) == pytest.approx(1, abs=1e-3)
    assert answer["understood"] == {WORDS[0]: "synthetic:s24"}


def test_runs_keep_the_attributes_of_their_classes(
    basics: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--semantics", "action", "--split", "random:3#1"]
    code, _, err = run(capsys, "train", "match", *basics, *options)
    assert code == 0, err
    bank = TextBank.load(tmp_path / "out" / "texts")
    assert bank.kinds == ("action", "attributes") and len(bank) == len(CODES)
    assert bank.width == len(load_schema()), "narrow texts get zeros behind"
    assert (np.count_nonzero(bank.pooled["attributes"], axis=1) > 20).all()


def test_attributes_are_texts_for_other_methods_too(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", store, "--methods", "ridge,eszsl", "--semantics", "attributes", "--encoder", "kinematics",
               "--split", "random:3#1", "--seeds", 1, "--setting", "zsl", "--workers", 1]  # fmt: skip
    code, out, _ = run(capsys, "compare", *options, "--out", tmp_path / "out", "--json")
    rows = {r["method"]: r["mean"] for r in json.loads(out)["results"] if r["metric"] == "top1"}
    assert code == 0 and set(rows) == {"ridge", "eszsl"}
    tasks = [_read(path)["task"] for path in (tmp_path / "out" / "results").glob("*.json")]
    assert all(task["encoder"] == {"encoder": "kinematics"} for task in tasks)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("match", ["--encoder", "shift-gcn:small+kinematic"], "ENCODER+kinematics"),
        ("skelzero", ["--encoder", "st-gnc+kinematics"], "did you mean 'st-gcn'?"),
        ("match", ["--semantics", "atributes"], "did you mean 'attributes'?"),
        ("skelzero", ["--set", "skelzero.predcted=1"], "predcted"),
        ("skelzero", ["--set", "skelzero.texts=-1"], "greater than or equal to 0"),
        ("matsch", [], "did you mean 'match'?"),
    ],
)
def test_mistakes(
    method: str, options: list[str], message: str, basics: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--methods", method, "--split", "random:3#1", "--seeds", 1, "--workers", 1, "--semantics", "action"]
    code, out, err = run(capsys, "compare", *basics, *given, *options)
    assert code == 2 and out == "" and message in err and "Traceback" not in err


def test_features_without_measured_attributes_are_refused(
    features_folder: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", features_folder, "--text-encoder", f"file:{text_file}", "--semantics", "action", "--split",
               "22/5", "--seeds", 1, "--workers", 1, "--out", tmp_path / "out", "--methods"]  # fmt: skip
    code, out, err = run(capsys, "compare", *options, "match")
    assert code == 2 and out == "" and "match needs measured motion attributes" in err and "next step" in err
    assert "clip store" in err


def test_kinematics_are_features_that_nothing_was_trained_for(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "encode", store, "--encoder", "kinematics", "--out", tmp_path / "alone", "--json")
    alone = json.loads(out)
    assert (code, alone["encoder"], alone["classes"]) == (0, "kinematics", 0)
    code, out, _ = run(capsys, "encode", store, "--encoder", "shift-gcn:small+kinematics", "--split", "random:3#1",
                       "--steps", 2, "--out", tmp_path / "both", "--json")  # fmt: skip
    both = json.loads(out)
    assert (code, both["encoder"]) == (0, "shift-gcn:small+kinematics") and both["width"] == 128 + alone["width"]
    code, _, err = run(capsys, "compare", "--data", tmp_path / "alone", "--methods", "match", "--split", "random:3#1",
                       "--seeds", 1, "--workers", 1, "--setting", "zsl", "--out", tmp_path / "out")  # fmt: skip
    assert code == 0 and "match" in err
    code, _, err = run(capsys, "encode", store, "--encoder", "kinematics", "--split", "all", "--out", tmp_path / "no")
    assert code == 2 and "--split" in err and not (tmp_path / "no").exists()


def test_features_without_measurements_are_refused_before_anything_runs(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "encode", store, "--encoder", "shift-gcn:small", "--split", "random:3#1", "--steps", 2,
        "--out", tmp_path / "features")  # fmt: skip
    code, _, err = run(capsys, "compare", "--data", tmp_path / "features", "--methods", "ridge,match", "--split",
                       "random:3#1", "--seeds", 1, "--out", tmp_path / "out")  # fmt: skip
    assert code == 2 and "measured motion attributes" in err and not (tmp_path / "out").exists()


def test_narrow_texts_stand_beside_attributes_in_every_method(
    basics: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "compare", *basics, "--methods", "scale", "--set", "scale.steps=3", "--setting", "zsl",
                       "--semantics", "motion,attributes", "--split", "random:3#1", "--seeds", 1, "--workers", 1
                       )  # fmt: skip
    assert code == 0, err
