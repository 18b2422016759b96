"""`skelzero text attributes` and `skelzero text read` as a user types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero.cli import console, main
from skelzero.clips import Clip
from skelzero.kinematics import measure_clips
from skelzero.synthetic import make_clip
from skelzero.text import load_text_encoder
from skelzero.text.attributes.profiles import read_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import load_translator

SCHEMA = load_schema()
WAVE = "s09"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["text", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for tables whose cells stay on one line."""
    monkeypatch.setattr(console.err, "_width", 400)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A synthetic clip as a file of MSR-Action3D, which holds Kinect's twenty joints."""
    from skelzero.clips import load_layout

    clip = clip_of_a_file()
    layout = load_layout("kinect20-msr")
    order = [clip.layout.joints.index(next(n for n, ids in layout.common.items() if i in ids)) for i in range(20)]
    rows = np.nan_to_num(clip.positions[0][:, order] + [0, 0, 3]).reshape(-1, 3)
    path = tmp_path / "a01_s01_e01_skeleton3D.txt"
    np.savetxt(path, np.c_[rows, np.ones(len(rows))], fmt="%.6f")
    return path


def clip_of_a_file() -> Clip:
    return make_clip(WAVE, subject=1, replication=1, seed=0)


def test_the_vocabulary(capsys: pytest.CaptureFixture[str], wide: None) -> None:
    code, out, err = run(capsys, "attributes", "--json")
    facts = json.loads(out)
    assert code == 0 and [a["name"] for a in facts["attributes"]] == list(SCHEMA.names)
    hand = facts["attributes"][SCHEMA.index["hand-top"]]
    assert hand["range"] == [-1, 2.2] and hand["rest"] == -0.2 and hand["part"] == "arms"
    assert {"value": 1.8, "meaning": "overhead"} in hand["marks"] and hand["needs"] is None
    assert facts["attributes"][SCHEMA.index["side"]]["rest"] == "unknown"
    round_ = facts["attributes"][SCHEMA.index["path-round"]]
    assert round_["needs"] == {"attribute": "arm-moves", "least": 0.2} and facts["sha256"] == SCHEMA.sha256
    assert all(f" {a.name} " in err and a.says in err for a in SCHEMA.attributes)
    assert run(capsys, "attributes")[1] == ""


def test_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    monkeypatch.setattr("skelzero.report.vocabulary.write_vocabulary", written.append)
    page = tmp_path / "page.html"
    code, out, err = run(capsys, "attributes", "--html", str(page))
    assert (
        code == 0 and out == "" and written == [page] and str(page) in err.replace("\n", "") and "hand-top" not in err
    )
    facts = json.loads(run(capsys, "attributes", "--html", str(page), "--json")[1])
    assert facts["html"] == str(page) and len(facts["attributes"]) == len(SCHEMA)


def test_measuring_a_recording(recording: Path, capsys: pytest.CaptureFixture[str], wide: None) -> None:
    code, out, err = run(capsys, "attributes", "--measure", str(recording), "--json")
    (measured,) = json.loads(out)["clips"]
    assert code == 0 and measured["notes"] == [] and measured["attributes"]["side"] > 0.3
    told = measure_clips([clip_of_a_file()])[0]
    assert measured["attributes"]["hand-top"] == pytest.approx(told[SCHEMA.index["hand-top"]], abs=0.05)
    assert read_profile(measured["attributes"]).shape == (len(SCHEMA),)  # it can be written into a class set
    assert "lies" not in measured["attributes"] and "hand-top" in err and " lies " not in err
    every = run(capsys, "attributes", "--measure", str(recording), "--all", "--json")
    assert list(json.loads(every[1])["clips"][0]["attributes"]) == list(SCHEMA.names) and " lies " in every[2]


@pytest.mark.parametrize(("fps", "note"), [(float("nan"), "does not say its frame rate"), (2.0, "as one action")])
def test_notes_on_recordings_that_tell_less(
    recording: Path, fps: float, note: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = replace(clip_of_a_file(), fps=fps)
    monkeypatch.setattr("skelzero.readers.read_clips", lambda file, format: iter([clip]))
    code, out, err = run(capsys, "attributes", "--measure", str(recording), "--json")
    (measured,) = json.loads(out)["clips"]
    assert code == 0 and note in measured["notes"][0] and f"note: {measured['notes'][0]}" in err
    assert (measured["attributes"].get("quick") == "unknown") == (fps != fps)


def test_reading_words(capsys: pytest.CaptureFixture[str], wide: None) -> None:
    phrases = ("raise both arms", "kick with the left leg")
    code, out, err = run(capsys, "read", *phrases, "--json")
    read = json.loads(out)["read"]
    found = load_translator(load_text_encoder("minilm")).read([{"label": words} for words in phrases])
    assert code == 0 and [r["words"] for r in read] == list(phrases)
    for row, facts in enumerate(read):
        assert facts["profile"] == found.profile(row) and tuple(facts["nearest"]) == found.nearest[row]
        assert facts["certainty"] == pytest.approx(found.certainty[row], abs=1e-4) and not facts["doubtful"]
    assert read[0]["profile"]["hand-top"] > 0.8 and read[1]["profile"]["leg-moves"] > 0.5
    assert "'raise both arms'" in err and "certainty 0." in err and found.nearest[0][0] in err
    assert "hardly known" not in err


def test_unheard_words_are_doubted(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "read", "quarterly tax return", "--json")
    (facts,) = json.loads(out)["read"]
    assert code == 0 and facts["doubtful"] and facts["certainty"] < 0.25
    words = " ".join(err.split())
    assert "hardly known" in words and "little more than what is typical" in words and "--motion" in words


def test_motion_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    said = "One arm swings down in front of the body from overhead."
    code, out, _ = run(capsys, "read", "--motion", said, "--json")
    (facts,) = json.loads(out)["read"]
    assert code == 0 and facts["kind"] == "motion" and facts["profile"]["hand-top"] > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attributes", "--all"], "name one with --measure"),
        (["attributes", "--measure", "missing.bvh"], "missing.bvh"),
        (["read"], "Missing argument"),
        (["read", " "], "without words"),
        (["read", "wave", "--text-encoder", "minlm"], "did you mean 'minilm'?"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 2 and out == "" and message in err and err.count("error:") == 1 and "Traceback" not in err


def test_a_two_dimensional_recording_is_measured_without_depth(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from skelzero.clips import Origin, load_layout

    flat = Clip(np.random.default_rng(0).random((1, 9, 17, 2)).astype(np.float32), load_layout("coco17"), Origin("x"))
    monkeypatch.setattr("skelzero.readers.read_clips", lambda file, format: iter([flat]))
    code, out, _ = run(capsys, "attributes", "--measure", str(recording), "--json")
    (measured,) = json.loads(out)["clips"]
    unknown = {name for name, value in measured["attributes"].items() if value == "unknown"}
    assert code == 0 and {"reach-forward", "twist"} <= unknown and not {"arm-moves", "elbow-works"} & unknown


@pytest.mark.parametrize("command", ["attributes", "read"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0 and f"skelzero text {command}" in out and "Example" in out
