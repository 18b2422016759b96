"""`skelzero compare`: methods side by side on the same splits, seeds and draws, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app

if TYPE_CHECKING:
    from skelzero.protocol.result import Result
    from skelzero.protocol.summary import Pair, Row

SHOWN = {"zsl": ("top1", "top5", "per_class"), "gzsl": ("S", "U", "H", "AUSUC")}
MAIN = {"zsl": "top1", "gzsl": "H"}


@app.command()
def compare(
    data: options.Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for the result files; what is there is not repeated.")],
    methods: Annotated[str, typer.Option(help="Methods with commas, or `all`.")] = "all",
    split: Annotated[list[str] | None, typer.Option(help="22/5, random:9 (draws of 9 unseen classes), random:9#3, a "
                                                    "JSON file; commas or several times.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each split (default 5), or of each draw (default 1).")] = 0,
    draws: Annotated[int, typer.Option(min=1, help="Random draws for each random:N.")] = 16,
    draw_seed: Annotated[int, typer.Option(help="Seed of the sequence of draws.")] = 0,
    setting: Annotated[str, typer.Option(help="zsl, gzsl or both with a comma.")] = "zsl,gzsl",
    baseline: Annotated[str, typer.Option(help="Method to which the others are paired.")] = "ridge",
    semantics: options.Semantics = "action,motion",
    text_encoder: options.TextEncoder = "minilm",
    encoder: options.EncoderName = options.DEFAULT_ENCODER,
    steps: options.Steps = 0,
    pipeline: options.PipelineName = "",
    class_set: options.ClassSetName = "",
    dataset: options.Dataset = "",
    partition: options.PartitionName = "",
    test_subjects: options.TestSubjects = "",
    folds: options.Folds = 1,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A method's setting, METHOD.KEY=VALUE.")] = None,
    allow_leaky: options.AllowLeaky = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 for one a core.")] = 0,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Compare methods on the same splits, seeds and draws.

    Settings are chosen on pseudo-unseen classes; test labels of unseen classes are used for the figures only. Every
    task is a file in OUT/results: a stopped command goes on where it stopped, and a repeated one only reads.

    Example: `skelzero compare --methods scale,ridge --data utd --split 22/5,18/9 --seeds 5 --out results`
    """
    from skelzero.methods import METHODS
    from skelzero.protocol.grid import run_grid
    from skelzero.protocol.plan import Request, plan

    request = Request(
        methods=list(METHODS) if methods == "all" else list(dict.fromkeys(options.words(methods))), data=data,
        splits=list(dict.fromkeys(name for item in split or [] for name in options.words(item))), seeds=seeds or None,
        draws=draws, draw_seed=draw_seed, settings=options.words(setting), kinds=options.words(semantics),
        text_encoder=text_encoder, encoder=options.encoder_settings(encoder, steps), class_set=class_set,
        dataset=dataset, pipeline=pipeline, partition=partition,
        test_subjects=options.numbers(test_subjects, "--test-subjects"), folds=folds,
        overrides=options.assignments_by_method(set_ or []), allow_leaky=allow_leaky,
    )  # fmt: skip
    with console.err.status("opening data and texts"):
        tasks = plan(request)
    with console.progress() as bar:
        line = bar.add_task("comparing", total=len(tasks))
        results = run_grid(tasks, out, workers=workers,
                           progress=lambda done, total: bar.update(line, completed=done, total=total))  # fmt: skip
    _report(results, baseline, out, as_json)


def _report(results: Sequence[Result], baseline: str, out: Path, as_json: bool) -> None:
    from skelzero.cards import write_json
    from skelzero.protocol.summary import pair_up, summarise

    rows, pairs = summarise(results), pair_up(results, baseline)
    summary: dict[str, Any] = {
        "results": [row.model_dump() for row in rows], "paired": [pair.model_dump() for pair in pairs],
        "files": sorted({result.key for result in results}), "out": str(out),
    }  # fmt: skip
    write_json(out / "compare.json", summary)
    show(rows, pairs)
    if as_json:
        console.put_json(summary)


def show(rows: Sequence[Row], pairs: Sequence[Pair]) -> None:
    """One table for each split and setting: methods by metrics, in per cent."""
    for dataset, split, setting in dict.fromkeys((r.dataset, r.split, r.setting) for r in rows):
        table = [r for r in rows if (r.dataset, r.split, r.setting) == (dataset, split, setting)]
        present = {r.metric for r in table}
        kind = setting.split("-")[0]
        shown = [m for m in SHOWN[kind] if m in present]
        cells = {(r.method, r.metric): r for r in table}
        lines = [[m + (" (leaky encoder)" if cells[m, shown[0]].leaky else ""), *(_cell(cells[m, x]) for x in shown),
                  _difference(pairs, m, dataset, split, setting, MAIN[kind])]
                 for m in dict.fromkeys(r.method for r in table)]  # fmt: skip
        chances = [next((r.chance for r in table if r.metric == m), None) for m in shown]
        lines.append(["chance", *("" if c is None else f"{100 * c:.1f}" for c in chances), ""])
        against = f"{MAIN[kind]} - {pairs[0].baseline}" if pairs else "paired"
        n = max(r.seeds for r in table)
        console.put_table(f"{dataset} {split}, {setting}, %, mean of {n} with 95 % interval",
                          ["method", *shown, against], lines)  # fmt: skip


def _cell(row: Row) -> str:
    low, high = row.ci95
    half = "" if low is None or high is None else f" ±{50 * (high - low):.1f}"
    return f"{100 * row.mean:.1f}{half}"


def _difference(pairs: Sequence[Pair], method: str, dataset: str, split: str, setting: str, metric: str) -> str:
    for pair in pairs:
        where = (pair.method, pair.dataset, pair.split, pair.setting, pair.metric)
        if where == (method, dataset, split, setting, metric):
            low, high = pair.ci95
            half = "" if low is None or high is None else f" ±{50 * (high - low):.1f}"
            return f"{100 * pair.difference:+.1f}{half}"
    return ""
