"""`skelzero encode`: the clips of a store into features, by given weights or by an encoder trained on seen classes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app
from skelzero.errors import UserError

if TYPE_CHECKING:
    from skelzero.clips import ClipStore
    from skelzero.encoders import FeatureSet, TrainedEncoder
    from skelzero.grid import Crew
    from skelzero.preprocess import Prepared

ENCODER = (
    "Skeleton encoder; `:small` trains in half a minute; kinematics needs no training and no split; ENCODER+kinematics "
    "gives both."
)
CHECK = "Compare the encoder's own answers with the labels: of all clips for given weights, else of the test clips."


@app.command()
def encode(
    store: Annotated[Path, typer.Argument(help="Clip store (`skelzero data import`).")],
    out: Annotated[Path, typer.Option("--out", help="Folder of features to write.")],
    encoder: Annotated[str, typer.Option(help=ENCODER)] = "",
    weights: Annotated[Path | None, typer.Option(help="Public Shift-GCN .pt file, or an encoder folder.")] = None,
    split: Annotated[str, typer.Option(help="Train on its seen classes (22/5, random:9#3, a file, all).")] = "",
    partition: Annotated[str, typer.Option(help="Which recordings train: xsub, xview; by default the usual.")] = "",
    steps: Annotated[int, typer.Option(min=0, help="Optimiser steps; 0 for the encoder's default.")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    pipeline: Annotated[str, typer.Option(help="Preprocessing; by default the one that fits.")] = "",
    dataset: Annotated[str, typer.Option(help="Which data set, where a store holds several.")] = "",
    class_set: Annotated[str, typer.Option(help="Classes of the split; by default the data set's own.")] = "",
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = "32-true",
    accelerator: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Share each batch among so many.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Clips that are encoded together.")] = 64,
    check_labels: Annotated[bool, typer.Option("--check-labels", help=CHECK)] = False,
    save_encoder: Annotated[Path | None, typer.Option(help="Write the encoder itself to this folder, too.")] = None,
    backend: options.Backend = "local",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare, measure and encode; 0: this one.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Turn clips into one feature vector each.

    With weights, they are used as they are. Without, an encoder is trained on the training clips of the split's seen
    classes, kept in the cache, and found there the next time. The features' card says on which classes.

    Example: `skelzero encode utd --split 22/5 --out utd-features --check-labels`
    """  # fmt: skip
    from skelzero.clips import ClipStore
    from skelzero.grid import open_crew
    from skelzero.grid.backends import LOCAL
    from skelzero.kinematics import parse_encoder

    begin = time.monotonic()
    _keep_existing([] if overwrite else [out, save_encoder])
    opened = ClipStore.open(store)
    network, kinematic = parse_encoder(encoder)
    trained, checked = None, None
    with open_crew(backend, workers or (1 if backend == LOCAL else 0)) as crew:
        if weights is not None:
            refused = {"--split": split, "--steps": steps, "--partition": partition}
            _refuse_training_options([name for name, given in refused.items() if given])
            trained = _load(weights, network)
            prepared = _prepare(opened, pipeline or trained.card.pipeline, crew)
        elif kinematic and not network:
            _refuse_without_network({"--split": split, "--steps": steps, "--save-encoder": save_encoder,
                                     "--check-labels": check_labels})  # fmt: skip
            prepared = _prepare(opened, pipeline, crew)
        else:
            settings = {**options.encoder_settings(network or "shift-gcn:small", steps), "seed": seed,
                        "precision": precision, "accelerator": accelerator, "devices": devices}  # fmt: skip
            prepared = _prepare(opened, pipeline, crew)
            trained, checked = _train(prepared, store, settings, split, partition, dataset, class_set)
        features = _features(trained, prepared, batch, opened, kinematic, crew)
    top1, judged = _top1(features, checked) if check_labels else (None, 0)
    features.save(out, overwrite=overwrite)
    if save_encoder is not None and trained is not None:
        trained.save(save_encoder, overwrite=overwrite)
    seconds = round(time.monotonic() - begin, 3)
    _report({**_facts(features), "top1": top1, "judged": judged, "out": str(out), "seconds": seconds}, as_json)


def _keep_existing(paths: list[Path | None]) -> None:
    for path in paths:
        if path is not None and path.exists():
            raise UserError("the output exists already", where=path, next_step="give another path or pass --overwrite")


def _facts(features: FeatureSet) -> dict[str, Any]:
    card = features.card
    return {
        "clips": len(features), "skipped": len(card.skipped), "width": features.features.shape[1],
        "encoder": card.encoder.encoder + "+kinematics" * ({"network", "attributes"} <= set(card.blocks)),
        "classes": len(card.encoder.classes), "pipeline": card.pipeline,
    }  # fmt: skip


def _refuse_without_network(given: dict[str, Any]) -> None:
    if named := [name for name, value in given.items() if value]:
        raise UserError("kinematics trains no encoder", got=", ".join(named),
                        next_step="leave these options out, or name shift-gcn:small+kinematics, say")  # fmt: skip


def _features(
    trained: TrainedEncoder | None, prepared: Prepared, batch: int, store: ClipStore, kinematic: bool,
    crew: Crew | None,
) -> FeatureSet:  # fmt: skip
    """What the encoder gives, what is measured, or both side by side."""
    from skelzero.kinematics import alone, beside, of_store

    encoded = None if trained is None else _encode(trained, prepared, batch, crew)
    if not kinematic:
        assert encoded is not None, "there is an encoder, or kinematics"
        return encoded
    with console.progress() as bar:
        task = bar.add_task("measuring", total=len(prepared))
        measured = of_store(
            store, prepared.names.tolist(), crew=crew,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    return alone(prepared, measured) if encoded is None else beside(encoded, measured)


def _refuse_training_options(given: list[str]) -> None:
    if given:
        raise UserError("weights are used as they are, not trained further", got=", ".join(given),
                        next_step="leave out --weights to train, or these options to use the weights")  # fmt: skip


def _load(weights: Path, encoder: str) -> TrainedEncoder:
    """Weights of this package (a folder) or the public ones (a file)."""
    from skelzero.encoders import ENCODERS, TrainedEncoder, load_public_weights

    if encoder:
        _ = ENCODERS[encoder]
    trained = TrainedEncoder.load(weights) if weights.is_dir() else load_public_weights(weights)
    if encoder and encoder != trained.card.encoder:
        raise UserError("the weights are another encoder's", where=weights, got=trained.card.encoder, expected=encoder)
    return trained


def _prepare(store: ClipStore, pipeline: str, crew: Crew | None) -> Prepared:
    from skelzero.preprocess import PIPELINES, default_pipeline, prepare

    chosen = PIPELINES[pipeline] if pipeline else default_pipeline(store.layout)
    with console.progress() as bar:
        task = bar.add_task(f"preparing ({chosen.name})", total=len(store))
        return prepare(store, chosen, crew=crew,
                       progress=lambda done, total: bar.update(task, completed=done, total=total))  # fmt: skip


def _train(
    prepared: Prepared, store: Path, settings: dict[str, Any], split: str, partition: str, dataset: str, class_set: str
) -> tuple[TrainedEncoder, Any]:
    """The encoder trained on the seen classes' training clips, and which clips may judge it."""
    import numpy as np
    from pydantic import ValidationError

    from skelzero.clips import ClipStore
    from skelzero.encoders import TrainSettings, cached_encoder
    from skelzero.protocol.partitions import usual_partition
    from skelzero.protocol.sources import only_dataset, require_space
    from skelzero.protocol.splits import check_present, load_split
    from skelzero.text import load_class_set

    require_space(ClipStore.open(store))
    if not split:
        raise UserError("without weights an encoder is trained: on which classes?",
                        next_step="name a split (--split 22/5; all for every class), or pass --weights")  # fmt: skip
    try:
        chosen = TrainSettings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError("a setting is not possible", where=f"--{first['loc'][0]}", got=first["input"],
                        expected=first["msg"]) from error  # fmt: skip
    name = only_dataset(prepared.datasets, dataset, where=store)
    of_set = prepared.datasets == name
    codes = sorted({str(code) for code in prepared.codes[of_set]})
    classes = load_split(load_class_set(class_set or name), split, codes=codes)
    check_present(classes, codes, where=store)
    train = np.zeros(len(prepared), dtype=bool)
    train[of_set] = usual_partition(prepared.take(np.flatnonzero(of_set)), name, name=partition).train
    seen = of_set & np.isin(prepared.codes, classes.seen)
    with console.progress() as bar:
        task = bar.add_task(f"training {chosen.encoder}", total=chosen.steps)
        trained = cached_encoder(
            prepared.take(np.flatnonzero(seen & train)), list(classes.seen), chosen,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    return trained, seen & ~train


def _encode(trained: TrainedEncoder, prepared: Prepared, batch: int, crew: Crew | None) -> FeatureSet:
    from skelzero.encoders.spread import encode_spread

    with console.progress() as bar:
        task = bar.add_task("encoding", total=len(prepared))
        return encode_spread(
            trained, prepared, batch, crew=crew,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip


def _top1(features: FeatureSet, judged: Any) -> tuple[float, int]:
    """The encoder's own accuracy on the clips that may judge it, and their number."""
    import numpy as np

    rows = np.isin(features.keys, features.card.encoder.classes)
    if judged is not None:
        rows &= judged
    top1 = features.take(np.flatnonzero(rows)).top1()
    if top1 is None:
        raise UserError("no clip can check the encoder", got="no test clip of a class that the encoder was trained on",
                        next_step="leave out --check-labels")  # fmt: skip
    return top1, int(rows.sum())


def _report(facts: dict[str, Any], as_json: bool) -> None:
    skipped = f", {facts['skipped']} skipped" if facts["skipped"] else ""
    checked = f"; top-1 {facts['top1']:.1%} of {facts['judged']} clips" if facts["top1"] is not None else ""
    console.say(f"{facts['clips']} clips as {facts['width']} numbers each in {facts['out']}{skipped}{checked}")
    if as_json:
        console.put_json(facts)
