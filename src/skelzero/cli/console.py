"""What the commands print: one JSON object on standard output when asked, everything else on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from skelzero.cards import plain

err = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """Print an error message without markup (paths may hold brackets)."""
    err.print(f"error: {message}", markup=False, style="red", soft_wrap=True)


def say(message: str) -> None:
    err.print(message, markup=False, soft_wrap=True)


def put_json(value: object) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=plain))


def put_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, words: Sequence[str] = ()
) -> None:
    """Print a table on standard error; the first column and those named in `words` are text, the others numbers."""
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 or column in words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    err.print(table)


def progress() -> Progress:
    """A progress bar on standard error; silent when that is not a terminal."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=err, transient=True, disable=not err.is_terminal,
    )  # fmt: skip
