"""`skelzero recognize`: name what is done in recordings, in words of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli.app import app
from skelzero.errors import UserError


@app.command()
def recognize(
    files: Annotated[list[Path], typer.Argument(help="Recordings of any supported format.")],
    labels: Annotated[str, typer.Option(help='Words to choose from: "walk, jumping jack, boxing".')] = "",
    labels_file: Annotated[Path | None, typer.Option(help="A file with one label a line, or a class-set YAML.")] = None,
    model: Annotated[Path | None, typer.Option(help="A run folder; by default the model in the package.")] = None,
    format: Annotated[str, typer.Option(help="Reader to use.")] = "auto",
    top: Annotated[int | None, typer.Option(min=1, help="Labels to show for each segment.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Name the actions in recordings.

    Long recordings are cut into time-stamped segments, each person apart; a segment can also be none of the words.

    Example: `skelzero recognize clip.bvh --labels "walk, jumping jack, boxing"`
    """
    from skelzero.readers import read_clips
    from skelzero.recognize import Recognizer

    words = _labels(labels, labels_file)
    recognizer = Recognizer.load(model)
    answers: list[dict[str, Any]] = []
    for file in files:
        for clip in read_clips(file, format=format):
            found = recognizer.recognize(clip, words, top=top)
            answers.append({"file": str(file), "clip": clip.origin.name, **found.to_json()})
    if json:
        console.put_json(answers[0] if len(answers) == 1 else {"files": answers, "segments": _all_segments(answers)})
    else:
        for answer in answers:
            _show(answer)


def _labels(text: str, file: Path | None) -> Any:
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
    for word, place in answer["understood"].items():
        console.say(f"{word!r} is understood as {place}")
    for note in answer["notes"]:
        console.say(f"note: {note}")
