"""`skelzero report`: the results of a comparison as one page, and as figures and tables of a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="A folder written by `skelzero compare`.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file; by default report.html, unless --paper is "
                                             "given.")] = None,
    paper: Annotated[Path | None, typer.Option(help="Folder for PDF and PNG figures, LaTeX and CSV tables.")] = None,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Zero-shot action recognition",
    baseline: Annotated[str, typer.Option(help="Method to which the others are paired.")] = "",
) -> None:  # fmt: skip
    """Write the results of a comparison as one self-contained HTML page, or as figures and tables of a paper.

    Example: `skelzero report results --out report.html --paper figures`
    """
    from skelzero.protocol.result import read_results
    from skelzero.report.html import write_report
    from skelzero.report.paper import write_paper

    found = read_results(results)
    if paper is not None:
        written = write_paper(found, paper, baseline=baseline or None)
        console.say(f"wrote {len(written)} files to {paper}")
    if out is not None or paper is None:
        page = out or Path("report.html")
        write_report(found, page, title=title, baseline=baseline or None)
        console.say(f"wrote {page}")
