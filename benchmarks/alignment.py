"""How robust alignment is: accuracy against foreign clips, imbalance and the length of the stream.

`python benchmarks/alignment.py STORE --split random:9 --draws 16 [--methods pgfa,ridge] [--out FOLDER]`. In each draw
the method, its alignment, and the rule that switches it off are chosen on pseudo-unseen classes, as in
`skelzero compare`; then streams are drawn from the test clips (clips of seen classes are the foreign ones) and judged
four ways: without alignment, as published, balanced, and guarded. Accuracy is over the clips of the classes asked for.
Writes `alignment.json` and `alignment.html`. Encoders come from the cache, where a comparison of the same split left
them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from skelzero.protocol.experiment import train
from skelzero.protocol.figures import BALANCED, GUARDED, TRANSDUCTIVE, Transductions
from skelzero.protocol.grid import bench_for
from skelzero.protocol.metrics import interval, top_k
from skelzero.protocol.phases import judge
from skelzero.protocol.plan import Request, plan
from skelzero.protocol.result import Task
from skelzero.protocol.streams import FOREIGN_SHARES, draw_stream
from skelzero.protocol.transduction import Stream, branch_stream

FORMS = ("without", "aligned", "guarded", "balanced")
CURVES: dict[str, list[dict[str, float]]] = {
    "foreign clips": [{"foreign": share} for share in FOREIGN_SHARES],
    "imbalance 1:n": [{"imbalance": float(n)} for n in (1, 2, 5, 10, 20, 50)],
    "clips in the stream": [{"length": n} for n in (1, 2, 5, 10, 20, 50, 0)],
    "classes missing": [{"missing": n} for n in (0, 1, 2, 4)],
}
REPEATS = 5


def study(task: Task) -> dict[str, dict[str, float]]:
    """Curve and point, then form, then accuracy, of one task."""
    bench = bench_for(task)
    trained = train(bench, task.method, task.overrides, transductive=(TRANSDUCTIVE, GUARDED, BALANCED))
    judged = judge(bench.final(), trained.method)
    chosen = trained.transductions
    assert chosen.prototypes is not None
    clips = branch_stream(judged, chosen.prototypes.temperature)
    truth = np.where(judged.seen[judged.truth], -1, judged.truth - judged.phase.fitted)
    found = {}
    for name, points in CURVES.items():
        for point in points:
            rng = np.random.default_rng([task.seed, 11])
            runs = [accuracies(clips, truth, chosen, point, rng) for _ in range(REPEATS)]
            found[f"{name}|{label(point)}"] = {form: float(np.mean([r[form] for r in runs])) for form in runs[0]}
    return found


def accuracies(
    clips: Stream, truth: np.ndarray, chosen: Transductions, point: dict[str, float], rng: np.random.Generator
) -> dict[str, float]:
    """One stream, judged four ways; `on` says whether the guard lets it be aligned."""
    left = truth
    if lacking := int(point.get("missing", 0)):
        classes = np.unique(truth[truth >= 0])
        gone = rng.choice(classes, size=min(lacking, len(classes) - 1), replace=False)
        left = np.where(np.isin(truth, gone), -2, truth)
    at_hand = np.flatnonzero(left != -2)
    known = {name: value for name, value in point.items() if name != "missing"}
    rows = at_hand[draw_stream(left[at_hand], rng, **known)]
    stream, classes_of = clips.take(rows), truth[rows]
    assert chosen.prototypes is not None and chosen.balanced is not None
    scores = {
        "without": stream.scores,
        "aligned": chosen.prototypes.scores(stream),
        "guarded": chosen.prototypes.scores(stream, guarded=True),
        "balanced": chosen.balanced.scores(stream),
    }
    own = classes_of >= 0
    found = {form: top_k(np.asarray(values)[own], classes_of[own]) for form, values in scores.items()}
    return {**found, "on": 1.0 - chosen.prototypes.softness(stream)}


def label(point: dict[str, float]) -> str:
    ((name, value),) = point.items()
    return "all" if name == "length" and not value else f"{value:g}"


def summary(found: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Mean and 95 % interval over draws of each accuracy, and of its difference to no alignment."""
    table: dict[str, dict[str, Any]] = defaultdict(dict)
    for point in found[0]:
        for form in (*FORMS, "on"):
            values = np.array([draw[point][form] for draw in found])
            base = np.array([draw[point]["without"] for draw in found])
            gain = values - base
            table[point][form] = {"mean": float(values.mean()), "half": half(values), "gain": float(gain.mean()),
                                  "gain_half": half(gain)}  # fmt: skip
    return table


def half(values: np.ndarray) -> float:
    found = interval(values)
    return float(found.high - found.low) / 2


def page(table: dict[str, dict[str, dict[str, Any]]], title: str) -> str:
    """One figure a curve: accuracies of the four forms, for each method."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=len(table), cols=len(CURVES),
                           subplot_titles=[f"{m}: {c}" for m in table for c in CURVES])  # fmt: skip
    colours = dict(zip(FORMS, ("#888888", "#1f77b4", "#2ca02c", "#d62728"), strict=True))
    for r, points in enumerate(table.values()):
        for c, (curve, steps) in enumerate(CURVES.items()):
            for form in FORMS:
                found = [points[f"{curve}|{label(step)}"][form] for step in steps]
                figure.add_scatter(
                    x=[label(step) for step in steps], y=[100 * f["mean"] for f in found], name=form, row=r + 1,
                    error_y={"array": [100 * f["half"] for f in found], "thickness": 1}, col=c + 1,
                    line={"color": colours[form]}, showlegend=r == c == 0,
                )  # fmt: skip
            figure.update_xaxes(type="category", row=r + 1, col=c + 1)
            figure.update_yaxes(rangemode="tozero", row=r + 1, col=c + 1)
    figure.update_layout(title=title, height=330 * len(table), template="simple_white")
    assert isinstance(figure, go.Figure)
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--split", default="random:9")
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--methods", default="pgfa,ridge")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("alignment"))
    options = parser.parse_args()
    request = Request(methods=options.methods.split(","), data=options.store, splits=[options.split],
                      draws=options.draws, seeds=options.seeds)  # fmt: skip
    tasks = plan(request)
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(study, tasks))
    table = {
        method: summary([f for f, task in zip(found, tasks, strict=True) if task.method == method])
        for method in request.methods
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "alignment.json").write_text(json.dumps(table, indent=1))
    (options.out / "alignment.html").write_text(page(table, f"{options.store.name} {options.split}, top-1 in %"))
    for method, points in table.items():
        for point, forms in points.items():
            line = "  ".join(f"{form} {100 * forms[form]['mean']:.1f}" for form in FORMS)
            gain = f"gain {100 * forms['aligned']['gain']:+.1f} +-{100 * forms['aligned']['gain_half']:.1f}"
            print(f"{method:<8} {point:<26} {line}  {gain}  guard on {forms['on']['mean']:.2f}")


if __name__ == "__main__":
    main()
