"""Joint layouts as pictures: what a source's joints are called, and which of them give the common body's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from skelzero.cards import write_text
from skelzero.clips import COMMON_JOINTS, JointLayout, layout_names, load_layout
from skelzero.errors import UserError
from skelzero.preprocess.gaps import stand_ins

GIVEN, MEAN, MISSING, UNUSED = "given", "mean", "missing", "unused"
COLOURS = {GIVEN: "#1b7ec2", MEAN: "#d9822b", MISSING: "#d1495b", UNUSED: "#8a93a0"}
TITLES = {2: "2-D", 3: "3-D"}

SIDED = {
    "shoulder": (38, 104), "elbow": (62, 152), "wrist": (84, 196), "hand": (98, 226), "hip": (22, 214),
    "knee": (32, 280), "ankle": (38, 345), "foot": (54, 368), "eye_inner": (9, 31), "eye": (17, 30),
    "eye_outer": (25, 32), "ear": (36, 42), "mouth": (9, 62), "pinky": (110, 226), "index": (104, 244),
    "thumb": (80, 224), "hand_tip": (108, 248), "heel": (28, 362), "foot_index": (54, 368), "big_toe": (48, 374),
    "small_toe": (62, 370),
}  # fmt: skip
MIDDLE = {
    "head": (0, 40), "nose": (0, 46), "head_top": (0, 4), "neck": (0, 80), "upper_neck": (0, 80),
    "shoulder_center": (0, 100), "spine": (0, 155), "chest": (0, 155), "hip_center": (0, 205),
}  # fmt: skip
"""Where joints are drawn: points to the viewer's right of the midline for the body's left, and down from the top. The
head and the hands are larger than anybody's, since that is where layouts differ."""

DOT, TOP, BOTTOM = 5, 62, 446
"""Radius of a joint; where the bodies and the columns of labels begin and end."""
LABEL, SPACING = 128, 34
"""From a body's midline to its labels, and the most from one label to the next."""
MIDLINES = (272, 812)
WIDTH, HEIGHT = 1100, 500
STYLE = (
    f"text{{font:13px system-ui,sans-serif;fill:#1c2430}}.t{{font-weight:600;font-size:15px}}.s{{fill:#5b6472}}"
    ".b{stroke:#b9c0c9;stroke-width:4;stroke-linecap:round;fill:none}.l{stroke:#d5dae1;fill:none}"
    f".given{{fill:{COLOURS[GIVEN]}}}.mean{{fill:{COLOURS[MEAN]}}}"
    f".missing{{fill:#fff;stroke:{COLOURS[MISSING]};stroke-width:2;stroke-dasharray:3 2}}"
    f".unused{{fill:#fff;stroke:{COLOURS[UNUSED]};stroke-width:2}}"
)
PAGE_STYLE = ("body{font:16px/1.5 system-ui,sans-serif;max-width:66rem;margin:0 auto;padding:1rem;color:#1c2430;"
              "background:#fff}svg{max-width:100%;height:auto}h2{margin:2rem 0 .3rem}p{margin:.3rem 0}")  # fmt: skip
LEGENDS = (
    ((GIVEN, "gives a joint"), (MEAN, "counts in a mean only"), (UNUSED, "not used")),
    ((GIVEN, "given"), (MEAN, "the mean of several"), (MISSING, "missing: put at its neighbour")),
)


@dataclass(frozen=True)
class Feed:
    """What a joint of the common body is made of.

    Attributes
    ----------
    kind : str
        `given` by one joint, the `mean` of several, or `missing`.
    joints : tuple of int
        Of the source; one that counts twice stands twice.
    stand_in : str
        The joint of the common body in whose place a missing one is put; empty for the others.
    """

    kind: str
    joints: tuple[int, ...]
    stand_in: str = ""


@dataclass(frozen=True)
class Mark:
    """One joint in a picture."""

    place: tuple[float, float]
    kind: str
    label: str


def feeds(layout: JointLayout) -> dict[str, Feed]:
    """What gives each joint of the common body."""
    missing = np.array([name not in layout.common for name in COMMON_JOINTS])
    nearest = stand_ins(load_layout("common20"), missing)
    found = {}
    for row, name in enumerate(COMMON_JOINTS):
        ids = tuple(layout.common.get(name, ()))
        kind = MISSING if not ids else GIVEN if len(ids) == 1 else MEAN
        found[name] = Feed(kind, ids, "" if ids else COMMON_JOINTS[nearest[row]])
    return found


def uses(layout: JointLayout) -> list[str]:
    """Of every joint of a source, whether it gives one of the common body's, counts in a mean only, or is not used."""
    kinds = [UNUSED] * len(layout)
    for feed in sorted(feeds(layout).values(), key=lambda feed: feed.kind == GIVEN):
        for joint in feed.joints:
            kinds[joint] = feed.kind
    return kinds


def facts_of(layout: JointLayout) -> dict[str, Any]:
    """A layout in words: which joints give each joint of the common body, and in whose place missing ones are put."""
    made = feeds(layout)
    return {
        "name": layout.name, "dims": layout.dims, "joints": list(layout.joints), "source": layout.source,
        "common": {name: [layout.joints[i] for i in feed.joints] for name, feed in made.items() if feed.joints},
        **{kind: [name for name, feed in made.items() if feed.kind == kind] for kind in (GIVEN, MEAN)},
        MISSING: {name: feed.stand_in for name, feed in made.items() if feed.kind == MISSING},
        "unused": [joint for joint, kind in zip(layout.joints, uses(layout), strict=True) if kind == UNUSED],
    }  # fmt: skip


def draw_layout(layout: JointLayout) -> str:
    """The source's skeleton, and beside it the common body with what feeds it, from the front: one SVG document.

    Raises
    ------
    UserError
        A joint of whose place nothing is known.
    """
    common, made = load_layout("common20"), feeds(layout)
    source = [
        Mark(place, kind, f"{i} {joint}")
        for i, (place, kind, joint) in enumerate(zip(places(layout), uses(layout), layout.joints, strict=True))
    ]
    target = [Mark(place, feed.kind, _made_of(name, feed))
              for place, (name, feed) in zip(places(common), made.items(), strict=True)]  # fmt: skip
    counts = Counter(feed.kind for feed in made.values())
    heads = (f"{layout.name}: {len(layout)} joints, {TITLES[layout.dims]}",
             f"the common body: {counts[GIVEN]} given, {counts[MEAN]} as means, {counts[MISSING]} missing")  # fmt: skip
    parts = []
    for middle, head, legend, bones, marks in zip(
        MIDLINES, heads, LEGENDS, (layout.bones, common.bones), (source, target), strict=True
    ):
        parts += [_text(middle, 24, head, "t", "middle"), _skeleton(middle, bones, marks), _legend(middle, legend)]
    says = f"{heads[0]}; {heads[1]}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
            f'aria-label="{escape(says)}"><style>{STYLE}</style><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
            f"{''.join(parts)}</svg>\n")  # fmt: skip


def places(layout: JointLayout) -> list[tuple[float, float]]:
    """Where joints are drawn; one that alone gives a joint of the common body lies where that one does."""
    alone = {feed.joints[0]: name for name, feed in feeds(layout).items() if feed.kind == GIVEN}
    return [_place(alone.get(i, joint), layout) for i, joint in enumerate(layout.joints)]


def _place(joint: str, layout: JointLayout) -> tuple[float, float]:
    sides = [side for side in ("left", "right") if side in joint.split("_")]
    bare = "_".join(word for word in joint.split("_") if word not in sides)
    table = SIDED if sides else MIDDLE
    if bare not in table:
        raise UserError("it is not known where this joint is drawn", where=layout.name, got=joint,
                        next_step="give it a place in skelzero.report.layouts")  # fmt: skip
    x, y = table[bare]
    return (-x if sides == ["right"] else x), y


def _made_of(name: str, feed: Feed) -> str:
    """A label of the common body.

    >>> _made_of("spine", Feed("mean", (8, 11, 1, 1))), _made_of("left_hand", Feed("missing", (), "left_wrist"))
    ('spine: 8, 11, 2×1', 'left_hand: missing')
    """
    counted = Counter(feed.joints)
    numbers = ", ".join(f"{count}×{joint}" if count > 1 else str(joint) for joint, count in counted.items())
    return f"{name}: {numbers or feed.kind}"


def _skeleton(middle: int, bones: Sequence[tuple[int, int]], marks: Sequence[Mark]) -> str:
    at = np.array([mark.place for mark in marks], dtype=float) + np.array([middle, TOP])
    lines = "".join(f"M{_xy(at[a])}L{_xy(at[b])}" for a, b in bones)
    return f'<path class="b" d="{lines}"/>{_labels(middle, marks, at)}' + "".join(
        _dot(x, y, mark.kind) for (x, y), mark in zip(at, marks, strict=True)
    )


def _labels(middle: int, marks: Sequence[Mark], at: Float[np.ndarray, "V 2"]) -> str:
    """A column of names on either side, and thin lines to the joints that do not cross.

    Names are given to places such that the lines are shortest in sum: lines that crossed could be swapped for shorter
    ones. Joints of the midline go to the side that has fewer.
    """
    sides: dict[int, list[int]] = {-1: [], 1: []}
    for i in sorted(range(len(marks)), key=lambda i: marks[i].place[0] == 0):
        fewer = min(sides, key=lambda side: len(sides[side]))
        sides[int(np.sign(marks[i].place[0])) or fewer].append(i)
    parts, leads = [], []
    for side, rows in sides.items():
        x, reach = middle + side * LABEL, min(BOTTOM - TOP, SPACING * (len(rows) - 1)) / 2
        heights = (TOP + BOTTOM) / 2 + np.linspace(-reach, reach, len(rows))
        slots = np.stack([np.full(len(rows), x), heights], axis=1)
        _, chosen = linear_sum_assignment(np.linalg.norm(at[rows][:, None] - slots[None], axis=-1))
        for i, slot in zip(rows, slots[chosen], strict=True):
            leads.append(f"M{_xy(at[i])}L{_xy(slot)}")
            parts.append(_text(x + 4 * side, slot[1] + 4, marks[i].label, "", "start" if side > 0 else "end"))
    return f'<path class="l" d="{"".join(leads)}"/>{"".join(parts)}'


def _dot(x: float, y: float, kind: str) -> str:
    """A joint: a disc, and a diamond for means, so that colour alone does not tell."""
    if kind == MEAN:
        r = DOT + 1.5
        return f'<path class="{kind}" d="M{x:g} {y - r:g}L{x + r:g} {y:g}L{x:g} {y + r:g}L{x - r:g} {y:g}Z"/>'
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{DOT}"/>'


def _legend(middle: int, entries: Sequence[tuple[str, str]]) -> str:
    parts, x = [], middle - 190
    for kind, says in entries:
        parts += [_dot(x, HEIGHT - 18, kind), _text(x + 10, HEIGHT - 14, says, "s", "start")]
        x += 34 + 7 * len(says)
    return "".join(parts)


def _text(x: float, y: float, says: str, kind: str, anchor: str) -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:g}" y="{y:.0f}" text-anchor="{anchor}">{escape(says)}</text>'


def _xy(point: Float[np.ndarray, "2"]) -> str:
    return f"{point[0]:.0f} {point[1]:.0f}"


def write_pictures(folder: Path) -> list[Path]:
    """One SVG file for each shipped layout, named after it."""
    written = []
    for name in layout_names():
        written.append(folder / f"{name}.svg")
        write_text(written[-1], draw_layout(load_layout(name)))
    return written


def write_layouts_page(path: Path) -> None:
    """All shipped layouts as one HTML page that needs no network and no other file."""
    sections = []
    for name in layout_names():
        layout = load_layout(name)
        sections.append(f'<h2 id="{name}">{name}</h2><p>{escape(layout.source)}</p>{draw_layout(layout)}')
    title = "Joint layouts"
    write_text(path, f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
                     f'content="width=device-width,initial-scale=1"><title>{title}</title><style>{PAGE_STYLE}</style>'
                     f"</head><body><h1>{title}</h1><p>Left: what a source gives, with its numbers. Right: the common "
                     "body that every clip is brought to, and which joints it is made of. Bodies are seen from the "
                     f"front: their left is on the right.</p>{''.join(sections)}</body></html>\n")  # fmt: skip
