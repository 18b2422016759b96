"""`skelzero report --paper`: figures as PDF and PNG, tables as LaTeX and CSV, from result files alone.

Equal results give equal bytes: no file holds a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from skelzero.cards import replacing, write_text
from skelzero.errors import missing_extra
from skelzero.protocol.result import Result
from skelzero.report.comparison import Comparison, compare
from skelzero.report.confusions import labels_of, matrix_of
from skelzero.report.latent import pictures
from skelzero.report.paper_figures import STYLE, confusion_figure, curve_figure, latent_figure, main_figure
from skelzero.report.paper_tables import cost_table, paired_csv, published_csv, setting_table, summary_csv
from skelzero.report.verdict import of_place

DPI = 300
NO_DATES = {"pdf": {"CreationDate": None, "Producer": None, "Creator": None}, "png": {"Software": None}}


def write_paper(results: Sequence[Result], folder: Path, *, baseline: str | None = None) -> list[Path]:
    """Write all figures and tables; files of the same names are replaced, others stay.

    Parameters
    ----------
    results : sequence of Result
        Of one comparison.
    folder : Path
    baseline : str, optional
        As for `report.html.write_report`.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UserError
        No result, an unknown baseline, or matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise missing_extra("matplotlib", "figures", "figures of a paper") from error
    found = compare(results, where=folder, baseline=baseline)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in _tables(found):
        write_text(folder / name, text)
        written.append(folder / name)
    # Whatever style the user has set does not change the files.
    style: Any = {**{k: v for k, v in mpl.rcParamsDefault.items() if "backend" not in k}, **STYLE}
    with mpl.rc_context(style):
        for name, figure in _figures(found):
            written += [_save(figure, folder / f"{name}.{kind}", kind) for kind in ("pdf", "png")]
    return written


def _tables(found: Comparison) -> Iterator[tuple[str, str]]:
    yield "summary.csv", summary_csv(found)
    yield "paired.csv", paired_csv(found)
    yield "published.csv", published_csv(found)
    for key in found.keys:
        yield f"table-{slug(*key)}.tex", setting_table(key, found)
    if cost := cost_table(found):
        yield "table-cost.tex", cost


def _figures(found: Comparison) -> Iterator[tuple[str, Any]]:
    for key in found.keys:
        yield f"main-{slug(*key)}", main_figure(key, found)
        best = found.best(key)
        if (matrix := matrix_of(key, found.results, best)) is not None:
            codes, counts = matrix
            yield f"confusion-{slug(*key)}", confusion_figure(labels_of(of_place(key, found.results), codes), counts)
    for place in found.places:
        if (curves := curve_figure(place, found)) is not None:
            yield f"curves-{slug(*place)}", curves
        drawn = pictures(place, found.results)
        best = found.best_of(place)
        if best in drawn:
            picture, result = drawn[best]
            yield f"latent-{slug(*place)}", latent_figure(picture, labels_of([result], picture.codes))


def slug(*parts: str) -> str:
    """A file name from names.

    >>> slug("utd_mhad", "22/5", "zsl"), slug("../x", "random:9")
    ('utd_mhad-22-5-zsl', 'x-random-9')
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(parts)).strip("-") or "unnamed"


def _save(figure: Any, path: Path, kind: str) -> Path:
    """Write a figure whole or not at all."""
    with replacing(path) as new:
        figure.savefig(new, format=kind, dpi=DPI, metadata=NO_DATES[kind])
    return path
