"""`skelzero recognize`: name what is done in recordings, in words of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli.app import app
from skelzero.errors import UserError

WORTH_SAYING = 0.3
"""Weight, as a share of the largest, from which a part or a moment is named."""


@app.command()
def recognize(
    files: Annotated[list[Path], typer.Argument(help="Recordings of any supported format.")],
    labels: Annotated[str, typer.Option(help='Words to choose from: "walk, jumping jack, boxing".')] = "",
    labels_file: Annotated[Path | None, typer.Option(help="A file with one label a line, or a class-set YAML.")] = None,
    model: Annotated[Path | None, typer.Option(help="A run folder; by default the model in the package.")] = None,
    format: Annotated[str, typer.Option(help="Reader to use.")] = "auto",
    top: Annotated[int | None, typer.Option(min=1, help="Labels to show for each segment.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what spoke for each segment's first label.")] = False,
    false_accepts: Annotated[float | None, typer.Option(
        min=0, max=1, help="Share of other actions that may be named; less means more \"none of these\". Default 0.5.",
    )] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="One line a segment and label on standard output.")] = False,
) -> None:  # fmt: skip
    """Name the actions in recordings.

    Long recordings are cut into time-stamped segments, each person apart; a segment can also be none of the words.

    Examples: `skelzero recognize clip.bvh --labels "walk, jumping jack, boxing"`,
    `skelzero recognize *.skeleton --labels-file words.txt --explain`
    """
    from skelzero.grid import one_thread
    from skelzero.readers import read_clips
    from skelzero.recognize import Recognizer

    if json and csv:
        raise UserError("one form of output at a time", got="--json and --csv", next_step="leave one of them out")
    words = read_labels(labels, labels_file)
    one_thread()
    recognizer = Recognizer.load(model)
    answers: list[dict[str, Any]] = []
    for file in files:
        for clip in read_clips(file, format=format):
            found = recognizer.recognize(clip, words, top=top, explain=explain, false_accepts=false_accepts)
            answers.append({"file": str(file), "clip": clip.origin.name, **found.to_json()})
    if json:
        console.put_json(answers[0] if len(answers) == 1 else {"files": answers, "segments": _all_segments(answers)})
    elif csv:
        _put_csv(answers)
    else:
        for answer in answers:
            _show(answer)


def read_labels(text: str, file: Path | None) -> Any:
    """The words of `--labels`, or those of `--labels-file`: a list, or a class set."""
    if bool(text) == (file is not None):
        raise UserError("which words? give --labels or --labels-file, one of them",
                        next_step='--labels "walk, jumping jack, boxing"')  # fmt: skip
    if file is None:
        return [word.strip() for word in text.split(",") if word.strip()]
    if file.suffix in (".yaml", ".yml"):
        from skelzero.text import load_class_set

        return load_class_set(file)
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise UserError("the file of labels is not text", where=file, got=str(error)) from error


def _all_segments(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**segment, "clip": answer["clip"]} for answer in answers for segment in answer["segments"]]


def _show(answer: dict[str, Any]) -> None:
    rows = []
    for s in answer["segments"]:
        best = " · ".join(f"{r['label']} {100 * r['probability']:.0f} %" for r in s["labels"][:5])
        verdict = "none of these" if s["none_of_these"] else s["labels"][0]["label"]
        rows.append((f"{s['start']:.1f}-{s['end']:.1f} s", str(s["person"]), verdict, best))
    console.put_table(answer["clip"], ("time", "person", "answer", "ranking"), rows)
    for s in answer["segments"]:
        if "reason" in s:
            console.say(f"{s['start']:.1f}-{s['end']:.1f} s: {_because(s['reason'])}")
    for word, place in answer["understood"].items():
        console.say(f"{word!r} is understood as {place}")
    for note in answer["notes"]:
        console.say(f"note: {note}")


def _because(reason: dict[str, Any]) -> str:
    """A sentence for people."""
    parts = [p["part"] for p in reason["parts"] if p["weight"] >= WORTH_SAYING]
    moments = [f"{m['start']:.1f}-{m['end']:.1f} s" for m in reason["moments"] if m["weight"] >= WORTH_SAYING]
    attributes = [
        f"{a['says']} ({a['measured']:.2f}; described {a['described']:.2f})" for a in reason["attributes"][:3]
    ]
    found = [", ".join(parts) or "the body as a whole"]
    if moments:
        found.append(f"above all at {', '.join(moments)}")
    return f"{reason['label']!r} because of {'; '.join([*found, *attributes])}"


def _put_csv(answers: list[dict[str, Any]]) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout)
    writer.writerow(("file", "clip", "person", "start", "end", "none_of_these", "rank", "label", "probability"))
    for answer in answers:
        for s in answer["segments"]:
            for rank, ranked in enumerate(s["labels"], start=1):
                writer.writerow((answer["file"], answer["clip"], s["person"], s["start"], s["end"],
                                 int(s["none_of_these"]), rank, ranked["label"], ranked["probability"]))  # fmt: skip
