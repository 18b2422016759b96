"""`skelzero data` as a user types it."""

from __future__ import annotations

import json
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


def test_info_on_a_changed_store_is_a_users_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((store / "frames.f32").read_bytes())
    data[0] ^= 1
    (store / "frames.f32").write_bytes(bytes(data))
    assert main(["data", "info", str(store)]) == 2
    captured = capsys.readouterr()
    assert "checksum is wrong" in captured.err and "next step" in captured.err and "Traceback" not in captured.err
    assert captured.out == ""


def test_show_writes_a_page_that_needs_no_network(store: Path, tmp_path: Path) -> None:
    assert main(["data", "show", str(store), "clip1", "--out", str(tmp_path / "look")]) == 0
    page = (tmp_path / "look" / "clip1.html").read_text()
    assert "clip1" in page and "<script src=" not in page and "Plotly" in page
    assert (tmp_path / "look" / "clip1.png").read_bytes()[:4] == b"\x89PNG"


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
    assert report["clips"] == 1 and report["skipped"] == 0 and report["seconds"] > 0
