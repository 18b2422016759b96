"""Plotly figures of a page: the form they are put in, and all methods at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from skelzero.protocol.summary import Row
from skelzero.report.verdict import Key, main_metric, ranked


def as_html(figure: Any, name: str) -> str:
    """A figure as a part of a page that has plotly's script."""
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name,
                              config={"displaylogo": False, "responsive": True}))  # fmt: skip


def glance_section(rows: Sequence[Row], keys: Sequence[Key]) -> str:
    """Main metric of every method with its interval, one colour a split and setting."""
    import plotly.graph_objects as go

    figure = go.Figure()
    shown = [(key, ranked(key, rows)[::-1]) for key in keys]
    for key, chosen in shown:
        spread = [0.0 if r.ci95[0] is None or r.ci95[1] is None else 50 * (r.ci95[1] - r.ci95[0]) for r in chosen]
        figure.add_trace(go.Scatter(
            x=[100 * r.mean for r in chosen], y=[escape(r.method) for r in chosen], mode="markers",
            name=escape(f"{' '.join(key)} ({main_metric(key[2])})"), error_x={"type": "data", "array": spread},
            marker={"size": 9},
        ))  # fmt: skip
    methods = len({r.method for r in rows})
    # Of a few runs an interval may reach beyond what a share can be; the axis does not.
    ends = [100 * end for _, chosen in shown for r in chosen for end in (r.mean, *r.ci95) if end is not None]
    span = [max(0.0, min(ends) - 2), min(100.0, max(ends) + 2)]
    figure.update_layout(
        xaxis={"title": "%, mean with 95 % interval", "range": span}, yaxis={"automargin": True},
        template="plotly_white", height=180 + 40 * len(keys) + 22 * methods, margin={"l": 10, "r": 10, "t": 20},
        legend={"orientation": "h", "y": -0.2},
    )  # fmt: skip
    return f"<h2>All methods at a glance</h2>{as_html(figure, 'glance')}"
