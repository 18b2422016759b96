"""Tables of a paper: LaTeX with booktabs and CSV, with intervals and paired differences."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from skelzero.report.comparison import Comparison
from skelzero.report.tables import COUNTED, TITLES, costs, pair_of, percent, points, published_of, short, shown_metrics
from skelzero.report.verdict import Key, main_metric, of_key, ranked

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "−": "$-$", "<": r"\textless{}",
    ">": r"\textgreater{}",
}  # fmt: skip


def latex(text: str) -> str:
    """Text as LaTeX prints it.

    >>> latex("a_1: 42.0 ±3.1 %")
    'a\\\\_1: 42.0 $\\\\pm$3.1 \\\\%'
    """
    return "".join(SPECIAL.get(character, character) for character in text)


def setting_table(key: Key, found: Comparison) -> str:
    """LaTeX of one split and setting; published figures stand below a line of their own."""
    metrics, main = [m for m in shown_metrics(key, found.rows) if "best_on_test" not in m], main_metric(key[2])
    cells = {(r.method, r.metric): r for m in metrics for r in of_key(key, found.rows, m)}
    order = ranked(key, found.rows)
    head = ["Method", *(TITLES.get(m, m) for m in metrics), f"{TITLES.get(main, main)} − {found.baseline}"]
    lines = []
    for row in order:
        pair = pair_of(key, found.pairs, row.method)
        line = [row.method + (" (leaky)" if row.leaky else ""), *(percent(cells.get((row.method, m))) for m in metrics),
                points(pair) if pair else "--"]  # fmt: skip
        bold = r"\textbf{%s}" if row is order[0] else "%s"
        lines.append([bold % latex(cell) for cell in line])
    chances = [next((r.chance for r in of_key(key, found.rows, m)), None) for m in metrics]
    lines.append(["chance", *("--" if c is None else f"{100 * c:.1f}" for c in chances), "--"])
    known = published_of(key)
    place, blank = metrics.index(main), ["--"] * len(metrics)
    further = []
    for entry in known:
        values = blank.copy()
        values[place] = f"{100 * entry.value:.1f}"
        further.append([latex(f"{entry.method}, published"), *values, "--"])
    n = max(r.seeds for r in order)
    note = (f"{' '.join(key)}: per cent, mean of {n} {'draws' if key[1].startswith('random:') else 'seeds'} ± half the "
            f"95 % interval; differences in points, paired.")  # fmt: skip
    if known:
        note += f" Published figures: {known[0].chosen}."
    return _booktabs([latex(cell) for cell in head], lines, further, note)


def cost_table(found: Comparison) -> str:
    """LaTeX of what methods cost; empty where no result says."""
    lines = [
        [latex(c["method"]), latex(c["dataset"]), c["classes"],
         *(short(c[name]) or "--" for name in COUNTED),
         *("--" if c[name] is None else f"{c[name]:.2f}" for name in ("selection", "fit", "judge"))]
        for c in costs(found.results)
    ]  # fmt: skip
    head = ["Method", "Data", "Classes", "Parameters", "MACs a clip", "Encoder", "MACs a body",
            "Selection, s", "Fit, s", "Judging, s"]  # fmt: skip
    note = ("Classes: seen + unseen. Encoder: its parameters. MACs: multiply-accumulates of scoring one clip from its "
            "features on, and of the encoder for each body.")  # fmt: skip
    return _booktabs(head, lines, [], note) if lines else ""


def _booktabs(
    head: Sequence[str], lines: Sequence[Sequence[str]], further: Sequence[Sequence[str]], note: str
) -> str:  # fmt: skip
    body = [r"\toprule", _line(head), r"\midrule", *map(_line, lines)]
    if further:
        body += [r"\midrule", *map(_line, further)]
    columns = "l" + "r" * (len(head) - 1)
    return "\n".join(
        [f"% {note}", f"\\begin{{tabular}}{{{columns}}}", *body, r"\bottomrule", r"\end{tabular}", ""]
    )  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def summary_csv(found: Comparison) -> str:
    """Every mean with its deviation, interval and chance; shares from 0 to 1, unrounded."""
    head = ["dataset", "split", "family", "setting", "metric", "method", "mean", "sd", "low", "high", "runs", "chance",
            "leaky"]  # fmt: skip
    lines = [[r.dataset, r.split, r.family, r.setting, r.metric, r.method, r.mean, r.sd, *r.ci95, r.seeds, r.chance,
              r.leaky] for r in found.rows]  # fmt: skip
    return _csv(head, lines)


def paired_csv(found: Comparison) -> str:
    """Every paired difference to the baseline."""
    head = ["dataset", "split", "setting", "metric", "method", "baseline", "difference", "low", "high", "better",
            "pairs"]  # fmt: skip
    lines = [[p.dataset, p.split, p.setting, p.metric, p.method, p.baseline, p.difference, *p.ci95, p.better, p.pairs]
             for p in found.pairs]  # fmt: skip
    return _csv(head, lines)


def published_csv(found: Comparison) -> str:
    """What publications report for the same splits and settings; only a head where nothing is known."""
    head = ["dataset", "split", "setting", "metric", "method", "value", "chosen", "note", "source"]
    lines = [[*key, main_metric(key[2]), p.method, p.value, p.chosen, p.note, p.source]
             for key in found.keys for p in published_of(key)]  # fmt: skip
    return _csv(head, lines)


def _csv(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if cell is None else cell for cell in line] for line in lines])
    return text.getvalue()
