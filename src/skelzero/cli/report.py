"""`skelzero report`: the results of a comparison as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="A folder written by `skelzero compare`.")],
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Zero-shot action recognition",
    baseline: Annotated[str, typer.Option(help="Method to which the others are paired.")] = "",
) -> None:
    """Write the results of a comparison as one self-contained HTML page.

    Example: `skelzero report results --out report.html`
    """
    from skelzero.protocol.result import read_results
    from skelzero.report.html import write_report

    write_report(read_results(results), out, title=title, baseline=baseline or None)
    console.say(f"wrote {out}")
