"""`skelzero text`: what each command prints, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from skelzero.cli import main
from skelzero.text import load_class_set


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["text", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list", "--json")
    facts = json.loads(out)
    sizes = {s["name"]: s["classes"] for s in facts["class_sets"]}
    assert code == 0 and sizes["utd_mhad"] == 27 and sizes["ntu120"] == 120 and "utd_mhad" in err
    texts, attributes = ["label", "action", "motion", "verb", "noun"], ["attributes", "read-attributes"]
    assert facts["kinds"] == texts + attributes and "minilm" in facts["encoders"]
    assert run(capsys, "list")[1] == ""


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    wave = load_class_set("utd_mhad").classes[2]
    code, out, err = run(capsys, "show", "utd_mhad", "a3", "--json")
    assert code == 0 and json.loads(out)["classes"] == [wave.model_dump(mode="json")]
    assert wave.motion in err and "verb: wave" in err and "noun: hand" in err and "swipe" not in err
    assert len(json.loads(run(capsys, "show", "nw_ucla", "--json")[1])["classes"]) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "utd_mhd"], "did you mean 'utd_mhad'?"),
        (["show", "utd_mhad", "a99"], "in no text set"),
        (["check", "none.yaml"], "no class-set file"),
        (["similar", "punch", "--class-set", "utd_mhad", "--semantics", "motoin"], "did you mean 'motion'?"),
        (["similar", "punch", "--class-set", "utd_mhad", "--text-encoder", "minlm"], "did you mean 'minilm'?"),
        (["similar", "punch"], "--class-set"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 2 and out == "" and message in err and "Traceback" not in err


def test_check_passes_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "msr_action3d", "--json")
    assert code == 0 and json.loads(out) == {"class_set": "msr_action3d", "classes": 20, "findings": []}
    assert "nothing to complain about" in err


def test_check_finds_a_name_in_a_users_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = [c.model_dump() for c in load_class_set("nw_ucla").classes]
    classes[0]["motion"] += " Then it is thrown or is throwing"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "classes": classes}))
    code, out, err = run(capsys, "check", str(path), "--json")
    assert code == 2 and "breaks rules" in err and str(path) in err
    problems = json.loads(out)["findings"]
    assert {"code": "a01", "kind": "motion", "problem": "names class a11 (throw)"} in problems


def test_similar(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["similar", "stroll down the street", "--class-set", "utd_mhad", "--semantics", "label,action"]
    code, out, err = run(capsys, *arguments, "--top", "3", "--json")
    nearest = json.loads(out)["nearest"]
    assert code == 0 and len(nearest) == 3 and nearest[0]["label"] == "walk" and "walk" in err
    assert nearest[0]["cosine"] >= nearest[1]["cosine"] >= nearest[2]["cosine"]
    assert run(capsys, *arguments)[1] == ""


@pytest.mark.parametrize("command", ["list", "show", "check", "similar"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0 and "skelzero text" in out and "Example" in out
