"""`skelzero synthetic`: the package's own synthetic motion, written as a clip store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app

if TYPE_CHECKING:
    from skelzero.clips import Clip


@app.command()
def synthetic(
    out: Annotated[Path, typer.Option("--out", help="Clip store to write.")],
    subjects: Annotated[int, typer.Option(help="Bodies.", min=1)] = 8,
    replications: Annotated[int, typer.Option(help="Recordings of each class by each body.", min=1)] = 3,
    classes: Annotated[str, typer.Option(help="Codes, such as s01,s07; all by default.")] = "",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal clips.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Write synthetic motion: a jointed body, moved by a program, performing everyday and exercise classes.

    No person was recorded. Use it to try the package and to test methods, not to report how well people are recognised.

    Example: `skelzero synthetic --out synthetic --subjects 8`
    """
    from skelzero.clips import write_store
    from skelzero.synthetic import CLASSES, generate, source

    started = time.perf_counter()
    codes = list(dict.fromkeys(code.strip() for code in classes.split(",") if code.strip())) or list(CLASSES)
    clips = generate(codes, subjects, replications, seed)
    shown = _shown(clips, len(codes) * subjects * replications)
    store = write_store(out, shown, source=source(subjects, replications, seed), overwrite=overwrite)
    seconds = time.perf_counter() - started
    console.say(f"{len(store)} synthetic clips of {len(codes)} classes by {subjects} synthetic bodies: {out}")
    if as_json:
        facts = {"store": str(out), "dataset": "synthetic", "synthetic": True, "clips": len(store)}
        console.put_json({**facts, "classes": len(codes), "checksum": store.checksum, "seconds": round(seconds, 3)})


def _shown(clips: Iterator[Clip], total: int) -> Iterator[Clip]:
    """The same clips, with a progress bar."""
    with console.progress() as bar:
        yield from bar.track(clips, total=total, description="synthetic motion")
