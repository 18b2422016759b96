"""`skelzero data` as a user types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from skelzero.cli import main
from skelzero.clips import Clip, Origin, load_layout, write_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    clips = [
        Clip(rng.random((1, 30, 20, 3)).astype(np.float32), load_layout("kinect20-ucla"),
             Origin(f"clip{i}", "nw_ucla", "a01", subject=i), fps=30)
        for i in range(3)
    ]  # fmt: skip
    write_store(tmp_path / "store", clips, source="made-up")
    return tmp_path / "store"


def test_info_has_the_promised_keys(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(store), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"clips", "classes", "layout", "frames", "checksum"} <= set(facts)
    assert (facts["clips"], facts["classes"], facts["layout"], facts["frames"]) == (3, 1, "kinect20-ucla", 90)


def test_info_for_people(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(store)]) == 0
    captured = capsys.readouterr()
    words = " ".join(captured.err.split())
    assert captured.out == "" and "clips a class: a01 3" in words
    for part in ("kinect20-ucla", "nw_ucla 3", "subjects │ 3", "min 30 · 25 % 30 · median 30", "verified │ yes"):
        assert part in words


def test_info_on_a_changed_store_is_a_users_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((store / "frames.f32").read_bytes())
    data[0] ^= 1
    (store / "frames.f32").write_bytes(bytes(data))
    assert main(["data", "info", str(store)]) == 2
    captured = capsys.readouterr()
    assert "checksum is wrong" in captured.err and "next step" in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    assert main(["data", "info", str(store), "--no-verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is False


@pytest.mark.parametrize("damage", ["cut", "gone", "no card"])
def test_info_on_a_damaged_store(store: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    if damage == "cut":
        (store / "frames.f32").write_bytes(b"1234")
    else:
        (store / {"gone": "index.npy", "no card": "card.json"}[damage]).unlink()
    assert main(["data", "info", str(store)]) == 2
    assert capsys.readouterr().err.count("error:") == 1


def test_show_writes_a_page_that_needs_no_network(store: Path, tmp_path: Path) -> None:
    assert main(["data", "show", str(store), "clip1", "--out", str(tmp_path / "look")]) == 0
    page = (tmp_path / "look" / "clip1.html").read_text()
    assert "clip1" in page and "<script src=" not in page and "Plotly" in page
    assert (tmp_path / "look" / "clip1.png").read_bytes()[:4] == b"\x89PNG"


def test_show_takes_numbers_and_says_what_it_wrote(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert main(["data", "show", str(store), "2", "--out", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"clip": "clip2", "files": [str(tmp_path / "clip2.html"), str(tmp_path / "clip2.png")]}
    assert main(["data", "show", str(store), "clip9", "--out", str(tmp_path)]) == 2
    assert "clip0, clip1, clip2" in capsys.readouterr().err


def test_show_without_matplotlib_still_writes_the_page(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["data", "show", str(store), "0", "--out", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["files"] == [str(tmp_path / "clip0.html")]
    assert "skelzero[figures]" in captured.err and not (tmp_path / "clip0.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "import", "missing.zip", "--out", "x"],
        ["data", "info", "missing"],
        ["data", "import", ".", "--out", "x", "--format", "nope"],
        ["data", "shw"],
    ],
)
def test_mistakes_exit_with_two_and_one_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1 and "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_import_prints_the_promised_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a01_s01_e01_skeleton3D.txt"
    np.savetxt(source, np.c_[np.random.default_rng(0).random((60, 3)) + 1, np.ones(60)], fmt="%.6f")
    assert main(["data", "import", str(source), "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"clips", "skipped", "seconds"}
    assert report["clips"] == 1 and report["skipped"] == 0 and report["seconds"] > 0


def test_import_says_what_was_left_out_and_where_it_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (tmp_path / "src").mkdir()
    rows = np.c_[np.random.default_rng(0).random((60, 3)) + 1, np.ones(60)]
    np.savetxt(tmp_path / "src" / "a01_s01_e01_skeleton3D.txt", rows, fmt="%.6f")
    (tmp_path / "src" / "README.txt").write_text("hello\n")
    command = ["data", "import", str(tmp_path / "src"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "1 skipped" in captured.err and "skipped.csv" in captured.err
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--workers", "1", "--format", "msr-action3d"]) == 0


def test_an_empty_folder_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src").mkdir()
    assert main(["data", "import", str(tmp_path / "src"), "--out", str(tmp_path / "out")]) == 2
    assert "nothing to read in here" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["src"]


def test_every_format_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "formats", "--json"]) == 0
    assert {"ntu", "utd-mhad", "bvh"} <= set(json.loads(capsys.readouterr().out))


def test_layouts_are_listed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "layouts"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "mediapipe33-image" in captured.err and "left_hand" in captured.err
    page = tmp_path / "layouts.html"
    assert main(["data", "layouts", "--html", str(page), "--svg", str(tmp_path / "svg"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    names = [fact["name"] for fact in said["layouts"]]
    assert said["files"] == [*(str(tmp_path / "svg" / f"{name}.svg") for name in names), str(page)]
    assert all(Path(file).stat().st_size > 1000 for file in said["files"])
    ntu = said["layouts"][names.index("ntu25")]
    assert (ntu["dims"], ntu["missing"], ntu["common"]["spine"]) == (3, {}, ["spine_mid"])
