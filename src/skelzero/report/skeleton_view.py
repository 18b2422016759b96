"""A clip to look at: an interactive 3-D skeleton as one HTML file, and a sheet of still frames as a PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from skelzero.cards import write_text
from skelzero.clips import Clip
from skelzero.errors import missing_extra

MAX_FRAMES = 300
"""Longer clips are shown with every n-th frame, which keeps the file small."""
COLOURS = {"left": "#1b7ec2", "right": "#d1495b", "middle": "#444444"}
SHEET = (3, 6)


def write_skeleton_page(clip: Clip, path: Path) -> None:
    """Write the interactive page; it needs no network and no other file.

    Parameters
    ----------
    clip : Clip
        Any layout; 2-D clips are drawn in the plane.
    path : Path
        The HTML file.
    """
    import plotly.graph_objects as go

    shown = _shown_frames(clip)
    frames = [go.Frame(data=_traces(go, clip, t), name=str(t)) for t in shown]
    figure = go.Figure(data=frames[0].data, frames=frames)
    figure.update_layout(
        title=_title(clip), scene=_scene(clip), margin={"l": 0, "r": 0, "t": 60, "b": 0}, legend={"orientation": "h"},
        updatemenus=[_buttons(clip, len(shown))], sliders=[_slider(clip, shown)],
    )  # fmt: skip
    write_text(path, figure.to_html(include_plotlyjs=True, full_html=True, auto_play=False))


def write_contact_sheet(clip: Clip, path: Path) -> None:
    """Write evenly spaced frames, seen from the front, as one picture.

    Raises
    ------
    UserError
        matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "figures", "the contact sheet") from error
    rows, columns = SHEET
    figure = Figure(figsize=(2 * columns, 2.4 * rows + 0.5), dpi=110)
    FigureCanvasAgg(figure)
    low, high = _bounds(clip)
    for i, t in enumerate(np.linspace(0, clip.frames - 1, rows * columns).round().astype(int)):
        axes = figure.add_subplot(rows, columns, i + 1)
        for side, (x, y, _) in ((s, b) for p in range(clip.persons) for s, b in _bones(clip, p, int(t)).items()):
            axes.plot(
                np.array(x, dtype=float),
                np.array(y, dtype=float),
                color=COLOURS[side],
                linewidth=1.6,
                marker="o",
                markersize=1.8,
            )
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[], aspect="equal")
        axes.set_title(_time(clip, int(t)), fontsize=7)
    figure.suptitle(_title(clip).replace("<br>", " — "), fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _shown_frames(clip: Clip) -> list[int]:
    step = -(-clip.frames // MAX_FRAMES)
    return list(range(0, clip.frames, step))


def _upright(clip: Clip) -> Float[np.ndarray, "P T V 3"]:
    """Coordinates with x to the viewer's right, y up, z towards the viewer; image coordinates grow downwards."""
    x = clip.positions.astype(np.float64)
    if clip.layout.dims == 2:
        return np.concatenate([x[..., :1], -x[..., 1:2], np.zeros_like(x[..., :1])], axis=-1)
    return x


def _bones(clip: Clip, person: int, frame: int) -> dict[str, tuple[list[float | None], ...]]:
    """Line segments of one skeleton by side: x, y, z with None between bones."""
    joints = _upright(clip)[person, frame]
    sides: dict[str, tuple[list[float | None], ...]] = {side: ([], [], []) for side in COLOURS}
    lefts, rights = ({pair[i] for pair in clip.layout.mirror} for i in (0, 1))
    for child, parent in clip.layout.bones:
        if not np.isfinite(joints[[child, parent]]).all():
            continue
        side = "left" if child in lefts else "right" if child in rights else "middle"
        for axis in range(3):
            sides[side][axis].extend(
                [round(float(joints[child, axis]), 4), round(float(joints[parent, axis]), 4), None]
            )
    return sides


def _traces(go, clip: Clip, frame: int) -> list[object]:  # type: ignore[no-untyped-def]
    """One line trace a person and side. Plotly's z is up, so (x, y, z) is drawn as (x, -z, y)."""
    traces = []
    for person in range(clip.persons):
        for side, (x, y, z) in _bones(clip, person, frame).items():
            back = [None if value is None else -value for value in z]
            traces.append(go.Scatter3d(
                x=x, y=back, z=y, mode="lines+markers", name=f"{side}, person {person + 1}",
                line={"color": COLOURS[side], "width": 6}, marker={"size": 2.5, "color": COLOURS[side]},
                hoverinfo="skip",
            ))  # fmt: skip
    return traces


def _bounds(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    points = _upright(clip).reshape(-1, 3)
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    room = 0.05 * max(float((high - low).max()), 1e-3)
    return low - room, high + room


def _scene(clip: Clip) -> dict[str, object]:
    low, high = _bounds(clip)
    ranges = {"x": (low[0], high[0]), "y": (-high[2], -low[2]), "z": (low[1], high[1])}
    names = {"x": "x", "y": "depth", "z": "up"}
    axes = {f"{a}axis": {"range": list(r), "title": names[a], "showbackground": a == "z"} for a, r in ranges.items()}
    # The camera stands where the sensor stood: Kinect recordings look along +z, so people face -z.
    facing = 1.0 if clip.layout.name.startswith("common") else -1.0
    eye = {"x": 0.5 * -facing, "y": -1.9 * facing, "z": 0.5}
    return {**axes, "aspectmode": "data", "camera": {"eye": eye}}


def _title(clip: Clip) -> str:
    origin = clip.origin
    facts = [f"class {origin.dataset}:{origin.code}"] if origin.code else []
    facts += [f"subject {origin.subject}"] if origin.subject >= 0 else []
    facts += [f"{clip.frames} frames", f"{clip.persons} person{'s' * (clip.persons > 1)}", clip.layout.name]
    synthetic = "synthetic motion, " if origin.dataset == "synthetic" else ""
    return f"{origin.name}<br>{synthetic}{', '.join(facts)}"


def _time(clip: Clip, frame: int) -> str:
    return f"frame {frame}" if np.isnan(clip.fps) else f"{frame / clip.fps:.2f} s"


def _buttons(clip: Clip, frames: int) -> dict[str, object]:
    rate = 30.0 if np.isnan(clip.fps) else clip.fps
    pause = 1000 * (clip.frames / rate) / frames
    play = {"frame": {"duration": pause, "redraw": True}, "fromcurrent": True, "transition": {"duration": 0}}
    stop = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    buttons = [{"label": "Play", "method": "animate", "args": [None, play]},
               {"label": "Pause", "method": "animate", "args": [[None], stop]}]  # fmt: skip
    return {"type": "buttons", "direction": "left", "x": 0.02, "y": 0.02, "buttons": buttons}


def _slider(clip: Clip, shown: list[int]) -> dict[str, object]:
    jump = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    steps = [{"label": _time(clip, t), "method": "animate", "args": [[str(t)], jump]} for t in shown]
    return {"steps": steps, "x": 0.2, "len": 0.78, "currentvalue": {"prefix": ""}}
