"""Where the notes of a training go, by Fabric's loggers: CSV into every run folder, others where they are asked for."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.csv_logs import CSVLogger
from lightning_fabric.loggers.logger import Logger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from skelzero.errors import UserError, missing_extra, unknown_choice
from skelzero.journal import Listener, Note

CSV, TENSORBOARD, MLFLOW = "csv", "tensorboard", "mlflow"
LOGGERS = (CSV, TENSORBOARD, MLFLOW)
EXPERIMENT = "skelzero"
MOST_AT_ONCE = 500
"""Metrics of one request to MLflow; its servers take a thousand."""
LONGEST = 500
"""Characters of a parameter that every MLflow server takes."""


def write_csv(folder: Path, log: Mapping[str, Sequence[Note]]) -> None:
    """Write `folder/PART/metrics.csv` for each part: a row a noted step."""
    for part, notes in log.items():
        logger = CSVLogger(folder, name="", version=part)
        for note in notes:
            logger.log_metrics(dict(note.values), note.step)
        logger.finalize("success")


def open_loggers(names: Sequence[str], place: str, run: str) -> list[Logger]:
    """The loggers that were asked for; `csv`, which every run folder has, needs none.

    Parameters
    ----------
    names : sequence of str
        Of `LOGGERS`.
    place : str
        A folder, which gets `tensorboard/RUN` and `mlflow`; or the address of an MLflow server.
    run : str
        What the run is called there.

    Raises
    ------
    UserError
        An unknown name, no place, a place that does not fit, a package that is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise unknown_choice("logger", name, LOGGERS, where="--logger")
    wanted = [name for name in dict.fromkeys(names) if name != CSV]
    if wanted and not place:
        raise UserError("where should the log go?", where=f"--logger {','.join(wanted)}",
                        next_step="name a folder (or, for MLflow, a server's address) with --log-to")  # fmt: skip
    elsewhere = "://" in place
    if TENSORBOARD in wanted and elsewhere:
        raise UserError("TensorBoard logs lie in a folder", where="--log-to", got=place,
                        next_step="name a folder, or log to MLflow only")  # fmt: skip
    found: list[Logger] = []
    if TENSORBOARD in wanted:
        if not any(importlib.util.find_spec(module) for module in ("tensorboardX", "tensorboard")):
            raise missing_extra("tensorboardX", "logs", "a TensorBoard log")
        found.append(TensorBoardLogger(Path(place) / "tensorboard", name="", version=run))
    if MLFLOW in wanted:
        found.append(MlflowLogger(place if elsewhere else str((Path(place) / "mlflow").absolute()), run))
    return found


@contextlib.contextmanager
def told_to(loggers: Sequence[Logger], facts: Mapping[str, Any]) -> Iterator[Listener]:
    """Open a run with each logger; yields who is to hear the notes. A block that fails closes them as failed."""

    def hear(note: Note) -> None:
        for logger in loggers:
            logger.log_metrics({f"{note.part}/{name}": value for name, value in note.values.items()}, note.step)

    status = "failed"
    try:
        for logger in loggers:
            logger.log_hyperparams(dict(facts))
        yield hear
        status = "success"
    finally:
        for logger in loggers:
            logger.finalize(status)


class MlflowLogger(Logger):
    """Notes into MLflow: files in a folder, or a tracking server at an address that the user gave.

    Parameters
    ----------
    uri : str
        A folder, or a server's address. Nothing else is contacted: MLflow's own telemetry is switched off.
    run : str
        The run's name in the experiment `skelzero`.

    Raises
    ------
    UserError
        MLflow is not installed, or nothing can be written there.
    """

    def __init__(self, uri: str, run: str) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise missing_extra("mlflow", "logs", "an MLflow log")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # The file store is in maintenance mode, and the only one that needs neither a server nor a data base.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self.uri, self._run_name = uri, run
        self._kept: list[Any] = []
        self._client = MlflowClient(tracking_uri=uri)
        try:
            known = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = known.experiment_id if known else self._client.create_experiment(EXPERIMENT)
            self._id = self._client.create_run(experiment, run_name=run).info.run_id
        except MlflowException as error:
            raise UserError("MLflow cannot be written to", where=uri, got=str(error).splitlines()[0],
                            next_step="check --log-to: a folder, or a running server's address") from error  # fmt: skip

    @property
    def name(self) -> str:
        return EXPERIMENT

    @property
    def version(self) -> str:
        return self._id

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._kept += [Metric(name, value, now, step or 0) for name, value in metrics.items()]
        if len(self._kept) >= MOST_AT_ONCE:
            self.save()

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        from mlflow.entities import Param

        given = vars(params) if isinstance(params, Namespace) else params
        self._client.log_batch(self._id, params=[Param(name, str(value)[:LONGEST]) for name, value in given.items()])

    def save(self) -> None:
        kept, self._kept = self._kept, []
        if kept:
            self._client.log_batch(self._id, metrics=kept)

    def finalize(self, status: str) -> None:
        self.save()
        self._client.set_terminated(self._id, "FINISHED" if status == "success" else "FAILED")
