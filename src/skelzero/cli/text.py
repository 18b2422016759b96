"""`skelzero text`: look at class sets, check one's own, and find classes near some words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app

if TYPE_CHECKING:
    from skelzero.text import ActionClass

group = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Class sets, their descriptions, and motion attributes."
)
app.add_typer(group, name="text")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Set = Annotated[str, typer.Argument(help="A shipped class set, such as utd_mhad, or FILE.yaml.")]


@group.command("list")
def list_(as_json: Json = False) -> None:
    """List the shipped class sets and the text encoders.

    Example: `skelzero text list`
    """
    from skelzero.text import KINDS, TEXT_ENCODERS, class_set_names, load_class_set

    sets = [load_class_set(name) for name in class_set_names()]
    console.put_table("class sets", ["name", "classes"], [[f"{s.name} ({s.title})", len(s)] for s in sets])
    console.say(f"kinds of text: {', '.join(KINDS)}\ntext encoders: {', '.join(TEXT_ENCODERS)}")
    if as_json:
        facts = [{"name": s.name, "title": s.title, "source": s.source, "classes": len(s), "sha256": s.sha256}
                 for s in sets]  # fmt: skip
        console.put_json({"class_sets": facts, "kinds": KINDS, "encoders": list(TEXT_ENCODERS)})


@group.command()
def show(
    class_set: Set,
    code: Annotated[str, typer.Argument(help="A class code, such as a3; all classes by default.")] = "",
    as_json: Json = False,
) -> None:
    """Show the descriptions of a class set, or of one of its classes.

    Example: `skelzero text show utd_mhad a3`
    """
    from skelzero.text import load_class_set

    found = load_class_set(class_set)
    classes = [found.classes[found.index(code)]] if code else list(found.classes)
    for c in classes:
        console.say(_described(c))
    if as_json:
        facts = {"name": found.name, "title": found.title, "source": found.source, "sha256": found.sha256}
        console.put_json({**facts, "classes": [c.model_dump() for c in classes]})


def _described(c: ActionClass) -> str:
    texts = (("action", c.action), ("motion", c.motion), ("verb", c.verb), ("noun", c.noun))
    return "\n".join([f"{c.code}  {c.label}", *(f"    {kind}: {text or '-'}" for kind, text in texts)])


@group.command()
def check(class_set: Set, as_json: Json = False) -> None:
    """Check a class set: complete, of a fit length, nothing twice, no description that names another class.

    Exit code 2 when a rule is broken.

    Example: `skelzero text check mine.yaml`
    """
    from skelzero.errors import UserError
    from skelzero.text import load_class_set
    from skelzero.text.rules import check_class_set

    found = load_class_set(class_set)
    findings = check_class_set(found)
    for finding in findings:
        console.say(str(finding))
    if as_json:
        problems = [{"code": f.code, "kind": f.kind, "problem": f.problem} for f in findings]
        console.put_json({"class_set": found.name, "classes": len(found), "findings": problems})
    if findings:
        raise UserError("the class set breaks rules", where=class_set, got=f"{len(findings)} findings, above",
                        next_step="mend the texts; zero-shot figures with them would not be sound")  # fmt: skip
    console.say(f"{found.name}: {len(found)} classes, nothing to complain about")


@group.command()
def similar(
    words: Annotated[str, typer.Argument(help="A label or a description of your own.")],
    class_set: Annotated[str, typer.Option("--class-set", help="A shipped class set, or FILE.yaml.")],
    semantics: Annotated[
        str, typer.Option(help="Texts to compare with: label, action, motion, verb, noun.")
    ] = "action,motion",
    text_encoder: Annotated[str, typer.Option(help="minilm, sentence-transformers:NAME or open-clip:NAME.")] = "minilm",
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Find the classes whose texts are nearest to some words.

    Example: `skelzero text similar "turn a key" --class-set ntu120`
    """
    from skelzero.text import load_class_set, load_text_encoder
    from skelzero.text.similar import similarities

    found = load_class_set(class_set)
    kinds = [part.strip() for part in semantics.split(",") if part.strip()]
    cosines = similarities(words, found, load_text_encoder(text_encoder), kinds)
    best = [(found.classes[i], float(cosines[i])) for i in (-cosines).argsort(kind="stable")[:top]]
    console.put_table(f"nearest to {words!r} in {found.name}", ["class", "cosine"],
                      [[f"{c.code}  {c.label}", f"{cosine:.3f}"] for c, cosine in best])  # fmt: skip
    if as_json:
        nearest = [{"code": c.code, "label": c.label, "cosine": cosine} for c, cosine in best]
        console.put_json({"words": words, "class_set": found.name, "encoder": text_encoder, "nearest": nearest})
