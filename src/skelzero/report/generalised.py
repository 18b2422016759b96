"""Generalised recognition in the report: H behind each gate, and seen against unseen accuracy as a curve."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float

from skelzero.protocol.figures import GATE_SETTINGS, GATED, GZSL
from skelzero.protocol.metrics import CURVE_POINTS
from skelzero.protocol.result import Result
from skelzero.protocol.summary import Row, split_group
from skelzero.report.plots import as_html
from skelzero.report.tables import percent

Place = tuple[str, str]
"""Data set and split."""


def gates_section(place: Place, rows: Sequence[Row]) -> str:
    """A table, gates by methods; empty where there are no gates. The oracle sends every clip to its own branch."""
    here = [r for r in rows if (r.dataset, r.split) == place and r.setting.startswith(GZSL)]
    gated = list(dict.fromkeys(r.setting for r in here if r.setting in GATE_SETTINGS))
    if not gated:
        return ""
    methods = list(dict.fromkeys(r.method for r in here))
    found = {(r.method, r.setting, r.metric): r for r in here}
    stacking = [GZSL] if any(r.setting == GZSL for r in here) else []
    lines = [
        ("calibrated stacking" if name == GZSL else name.removeprefix(GATED), name, "H") for name in stacking + gated
    ]
    lines.append(("oracle gate", gated[0], "H_oracle_gate"))
    best = {m: max((found[m, s, "H"].mean for s in stacking + gated if (m, s, "H") in found), default=0.0)
            for m in methods}  # fmt: skip
    body = []
    for title, setting, metric in lines:
        cells = "".join(_cell(found.get((m, setting, metric)), best[m] if metric == "H" else None) for m in methods)
        body.append(f'<tr class="{"aside" if metric != "H" else ""}"><td>{escape(title)}</td>{cells}</tr>')
    head = "".join(f"<th>{escape(m)}</th>" for m in ("gate", *methods))
    return (f"<h2>{escape(' '.join(place))} — H behind each gate</h2><p>Each gate is fitted on pseudo-unseen classes. "
            f'The oracle shows what is lost by not knowing the side.</p><div class="wide"><table><tr>{head}</tr>'
            f"{''.join(body)}</table></div>")  # fmt: skip


def _cell(row: Row | None, best: float | None) -> str:
    bold = row is not None and row.mean == best
    return f"<td>{f'<b>{percent(row)}</b>' if bold else percent(row)}</td>"


def curve_section(place: Place, results: Sequence[Result], number: int) -> str:
    """Mean seen-unseen curve of every method; empty where no result has one."""
    curves = mean_curves(place, results)
    if not curves:
        return ""
    return f"<h2>{escape(' '.join(place))} — seen against unseen accuracy</h2>" + _plot(curves, number)


def mean_curves(place: Place, results: Sequence[Result]) -> dict[str, Float[np.ndarray, " P"]]:
    """S at equally spaced U from 0 to 1, by method, averaged over runs."""
    found: dict[str, list[list[float]]] = {}
    for result in results:
        split = result.task.split
        if (split.dataset, split_group(split.name)) == place and GZSL in result.curves:
            found.setdefault(result.task.method, []).append(result.curves[GZSL])
    return {method: np.mean(curves, axis=0) for method, curves in found.items()}


def _plot(curves: dict[str, Float[np.ndarray, " P"]], number: int) -> str:
    import plotly.graph_objects as go

    figure, u = go.Figure(), np.linspace(0, 100, CURVE_POINTS)
    for method, s in curves.items():
        reached = s > 0
        area = 100 * float(np.trapezoid(s, u / 100))
        name = f"{escape(method)} ({area:.1f})"
        figure.add_trace(go.Scatter(x=u[reached], y=100 * s[reached], mode="lines", name=name,
                                    hovertemplate="U %{x:.0f} %, S %{y:.1f} %<extra></extra>"))  # fmt: skip
    for h in (20, 40, 60, 80):
        line = np.linspace(h / 2 + 0.5, 100, 200)
        figure.add_trace(go.Scatter(x=line, y=h * line / (2 * line - h), mode="lines", showlegend=False,
                                    hoverinfo="skip",
                                    line={"color": "#d5dae1", "width": 1, "dash": "dot"}))  # fmt: skip
        figure.add_annotation(x=h, y=h, text=f"H {h}", showarrow=False, font={"color": "#68707d", "size": 11})
    top = max(float(s.max()) for s in curves.values())
    axis: dict[str, Any] = {"range": [0, 100 * max(0.2, min(1.0, top * 1.08))]}
    figure.update_layout(xaxis={"title": "U: unseen classes' clips that are right, %", **axis},
                         yaxis={"title": "S: seen classes' clips that are right, %", **axis}, template="plotly_white",
                         height=480, margin={"l": 10, "r": 10, "t": 20}, legend={"title": "method (area)"})  # fmt: skip
    return as_html(figure, f"curve-{number}")
