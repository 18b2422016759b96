"""The report of a comparison as one HTML file: what won, by how much, and whether to believe it.

A pure function of result files; intervals and differences come from `protocol.summary`, nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from skelzero.cards import write_text
from skelzero.protocol.result import Result
from skelzero.report.comparison import compare
from skelzero.report.confusions import confusion_section
from skelzero.report.generalised import curve_section, gates_section
from skelzero.report.latent import latent_section
from skelzero.report.plots import glance_section
from skelzero.report.provenance import provenance_section
from skelzero.report.tables import NAMES, TITLES, accuracy_section, cost_section, percent, points
from skelzero.report.verdict import Verdict, clear, main_metric

BADGES = {"yes": "Believe it", "care": "With care", "no": "Conclude nothing"}
MARKS = {"yes": "✓", "care": "!", "no": "✗"}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;margin:0 auto;max-width:72rem;padding:1rem}
h1{font-size:1.5rem;margin:.2rem 0 .6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #d5dae1}
.warn{color:#a61b29;font-weight:600}.wide{overflow-x:auto}.note{color:#4b5563;font-size:.9rem}
.verdicts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:.8rem}
.verdict{border:1px solid #d5dae1;border-left:6px solid;border-radius:.4rem;padding:.6rem .9rem}
.verdict p{margin:.15rem 0}.what{color:#4b5563;font-size:.9rem}.won{font-size:1.25rem}.by b{white-space:nowrap}
.yes{border-left-color:#0b7a55}.care{border-left-color:#b45309}.no{border-left-color:#a61b29}
.badge{font-weight:700;color:#fff;border-radius:.3rem;padding:.05rem .5rem}
.badge.yes{background:#0b7a55}.badge.care{background:#b45309}.badge.no{background:#a61b29}
.reasons{list-style:none;margin:.3rem 0 0;padding:0;font-size:.9rem}.reasons li{padding-left:1.3em;text-indent:-1.3em}
.reasons b{display:inline-block;width:1.3em;text-indent:0}
.reasons .yes b{color:#0b7a55}.reasons .care b{color:#b45309}.reasons .no b{color:#a61b29}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem}
th,td{padding:.25rem .55rem;text-align:right;border-bottom:1px solid #e6e9ee;white-space:nowrap}
th{white-space:normal;vertical-align:bottom}
th:first-child,td:first-child{text-align:left}tr.best td{font-weight:600}tr.aside td{color:#5b6472}
.says td,.says th{text-align:left;vertical-align:top;white-space:normal;min-width:6rem}
.says td:nth-child(n+5){min-width:15rem}small{color:#5b6472}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem}dt{color:#5b6472}
dd{margin:0;overflow-wrap:anywhere}@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
"""


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
        No result, or an unknown baseline.
    """
    found = compare(results, where=path, baseline=baseline)
    cards = "".join(_card(found.verdict(key)) for key in found.keys)
    parts = [f"<h1>{escape(title)}</h1>", *_warnings(found.results), f'<div class="verdicts">{cards}</div>']
    parts += [accuracy_section(key, found.rows, found.pairs, found.baseline) for key in found.keys]
    parts += [gates_section(place, found.rows) for place in found.places]
    parts += [curve_section(place, found.results, i) for i, place in enumerate(found.places)]
    parts.append(glance_section(found.rows, found.keys))
    parts += [confusion_section(k, found.results, found.best(k), i) for i, k in enumerate(found.keys)]
    parts += [latent_section(p, found.results, found.best_of(p), i) for i, p in enumerate(found.places)]
    parts += [cost_section(found.results), provenance_section(found.results)]
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
    return found


def _card(verdict: Verdict) -> str:
    """What won, by how much, and whether to believe it."""
    key, best, metric = verdict.key, verdict.best, main_metric(verdict.key[2])
    short = NAMES.get(key[2], key[2]).split(" (")[0]
    chance = f", chance {100 * best.chance:.1f} %" if best.chance else ""
    # Whoever cannot be told from the next one, or from the baseline, has not won.
    certain = all(p is not None and clear(p) for p in (verdict.gain, verdict.lead))
    verb = "wins" if certain and verdict.level != "no" else "leads"
    pairs = [verdict.gain] + ([verdict.lead] if verdict.lead != verdict.gain else [])
    by = [f"<b>{points(p)}</b> points over {escape(p.baseline)}" for p in pairs if p is not None]
    reasons = "".join(f'<li class="{r.level}"><b>{MARKS[r.level]}</b> {escape(r.says)}</li>' for r in verdict.reasons)
    return (
        f'<section class="verdict {verdict.level}"><p class="what">{escape(" ".join(key[:2]))} · {escape(short)} · '
        f'{TITLES.get(metric, metric)}{chance}</p><p class="won"><b>{escape(best.method)}</b> {verb} with '
        f'<b>{percent(best)} %</b></p><p class="by">{"; ".join(by) or "nothing to compare with"}</p>'
        f'<p><span class="badge {verdict.level}">{BADGES[verdict.level]}</span></p><ul class="reasons">{reasons}</ul>'
        "</section>"
    )
