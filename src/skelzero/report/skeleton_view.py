"""A clip to turn and to play: an interactive skeleton as one HTML file that needs no network and no other file."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from skelzero.cards import write_text
from skelzero.clips import Clip
from skelzero.report.bodies import (
    Bones,
    bones_by_side,
    bounds,
    colour,
    facing,
    facts,
    legend,
    present,
    segments,
    shown_frames,
    time_label,
    title,
)

MAX_FRAMES = 300
"""Longer clips are shown with some of their frames left out, which keeps the file small."""
DIGITS = {2: 1, 3: 3}
"""Decimals of a coordinate: tenths of pixels, millimetres."""
LEAST_ROOM = 0.6
"""Metres: the smallest side of the drawn room; a flat one would be hard to turn."""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; font: 15px/1.4 system-ui, sans-serif; color: #222; background: #fff; display: flex;
       flex-direction: column; height: 100vh; }}
header {{ padding: 12px 20px 0; }}
h1 {{ font-size: 20px; margin: 0 0 2px; overflow-wrap: anywhere; }}
p {{ margin: 0; color: #555; }}
#view {{ flex: 1; min-height: 360px; }}
</style>
</head>
<body>
<header><h1>{title}</h1><p>{facts}</p><p>{hint}</p></header>
<div id="view"></div>
<script>{plotly}</script>
<script>
const figure = {figure};
Plotly.newPlot("view", figure).then(() => document.body.setAttribute("data-drawn", "yes"));
</script>
</body>
</html>
"""


def write_skeleton_page(clip: Clip, path: Path) -> None:
    """Write the page: bones coloured by side, play and pause, a slider over time; 3-D clips can be turned.

    Parameters
    ----------
    clip : Clip
        Any layout; 2-D clips are drawn in the plane of their image.
    path : Path
        The HTML file.
    """
    from plotly.offline import get_plotlyjs

    figure = json.dumps(skeleton_figure(clip), separators=(",", ":"), allow_nan=False)
    if clip.layout.dims == 3:
        hint = "drag to turn, scroll to zoom, double-click to return"
    else:
        hint = "image coordinates, in pixels" if clip.unit == "px" else "image coordinates"
    write_text(path, PAGE.format(
        title=html.escape(title(clip)), facts=html.escape(" · ".join(facts(clip))), hint=hint, plotly=get_plotlyjs(),
        figure=figure.replace("<", "\\u003c"),
    ))  # fmt: skip


def skeleton_figure(clip: Clip) -> dict[str, Any]:
    """The figure in Plotly's JSON form: data, layout and frames."""
    times = shown_frames(clip.frames, MAX_FRAMES)
    people, sides = np.flatnonzero(present(clip)), bones_by_side(clip.layout)
    frames = [{"name": str(t), "data": _traces(clip, people, sides, int(t))} for t in times]
    # The first frame alone would open the page on nothing when nobody is there yet.
    first = next((i for i, t in enumerate(times) if np.isfinite(clip.positions[people, t]).any()), 0)
    begin = _traces(clip, people, sides, int(times[first]))
    data = [style | trace for style, trace in zip(_styles(clip, people, sides), begin, strict=True)]
    layout: dict[str, Any] = {
        "margin": {"l": 10 if clip.layout.dims == 3 else 70, "r": 10, "t": 10, "b": 10},
        "legend": {"x": 0.01, "y": 0.99}, "updatemenus": [_buttons(clip, len(times))],
        "sliders": [_slider(clip, times, first)],
    }  # fmt: skip
    layout |= _space(clip, people) if clip.layout.dims == 3 else _plane(clip, people)
    return {"data": data, "layout": layout, "frames": frames, "config": {"responsive": True, "displaylogo": False}}


def _traces(clip: Clip, people: np.ndarray, sides: list[Bones], frame: int) -> list[dict[str, Any]]:
    """One line for each person and side. Plotly's z is up, so (x, y, z) is drawn as (x, -z, y)."""
    traces = []
    for person in people:
        joints = clip.positions[person, frame].astype(np.float64)
        for bones in sides:
            line = segments(joints, bones.pairs)
            if clip.layout.dims == 3:
                x, y, z = line.T
                traces.append({"x": _numbers(x), "y": _numbers(-z), "z": _numbers(y)})
            else:
                traces.append({"x": _numbers(line[:, 0], 2), "y": _numbers(line[:, 1], 2)})
    return traces


def _numbers(values: Float[np.ndarray, "L"], dims: int = 3) -> list[float | None]:
    rounded = np.round(values, DIGITS[dims]) + 0.0  # without minus zero
    return [None if np.isnan(value) else value for value in rounded.tolist()]


def _styles(clip: Clip, people: np.ndarray, sides: list[Bones]) -> list[dict[str, Any]]:
    styles = []
    for nth in range(len(people)):
        for bones in sides:
            three = clip.layout.dims == 3
            styles.append({
                "type": "scatter3d" if three else "scatter", "mode": "lines+markers",
                "name": legend(nth, len(people), bones.side), "showlegend": nth < 2,
                "line": {"color": colour(nth, bones.side), "width": 7 if three else 4}, "hoverinfo": "skip",
                "marker": {"size": 2.5 if three else 6, "color": colour(nth, bones.side)},
            })  # fmt: skip
    return styles


def _space(clip: Clip, people: np.ndarray) -> dict[str, Any]:
    """A room of equal scales, seen from where people face, a little from the side and from above."""
    low, high = bounds(clip.positions[people].astype(np.float64), LEAST_ROOM)
    unit = f" ({clip.unit})" if clip.unit == "m" else ""
    ranges = {"x": (low[0], high[0], "x"), "y": (-high[2], -low[2], "-z"), "z": (low[1], high[1], "y")}
    # Plotly's own equal scales make a tall room overflow the view; here its longest side has length 1.
    sides = (high - low) / (high - low).max()
    scene: dict[str, Any] = {
        "aspectmode": "manual", "aspectratio": {"x": sides[0], "y": sides[2], "z": sides[1]}, "dragmode": "turntable",
    }  # fmt: skip
    for axis, (start, stop, name) in ranges.items():
        scene[f"{axis}axis"] = {
            "range": [start, stop], "title": {"text": name + unit}, "showbackground": axis == "z",
            "backgroundcolor": "#eef1f4", "gridcolor": "#d5dae0", "zeroline": False, "showspikes": False,
        }  # fmt: skip
    x, _, z = facing(clip)
    turn = np.radians(25)
    eye = np.array([x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)]) * 1.35
    scene["camera"] = {"eye": {"x": eye[0], "y": -eye[1], "z": 0.35}, "up": {"x": 0, "y": 0, "z": 1}}
    return {"scene": scene}


def _plane(clip: Clip, people: np.ndarray) -> dict[str, Any]:
    """The image plane: equal scales, y downwards as in images."""
    points = clip.positions[people].astype(np.float64)
    low, high = bounds(points, float(np.nanmax(points) - np.nanmin(points)) / 100 + 1e-6)
    axis = {"gridcolor": "#d5dae0", "zeroline": False}
    return {
        "plot_bgcolor": "#fafbfc",
        "xaxis": {**axis, "range": [low[0], high[0]], "title": {"text": f"x ({clip.unit})", "standoff": 4}},
        "yaxis": {**axis, "range": [high[1], low[1]], "title": {"text": f"y ({clip.unit})"}, "scaleanchor": "x"},
    }


def _buttons(clip: Clip, shown: int) -> dict[str, Any]:
    rate = 30.0 if np.isnan(clip.fps) else clip.fps
    pause = 1000 * clip.frames / rate / shown
    play = {"frame": {"duration": pause, "redraw": True}, "fromcurrent": True, "transition": {"duration": 0}}
    stop = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    buttons = [{"label": "Play", "method": "animate", "args": [None, play]},
               {"label": "Pause", "method": "animate", "args": [[None], stop]}]  # fmt: skip
    return {"type": "buttons", "direction": "left", "x": 0.02, "y": 0, "xanchor": "left", "yanchor": "top",
            "pad": {"t": 64}, "showactive": False, "buttons": buttons}  # fmt: skip


def _slider(clip: Clip, times: np.ndarray, first: int) -> dict[str, Any]:
    jump = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate", "transition": {"duration": 0}}
    steps = [{"label": time_label(clip, int(t)), "method": "animate", "args": [[str(t)], jump]} for t in times]
    return {"steps": steps, "active": first, "x": 0.16, "len": 0.82, "y": 0, "pad": {"t": 44, "b": 6},
            "currentvalue": {"prefix": "", "xanchor": "right"}, "tickcolor": "#fff", "minorticklen": 0}  # fmt: skip
