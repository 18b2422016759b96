"""A movement as a row of stick figures: key frames of a measured body, drawn as plain SVG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from skelzero.clips import COMMON_JOINTS, load_layout
from skelzero.report.bodies import bones_by_side, segments

FEWEST, MOST = 3, 5
FRESH = 0.5
"""Metres of the unit body: further key frames are shown where some joint is that far from all shown ones."""
AWAY = 0.5
"""Metres from its place at the start at which a figure gets a trail to it."""
GAP, ABOVE, BELOW = 0.24, 0.12, 0.12
"""Metres between figures, above the highest joint and below the floor."""
LENGTH = 0.2
"""How much the size of the body counts beside its motion in the choice of the view."""
LEAST_HEIGHT = 1.75
"""Metres: who crouches throughout is drawn as small as that."""
HEAD = COMMON_JOINTS.index("head")
HIPS = COMMON_JOINTS.index("hip_center")
HEAD_SIZE = 0.09
VIEWS = {"front": (0, 2), "side": (2, 0)}
"""Which coordinates go to the viewer's right and towards the viewer; a body that faces +z has its left at +x, and from
its right side (towards the viewer: -x) it looks to the right."""


@dataclass(frozen=True)
class Drawing:
    """SVG elements in centimetres from (0, 0) to (width, height)."""

    elements: str
    width: int
    height: int
    view: str
    figures: int


def draw(body: Float[np.ndarray, "T 20 3"]) -> Drawing:
    """Draw a body on the common joints that faces +z at the start, y up, as `kinematics.to_bodies` gives it.

    Classes of the elements are the sides (left, right, middle), `floor`, `trail` and `start`; the page colours them.
    """
    view = best_view(body)
    across, depth = VIEWS[view]
    nearness = body[..., depth] * (1 if view == "front" else -1)
    floor = float(body[..., 1].min())
    seen = np.stack([body[..., across] - body[0, HIPS, across], body[..., 1] - floor, nearness], axis=-1)
    frames = key_frames(body)
    height = max(float(seen[frames, :, 1].max()), LEAST_HEIGHT) + ABOVE
    parts, edge = [], GAP
    for t in frames:
        figure, start = seen[t].copy(), 0.0
        moved = float(figure[HIPS, 0])
        points = [*figure[:, 0], start] if abs(moved) > AWAY else figure[:, 0]
        low, high = float(np.min(points)), float(np.max(points))
        figure[:, 0] += edge - low
        if abs(moved) > AWAY:
            parts.append(_trail(edge - low, edge - low + moved, height))
        parts.append(_figure(figure, height))
        edge += high - low + GAP
    ground = f'<path class="floor" d="M0 {_cm(height)}H{_cm(edge)}"/>'
    return Drawing(ground + "".join(parts), _cm(edge), _cm(height + BELOW), view, len(frames))


def key_frames(body: Float[np.ndarray, "T 20 3"]) -> Int[np.ndarray, "K"]:
    """The first frame, and each time the one that is least like those chosen so far; in order of time."""
    chosen = [0]
    distance = np.full(len(body), np.inf)
    while len(chosen) < min(MOST, len(body)):
        apart = np.linalg.norm(body - body[chosen[-1]], axis=-1)  # (T, V)
        distance = np.minimum(distance, apart.max(axis=1))
        farthest = int(distance.argmax())
        if len(chosen) >= FEWEST and distance[farthest] < FRESH:
            break
        chosen.append(farthest)
    return np.unique(chosen)


def best_view(body: Float[np.ndarray, "T 20 3"]) -> str:
    """`front` or `side`, whichever shows more: of the motion first, and of the body's length where it lies."""
    hips = body[:, HIPS, None]
    motion = (body - hips).var(axis=0).mean(axis=0) + hips.var(axis=0).mean(axis=0)
    length = body.var(axis=1).mean(axis=0)
    return max(VIEWS, key=lambda view: float((motion + LENGTH * length)[VIEWS[view][0]]))


def _figure(joints: Float[np.ndarray, "20 3"], height: float) -> str:
    """One body; sides that are nearer the viewer are drawn later."""
    sides = bones_by_side(load_layout("common20"))
    paths = []
    for bones in sorted(sides, key=lambda b: float(joints[b.pairs, 2].mean())):
        ends = segments(joints, bones.pairs)[:, :2].reshape(-1, 3, 2)[:, :2]  # (B, end, xy)
        lines = "".join(f"M{_cm(a)} {_cm(height - b)}L{_cm(c)} {_cm(height - d)}" for (a, b), (c, d) in ends)
        paths.append(f'<path class="{bones.side}" d="{lines}"/>')
    x, y = joints[HEAD, :2]
    return f'{"".join(paths)}<circle class="middle" cx="{_cm(x)}" cy="{_cm(height - y)}" r="{_cm(HEAD_SIZE)}"/>'


def _trail(start: float, now: float, height: float) -> str:
    """The way on the floor from where the body began."""
    y = _cm(height) + 5
    return (f'<path class="trail" d="M{_cm(start)} {y}H{_cm(now)}"/>'
            f'<circle class="start" cx="{_cm(start)}" cy="{y}" r="4"/>')  # fmt: skip


def _cm(metres: float) -> int:
    return round(100 * metres)
