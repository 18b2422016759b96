"""`skelzero text attributes` and `skelzero text read`: what the body does, as attributes of recordings and of words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli.text import Json, group
from skelzero.errors import UserError

if TYPE_CHECKING:
    from skelzero.clips import Clip
    from skelzero.text.attributes.schema import Attribute

Value = float | str
SLIGHT = 0.05
"""Share of its range by which an attribute may differ from rest without being shown."""
LONG = 15.0
"""Seconds of a recording from which it is hardly one action."""


@group.command()
def attributes(
    html: Annotated[Path | None, typer.Option(help="Write the vocabulary as a page with pictures.")] = None,
    measure: Annotated[
        Path | None, typer.Option(help="Measure a recording, of any format that `skelzero recognize` reads.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is as at rest.")] = False,
    format: Annotated[str, typer.Option(help="Reader of the recording.")] = "auto",
    as_json: Json = False,
) -> None:
    """Show the vocabulary of movement, or measure a recording in it.

    The page needs no network; its pictures are the synthetic clips on which each attribute is lowest and highest.

    Example: `skelzero text attributes --html vocabulary.html`

    Example: `skelzero text attributes --measure a1_s1_t1_skeleton.mat`
    """
    if every and measure is None:
        raise UserError("--all is for a recording", next_step="name one with --measure")
    facts: dict[str, Any] = {}
    if html is not None:
        from skelzero.report.vocabulary import write_vocabulary

        write_vocabulary(html)
        console.say(f"wrote {html}")
        facts["html"] = str(html)
    if measure is not None:
        facts |= {"file": str(measure), "clips": _measured(measure, format, every)}
    elif html is None:
        _show_vocabulary()
    if as_json:
        console.put_json(facts if measure is not None else facts | _vocabulary())


def _show_vocabulary() -> None:
    from skelzero.report.attribute_words import PARTS, marks_of, needs_of, number, range_of, scale_of
    from skelzero.text.attributes.schema import load_schema

    for part, title in PARTS.items():
        rows = []
        for a in load_schema().attributes:
            more = [f"Scale: {scale_of(a)}", "; ".join(marks_of(a)), f"Known with {needs_of(a)}" if a.needs else ""]
            if a.part == part:
                rows.append((a.name, range_of(a), number(a.rest), "\n".join([a.says, *filter(None, more)])))
        console.put_table(title, ("attribute", "range", "at rest", "what it says"), rows, words=("what it says",))


def _vocabulary() -> dict[str, Any]:
    from skelzero.report.attribute_words import scale_of
    from skelzero.text.attributes.schema import load_schema

    schema = load_schema()
    described = [
        {"name": a.name, "part": a.part, "says": a.says, "range": [a.low, a.high], "rest": _known(a.rest),
         "scale": scale_of(a), "marks": [{"value": value, "meaning": meaning} for value, meaning in a.marks],
         "needs": a.needs and {"attribute": a.needs[0], "least": a.needs[1]}}
        for a in schema.attributes
    ]  # fmt: skip
    return {"attributes": described, "sha256": schema.sha256}


def _measured(file: Path, format: str, every: bool) -> list[dict[str, Any]]:
    """Measure and show every clip of a file."""
    from skelzero.kinematics import measure_clips
    from skelzero.readers import read_clips
    from skelzero.text.attributes.schema import load_schema

    found = []
    for clip in read_clips(file, format=format):
        values = dict(zip(load_schema().names, map(_known, measure_clips([clip])[0].tolist()), strict=True))
        notes = _notes(clip)
        _show(clip.origin.name, "measured", values, every)
        for note in notes:
            console.say(f"note: {note}")
        shown = {a.name: values[a.name] for a in _shown(values, every)}
        found.append({"clip": clip.origin.name, "attributes": shown, "notes": notes})
    return found


def _notes(clip: Clip) -> list[str]:
    from skelzero.kinematics.attributes import TIMED

    if math.isnan(clip.fps):
        return [f"the recording does not say its frame rate, so {', '.join(TIMED)} are unknown"]
    seconds = clip.frames / clip.fps
    return [f"{seconds:.0f} s are measured as one action; cut the recording if it is several"] * (seconds > LONG)


@group.command()
def read(
    words: Annotated[list[str], typer.Argument(help="Labels or descriptions of your own, each in quotes.")],
    motion: Annotated[bool, typer.Option("--motion", help="The words describe how the body moves.")] = False,
    text_encoder: Annotated[str, typer.Option(help="minilm, sentence-transformers:NAME or open-clip:NAME.")] = "minilm",
    every: Annotated[bool, typer.Option("--all", help="Also what is as at rest.")] = False,
    as_json: Json = False,
) -> None:
    """Say which attributes are read from some words.

    Read from everything in the package that has words and a written profile. The certainty says how near the words are
    to what is known: 1 said before, 0 nothing like it.

    Example: `skelzero text read "raise both arms" "kick a ball"`

    Example: `skelzero text read --motion "One arm swings down in front of the body from overhead."`
    """
    from skelzero.text import load_text_encoder
    from skelzero.text.attributes.translator import DOUBTFUL, load_translator

    kind = "motion" if motion else "label"
    found = load_translator(load_text_encoder(text_encoder)).read([{kind: said} for said in words])
    facts = []
    for row, said in enumerate(words):
        profile, certainty = found.profile(row), float(found.certainty[row])
        doubtful = certainty < DOUBTFUL
        _show(repr(said) + ", hardly known" * doubtful, "read", _completed(profile, found.values[row].tolist()), every)
        console.say(f"certainty {certainty:.2f}; most like: {' · '.join(found.nearest[row])}")
        if doubtful:
            console.say(f"These words are hardly known (certainty below {DOUBTFUL:g}): the profile is little more than "
                        "what is typical of any action. Describe the motion in plain words (--motion), or write the "
                        "attributes into a class set.")  # fmt: skip
        facts.append({"words": said, "kind": kind, "profile": profile, "certainty": round(certainty, 4),
                      "doubtful": doubtful, "nearest": found.nearest[row]})  # fmt: skip
    if as_json:
        console.put_json({"encoder": text_encoder, "read": facts})


def _completed(profile: Mapping[str, Value], values: list[float]) -> dict[str, Value]:
    """A profile with what it leaves out."""
    from skelzero.text.attributes.schema import load_schema

    return {name: profile.get(name, _known(value)) for name, value in zip(load_schema().names, values, strict=True)}


def _known(value: float) -> Value:
    from skelzero.text.attributes.schema import UNKNOWN

    return UNKNOWN if math.isnan(value) else round(value, 2) + 0.0


def _shown(values: Mapping[str, Value], every: bool) -> list[Attribute]:
    """What differs from rest; unknown attributes only where not another one makes them so."""
    from skelzero.text.attributes.schema import load_schema

    def differs(a: Attribute) -> bool:
        value = values[a.name]
        if isinstance(value, str):
            return a.needs is None and not math.isnan(a.rest)
        return math.isnan(a.rest) or abs(value - a.rest) >= SLIGHT * (a.high - a.low)

    return [a for a in load_schema().attributes if every or differs(a)]


def _show(title: str, column: str, values: Mapping[str, Value], every: bool) -> None:
    from skelzero.report.attribute_words import meaning_of, number

    rows = []
    for a in _shown(values, every):
        value = values[a.name]
        meaning = "" if isinstance(value, str) else meaning_of(a, value)
        rows.append((a.name, value if isinstance(value, str) else number(value), number(a.rest), meaning or a.says))
    console.put_table(title, ("attribute", column, "at rest", "meaning"), rows, words=("meaning",))
