"""`skelzero train`: one method on one split, kept as a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli import experiment_options as options
from skelzero.cli.app import app


@app.command()
def train(
    method: Annotated[str, typer.Argument(help="A registered method, such as scale.")],
    data: options.Data,
    out: Annotated[Path, typer.Option("--out", help="Run folder to write.")],
    split: Annotated[str, typer.Option(help="22/5, random:9#3, a JSON file, or `all`: every class seen.")],
    seed: Annotated[int, typer.Option(help="Of encoder, method and draws.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting of the method, KEY=VALUE.")] = None,
    semantics: options.Semantics = "action,motion",
    text_encoder: options.TextEncoder = "minilm",
    encoder: options.EncoderName = options.DEFAULT_ENCODER,
    steps: options.Steps = 0,
    pipeline: options.PipelineName = "",
    class_set: options.ClassSetName = "",
    dataset: options.Dataset = "",
    partition: options.PartitionName = "",
    test_subjects: options.TestSubjects = "",
    folds: options.Folds = 1,
    logger: Annotated[str, typer.Option(help="Log to tensorboard, mlflow, or both, too; OUT/log has CSV always.")] = "",
    log_to: Annotated[str, typer.Option(help="Folder for these logs, or the address of an MLflow server.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: options.Json = False,
) -> None:
    """Train a method and its skeleton encoder on a split's seen classes.

    The run folder holds the encoder, the method, the texts, the split, the calibrations and a card: what `evaluate`
    and `recognize` need; and the losses and rates of the training (`log/*/metrics.csv`). TensorBoard and MLflow get
    the same with `--logger tensorboard,mlflow --log-to logs`, which needs `pip install 'skelzero[logs]'`.

    Example: `skelzero train scale --data utd --split 22/5 --out run`
    """
    from skelzero.errors import UserError
    from skelzero.protocol.logs import open_loggers, told_to
    from skelzero.protocol.plan import Request, plan_one
    from skelzero.protocol.training import train_run

    if out.exists() and not overwrite:
        raise UserError("the output exists already", where=out, next_step="give another path or pass --overwrite")
    request = Request(
        methods=[method], data=data, splits=[split], kinds=options.words(semantics), text_encoder=text_encoder,
        encoder=options.encoder_settings(encoder, steps), class_set=class_set, dataset=dataset, pipeline=pipeline,
        partition=partition, test_subjects=options.numbers(test_subjects, "--test-subjects"), folds=folds,
        overrides={method: options.assignments(set_ or [])},
    )  # fmt: skip
    task = plan_one(request, seed)
    loggers = open_loggers(options.words(logger), log_to, out.absolute().name)
    told = {"method": method, "dataset": task.split.dataset, "split": task.split.name, "seed": seed,
            "text_encoder": text_encoder, "semantics": "+".join(task.kinds), **task.encoder}  # fmt: skip
    with console.err.status("training"), told_to(loggers, told) as tell:
        run = train_run(task, tell)
        run.save(out, replace=overwrite)
    facts = {"run": str(out), "method": method, "split": run.card.split.name, "seed": seed,
             "seen": len(run.card.split.seen), "unseen": len(run.card.split.unseen), "settings": run.card.settings,
             "encoder_seen_top1": run.card.diagnostics["encoder_seen_top1"], "seconds": run.card.seconds}  # fmt: skip
    console.say(f"{method} trained on {facts['seen']} classes of {run.card.dataset}: {out}")
    if as_json:
        console.put_json(facts)
