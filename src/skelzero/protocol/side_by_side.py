"""Runs beside each other: the settings in which they differ, their figures, and where their losses ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skelzero.cards import CARD, canonical_json, read_json
from skelzero.protocol.catalogue import kept_figures, require
from skelzero.protocol.run import read_log

LEFT_OUT = ("made", "seconds", "hardware", "diagnostics", "selection", "stacking", "gates", "transductions",
            "calibration", "rejection", "gamma", "history")  # fmt: skip
"""Of a run's card, what came out of the training and was not set."""
OF_ENCODER = ("encoder", "steps", "seed", "settings", "clips")

Table = dict[str, list[Any]]


def compare_runs(runs: Sequence[Path]) -> dict[str, Table]:
    """Tables with a column a run.

    Returns
    -------
    dict
        `settings`: those that differ, None where a run has no such setting. `figures`: `SETTING METRIC` of kept
        evaluations. `last`: `PART VALUE` of the last noted step of each part.

    Raises
    ------
    UserError
        One of them is no run, or a damaged one.
    """
    for run in runs:
        require(run, "run")
    settings = _joined([_settings(run) for run in runs])
    return {
        "settings": {name: row for name, row in settings.items() if len({canonical_json(value) for value in row}) > 1},
        "figures": _joined([_figures(run) for run in runs]), "last": _joined([_last(run) for run in runs]),
    }  # fmt: skip


def _joined(columns: Sequence[dict[str, Any]]) -> Table:
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _settings(run: Path) -> dict[str, Any]:
    card = {name: value for name, value in read_json(run / CARD, what="run").items() if name not in LEFT_OUT}
    encoder = run / "encoder" / CARD
    if encoder.is_file():
        content = read_json(encoder, what="encoder")
        card["skeleton encoder"] = {name: content.get(name) for name in OF_ENCODER}
    return _flat(card)


def _flat(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        full = f"{path}.{name}" if path else name
        found |= _flat(inner, full) if isinstance(inner, dict) else {full: inner}
    return found


def _figures(run: Path) -> dict[str, float]:
    return {
        f"{setting} {metric}": value for setting, found in kept_figures(run).items() for metric, value in found.items()
    }


def _last(run: Path) -> dict[str, float]:
    """Values of the last noted step of each part, and the step itself, counted from 0."""
    found: dict[str, float] = {}
    for part, notes in read_log(run).items():
        if notes:
            found |= {f"{part} step": notes[-1].step} | {f"{part} {name}": v for name, v in notes[-1].values.items()}
    return found
