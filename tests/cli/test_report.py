"""`skelzero report`: a page, a paper, or both."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelzero.cli.app import app


@pytest.fixture
def compared(features_folder: Path, text_file: Path, tmp_path: Path) -> Path:
    out = tmp_path / "results"
    command = ["compare", "--methods", "ridge,devise", "--data", str(features_folder), "--split", "22/5", "--seeds",
               "2", "--text-encoder", f"file:{text_file}", "--semantics", "action", "--out", str(out), "--workers", "1",
               "--set", "devise.steps=5"]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return out


def test_a_page_and_a_paper_from_real_results(compared: Path, tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "paper"
    done = CliRunner().invoke(app, ["report", str(compared), "--out", str(page), "--paper", str(paper)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    text = text[text.index("<body>") :]
    assert "<h2>Cost" in text and "the space in which clips and classes meet" in text and "What " in text
    names = {p.name for p in paper.iterdir()}
    assert {"summary.csv", "paired.csv", "table-cost.tex", "main-utd_mhad-22-5-zsl.pdf", "curves-utd_mhad-22-5.png",
            "latent-utd_mhad-22-5.pdf", "confusion-utd_mhad-22-5-gzsl.png"} <= names  # fmt: skip


def test_only_what_is_asked_for_is_written(compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["report", str(compared), "--paper", "p"]).exit_code == 0
    assert (tmp_path / "p").is_dir() and not (tmp_path / "report.html").exists()
    assert CliRunner().invoke(app, ["report", str(compared)]).exit_code == 0
    assert (tmp_path / "report.html").is_file()
