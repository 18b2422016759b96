"""`skelzero demo`: the main job on built-in synthetic motion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for motion, results, run and report.")] = Path("demo-run"),
    seed: Annotated[int, typer.Option(min=0, help="Of everything.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A minute instead of minutes, with poor figures.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 for one a core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Train, evaluate and recognise on built-in SYNTHETIC motion, and write a report.

    No recording and no network is needed. The figures show that it all works, not how well people are recognised.

    Example: `skelzero demo --out demo-run`
    """
    from skelzero.cli.compare import show
    from skelzero.demo import QUICK, run_demo
    from skelzero.protocol.summary import pair_up, summarise

    outcome = run_demo(out, seed=seed, size=QUICK if quick else None, workers=workers, say=console.say)
    rows, pairs = summarise(outcome.results), pair_up(outcome.results, "ridge")
    show(rows, pairs)
    segment = outcome.recognition.segments[0]
    ranking = ", ".join(f"{r.label} {100 * r.probability:.0f} %" for r in segment.labels)
    console.say(f"a synthetic clip of the unseen class {outcome.truth!r} was recognised as: {ranking}")
    console.say(f"report: {outcome.report}")
    if as_json:
        console.put_json({"synthetic": True, "results": [row.model_dump() for row in rows], "truth": outcome.truth,
                          "report": str(outcome.report), **outcome.recognition.to_json()})  # fmt: skip
