"""The vocabulary of movement as one HTML page: every attribute with what it means and two movements to show it.

The pictures are the synthetic clips on which an attribute is measured lowest and highest; no person was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from skelzero.cards import write_text
from skelzero.kinematics import measure_clips, to_bodies
from skelzero.report.attribute_words import PARTS, marks_of, meaning_of, needs_of, number, range_of, scale_of
from skelzero.report.bodies import COLOURS
from skelzero.report.stick_figures import Drawing, draw
from skelzero.synthetic import CLASSES, VERSION, generate
from skelzero.text.attributes.schema import Attribute, Schema, load_schema

SEED = 0
"""Of the clips that are shown, one a class."""
DIGITS = 2
"""Decimals in which values are shown; clips whose values are equal in them are measured alike."""
STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--soft:#5b6472;--line:#d5dae1;--card:#f7f9fb;
--left:LEFT;--right:RIGHT;--middle:MIDDLE}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--soft:#a3acb9;--line:#39414d;
--card:#1b212a;--left:#5db4ef;--right:#f0828f;--middle:#c9ced6}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:64rem;
padding:1rem;overflow-wrap:break-word}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.3rem;margin:2.4rem 0 .8rem;border-bottom:1px solid var(--line)}
h3{font:600 1.05rem ui-monospace,monospace;margin:0}p{margin:.3rem 0}a{color:inherit}
nav{columns:17rem;font-size:.9rem;margin:1rem 0}nav div{break-inside:avoid;padding-bottom:.5rem}
nav a{margin-right:.3em;white-space:nowrap}
article{border:1px solid var(--line);border-radius:8px;background:var(--card);padding:.7rem 1rem;margin:.8rem 0;
break-inside:avoid}
.facts,figcaption,footer{color:var(--soft);font-size:.87rem}
.scale{display:flex;align-items:center;gap:.6rem;font-size:.82rem;color:var(--soft);max-width:34rem;margin:.3rem 0}
.scale svg{flex:1;min-width:0;height:18px;overflow:visible}
.axis,.mark,.rest{stroke:var(--soft);fill:none}.axis{stroke-width:2}.rest{stroke:var(--ink);stroke-width:3}
.low,.high{stroke:var(--ink);stroke-width:2;fill:var(--card)}.high{fill:var(--ink)}
.key{display:inline-block;vertical-align:-4px;width:20px;height:18px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin-top:.5rem}figure{margin:0;min-width:0}
figure svg{display:block;width:100%;height:8.5rem}figure b{color:var(--ink);font-weight:600}
.left,.right,.middle{fill:none;stroke-width:5;stroke-linecap:round}.left{stroke:var(--left)}.right{stroke:var(--right)}
.middle{stroke:var(--middle)}.floor{stroke:var(--line);stroke-width:2}
.trail{stroke:var(--soft);stroke-width:2;stroke-dasharray:6 5;fill:none}.start{fill:var(--soft)}
.defs{position:absolute;width:0;height:0}
@media(max-width:40rem){.pair{grid-template-columns:1fr}figure svg{height:7.5rem}}
@media print{body{max-width:none;padding:0;font-size:10pt}figure svg{height:6rem}
article{background:none}.low{fill:#fff}h2{break-after:avoid}}
"""


@dataclass(frozen=True)
class Shown:
    """The clips that illustrate the vocabulary, M of them, one a class.

    Attributes
    ----------
    codes : tuple of str
        Synthetic classes.
    values : float64 (M, A)
        As measured.
    drawings : tuple of Drawing
    """

    codes: tuple[str, ...]
    values: Float64[np.ndarray, "M A"]
    drawings: tuple[Drawing, ...]


def write_vocabulary(path: Path, classes: Sequence[str] | None = None) -> None:
    """Write the page; it needs no network and no other file.

    Parameters
    ----------
    path : Path
        The HTML file.
    classes : sequence of str, optional
        Synthetic classes to choose the pictures from; all by default.

    Raises
    ------
    UserError
        An unknown class.
    """
    schema, shown = load_schema(), measured_clips(classes)
    title = "The vocabulary of movement"
    used: dict[int, None] = {}
    sections = [_section(schema, part, shown, used) for part in PARTS]
    pictures = "".join(f'<g id="{shown.codes[row]}">{shown.drawings[row].elements}</g>' for row in used)
    body = "\n".join([
        f"<h1>{title}</h1>", _introduction(schema, shown), _contents(schema),
        f'<svg class="defs" aria-hidden="true"><defs>{pictures}</defs></svg>', *sections,
        f"<footer>Pictures and values: synthetic clips, version {VERSION}, seed {SEED}, {len(shown.codes)} classes; "
        f"no person was recorded. Vocabulary: SHA-256 {schema.sha256[:16]}.</footer>",
    ])  # fmt: skip
    style = STYLE
    for side, colour in COLOURS[0].items():
        style = style.replace(side.upper(), colour)
    write_text(path, f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
                     f'content="width=device-width,initial-scale=1"><title>{title}</title><style>{style}</style></head>'
                     f"<body>{body}</body></html>")  # fmt: skip


def measured_clips(classes: Sequence[str] | None = None) -> Shown:
    """One synthetic clip a class, measured and drawn."""
    clips = list(generate(classes, subjects=1, replications=1, seed=SEED))
    bodies = to_bodies(clips).joints.double().numpy()
    return Shown(tuple(c.origin.code for c in clips), measure_clips(clips), tuple(draw(body) for body in bodies))


def extremes(values: Float64[np.ndarray, "M A"], column: int) -> tuple[int, int] | None:
    """Rows of the clips with the lowest and the highest value of an attribute; None where nobody has it, or all alike.

    Of clips that are measured alike, the highest is the one that is otherwise most like standing still, and the lowest
    the one that is otherwise most like the highest, so that two pictures differ in little but the attribute.
    """
    schema = load_schema()
    rounded = values[:, column].round(DIGITS)
    if not np.isfinite(rounded).any() or np.nanmin(rounded) == np.nanmax(rounded):
        return None
    scaled = np.delete(values / (schema.high - schema.low), column, axis=1)
    rest = np.delete(schema.rest / (schema.high - schema.low), column)
    high = _nearest(scaled, rest, rounded == np.nanmax(rounded))
    return _nearest(scaled, scaled[high], rounded == np.nanmin(rounded)), high


def _nearest(scaled: np.ndarray, to: np.ndarray, allowed: np.ndarray) -> int:
    """The allowed row whose known values differ least from `to` in the mean."""
    rows = np.flatnonzero(allowed)
    return int(rows[np.nanmean(np.abs(scaled[rows] - to), axis=1).argmin()])


def _introduction(schema: Schema, shown: Shown) -> str:
    key = '<svg class="key" viewBox="0 0 20 18">{}</svg>'
    rest, low, high = (key.format(mark) for mark in (
        '<path class="rest" d="M10 1V17"/>', '<circle class="low" cx="10" cy="9" r="5"/>',
        '<circle class="high" cx="10" cy="9" r="5"/>'))  # fmt: skip
    sides = ", ".join(f'<b style="color:var(--{side})">{side}</b>' for side in ("left", "right"))
    return (
        f"<p>{len(schema)} attributes say what a body does, as numbers that words can give and a recording can be "
        "measured for. A profile names what differs from somebody who stands still with hanging arms. The leading arm "
        "or leg is the one that moves more, whichever side that is; outward is away from the midline on its own side."
        f"</p><p>On each scale: {rest} at rest, {low} lowest and {high} highest of {len(shown.codes)} synthetic clips, "
        "one a class. Below it key frames of these two clips, from left to right in time, from the front or from the "
        f"body's right, whichever shows more. The body's {sides} limbs are coloured; a dashed line leads from where a "
        "body began to where it is.</p>"
    )


def _contents(schema: Schema) -> str:
    blocks = []
    for part in PARTS:
        links = " ".join(f'<a href="#{a.name}">{a.name}</a>' for a in schema.attributes if a.part == part)
        blocks.append(f'<div><a href="#part-{part}"><b>{PARTS[part]}</b></a><br>{links}</div>')
    return f"<nav>{''.join(blocks)}</nav>"


def _section(schema: Schema, part: str, shown: Shown, used: dict[int, None]) -> str:
    articles = []
    for column in np.flatnonzero(schema.of_part(part)):
        found = extremes(shown.values, int(column))
        used.update(dict.fromkeys(found or ()))
        articles.append(_article(schema.attributes[column], shown, shown.values[:, column], found))
    return f'<section><h2 id="part-{part}">{PARTS[part]}</h2>{"".join(articles)}</section>'


def _article(a: Attribute, shown: Shown, values: np.ndarray, found: tuple[int, int] | None) -> str:
    facts = [f"Scale: {scale_of(a)}.", f"At rest: {number(a.rest)}."]
    facts += [f"Marks: {'; '.join(marks_of(a))}."] if a.marks else []
    facts += [f"Known with {needs_of(a)}."] if a.needs else []
    if found:
        pictures = "".join(_picture(name, a, float(values[row]), shown, row)
                           for name, row in zip(("lowest", "highest"), found, strict=True))  # fmt: skip
        pictures = f'<div class="pair">{pictures}</div>'
    else:
        pictures = '<p class="facts">No picture: the synthetic motion does not have this.</p>'
    ends = [float(values[row]) for row in found or ()]
    return (f'<article id="{a.name}"><h3>{a.name}</h3><p>{escape(a.says)}</p>{_scale(a, ends)}'
            f'<p class="facts">{escape(" ".join(facts))}</p>{pictures}</article>')  # fmt: skip


def _scale(a: Attribute, ends: Sequence[float]) -> str:
    """The range as a line, with the marks, the value at rest and the measured ends on it."""

    def place(value: float) -> str:
        return f"{100 * (value - a.low) / (a.high - a.low):.4g}%"

    lines = [f'<line class="mark" x1="{place(v)}" x2="{place(v)}" y1="5" y2="13"/>' for v, _ in a.marks]
    if not np.isnan(a.rest):
        lines.append(f'<line class="rest" x1="{place(a.rest)}" x2="{place(a.rest)}" y1="1" y2="17"/>')
    lines += [f'<circle class="{kind}" cx="{place(value)}" cy="9" r="5"/>'
              for kind, value in zip(("low", "high"), ends, strict=False)]  # fmt: skip
    line = f'<svg role="img" aria-label="range {range_of(a)}"><line class="axis" x1="0" x2="100%" y1="9" y2="9"/>'
    return f'<div class="scale">{number(a.low)}{line}{"".join(lines)}</svg>{number(a.high)}</div>'


def _picture(name: str, a: Attribute, value: float, shown: Shown, row: int) -> str:
    drawing, label = shown.drawings[row], CLASSES[shown.codes[row]].label
    meaning = meaning_of(a, value)
    says = f"{name}: <b>{number(value)}</b>{f' ({escape(meaning)})' if meaning else ''}, “{escape(label)}”"
    view = "from the front" if drawing.view == "front" else "from the side"
    return (f'<figure><svg viewBox="0 0 {drawing.width} {drawing.height}" role="img" aria-label="{escape(label)}, '
            f'{drawing.figures} key frames {view}"><use href="#{shown.codes[row]}"/></svg>'
            f"<figcaption>{says}, {view}</figcaption></figure>")  # fmt: skip
