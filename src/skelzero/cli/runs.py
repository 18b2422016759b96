"""`skelzero runs`: what was trained, compared and imported, listed, looked at, set side by side and deleted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app
from skelzero.errors import UserError

if TYPE_CHECKING:
    from skelzero.protocol.catalogue import Artefact

runs = typer.Typer(help="List, show, compare and delete what this program has written.", no_args_is_help=True)
app.add_typer(runs, name="runs")


@runs.command("list")
def list_(
    folders: Annotated[list[Path], typer.Argument(help="Folders to look through.")],
    as_json: options.Json = False,
) -> None:
    """List the runs, features, comparisons, stores and encoders under a folder.

    Damaged ones are marked. Figures are shown of runs whose evaluation was kept (`runs compare --evaluate`).

    Example: `skelzero runs list . --json`
    """
    from skelzero.protocol.catalogue import find

    found = [artefact for folder in folders for artefact in find(folder)]
    rows = [(a.path, a.kind, _what(a), _shares(a.figures), _bytes(a.bytes), a.made[:10]) for a in found]
    columns = ("folder", "kind", "what", "figures, %", "size", "made")
    console.put_table(f"{len(found)} found", columns, rows, words=("kind", "what", "made"))
    for artefact in (a for a in found if a.damage):
        console.say(f"DAMAGED {artefact.kind} {artefact.path}: {artefact.damage}")
    if as_json:
        console.put_json({"found": [_facts(artefact) for artefact in found]})


@runs.command()
def show(
    run: Annotated[Path, typer.Argument(help="A folder of `runs list`.")], as_json: options.Json = False
) -> None:  # fmt: skip
    """Show one of them in full, and whether it is intact: all of it is read and compared with its checksums.

    Example: `skelzero runs show run`
    """
    from skelzero.cards import CARD, read_json
    from skelzero.protocol.catalogue import require, verify

    found = require(run)
    if found.damage:
        raise UserError(f"this {found.kind} is damaged", where=run, got=found.damage, next_step="make it again")
    verify(found)
    facts = {**_facts(found), "verified": True}
    card = read_json(run / CARD) if (run / CARD).is_file() else {}
    if as_json:
        console.put_json({**facts, "card": card})
        return
    shown = {name: value for name, value in {**card, **facts}.items() if not isinstance(value, dict | list) or value}
    console.put_table(str(run), ("fact", "value"), [(name, _short(value)) for name, value in sorted(shown.items())],
                      words=("value",))  # fmt: skip


@runs.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs, from `skelzero train`.")],
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Evaluate runs that were not, and keep it.")] = False,
    setting: options.Setting = "zsl,gzsl",
    as_json: options.Json = False,
) -> None:
    """Set runs side by side: settings that differ, figures, and where the losses ended.

    Two runs are two draws, not an experiment: `skelzero compare` says with intervals which method is better.

    Example: `skelzero runs compare run --evaluate`
    """
    from skelzero.protocol.figures import COUNTS
    from skelzero.protocol.side_by_side import compare_runs

    found = compare_runs(folders)
    if evaluate and _evaluate(folders, options.settings(setting)):
        found = compare_runs(folders)
    names = [str(folder) for folder in folders]
    titles = {"settings": "settings that differ", "figures": "figures, %", "last": "last noted step"}
    for name, title in titles.items():
        rows = [
            (key, *(_cell(value, 100 if name == "figures" and key.split()[-1] not in COUNTS else 1) for value in row))
            for key, row in found[name].items()
        ]
        if rows:
            console.put_table(title, ("", *names), rows)
    if not found["figures"]:
        console.say("no evaluation was kept of these runs; --evaluate makes them")
    if as_json:
        console.put_json({"runs": names, **found})


@runs.command()
def delete(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of `runs list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: options.Json = False,
) -> None:
    """Delete runs, features, comparisons, stores or encoders, and nothing else.

    A folder that is none of these, that is a link, or in which other files lie, is refused, and then nothing is
    deleted at all.

    Example: `skelzero runs delete run --yes`
    """
    from skelzero.protocol.catalogue import deletable
    from skelzero.protocol.catalogue import delete as delete_folder

    wanted = [deletable(folder) for folder in dict.fromkeys(folders)]
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("deleting wants a yes, and nobody can be asked here", next_step="pass --yes")
        for artefact in wanted:
            console.say(f"{artefact.kind} {artefact.path}, {_bytes(artefact.bytes)}")
        if not typer.confirm(f"Delete {'it' if len(wanted) == 1 else f'these {len(wanted)}'}?", err=True):
            console.say("nothing was deleted")
            return
    for artefact in wanted:
        delete_folder(artefact.path)
        console.say(f"deleted {artefact.kind} {artefact.path}, {_bytes(artefact.bytes)}")
    if as_json:
        console.put_json({"deleted": [str(artefact.path) for artefact in wanted]})


def _evaluate(folders: Sequence[Path], settings: tuple[str, ...]) -> int:
    """Evaluate runs that lack one of the settings; how many these were."""
    from skelzero.protocol.catalogue import keep_figures, kept_figures
    from skelzero.protocol.run import Run
    from skelzero.protocol.training import evaluate_run

    lacking = [folder for folder in folders if not set(settings) <= set(kept_figures(folder))]
    for folder in lacking:
        with console.err.status(f"evaluating {folder}"):
            keep_figures(folder, evaluate_run(Run.load(folder), settings))
    return len(lacking)


def _facts(artefact: Artefact) -> dict[str, Any]:
    return {**asdict(artefact), "path": str(artefact.path)}


def _what(artefact: Artefact) -> str:
    seed = "" if artefact.seed is None else f"seed {artefact.seed}"
    parts = (artefact.method, artefact.dataset, artefact.split, seed, "DAMAGED" if artefact.damage else "")
    return " · ".join(part for part in parts if part)


def _shares(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {100 * value:.1f}" for name, value in figures.items())


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


def _cell(value: object, times: int) -> str:
    return f"{times * value:.5g}" if isinstance(value, float) else "" if value is None else _short(value)


def _short(value: object, most: int = 300) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]} ... ({len(text)} characters; --json has all)"
