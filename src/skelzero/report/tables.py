"""Tables of a report: accuracies with intervals, paired differences and published figures; and costs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from skelzero.protocol.figures import family
from skelzero.protocol.published import Published, published_for
from skelzero.protocol.result import Result
from skelzero.protocol.summary import Pair, Row, in_percent
from skelzero.report.verdict import Key, main_metric, of_key, ranked

SHOWN = {
    "zsl": ("top1", "top5", "per_class", "top1_best_on_test"),
    "gzsl": ("S", "U", "H", "AUSUC", "gate_auc", "H_oracle_gate", "H_best_on_test"),
}
TITLES = {
    "top1": "top-1", "top5": "top-5", "per_class": "per-class mean", "top1_best_on_test": "best-on-test (as published)",
    "H_best_on_test": "H best-on-test (as published)", "gate_auc": "gate AUC", "H_oracle_gate": "oracle-gate H",
}  # fmt: skip
NAMES = {
    "zsl": "Zero-shot (unseen classes among themselves)", "gzsl": "Generalised (all classes among all)",
    "zsl-transductive": "Zero-shot, transductive: classes aligned with the unlabelled test clips",
    "zsl-transductive-guarded": "Zero-shot, transductive: aligned unless the clips' own statistics speak against it",
    "zsl-transductive-balanced": "Zero-shot, transductive: equal class shares assumed",
    "gzsl-transductive": "Generalised, transductive: aligned, then calibrated stacking",
    "one-shot": "One-shot: the nearest of one example a class",
    "one-shot-text": "One-shot: the nearest of one example a class, averaged with its text",
}  # fmt: skip


def percent(row: Row | None) -> str:
    """A mean with half the width of its interval, in per cent."""
    return "" if row is None else in_percent(row.mean, row.ci95)


def points(pair: Pair) -> str:
    """A difference with its interval, in points."""
    low, high = pair.ci95
    bounds = "" if low is None or high is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{100 * pair.difference:+.1f}{bounds}"


def pair_of(key: Key, pairs: Sequence[Pair], method: str) -> Pair | None:
    """The difference of the main metric to the baseline."""
    wanted = (*key, method, main_metric(key[2]))
    return next((p for p in pairs if (p.dataset, p.split, p.setting, p.method, p.metric) == wanted), None)


def shown_metrics(key: Key, rows: Sequence[Row]) -> list[str]:
    """Metrics that a setting's table has columns for."""
    return [m for m in SHOWN[family(key[2])] if of_key(key, rows, m)]


def published_of(key: Key) -> tuple[Published, ...]:
    """What publications report for the main metric."""
    return published_for(*key, main_metric(key[2]))


def table(head: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> str:
    """HTML of a table; each line is a class for its style and its cells, which are HTML already."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f'<tr class="{style}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for style, cells in lines
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def accuracy_section(key: Key, rows: Sequence[Row], pairs: Sequence[Pair], baseline: str) -> str:
    """All methods of a setting, chance, and what publications report."""
    metrics, main, order = shown_metrics(key, rows), main_metric(key[2]), ranked(key, rows)
    found = {(r.method, r.metric): r for m in metrics for r in of_key(key, rows, m)}
    known = published_of(key)
    head = ["method", *(TITLES.get(m, m) for m in metrics), f"{TITLES.get(main, main)} − {baseline}", "better in",
            *(["published"] if known else [])]  # fmt: skip
    lines: list[tuple[str, Sequence[str]]] = []
    for row in order:
        pair = pair_of(key, pairs, row.method)
        name = escape(row.method) + (' <span class="warn">leaky encoder</span>' if row.leaky else "")
        own = [p for p in known if row.method.split(" (")[0] in p.ours]
        cells = [name, *(percent(found.get((row.method, m))) for m in metrics), points(pair) if pair else "",
                 f"{pair.better} of {pair.pairs}" if pair else ""]  # fmt: skip
        lines.append(("best" if row is order[0] else "", cells + _published_cells(own, bool(known))))
    chance = [next((r.chance for r in of_key(key, rows, m)), None) for m in metrics]
    chances = ["chance", *("" if c is None else f"{100 * c:.1f}" for c in chance), "", ""]
    lines.append(("aside", chances + [""] * bool(known)))
    run = {row.method.split(" (")[0] for row in order}
    lines += [
        ("aside", [f"{escape(p.method)}, published", *[""] * (len(metrics) + 2), *_published_cells([p], True)])
        for p in known
        if not set(p.ours) & run
    ]
    title = f"{escape(' '.join(key[:2]))} — {NAMES.get(key[2], escape(key[2]))}"
    n = max(r.seeds for r in order)
    return (f"<h2>{title}</h2><p>In per cent: mean of {n} {_units(key[1], n)} ± half the 95 % interval, and paired "
            f"differences in points.</p>{table(head, lines)}{_published_note(known)}")  # fmt: skip


def _units(split: str, n: int) -> str:
    return ("random draw" if split.startswith("random:") else "seed") + "s" * (n != 1)


def _published_cells(entries: Sequence[Published], wanted: bool) -> list[str]:
    if not wanted:
        return []
    return ["; ".join(f"{100 * p.value:.1f}{f' ({escape(p.note)})' if p.note else ''}" for p in entries)]


def _published_note(entries: Sequence[Published]) -> str:
    """How published figures were chosen, and whose they are."""
    if not entries:
        return ""
    sources = "; ".join(f"{escape(p.method)}: {escape(p.source)}" for p in entries)
    return (f'<p class="note"><b>Published</b> figures were chosen otherwise than ours: {escape(entries[0].chosen)}. '
            "They have no interval, come from other features and texts, and stand in no mean and no difference here. "
            f"Sources: {sources}.</p>")  # fmt: skip


COUNTED = {"parameters": "parameters", "macs": "MACs a clip", "encoder_parameters": "parameters of the encoder",
           "encoder_macs": "its MACs a body"}  # fmt: skip
"""What of a cost is counted, and its column's head."""


def costs(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Mean cost of each method on each split, of the results that have one."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for r in results:
        if isinstance(cost := r.diagnostics.get("cost"), dict):
            split = f"{len(r.task.split.seen)} + {len(r.task.split.unseen)}"
            found.setdefault((r.task.method, r.task.split.dataset, split), []).append(cost)
    return [
        {"method": method, "dataset": dataset, "classes": classes,
         **{name: _mean([c.get(name) for c in entries]) for name in COUNTED},
         **{name: _mean([c.get("seconds", {}).get(name) for c in entries]) for name in ("selection", "fit", "judge")}}
        for (method, dataset, classes), entries in found.items()
    ]  # fmt: skip


def cost_section(results: Sequence[Result]) -> str:
    """What each method costs; empty where no result says."""
    entries = costs(results)
    counted = {name: said for name, said in COUNTED.items() if any(c[name] is not None for c in entries)}
    lines = [
        ("", [escape(c["method"]), escape(f"{c['dataset']}, {c['classes']}"), *(short(c[name]) for name in counted),
              *("" if c[name] is None else f"{c[name]:.2f}" for name in ("selection", "fit", "judge"))])
        for c in entries
    ]  # fmt: skip
    if not lines:
        return ""
    head = ["method", "data, seen + unseen classes", *counted.values(), "selection, s", "fit, s", "judging, s"]
    note = ("MACs: multiply-accumulates of scoring one clip among all classes, from its features on, and of the "
            "encoder for each body in a clip; empty where they could not be counted. Seconds are means over tasks, as "
            "measured on the hardware named below, perhaps beside other work.")  # fmt: skip
    return f'<h2>Cost</h2>{table(head, lines)}<p class="note">{note}</p>'


def short(number: float | None) -> str:
    """A count in three digits.

    >>> short(1318528), short(98304), short(812), short(None)
    ('1.32 M', '98.3 k', '812', '')
    """
    if number is None:
        return ""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:.3g}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None
