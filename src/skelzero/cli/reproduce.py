"""`skelzero reproduce`: a publication's experiments on the reader's own copy of NTU RGB+D or PKU-MMD."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app

if TYPE_CHECKING:
    from skelzero.protocol.reproduce import Planned
    from skelzero.protocol.reproduction import Line


@app.command()
def reproduce(
    publication: Annotated[str, typer.Argument(help="scale, msf or pgfa.")],
    data: Annotated[Path, typer.Option("--data", help="Clip store, or a folder or archive of recordings (.skeleton), "
                                       "which is imported first.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the store, the result files and the table; what is "
                                      "there is not repeated.")],
    weights: Annotated[Path | None, typer.Option(help="Encode with these weights (an encoder folder, or the public "
                                                 "Shift-GCN .pt, which know all classes) instead of training.")] = None,
    splits: Annotated[str, typer.Option(help="Some of the publication's splits, such as 55/5,48/12; all "
                                        "by default.")] = "",
    ours: Annotated[bool, typer.Option("--ours", help="Our form of the method, too.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each split.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="Cut all trainings short, to see that everything runs; its "
                                        "figures mean nothing.")] = False,
    reduced: Annotated[bool, typer.Option("--reduced", help="Run splits of which classes are missing on those that "
                                          "are there, marked so.")] = False,
    semantics: Annotated[str, typer.Option("--semantics", "--texts", help="Kinds of text; the publication's by "
                                           "default.")] = "",
    text_encoder: options.TextEncoder = "minilm",
    encoder: Annotated[str, typer.Option(help="Another skeleton encoder than the publication's.")] = "",
    steps: options.Steps = 0,
    dataset: options.Dataset = "",
    partition: options.PartitionName = "",
    allow_leaky: options.AllowLeaky = False,
    backend: options.Backend = "local",
    workers: options.Workers = 0,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Repeat a publication's experiments on your own NTU RGB+D 60/120 or PKU-MMD, and set its figures beside yours.

    Every split of the publication runs in its published configuration (`scale-published`, `msf-published`,
    `pgfa-published`), with `--ours` in ours as well. A stopped command goes on where it stopped. Splits of which
    classes are missing are reported; `--reduced` runs what is left of them, and no published figure stands beside it.

    Not everything can be repeated: the descriptions of classes that the authors wrote and the features that they
    extracted are theirs. In their place, this package's descriptions are read by `--text-encoder`: minilm unless you
    say otherwise (for MSF `open-clip:ViT-B-32`, for PGFA `sentence-transformers:all-mpnet-base-v2`, or `file:X.npy`
    with vectors that you have), and the skeleton encoder is trained on each split's seen classes.

    Example: `skelzero reproduce scale --data nturgbd_skeletons --out scale-again --ours`
    """
    from skelzero.cards import write_json
    from skelzero.protocol.catalogue import REPRODUCTION
    from skelzero.protocol.grid import run_grid
    from skelzero.protocol.reproduce import Asked, data_of, plan
    from skelzero.protocol.reproduction import Line, record

    asked = Asked(
        publication=publication, data=data, out=out, weights=weights, splits=tuple(options.words(splits)), ours=ours,
        seeds=seeds, quick=quick, reduced=reduced, kinds=tuple(options.words(semantics)), text_encoder=text_encoder,
        encoder=encoder, steps=steps, dataset=dataset, partition=partition, allow_leaky=allow_leaky,
    )  # fmt: skip
    title = asked.facts.title
    with console.progress() as bar:
        line = bar.add_task("opening data", total=None)
        opened = data_of(
            asked, workers=workers,
            progress=lambda stage, done, total: bar.update(line, description=stage, completed=done, total=total),
        )  # fmt: skip
    planned = plan(asked, opened)
    _announce(planned)
    with console.progress() as bar:
        line = bar.add_task(f"reproducing {title}", total=len(planned.tasks))
        results = run_grid(planned.tasks, out, backend=backend, workers=workers,
                           progress=lambda done, total: bar.update(line, completed=done, total=total))  # fmt: skip
    found = record(asked, planned, results)
    write_json(out / REPRODUCTION, found)
    _show(title, [Line.model_validate(row) for row in found["rows"]], found["remarks"])
    if as_json:
        console.put_json(found)


def _announce(planned: Planned) -> None:
    """Which splits cannot run, and which run without some of their classes."""
    for name, reason in planned.refused.items():
        console.say(f"split {name} does not run: {reason}")
    for name, split in planned.running.items():
        if split.name != name:
            console.say(f"split {name} runs reduced: {len(split.seen)} seen and {len(split.unseen)} unseen classes")


def _show(title: str, lines: list[Line], remarks: list[str]) -> None:
    marks = " (quick)" if any(line.quick for line in lines) else ""
    rows = [
        (line.split, f"{line.setting} {line.metric}", line.method + " (leaky encoder)" * line.leaky,
         _percent(line.published), _ours(line), _percent(line.chance), line.seeds)
        for line in lines
    ]  # fmt: skip
    columns = ("split", "figure", "method", "published", "here", "chance", "seeds")
    console.put_table(f"{title}, %{marks}, mean with 95 % interval", columns, rows, words=("figure", "method"))
    for remark in remarks:
        console.say(f"- {remark}")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _ours(line: Line) -> str:
    from skelzero.protocol.summary import in_percent

    return in_percent(line.mean, line.ci95)
