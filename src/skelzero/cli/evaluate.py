"""`skelzero evaluate`: figures of a run folder on the test clips of its split."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder, from `skelzero train`.")],
    setting: options.Setting = "zsl,gzsl",
    data: Annotated[Path | None, typer.Option(help="The clip store, if it has moved.")] = None,
    as_json: options.Json = False,
) -> None:
    """Judge a run on test clips: unseen classes among themselves (zsl), all classes among all (gzsl).

    Example: `skelzero evaluate run --setting gzsl --json`
    """
    from skelzero.protocol.catalogue import keep_figures
    from skelzero.protocol.figures import COUNTS
    from skelzero.protocol.run import Run
    from skelzero.protocol.training import evaluate_run

    settings = options.settings(setting)
    loaded = Run.load(run)
    with console.err.status("evaluating"):
        found = evaluate_run(loaded, settings, data=data)
    with contextlib.suppress(OSError):  # a run that may only be read is judged all the same
        keep_figures(run, found)
    card = loaded.card
    title = f"{card.method} on {card.dataset} {card.split.name}" + (" (leaky encoder)" if card.leaky else "")
    for name, values in found.metrics.items():
        chance = found.chance[name]
        rows = [
            [m, f"{v:.0f}" if m in COUNTS else f"{100 * v:.1f}", f"{100 * chance[m]:.1f}" if m in chance else ""]
            for m, v in values.items()
        ]
        console.put_table(f"{title}, {name}, %", ["metric", "value", "chance"], rows)
    if as_json:
        console.put_json({
            "run": str(run), "method": card.method, "dataset": card.dataset, "split": card.split.name,
            "seed": card.seed, "metrics": found.metrics, "chance": found.chance, "per_class": found.per_class,
            "class_order": found.class_order, "confusion": found.confusion, "gamma": card.gamma, "leaky": card.leaky,
        })  # fmt: skip
