"""`skelzero data`: recordings into clip stores, and a look at what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app
from skelzero.errors import UserError

data = typer.Typer(help="Import recordings, look into clip stores.", no_args_is_help=True)
app.add_typer(data, name="data")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@data.command("import")
def import_(
    src: Annotated[Path, typer.Argument(help="A file, a folder, or a zip or tar archive.")],
    out: Annotated[Path, typer.Option(help="The store to make.")],
    format: Annotated[str, typer.Option(help="Reader to use; `skelzero data formats` lists them.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: as many as pay.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace a store that is there.")] = False,
    json: AsJson = False,
) -> None:
    """Read recordings into a clip store.

    Stopped at any moment, the same command goes on where it stopped. What could not be read is listed, with the
    reason, in `skipped.csv` in the store.

    Example: `skelzero data import utd_mhad.zip --out utd`
    """
    from skelzero.readers.importing import SKIPPED, import_clips

    with console.progress() as bar:
        task = bar.add_task("listing", total=None)
        report = import_clips(
            src, out, format=format, workers=workers, overwrite=overwrite,
            progress=lambda stage, done, total: bar.update(task, description=stage, completed=done, total=total),
        )  # fmt: skip
    if json:
        console.put_json({"clips": report.clips, "skipped": report.skipped, "seconds": round(report.seconds, 3)})
    where = f", {report.skipped} skipped (see {out / SKIPPED})" if report.skipped else ""
    console.say(f"{report.clips} clips in {out}{where}, {report.seconds:.1f} s")


@data.command()
def formats(json: AsJson = False) -> None:
    """List the formats that can be read."""
    from skelzero.readers import READERS

    if json:
        console.put_json({name: {"title": READERS[name].title, "suffixes": READERS[name].suffixes} for name in READERS})
        return
    rows = [(name, READERS[name].title, " ".join(READERS[name].suffixes)) for name in sorted(READERS)]
    console.put_table("formats", ("name", "what", "suffixes"), rows)


@data.command()
def info(
    store: Annotated[Path, typer.Argument(help="A clip store.")],
    verify: Annotated[bool, typer.Option(help="Read every byte and compare with the checksums.")] = True,
    json: AsJson = False,
) -> None:
    """Say what is in a store, and whether it is intact.

    Example: `skelzero data info utd --json`
    """
    import numpy as np

    from skelzero.clips import ClipStore

    opened = ClipStore.open(store)
    if verify:
        opened.verify()
    card = opened.card
    lengths = np.quantile(opened.index["frames"], [0, 0.5, 1]).astype(int).tolist()
    facts = {
        "clips": card.clips, "classes": len([c for c in card.classes if c]), "layout": opened.layout.name,
        "frames": card.frames, "checksum": opened.checksum, "datasets": card.datasets, "unit": card.unit,
        "subjects": len(np.unique(opened.subjects)), "persons": int(opened.index["persons"].max()),
        "frames_per_clip": dict(zip(("min", "median", "max"), lengths, strict=True)), "source": card.source,
        "history": card.history, "verified": verify, "class_counts": card.classes,
    }  # fmt: skip
    if json:
        console.put_json(facts)
        return
    rows = [(key, value) for key, value in facts.items() if key != "class_counts"]
    console.put_table(str(store), ("fact", "value"), rows)
    console.put_table("clips a class", ("class", "clips"), card.classes.items())


@data.command()
def show(
    store: Annotated[Path, typer.Argument(help="A clip store.")],
    clip: Annotated[str, typer.Argument(help="Name or number of a clip.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and the picture.")] = Path(),
    json: AsJson = False,
) -> None:
    """Write a clip as an interactive 3-D page and a contact sheet.

    Example: `skelzero data show utd a9_s1_t1 --out look`
    """
    from skelzero.clips import ClipStore
    from skelzero.report.skeleton_view import write_contact_sheet, write_skeleton_page

    opened = ClipStore.open(store)
    chosen = opened[opened.find(clip)]
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in chosen.origin.name)
    page, sheet = out / f"{stem}.html", out / f"{stem}.png"
    write_skeleton_page(chosen, page)
    written = [str(page)]
    try:
        write_contact_sheet(chosen, sheet)
        written.append(str(sheet))
    except UserError as error:
        console.say(str(error))
    if json:
        console.put_json({"clip": chosen.origin.name, "files": written})
    console.say("wrote " + ", ".join(written))
