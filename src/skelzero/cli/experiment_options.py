"""Options that training, evaluation and comparison share, and how their values are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from skelzero.errors import UserError

Data = Annotated[Path, typer.Option("--data", help="Clip store (`skelzero data import`), or features folder.")]
Semantics = Annotated[
    str,
    typer.Option(
        "--semantics",
        "--texts",
        help="What is known of a class, of: label, action, motion, verb, noun, attributes (motion attributes as "
        "written), read-attributes (as read from its texts).",
    ),
]
Setting = Annotated[str, typer.Option(help="zsl; gzsl (calibrated stacking); gzsl-GATE (a hard gate: msf, confidence, "
                                      "energy, mahalanobis, neighbours, familiarity, margin, combined); gates (all "
                                      "of these); zsl-transductive[-guarded|-balanced] and gzsl-transductive (the test "
                                      "clips are seen without labels); transductive (all of these); one-shot and "
                                      "one-shot-text; several with commas.")]  # fmt: skip
TextEncoder = Annotated[str, typer.Option(help="minilm, sentence-transformers:NAME, open-clip:NAME or file:X.npy.")]
EncoderName = Annotated[str, typer.Option(help="Skeleton encoder that is trained on the seen classes; kinematics "
                        "(nothing is trained), or ENCODER+kinematics.")]  # fmt: skip
Steps = Annotated[int, typer.Option(help="Optimiser steps of the skeleton encoder; 0 for its default.")]
PipelineName = Annotated[str, typer.Option(help="Preprocessing; by default the one that fits the joints.")]
ClassSetName = Annotated[str, typer.Option(help="Texts of the classes: a shipped set or a YAML file.")]
Dataset = Annotated[str, typer.Option(help="Which data set, where a store holds several.")]
PartitionName = Annotated[str, typer.Option(help="Which recordings train: xsub, xview, ...; by default the usual one.")]
TestSubjects = Annotated[str, typer.Option(help="Subjects that test, such as 2,4,6; all others train.")]
Folds = Annotated[int, typer.Option(min=1, help="Sets of pseudo-unseen classes on which settings are chosen.")]
AllowLeaky = Annotated[bool, typer.Option("--allow-leaky-encoder", help="Go on although the encoder was trained on "
                                          "unseen classes; every figure is marked.")]  # fmt: skip
Backend = Annotated[
    str,
    typer.Option(
        help="local; dask (a Dask cluster on this machine); dask://HOST:PORT; dask:FILE "
        "(a scheduler's JSON file, or YAML that describes a cluster to start)."
    ),
]
Workers = Annotated[int, typer.Option(min=0, help="Processes of this machine; 0 for one a core.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
DEFAULT_ENCODER = "shift-gcn:small"


def settings(text: str) -> tuple[str, ...]:
    """Names of settings, `gates` and `transductive` standing for all of these; an unknown one is a `UserError`."""
    from skelzero.errors import unknown_choice
    from skelzero.protocol.figures import GATE_SETTINGS, SETTINGS, TRANSDUCTIVE_SETTINGS

    families = {"gates": GATE_SETTINGS, "transductive": TRANSDUCTIVE_SETTINGS}
    found: list[str] = []
    for name in words(text):
        if name not in (*SETTINGS, *families):
            raise unknown_choice("setting", name, [*SETTINGS, *families], where="--setting")
        found += families.get(name, (name,))
    if not found:
        raise UserError("no setting named", where="--setting", expected="such as zsl,gzsl")
    return tuple(dict.fromkeys(found))


def words(text: str) -> list[str]:
    """The parts of a list with commas, without spaces and empty parts."""
    return [part for part in (piece.strip() for piece in text.split(",")) if part]


def numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in words(text)]
    except ValueError as error:
        raise UserError("not a list of whole numbers", where=option, got=text, expected="such as 2,4,6") from error


def encoder_settings(name: str, steps: int) -> dict[str, Any]:
    """Settings of the encoder's training; what is not said stays at its default."""
    return {"encoder": name, **({"steps": steps} if steps else {})}


def assignments(items: list[str]) -> dict[str, Any]:
    """Read `key=value` pairs; values are JSON where they can be, else text."""
    found: dict[str, Any] = {}
    for item in items:
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            raise UserError("not a setting", where="--set", got=item, expected="key=value")
        try:
            found[key.strip()] = json.loads(text)
        except json.JSONDecodeError:
            found[key.strip()] = text
    return found


def assignments_by_method(items: list[str]) -> dict[str, dict[str, Any]]:
    """Read `method.key=value` pairs."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in assignments(items).items():
        method, dot, name = key.partition(".")
        if not dot:
            raise UserError("say whose setting this is", where="--set", got=key, expected="method.key=value")
        found.setdefault(method, {})[name] = value
    return found
