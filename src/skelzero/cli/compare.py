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

SHOWN = {"zsl": ("top1", "top5", "per_class", "top1_best_on_test"), "gzsl": ("S", "U", "H", "AUSUC")}
MAIN = {"zsl": "top1", "gzsl": "H"}
TITLES = {"top1_best_on_test": "best-on-test (as published)"}


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
    setting: options.Setting = "zsl,gzsl",
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
    backend: options.Backend = "local",
    workers: options.Workers = 0,
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
        draws=draws, draw_seed=draw_seed, settings=list(options.settings(setting)), kinds=options.words(semantics),
        text_encoder=text_encoder, encoder=options.encoder_settings(encoder, steps), class_set=class_set,
        dataset=dataset, pipeline=pipeline, partition=partition,
        test_subjects=options.numbers(test_subjects, "--test-subjects"), folds=folds,
        overrides=options.assignments_by_method(set_ or []), allow_leaky=allow_leaky,
    )  # fmt: skip
    with console.err.status("opening data and texts"):
        tasks = plan(request)
    with console.progress() as bar:
        line = bar.add_task("comparing", total=len(tasks))
        results = run_grid(tasks, out, backend=backend, workers=workers,
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
    """One table for each split and setting, methods by metrics; and one of all gates, methods by gates. In per cent."""
    from skelzero.protocol.figures import GATE_SETTINGS, GZSL

    for dataset, split in dict.fromkeys((r.dataset, r.split) for r in rows):
        here = [r for r in rows if (r.dataset, r.split) == (dataset, split)]
        for setting in dict.fromkeys(r.setting for r in here if r.setting not in GATE_SETTINGS):
            _show_setting([r for r in here if r.setting == setting], pairs)
        if any(r.setting in GATE_SETTINGS for r in here):
            _show_gates([r for r in here if r.setting in (GZSL, *GATE_SETTINGS)])


def _show_setting(table: Sequence[Row], pairs: Sequence[Pair]) -> None:
    from skelzero.protocol.figures import family

    present, first = {r.metric for r in table}, table[0]
    kind = family(first.setting)
    shown = [m for m in SHOWN[kind] if m in present]
    cells = {(r.method, r.metric): r for r in table}
    lines = [[_name(cells[m, shown[0]]), *(_cell(cells.get((m, x))) for x in shown),
              _difference(pairs, cells[m, shown[0]], MAIN[kind])]
             for m in dict.fromkeys(r.method for r in table)]  # fmt: skip
    chances = [next((r.chance for r in table if r.metric == m), None) for m in shown]
    lines.append(["chance", *("" if c is None else f"{100 * c:.1f}" for c in chances), ""])
    against = f"{MAIN[kind]} - {pairs[0].baseline}" if pairs else "paired"
    n = max(r.seeds for r in table)
    console.put_table(f"{first.dataset} {first.split}, {first.setting}, %, mean of {n} with 95 % interval",
                      ["method", *(TITLES.get(m, m) for m in shown), against], lines)  # fmt: skip


def _show_gates(table: Sequence[Row]) -> None:
    """H behind each gate; `oracle` sends every clip to its own branch."""
    first, n = table[0], max(r.seeds for r in table)
    methods, settings = (list(dict.fromkeys(getattr(r, name) for r in table)) for name in ("method", "setting"))
    found = {(r.method, r.setting, r.metric): r for r in table}
    lines = [
        [name.removeprefix("gzsl-").replace("gzsl", "stacking"), *(_cell(found.get((m, name, "H"))) for m in methods)]
        for name in settings
    ]
    gated = next(name for name in settings if name != "gzsl")
    lines.append(["oracle", *(_cell(found.get((m, gated, "H_oracle_gate"))) for m in methods)])
    console.put_table(f"{first.dataset} {first.split}, H behind each gate, %, mean of {n} with 95 % interval",
                      ["gate", *methods], lines)  # fmt: skip


def _name(row: Row) -> str:
    return row.method + (" (leaky encoder)" if row.leaky else "")


def _cell(row: Row | None) -> str:
    from skelzero.protocol.summary import in_percent

    return "" if row is None else in_percent(row.mean, row.ci95)


def _difference(pairs: Sequence[Pair], row: Row, metric: str) -> str:
    from skelzero.protocol.summary import in_percent

    wanted = (row.method, row.dataset, row.split, row.setting, metric)
    for pair in pairs:
        if (pair.method, pair.dataset, pair.split, pair.setting, pair.metric) == wanted:
            return in_percent(pair.difference, pair.ci95, "+")
    return ""
