"""`skelzero data`: recordings into clip stores, and a look at what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app
from skelzero.errors import UserError

if TYPE_CHECKING:
    from skelzero.clips import ClipStore

data = typer.Typer(help="Import recordings, look into clip stores.", no_args_is_help=True)
app.add_typer(data, name="data")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@data.command("import")
def import_(
    src: Annotated[Path, typer.Argument(help="A file, a folder, or a zip or tar archive.")],
    out: Annotated[Path, typer.Option(help="The store to make.")],
    format: Annotated[str, typer.Option(help="Reader to use; `skelzero data formats` lists them.")] = "auto",
    backend: options.Backend = "local",
    workers: Annotated[int, typer.Option(min=0, help="Processes of this machine; 0: as many as pay.")] = 0,
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
            src, out, format=format, backend=backend, workers=workers, overwrite=overwrite,
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
def layouts(
    html: Annotated[Path | None, typer.Option(help="Write the layouts as a page with pictures.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write a picture of each layout into this folder.")] = None,
    json: AsJson = False,
) -> None:
    """List the joint layouts, and what of the common body each gives; with a picture of each.

    Example: `skelzero data layouts --html layouts.html`
    """
    from skelzero.clips import layout_names, load_layout
    from skelzero.report.layouts import facts_of, write_layouts_page, write_pictures

    written = [] if svg is None else write_pictures(svg)
    if html is not None:
        write_layouts_page(html)
        written.append(html)
    facts = [facts_of(load_layout(name)) for name in layout_names()]
    if json:
        console.put_json({"layouts": facts, "files": [str(path) for path in written]})
    if written:
        console.say("wrote " + ", ".join(str(path) for path in written))
    elif not json:
        rows = [(fact["name"], f"{fact['dims']}-D", len(fact["joints"]), len(fact["given"]), len(fact["mean"]),
                 ", ".join(fact["missing"]) or "-") for fact in facts]  # fmt: skip
        columns = ("layout", "space", "joints", "given", "as means", "missing of the common body")
        console.put_table("joint layouts", columns, rows, words=("missing of the common body",))


@data.command()
def info(
    store: Annotated[Path, typer.Argument(help="A clip store.")],
    verify: Annotated[bool, typer.Option(help="Read every byte and compare with the checksums.")] = True,
    json: AsJson = False,
) -> None:
    """Say what is in a store, and whether it is intact.

    Example: `skelzero data info utd --json`
    """
    from skelzero.clips import ClipStore

    opened = ClipStore.open(store)
    if verify:
        opened.verify()
    facts = _facts(opened) | {"verified": verify}
    if json:
        console.put_json(facts)
        return
    known = [(key.replace("_", " "), _words(value)) for key, value in facts.items() if key != "class_counts"]
    console.put_table(str(store), ("fact", "value"), known)
    console.say("clips a class: " + _words(facts["class_counts"]))


def _facts(store: ClipStore) -> dict[str, Any]:
    """What the store holds; the first five keys are what scripts rely on."""
    import numpy as np

    card, index = store.card, store.index
    quantiles = np.quantile(index["frames"], [0, 0.25, 0.5, 0.75, 1]).astype(int).tolist()
    rates = sorted({round(float(rate), 3) for rate in np.unique(index["fps"]) if np.isfinite(rate)})
    people = {name: len(np.unique(index[name][index[name] >= 0])) for name in ("subject", "camera", "setup")}
    return {
        "clips": card.clips, "classes": len([code for code in card.classes if code]), "layout": store.layout.name,
        "frames": card.frames, "checksum": store.checksum, "joints": len(store.layout), "dims": store.layout.dims,
        "unit": card.unit, "confidence": "confidence.f32" in card.sizes, "frames_per_second": rates,
        "frames_per_clip": dict(zip(("min", "25 %", "median", "75 %", "max"), quantiles, strict=True)),
        "persons_per_clip": {"max": int(index["persons"].max())}, **{f"{name}s": n for name, n in people.items() if n},
        "datasets": card.datasets, "source": card.source, "history": card.history, "class_counts": card.classes,
    }  # fmt: skip


def _words(value: object) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{key or 'unknown'} {number}" for key, number in value.items())
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@data.command()
def show(
    store: Annotated[Path, typer.Argument(help="A clip store.")],
    clip: Annotated[str, typer.Argument(help="Name or number of a clip.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and the picture.")] = Path(),
    json: AsJson = False,
) -> None:
    """Write a clip as an interactive page and as a contact sheet.

    The page is one HTML file that needs no network; the sheet is a PNG and needs matplotlib (`skelzero[figures]`).

    Example: `skelzero data show utd a9_s1_t1 --out look`
    """
    from skelzero.clips import ClipStore
    from skelzero.report.contact_sheet import write_contact_sheet
    from skelzero.report.skeleton_view import write_skeleton_page

    opened = ClipStore.open(store)
    number = opened.find(clip)
    chosen = opened[number]
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in chosen.origin.name[:80]) or f"clip-{number}"
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
