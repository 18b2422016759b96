"""Figures of a paper: one column wide, readable in grey and by the colour-blind, as matplotlib draws them.

Sides and methods differ in shape, fill and line before they differ in colour; colours are those of Okabe and Ito.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from skelzero.protocol.metrics import CURVE_POINTS
from skelzero.protocol.picture import Picture
from skelzero.report.comparison import Comparison
from skelzero.report.confusions import shares
from skelzero.report.generalised import mean_curves
from skelzero.report.tables import TITLES, published_of
from skelzero.report.verdict import Key, main_metric, ranked

WIDTH = 3.4
"""Inches: one column."""
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": 7, "axes.linewidth": 0.6, "pdf.fonttype": 42, "ps.fonttype": 42,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "svg.hashsalt": "skelzero", "text.parse_math": False,
}  # fmt: skip
SHAPES = ("s", "^", "o", "D", "v", "P", "*", "<", "X", ">", "h")
LEGEND_COLUMNS = 3
MOST_CURVES = 8


def new_figure(height: float) -> tuple[Any, Any]:
    """An empty figure of one column, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def main_figure(key: Key, found: Comparison) -> Any:
    """Means with intervals, the best on top and filled; published figures as open diamonds beside their method."""
    order = ranked(key, found.rows)[::-1]
    names, known = [r.method for r in order], published_of(key)
    height = 0.55 + 0.17 * len(order)
    figure, axes = new_figure(min(height, 9.0))
    for i, row in enumerate(order):
        low, high = row.ci95
        best = i == len(order) - 1
        if low is not None and high is not None:
            axes.plot([100 * low, 100 * high], [i, i], color="black", linewidth=1.2 if best else 0.8)
        axes.plot(100 * row.mean, i, "o", markersize=4, color="black", markerfacecolor="black" if best else "white")
    drawn = [(100 * p.value, names.index(n)) for p in known for n in p.ours if n in names]
    if drawn:
        axes.plot(*zip(*drawn, strict=True), "D", markersize=4, markerfacecolor="none", color=COLOURS[2],
                  label="published (best epoch on the test)")  # fmt: skip
    if chance := order[0].chance:
        axes.axvline(100 * chance, color="#7f7f7f", linewidth=0.7, linestyle=":", label="chance")
    if drawn or chance:
        figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=6)
    axes.set_yticks(range(len(order)), names)
    axes.set_ylim(-0.6, len(order) - 0.4)
    metric = main_metric(key[2])
    axes.set_xlabel(f"{TITLES.get(metric, metric)}, %, mean of {max(r.seeds for r in order)} with 95 % interval")
    return figure


def curve_figure(place: tuple[str, str], found: Comparison) -> Any | None:
    """Seen against unseen accuracy of each method (at most `MOST_CURVES`, by area); None where there are no curves."""
    curves = mean_curves(place, found.results)
    if not curves:
        return None
    figure, axes = new_figure(3.1)
    u = np.linspace(0, 100, CURVE_POINTS)
    order = sorted(curves, key=lambda m: -float(np.trapezoid(curves[m], u)))[:MOST_CURVES]
    for h in (20, 40, 60, 80):
        line = np.linspace(h / 2 + 0.5, 100, 200)
        axes.plot(line, h * line / (2 * line - h), color="#c8ccd2", linewidth=0.5)
        axes.annotate(f"H {h}", (h, h), color="#7f858e", fontsize=5, annotation_clip=True)
    for i, method in enumerate(order):
        s = curves[method]
        reached, area = s > 0, float(np.trapezoid(s, u / 100))
        axes.plot(u[reached], 100 * s[reached], color=COLOURS[i % len(COLOURS)], linestyle=DASHES[i % len(DASHES)],
                  linewidth=1.1, label=f"{method} ({100 * area:.1f})")  # fmt: skip
    top = 100 * max(0.2, min(1.0, 1.08 * max(float(curves[m].max()) for m in order)))
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="unseen classes, %", ylabel="seen classes, %")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=6, title="method (area under the curve)",
                  title_fontsize=6)  # fmt: skip
    return figure


def confusion_figure(labels: Sequence[str], counts: Int[np.ndarray, "K K"]) -> Any:
    """Shares of each class's clips, truth by answer; numbers where they can be read."""
    K = len(labels)
    figure, axes = new_figure(WIDTH)
    z = shares(counts)
    image = axes.imshow(z, cmap="Greys", vmin=0, vmax=1)
    size = 6 if K <= 12 else 5 if K <= 27 else 3
    axes.set_xticks(range(K), labels, rotation=90, fontsize=size)
    axes.set_yticks(range(K), labels, fontsize=size)
    axes.set(xlabel="answer", ylabel="truth")
    axes.spines[:].set_visible(True)
    if K <= 12:
        for i, j in np.argwhere(z >= 0.005):
            axes.text(j, i, f"{100 * z[i, j]:.0f}", ha="center", va="center", fontsize=5,
                      color="white" if z[i, j] > 0.5 else "black")  # fmt: skip
    figure.colorbar(image, ax=axes, shrink=0.6, format=lambda v, _: f"{100 * v:.0f} %").outline.set_linewidth(0.5)
    return figure


def latent_figure(picture: Picture, labels: Sequence[str]) -> Any:
    """Clips and classes in a plane: each unseen class has a shape, filled for its text and hollow for its clips."""
    clips, classes, truth = np.array(picture.clips), np.array(picture.classes), np.array(picture.truth)
    seen = truth < picture.seen
    rows = -(-(len(labels) - picture.seen + 2) // LEGEND_COLUMNS)
    figure, axes = new_figure(WIDTH + 0.12 * rows)
    axes.scatter(*clips[seen].T, s=3, color="#b4b8be", linewidths=0, label="clips, seen classes")
    axes.scatter(*classes[: picture.seen].T, s=14, marker="x", color="#6b7078", linewidths=0.8, label="seen classes")
    for i in range(picture.seen, len(labels)):
        look = {"marker": SHAPES[i % len(SHAPES)], "linewidths": 0.6}
        colour = COLOURS[1 + i % (len(COLOURS) - 1)]
        axes.scatter(*clips[truth == i].T, s=8, facecolors="none", edgecolors=colour, **look)
        axes.scatter(*classes[i], s=34, color=colour, edgecolors="black", zorder=3, label=labels[i], **look)
    axes.set(xticks=[], yticks=[], xlabel=f"first direction ({100 * picture.explained[0]:.0f} % of the variance)",
             ylabel=f"second ({100 * picture.explained[1]:.0f} %)")  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    figure.legend(loc="outside lower center", ncols=LEGEND_COLUMNS, frameon=False, fontsize=6, columnspacing=0.8,
                  handletextpad=0.2)  # fmt: skip
    return figure
