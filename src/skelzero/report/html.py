"""The report of a comparison as one HTML file: what won, by how much, and whether to believe it.

A pure function of result files; intervals and differences come from `protocol.summary`, nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from skelzero.cards import write_text
from skelzero.errors import UserError
from skelzero.protocol.figures import GATE_SETTINGS, family
from skelzero.protocol.result import Result
from skelzero.protocol.summary import Pair, Row, pair_up, split_group, summarise
from skelzero.report.generalised import curve_section, gates_section

MAIN = {"zsl": "top1", "gzsl": "H"}
SHOWN = {
    "zsl": ("top1", "top5", "per_class", "top1_best_on_test"),
    "gzsl": ("S", "U", "H", "AUSUC", "gate_auc", "H_oracle_gate", "H_best_on_test"),
}
TITLES = {
    "top1_best_on_test": "best-on-test (as published)", "H_best_on_test": "H best-on-test (as published)",
    "gate_auc": "gate AUC", "H_oracle_gate": "oracle-gate H", "per_class": "per-class mean",
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
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;margin:0 auto;max-width:62rem;padding:1rem}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #d5dae1}
.lead{font-size:1.1rem;background:#eef4fb;border-left:4px solid #1b7ec2;padding:.6rem 1rem;margin:.6rem 0}
.warn{color:#a61b29;font-weight:600}.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #e6e9ee;white-space:nowrap}
th:first-child,td:first-child{text-align:left}tr.best td{font-weight:600}tr.chance td{color:#68707d}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{color:#68707d}
dd{margin:0;overflow-wrap:anywhere}
"""

Key = tuple[str, str, str]
"""Data set, split, setting."""


def write_report(results: Sequence[Result], path: Path, *, title: str, baseline: str | None = None) -> None:
    """Write the page; it needs no network and no other file.

    Parameters
    ----------
    results : sequence of Result
        Of one comparison.
    path : Path
    title : str
    baseline : str, optional
        Method to which the others are paired; by default `ridge` where it is among the results.

    Raises
    ------
    UserError
        No result.
    """
    if not results:
        raise UserError("nothing to report", where=path, expected="results of `skelzero compare`")
    methods = {r.task.method for r in results}
    chosen = baseline or ("ridge" if "ridge" in methods else sorted(methods)[0])
    rows, pairs = summarise(results), pair_up(results, chosen)
    # Gates have a table of their own.
    keys = list(dict.fromkeys((r.dataset, r.split, r.setting) for r in rows if r.setting not in GATE_SETTINGS))
    places = list(dict.fromkeys((r.dataset, r.split) for r in rows))
    parts = [f"<h1>{escape(title)}</h1>", *_warnings(results)]
    parts += [f'<p class="lead">{_headline(key, rows, pairs, chosen)}</p>' for key in keys]
    parts += [_section(key, rows, pairs, chosen) for key in keys]
    parts += [gates_section(place, rows) for place in places]
    parts += [curve_section(place, results, i) for i, place in enumerate(places)]
    parts += [_plot(rows, keys), _confusions(results, rows, keys), _provenance(results)]
    body = "\n".join(parts)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<script>{_plotly_script()}</script></head><body>{body}</body></html>"
    )
    write_text(path, page)


def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _warnings(results: Sequence[Result]) -> list[str]:
    found = []
    if any(r.task.split.dataset == "synthetic" for r in results):
        found.append('<p class="warn">Synthetic motion: these figures say nothing about recordings of people.</p>')
    if any(r.leaky for r in results):
        found.append('<p class="warn">A leaky encoder: it was trained on unseen classes. Not a zero-shot result.</p>')
    if any("transductive" in s for r in results for s in r.metrics):
        found.append('<p class="warn">Some settings are transductive: they saw the unlabelled test set.</p>')
    return found


def _of(key: Key, rows: Sequence[Row], metric: str) -> list[Row]:
    return [r for r in rows if (r.dataset, r.split, r.setting) == key and r.metric == metric]


def _main_metric(key: Key) -> str:
    return MAIN[family(key[2])]


def _headline(key: Key, rows: Sequence[Row], pairs: Sequence[Pair], baseline: str) -> str:
    """One sentence: the best method, its figure, and whether it can be told from the baseline."""
    metric = _main_metric(key)
    ranked = sorted(_of(key, rows, metric), key=lambda r: r.mean, reverse=True)
    best = ranked[0]
    text = (
        f"{escape(key[0])} {escape(key[1])}, {escape(key[2])}: <b>{escape(best.method)}</b> is best with {_value(best)}"
    )
    text += f" ({metric}, {best.seeds} runs)" + (f", chance {100 * best.chance:.1f} %" if best.chance else "")
    other = best if best.method != baseline else (ranked[1] if len(ranked) > 1 else None)
    pair = _pair(key, pairs, other.method, metric) if other else None
    if pair is None or other is None:
        return text + "."
    low, high = pair.ci95
    text += f"; {escape(other.method)} minus {escape(baseline)}, paired: {100 * pair.difference:+.1f} points"
    if low is None or high is None:
        return text + " (one run: no interval)."
    known = "not distinguishable" if low <= 0 <= high else "distinguishable"
    return text + f" [{100 * low:+.1f}, {100 * high:+.1f}], <b>{known}</b>."


def _pair(key: Key, pairs: Sequence[Pair], method: str, metric: str) -> Pair | None:
    for pair in pairs:
        if (pair.dataset, pair.split, pair.setting, pair.method, pair.metric) == (*key, method, metric):
            return pair
    return None


def _value(row: Row) -> str:
    low, high = row.ci95
    half = "" if low is None or high is None else f" ±{50 * (high - low):.1f}"
    return f"{100 * row.mean:.1f}{half} %"


def _section(key: Key, rows: Sequence[Row], pairs: Sequence[Pair], baseline: str) -> str:
    metrics = [m for m in SHOWN[family(key[2])] if _of(key, rows, m)]
    table = {(r.method, r.metric): r for m in metrics for r in _of(key, rows, m)}
    main = _main_metric(key)
    best = max(_of(key, rows, main), key=lambda r: r.mean).method
    named = [TITLES.get(m, m) for m in metrics]
    head = "".join(f"<th>{escape(m)}</th>" for m in ("method", *named, f"{main} − {baseline}", "better in"))
    lines = []
    for method in dict.fromkeys(m for m, _ in table):
        # Only methods with stages have a best one on the test.
        cells = "".join(f"<td>{_value(table[method, m]) if (method, m) in table else ''}</td>" for m in metrics)
        mark = ' <span class="warn">leaky encoder</span>' if table[method, main].leaky else ""
        lines.append(f'<tr class="{"best" if method == best else ""}"><td>{escape(method)}{mark}</td>{cells}'
                     f"{_difference(_pair(key, pairs, method, main))}</tr>")  # fmt: skip
    chance = "".join(f"<td>{'' if c is None else f'{100 * c:.1f} %'}</td>" for c in
                     (next((r.chance for r in _of(key, rows, m)), None) for m in metrics))  # fmt: skip
    lines.append(f'<tr class="chance"><td>chance</td>{chance}<td></td><td></td></tr>')
    title = f"{escape(key[0])} {escape(key[1])} — {NAMES.get(key[2], key[2])}"
    return f'<h2>{title}</h2><div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _difference(pair: Pair | None) -> str:
    if pair is None:
        return "<td></td><td></td>"
    low, high = pair.ci95
    bounds = "" if low is None or high is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"<td>{100 * pair.difference:+.1f}{bounds}</td><td>{pair.better} of {pair.pairs}</td>"


def _figure(figure: Any, name: str) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False}))


def _plot(rows: Sequence[Row], keys: Sequence[Key]) -> str:
    """Main metric of every method with its interval, one colour a split and setting."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for key in keys:
        chosen = _of(key, rows, _main_metric(key))
        spread = [0.0 if r.ci95[0] is None or r.ci95[1] is None else 50 * (r.ci95[1] - r.ci95[0]) for r in chosen]
        figure.add_trace(go.Scatter(
            x=[100 * r.mean for r in chosen], y=[escape(r.method) for r in chosen], mode="markers",
            name=escape(" ".join(key) + f" ({_main_metric(key)})"), error_x={"type": "data", "array": spread},
            marker={"size": 10},
        ))  # fmt: skip
    figure.update_layout(xaxis_title="%, mean with 95 % interval", template="plotly_white", height=160 + 60 * len(keys)
                         + 24 * len({r.method for r in rows}), margin={"l": 10, "r": 10, "t": 20},
                         yaxis={"automargin": True}, legend={"orientation": "h", "y": -0.25})  # fmt: skip
    return f"<h2>All methods at a glance</h2>{_figure(figure, 'glance')}"


def _confusions(results: Sequence[Result], rows: Sequence[Row], keys: Sequence[Key]) -> str:
    """What the best method of each fixed split takes for what, summed over seeds (draws differ in their classes)."""
    parts = []
    for i, key in enumerate(keys):
        best = max(_of(key, rows, _main_metric(key)), key=lambda r: r.mean).method
        of_best = [r for r in results if r.task.method == best and r.task.split.dataset == key[0]
                   and split_group(r.task.split.name) == key[1] and key[2] in r.confusion]  # fmt: skip
        orders = {tuple(r.class_order[key[2]]) for r in of_best}
        if len(orders) != 1:
            continue
        codes, counts = next(iter(orders)), np.sum([r.confusion[key[2]] for r in of_best], axis=0)
        parts.append(f"<h2>What {escape(best)} confuses: {escape(' '.join(key))}</h2>" + _heatmap(codes, counts, i))
    return "".join(parts)


def _heatmap(codes: Sequence[str], counts: np.ndarray, number: int) -> str:
    import plotly.graph_objects as go

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [escape(c) for c in codes]
    figure = go.Figure(go.Heatmap(z=share, x=names, y=names, colorscale="Blues", zmin=0, zmax=1,
                                  hovertemplate="%{y} taken for %{x}: %{z:.0%}<extra></extra>"))  # fmt: skip
    size = max(320, 24 * len(codes) + 140)
    figure.update_layout(xaxis={"title": "answer", "type": "category"}, template="plotly_white", height=size,
                         yaxis={"title": "truth", "type": "category", "autorange": "reversed"},
                         margin={"l": 10, "r": 10, "t": 20})  # fmt: skip
    return _figure(figure, f"confusion-{number}")


def _provenance(results: Sequence[Result]) -> str:
    """How the numbers were made."""
    first = results[0]
    selection = next((r.selection for r in results if r.selection), None)
    seen = [r.diagnostics.get("encoder_seen_top1") for r in results]
    accuracies = [100 * s for s in seen if s is not None]
    card = first.encoder.get("encoder", first.encoder)
    facts = {
        "selection": selection.rule if selection else "nothing was chosen",
        "settings chosen": _chosen(results),
        "skeleton encoder": f"{card.get('encoder')}, trained on seen classes only"
        + (f"; own top-1 on seen classes {np.mean(accuracies):.1f} % (mean)" if accuracies else ""),
        "text": f"{first.text.get('encoder')}, {', '.join(first.text.get('kinds', []))}; "
        f"SHA-256 {str(first.text.get('sha256', ''))[:16]}",
        "data": f"{first.data.get('dataset')}, {first.data.get('clips')} clips, checksum "
        f"{str(first.data.get('checksum', ''))[:16]}; pipeline {first.data.get('pipeline', '-')}",
        "training and test clips": first.data.get("partition", ""),
        "versions": ", ".join(f"{name} {version}" for name, version in first.versions.items()),
        "hardware": ", ".join(f"{name}: {value}" for name, value in first.hardware.items()),
        "time": f"{sum(r.seconds.get('total', 0.0) for r in results):.0f} s over {len(results)} tasks",
    }
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items())
    return f"<h2>How these numbers were made</h2><dl>{items}</dl>"


def _chosen(results: Sequence[Result]) -> str:
    found: dict[str, dict[str, int]] = {}
    for r in results:
        if r.selection is not None and len(r.selection.trials) > 1:
            counts = found.setdefault(r.task.method, {})
            text = ", ".join(f"{k}={v}" for k, v in r.selection.settings.items())
            counts[text] = counts.get(text, 0) + 1
    return "; ".join(f"{m}: " + ", ".join(f"{t} ({n}x)" for t, n in c.items()) for m, c in found.items()) or "defaults"
