"""The space in which clips and classes meet, as a plane in the report."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from pydantic import ValidationError

from skelzero.protocol.picture import Picture
from skelzero.protocol.result import Result
from skelzero.protocol.summary import split_group
from skelzero.report.confusions import labels_of
from skelzero.report.plots import as_html

Place = tuple[str, str]
"""Data set and split."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7f7f7f", "#b8a000", "#4b3fa3", "#8c564b",
           "#17858c", "#a61b29")  # fmt: skip


def pictures(place: Place, results: Sequence[Result]) -> dict[str, tuple[Picture, Result]]:
    """Methods' pictures of a split; none where the results have none."""
    found: dict[str, tuple[Picture, Result]] = {}
    for result in results:
        split = result.task.split
        drawn = result.diagnostics.get("picture")
        if drawn is None or (split.dataset, split_group(split.name)) != place or result.task.method in found:
            continue
        try:
            picture = Picture.model_validate(drawn)
        except ValidationError:
            continue
        if len(picture.codes) == len(picture.classes) and len(picture.truth) == len(picture.clips):
            found[result.task.method] = picture, result
    return found


def latent_section(place: Place, results: Sequence[Result], first: str, number: int) -> str:
    """The plane of each method that has one, the best method's first, to be chosen above it."""
    found = pictures(place, results)
    if not found:
        return ""
    order = sorted(found, key=lambda method: (method != first, method))
    shown, split = found[order[0]][0], found[order[0]][1].task.split.name
    title = f"{escape(' '.join(place))} — the space in which clips and classes meet"
    said = (f"Test clips (small dots: seen classes; rings: unseen ones) and classes (crosses; squares with names: "
            f"unseen) of {escape(split)}, first seed. Drawn: {escape(shown.rule)}.")  # fmt: skip
    return f"<h2>{title}</h2><p>{said}</p>{as_html(_figure([(m, *found[m]) for m in order]), f'latent-{number}')}"


def _figure(entries: Sequence[tuple[str, Picture, Result]]) -> Any:
    import plotly.graph_objects as go

    figure, traces = go.Figure(), 4
    for i, (_, picture, result) in enumerate(entries):
        labels = labels_of([result], picture.codes)
        for trace in _traces(picture, [escape(label) for label in labels]):
            figure.add_trace(go.Scatter(visible=i == 0, **trace))
    buttons = [
        {"label": escape(method), "method": "update",
         "args": [{"visible": [j // traces == i for j in range(traces * len(entries))]}]}
        for i, (method, _, _) in enumerate(entries)
    ]  # fmt: skip
    figure.update_layout(
        template="plotly_white", height=620, margin={"l": 10, "r": 10, "t": 50, "b": 10}, dragmode="pan",
        legend={"orientation": "h", "y": -0.05},
        updatemenus=[{"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.1}],
        xaxis={"showticklabels": False, "zeroline": False},
        yaxis={"showticklabels": False, "zeroline": False, "scaleanchor": "x"},
    )  # fmt: skip
    return figure


def _traces(picture: Picture, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Clips of seen classes, of unseen ones, seen classes, unseen classes."""
    clips, truth = np.array(picture.clips), np.array(picture.truth)
    classes, colours = np.array(picture.classes), np.array(COLOURS)[np.arange(len(labels)) % len(COLOURS)]
    names, seen_class = np.array(labels, dtype=object), np.arange(len(labels)) < picture.seen
    seen_clip = seen_class[truth]
    hover = "%{text}<extra></extra>"
    found: list[dict[str, Any]] = []
    for mask, name, symbol in ((seen_clip, "clips of seen classes", "circle"),
                               (~seen_clip, "clips of unseen classes", "circle-open")):  # fmt: skip
        found.append({"x": clips[mask, 0], "y": clips[mask, 1], "text": names[truth[mask]], "mode": "markers",
                      "name": name, "hovertemplate": hover, "opacity": 0.75,
                      "marker": {"color": colours[truth[mask]].tolist(), "size": 6, "symbol": symbol}})  # fmt: skip
    for mask, name, symbol, mode in ((seen_class, "seen classes", "x", "markers"),
                                     (~seen_class, "unseen classes", "square", "markers+text")):  # fmt: skip
        found.append({"x": classes[mask, 0], "y": classes[mask, 1], "text": names[mask], "mode": mode, "name": name,
                      "hovertemplate": hover, "textposition": "top center", "textfont": {"size": 12},
                      "marker": {"color": colours[mask].tolist(), "size": 11, "symbol": symbol,
                                 "line": {"color": "#1c2430", "width": 1}}})  # fmt: skip
    return found
