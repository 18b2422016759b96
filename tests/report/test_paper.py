"""Figures and tables of a paper: sizes, fonts, numbers, and bytes that do not change."""

from __future__ import annotations

import csv
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import CODES, result, utd

from skelzero.errors import UserError
from skelzero.protocol.summary import pair_up, summarise
from skelzero.report.paper import write_paper
from skelzero.report.paper_tables import latex


@pytest.fixture(scope="module")
def results() -> list[Any]:
    drawn = [utd(m, s, 0.5 + 0.1 * (m == "scale") + 0.013 * s) for m in ("ridge", "scale") for s in range(4)]
    facts = {"name": "55/5", "dataset": "ntu120", "family": "SynSE", "seen": CODES[:2], "unseen": CODES[2:]}
    return [*drawn, *(result("scale", s, 0.7 + 0.01 * s, task={"split": facts}) for s in range(3))]


@pytest.fixture(scope="module")
def folder(results: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paper")
    write_paper(results, path)
    return path


def test_every_figure_is_there_as_pdf_and_png(folder: Path) -> None:
    names = {p.stem for p in folder.glob("*.pdf")}
    assert names == {p.stem for p in folder.glob("*.png")} == {
        "main-utd_mhad-random-2-zsl", "main-utd_mhad-random-2-gzsl", "main-ntu120-55-5-zsl",
        "confusion-ntu120-55-5-zsl", "confusion-utd_mhad-random-2-zsl", "confusion-utd_mhad-random-2-gzsl",
        "curves-utd_mhad-random-2", "latent-utd_mhad-random-2",
    }  # fmt: skip
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_pngs_are_one_column_wide(folder: Path) -> None:
    for path in folder.glob("*.png"):
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        assert width == 1020 and 100 < height < 3000, path.name


def test_pdfs_embed_truetype_fonts_and_no_date(folder: Path) -> None:
    for path in folder.glob("*.pdf"):
        content = path.read_bytes()
        assert b"/FontFile2" in content and b"/Type3" not in content and b"CreationDate" not in content
        box = content[content.index(b"/MediaBox") :].split(b"]")[0].split(b"[")[1].split()
        assert float(box[2]) == pytest.approx(3.4 * 72)


def test_equal_results_give_equal_bytes(folder: Path, results: list[Any], tmp_path: Path) -> None:
    write_paper(results[::-1], tmp_path / "again")
    files = sorted(p.name for p in folder.iterdir())
    assert files == sorted(p.name for p in (tmp_path / "again").iterdir())
    assert [n for n in files if (folder / n).read_bytes() != (tmp_path / "again" / n).read_bytes()] == []


def test_tables_say_what_the_summary_says(folder: Path, results: list[Any]) -> None:
    with (folder / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    rows = summarise(results)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert (line["method"], line["split"], line["metric"]) == (row.method, row.split, row.metric)
        assert float(line["mean"]) == row.mean and float(line["low"]) == row.ci95[0]
    with (folder / "paired.csv").open() as file:
        paired = {(p["metric"], p["method"]): p for p in csv.DictReader(file)}
    pair = next(p for p in pair_up(results, "ridge") if p.metric == "top1")
    assert float(paired["top1", "scale"]["difference"]) == pair.difference
    assert float(paired["top1", "scale"]["high"]) == pair.ci95[1]
    text = (folder / "table-utd_mhad-random-2-zsl.tex").read_text()
    best = next(r for r in rows if (r.method, r.metric, r.dataset) == ("scale", "top1", "utd_mhad"))
    half = 50 * (best.ci95[1] - best.ci95[0])  # type: ignore[operator]
    assert rf"\textbf{{scale}} & \textbf{{{100 * best.mean:.1f} $\pm${half:.1f}}}" in text
    assert f"{100 * pair.difference:+.1f} [" in text and r"\toprule" in text


def test_published_figures_stand_below_and_say_how_they_were_chosen(folder: Path) -> None:
    text = (folder / "table-ntu120-55-5-zsl.tex").read_text()
    ours, further = text.split(r"chance")
    assert "TDSM, published & 86.5" in further and "published &" not in ours and "best epoch" in ours
    with (folder / "published.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["split"] for line in lines} == {"55/5"} and all(line["source"] for line in lines)


def test_special_characters_do_not_reach_latex() -> None:
    assert latex(r"50 % of a_b & \c{d} #1 $x^2~y") == (
        r"50 \% of a\_b \& \textbackslash{}c\{d\} \#1 \$x\textasciicircum{}2\textasciitilde{}y"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(folder: Path, tmp_path: Path) -> None:
    tables = "\n\n".join(p.read_text() for p in sorted(folder.glob("*.tex")))
    whole = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{tables}\\end{{document}}"
    (tmp_path / "t.tex").write_text(whole)
    done = subprocess.run(["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-800:]


def test_every_line_of_a_table_has_as_many_cells(folder: Path) -> None:
    for path in folder.glob("*.tex"):
        lines = [line for line in path.read_text().splitlines() if line.endswith(r"\\")]
        assert len({line.replace(r"\&", "").count("&") for line in lines}) == 1, path.name


def test_figures_can_be_told_apart_without_colour(folder: Path) -> None:
    """The plot of means has no colour at all where nothing was published."""
    content = (folder / "main-utd_mhad-random-2-zsl.png").read_bytes()
    data, at = b"", 8
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        data += content[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    width, height = struct.unpack(">II", content[16:24])
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 4 * width)
    assert (lines[:, 0] == 0).any(), "lines without a filter can be read as they are"
    pixels = lines[lines[:, 0] == 0, 1:].reshape(-1, 4)[:, :3].astype(int)
    assert (pixels.max(axis=1) - pixels.min(axis=1)).max() == 0


def test_without_matplotlib_the_message_says_what_to_install(
    results: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"matplotlib(.|\n)*skelzero\[figures\]"):
        write_paper(results, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_no_result_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to report"):
        write_paper([], tmp_path / "p")
