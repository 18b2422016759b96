"""A clip at a glance: still frames side by side in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from skelzero.cards import replacing
from skelzero.clips import Clip
from skelzero.errors import missing_extra
from skelzero.report.bodies import (
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

ROWS, COLUMNS = 3, 6
HEIGHT = 2.1
"""Inches of a still."""
INK, PALE = "#222222", "#666666"


def write_contact_sheet(clip: Clip, path: Path) -> None:
    """Write evenly spaced frames as one PNG; 3-D clips are seen from the front.

    Raises
    ------
    UserError
        matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
    except ImportError as error:
        raise missing_extra("matplotlib", "figures", "the contact sheet") from error
    people, sides = np.flatnonzero(present(clip)), bones_by_side(clip.layout)
    flat = front_view(clip)[people]
    low, high = bounds(flat[..., :2], least=1e-6)
    times = shown_frames(clip.frames, ROWS * COLUMNS)
    rows = -(-len(times) // COLUMNS)
    width = HEIGHT * float(np.clip((high[0] - low[0]) / (high[1] - low[1]), 0.55, 1.6))
    figure = Figure(figsize=(width * COLUMNS + 0.4, (HEIGHT + 0.2) * rows + 1.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(False)
    for axes, t in zip(grid.flat, times, strict=False):
        for nth, joints in enumerate(flat[:, t]):
            for bones in sorted(sides, key=lambda b: _depth(joints, b.pairs)):
                x, y, _ = segments(joints, bones.pairs).T
                line = {"color": colour(nth, bones.side), "linewidth": 1.8, "solid_capstyle": "round"}
                axes.plot(x, y, marker="o", markersize=2.2, **line)
        axes.set_title(time_label(clip, int(t)), fontsize=8, color=PALE, pad=2)
    shown = [(nth, bones.side) for nth in range(min(len(people), 2)) for bones in sides]
    figure.legend([Line2D([], [], color=colour(*key), linewidth=3) for key in shown],
                  [legend(nth, len(people), side) for nth, side in shown],
                  loc="outside lower center", ncols=len(shown), frameon=False, fontsize=8)  # fmt: skip
    figure.suptitle(f"{title(clip)}\n{_wrapped(clip)}", fontsize=9, color=INK, parse_math=False)
    _save(figure, path)


def front_view(clip: Clip) -> Float[np.ndarray, "P T V 3"]:
    """Coordinates as a viewer in front sees them: x to the viewer's right, y up, z towards the viewer.

    Image coordinates have y downwards and no depth.
    """
    x = clip.positions.astype(np.float64)
    if clip.layout.dims == 2:
        return np.stack([x[..., 0], -x[..., 1], np.zeros(x.shape[:3])], axis=-1)
    front_x, _, front_z = facing(clip)
    right = x[..., 0] * front_z - x[..., 2] * front_x
    return np.stack([right, x[..., 1], x[..., 0] * front_x + x[..., 2] * front_z], axis=-1)


def _depth(joints: Float[np.ndarray, "V 3"], pairs: np.ndarray) -> float:
    """How near the viewer a side is: what is nearer is drawn later."""
    depths = joints[pairs, 2]
    return float(depths[np.isfinite(depths)].mean()) if np.isfinite(depths).any() else 0.0


def _wrapped(clip: Clip) -> str:
    """The facts on as many lines as they need."""
    lines = [""]
    for fact in facts(clip):
        if lines[-1] and len(lines[-1]) + len(fact) > 110:
            lines.append("")
        lines[-1] += f" · {fact}" if lines[-1] else fact
    return "\n".join(lines)


def _save(figure: object, path: Path) -> None:
    """Write the picture whole or not at all."""
    with replacing(path) as new:
        figure.savefig(new, format="png", metadata={"Software": None})  # type: ignore[attr-defined]
