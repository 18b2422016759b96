"""`reproduce` from a folder of recordings to the table: on the NTU excerpt, and on made-up data with all classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import load_layout, write_store
from skelzero.encoders import EncoderCard, FeatureCard, FeatureSet, SkeletonGraph
from skelzero.protocol import reproduce
from skelzero.text import load_class_set


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any, str]:
    code = main(["reproduce", *map(str, arguments)])
    found = capsys.readouterr()
    return code, json.loads(found.out) if found.out else None, " ".join(found.err.split())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    np.save(tmp_path / "t.npy", np.random.default_rng(5).normal(size=(120, 8)).astype(np.float32))
    return tmp_path / "t.npy"


def features(folder: Path, texts: Path, *, known: tuple[str, ...] = ("A061",), classes: int = 60) -> Path:
    """Features of NTU RGB+D 60 that follow the texts: each class by two training and two test subjects."""
    rng, codes = np.random.default_rng(6), np.array(load_class_set("ntu120").codes)
    rows, subjects = np.repeat(np.arange(classes), 8), np.tile([1, 2, 3, 6], 2 * classes)
    x = (np.load(texts) @ rng.normal(size=(8, 12)))[rows] + rng.normal(size=(len(rows), 12))
    encoder = EncoderCard(
        encoder="made-up", graph=SkeletonGraph.from_layout(load_layout("ntu25")), layout_checksum="", pipeline="",
        persons=1, classes=tuple(f"ntu120:{code}" for code in known), source="the tests",
    )  # fmt: skip
    none = np.full(len(rows), -1)
    FeatureSet(
        features=x.astype(np.float32), names=np.array([f"clip{i}" for i in range(len(rows))]), codes=codes[rows],
        datasets=np.full(len(rows), "ntu120"), subjects=subjects, cameras=none, setups=none, replications=none,
        card=FeatureCard(encoder=encoder, pipeline="", history=(), store_checksum="made-up"),
    ).save(folder)  # fmt: skip
    return folder


def basics(tmp_path: Path, texts: Path, data: Path, seeds: int = 1) -> list[object]:
    return ["--data", data, "--out", tmp_path / "out", "--text-encoder", f"file:{texts}", "--semantics", "action",
            "--quick", "--seeds", seeds, "--workers", 1, "--json"]  # fmt: skip


@pytest.mark.slow
def test_published_figures_stand_beside_whole_splits(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*basics(tmp_path, texts, features(tmp_path / "f", texts), seeds=2), "--ours"]
    code, out, err = run(capsys, "scale", *options)
    assert code == 0 and out["quick"] and out["reduced"] == {}
    rows = {(r["split"], r["method"]): r for r in out["rows"]}
    assert set(rows) == {(s, m) for s in ("55/5", "48/12", "40/20") for m in ("scale-published", "scale")}
    assert [rows[s, "scale"]["published"] for s in ("55/5", "48/12", "40/20")] == [0.845, 0.5, 0.355]
    row = rows["55/5", "scale-published"]
    assert (row["setting"], row["metric"], row["seeds"], row["chance"]) == ("zsl", "top1", 2, 0.2)
    assert row["mean"] > 0.5 and row["ci95"][0] <= row["mean"] <= row["ci95"][1], "features follow the texts"
    assert set(out["not_run"]) == {"110/10", "96/24", "80/40", "60/60"}
    assert "55 of 110 seen classes without training clips (A061" in out["not_run"]["110/10"]
    assert "84.5" in err and "(quick)" in err and "second-hand" in err and "best epoch on the unseen test clips" in err
    assert f"read by file:{texts}" in err and "not distributed" in err
    written = json.loads((tmp_path / "out" / "reproduce.json").read_text())
    stamps = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "results").iterdir()}
    assert written == out and {f"{key}.json" for key in out["files"]} == set(stamps)
    assert run(capsys, "scale", *options)[1] == out, "nothing is computed twice"
    assert stamps == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "results").iterdir()}


def test_settings_of_the_published_configuration(tmp_path: Path, texts: Path) -> None:
    data = features(tmp_path / "f", texts, classes=120)
    asked = reproduce.Asked(
        "msf", data, tmp_path / "out", text_encoder=f"file:{texts},{texts},{texts}", seeds=1, ours=True
    )
    planned = reproduce.plan(asked, data)
    found = {(t.split.name, t.method): t for t in planned.tasks}
    assert {name for name, _ in found} == {"55/5", "48/12", "110/10", "96/24"} and planned.refused == {}
    assert found["55/5", "msf-published"].overrides == found["110/10", "msf"].overrides == {}
    assert found["110/10", "msf-published"].overrides == {"latent": 200, "cycle_steps": 1900, "cross_after": 1500}
    assert {t.settings for t in planned.tasks} == {("zsl", "gzsl-msf", "gzsl")}
    assert {t.kinds for t in planned.tasks} == {("label", "action", "motion")}


def test_splits_are_reduced_only_when_asked(tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = features(tmp_path / "f", texts, classes=40)
    basic = basics(tmp_path, texts, data)
    code, out, err = run(capsys, "msf", *basic)
    assert (
        code == 2 and out is None and "--reduced runs what is left" in err and "no split of MSF-GZSSAR can run" in err
    )
    assert not (tmp_path / "out" / "results").exists()
    code, out, err = run(capsys, "msf", *basic, "--reduced", "--splits", "48/12")
    assert code == 0 and "split 48/12 runs reduced: 35 seen and 5 unseen" in err
    assert {r["split"] for r in out["rows"]} == {"48/12 (reduced)"} == {r["as"] for r in out["reduced"].values()}
    assert [(r["setting"], r["metric"]) for r in out["rows"]] == [("zsl", "top1"), ("gzsl-msf", "H"), ("gzsl", "H")]
    assert all(r["published"] is None and r["reduced"] for r in out["rows"]) and "(reduced) have fewer classes" in err
    for path in (tmp_path / "out" / "results").iterdir():
        split = json.loads(path.read_text())["task"]["split"]
        assert (split["name"], split["family"]) == ("48/12 (reduced)", "reduced")


@pytest.mark.slow
def test_a_mean_of_splits_is_set_beside_the_published_mean(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, actions = load_class_set("pku_mmd").codes, list(synthetic.actions())[:17]
    clips = list(synthetic.generate(actions, subjects=4, replications=1))
    renamed = [
        replace(clip, origin=replace(clip.origin, name=f"{clip.origin.name}_{k}", dataset="pku_mmd",
                                     code=codes[3 * actions.index(clip.origin.code) + k]))
        for clip in clips for k in range(3)
    ]  # fmt: skip
    write_store(tmp_path / "store", renamed, source="the tests")
    np.save(texts, np.load(texts)[: len(codes)])
    options = [*basics(tmp_path, texts, tmp_path / "store"), "--encoder", "shift-gcn:small", "--steps", 2]
    code, out, _ = run(capsys, "pgfa", *options)
    assert code == 0 and out["not_run"] == {}
    rows = {(r["split"], r["setting"]): r for r in out["rows"]}
    whole = "random-7, random-8, random-9"
    assert rows[whole, "zsl-transductive"]["published"] == 0.878 and rows[whole, "zsl"]["published"] is None
    results = [json.loads(path.read_text()) for path in (tmp_path / "out" / "results").iterdir()]
    assert len(results) == 3
    mean = np.mean([result["metrics"]["zsl"]["top1"] for result in results])
    assert rows[whole, "zsl"]["mean"] == pytest.approx(mean)
    part = run(capsys, "pgfa", *options, "--splits", "random-7")[1]["rows"]
    assert [r["published"] for r in part] == [None, None], "one of three splits is not the mean of three"


@pytest.mark.slow
def test_the_excerpt_from_recordings_to_the_table(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", recordings / "ntu_rgbd.tar.xz", "--out", tmp_path / "out", "--quick", "--seeds", 1,
               "--steps", 3, "--workers", 1, "--json"]  # fmt: skip
    code, _, err = run(capsys, "scale", *options)
    assert code == 2 and "no split of SCALE can run" in err and (tmp_path / "out" / "store" / "card.json").is_file()
    code, out, err = run(capsys, "scale", *options, "--reduced", "--splits", "55/5,96/24")
    assert code == 0 and set(out["not_run"]) == {"55/5"} and "split 55/5 does not run" in err
    [row] = out["rows"]
    assert (row["split"], row["classes"], row["published"]) == ("96/24 (reduced)", "51 seen, 4 unseen", None)
    assert main(["runs", "list", str(tmp_path / "out"), "--json"]) == 0
    kinds = {Path(a["path"]).name: (a["kind"], a["damage"]) for a in json.loads(capsys.readouterr().out)["found"]}
    assert kinds == {"out": ("comparison", ""), "store": ("store", "")}
    code, out, err = run(capsys, "msf", *options, "--reduced", "--splits", "96/24")
    assert code == 0 and {r["setting"] for r in out["rows"]} == {"zsl", "gzsl", "gzsl-msf"}


@pytest.mark.slow
def test_public_weights_know_all_classes(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = next((recordings / "weights").glob("*120*sub*.pt"))
    options = ["--data", recordings / "ntu_rgbd.tar.xz", "--out", tmp_path / "out", "--quick", "--seeds", 1,
               "--workers", 1, "--weights", weights, "--reduced", "--splits", "96/24", "--json"]  # fmt: skip
    code, _, err = run(capsys, "scale", *options)
    assert code == 2 and "trained on unseen classes" in err and "--allow-leaky-encoder" in err
    code, out, err = run(capsys, "scale", *options, "--allow-leaky-encoder")
    assert code == 0 and out["rows"][0]["leaky"] and "not zero-shot" in err and "(leaky" in err
    code, _, err = run(capsys, "pgfa", *options)
    assert code == 2 and "end to end" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["skale", "--data", "{f}"], "did you mean 'scale'?"),
        (["scale", "--data", "{f}", "--splits", "55/6"], "did you mean '55/5'?"),
        (["scale", "--data", "nowhere"], "the data are not there"),
        (["pgfa", "--data", "{f}"], "it needs clips"),
    ],
)
def test_mistakes(
    arguments: list[str], message: str, tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = features(tmp_path / "f", texts)
    given = [a.format(f=folder) for a in arguments]
    code, out, err = run(
        capsys,
        *given,
        "--out",
        tmp_path / "out",
        "--text-encoder",
        f"file:{texts}",
        "--semantics",
        "action",
        "--workers",
        1,
    )
    assert code == 2 and message in err and out is None


def test_help_says_what_cannot_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Example" in text and "minilm unless you say otherwise" in text and "extracted are theirs" in text
