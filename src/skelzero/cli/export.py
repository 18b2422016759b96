"""`skelzero export`: a trained run as ONNX graphs that need neither PyTorch nor this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app


@app.command()
def export(
    model: Annotated[
        Path | None, typer.Argument(help="A run folder; by default the model in the package.", show_default=False)
    ] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX, which is the one form there is.")] = True,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("exported"),
    labels: Annotated[str, typer.Option(help="Words whose class inputs are written too.")] = "",
    labels_file: Annotated[Path | None, typer.Option(help="A file with one label a line, or a class-set YAML.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a folder that is there already.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The card as one JSON object on standard output.")] = False,
) -> None:
    """Write a run as ONNX graphs: features, and scores with the classes as an input.

    New words need no new export, only new class inputs. Every graph is compared with PyTorch before it is written.

    Example: `skelzero export run --onnx --out exported --labels "walk, jumping jack, boxing"`
    """
    from skelzero.recognize import Recognizer
    from skelzero.recognize.export import export_run

    words = None
    if labels or labels_file is not None:
        from skelzero.cli.recognize import read_labels

        words = read_labels(labels, labels_file)
    console.say("tracing the graphs; motion attributes take a minute or two ...")
    card = export_run(Recognizer.load(model), out, words, replace=overwrite)
    rows = [(facts["file"], ", ".join(facts["inputs"]), facts["output"], f"{facts['difference']:.1e}")
            for facts in card["graphs"].values()]  # fmt: skip
    console.put_table(str(out), ("graph", "inputs", "output", "difference"), rows, words=("inputs", "output"))
    if json:
        console.put_json(card)
