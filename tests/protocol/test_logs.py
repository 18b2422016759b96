"""Logs of a run: CSV always, the same however the training went; TensorBoard and MLflow where they are asked for."""

from __future__ import annotations

import builtins
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import write_store
from skelzero.encoders import training
from skelzero.errors import UserError
from skelzero.journal import Note
from skelzero.protocol.logs import open_loggers, told_to, write_csv
from skelzero.protocol.run import read_log


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    write_store(path, synthetic.generate(list(synthetic.actions())[:8], subjects=4, replications=1), source="the tests")
    return path


@pytest.fixture
def command(store: Path, tmp_path: Path) -> list[str]:
    texts = tmp_path / "texts.npy"
    np.save(texts, np.random.default_rng(1).normal(size=(len(synthetic.actions()), 6)).astype(np.float32))
    return ["train", "scale", "--data", str(store), "--split", "random:2#1", "--steps", "3", "--set", "steps=4",
            "--semantics", "action", "--text-encoder", f"file:{texts}"]  # fmt: skip


def test_a_killed_training_ends_in_the_log_of_an_undisturbed_one(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    import skelzero.protocol.grid as grid

    def train(name: str) -> int:
        grid._bench.cache_clear()  # as in a new process
        return main([*command, "--out", str(tmp_path / name)])

    def content(name: str) -> dict[str, str]:
        return {p.parent.name: p.read_text() for p in (tmp_path / name / "log").glob("*/metrics.csv")}

    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "one"))
    assert train("whole") == 0 and train("cached") == 0
    step = training.train_step

    def dies(*arguments: object) -> object:
        if arguments[-1] == 2:
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(training, "train_step", dies)
    assert train("killed") == 130 and not (tmp_path / "killed").exists()
    monkeypatch.setattr(training, "train_step", step)
    assert train("killed") == 0
    assert content("whole") == content("cached") == content("killed")
    assert set(content("whole")) == {"encoder", "method"}
    log = read_log(tmp_path / "whole")
    assert [note.step for note in log["encoder"]] == [0, 1, 2] and [note.step for note in log["method"]] == [0, 1, 2, 3]
    assert all({"loss", "rate"} <= set(note.values) for notes in log.values() for note in notes)


def test_tensorboard_and_mlflow_get_the_same_numbers(command: list[str], tmp_path: Path) -> None:
    from mlflow import MlflowClient
    from tensorboardX.event_file_writer import EventFileWriter  # noqa: F401  (the package that is asked for is there)

    out, place = tmp_path / "run", tmp_path / "logs"
    assert main([*command, "--out", str(out), "--logger", "tensorboard,mlflow", "--log-to", str(place)]) == 0
    log = read_log(out)
    client = MlflowClient(tracking_uri=str(place / "mlflow"))
    experiment = client.get_experiment_by_name("skelzero")
    [run] = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status, run.data.params["split"]) == ("run", "FINISHED", "random:2#1")
    for part, notes in log.items():
        found = client.get_metric_history(run.info.run_id, f"{part}/loss")
        assert [(m.step, m.value) for m in sorted(found, key=lambda m: m.step)] == [
            (note.step, note.values["loss"]) for note in notes
        ]
    events = b"".join(path.read_bytes() for path in (place / "tensorboard" / "run").rglob("events.*"))
    assert events.count(b"encoder/loss") == len(log["encoder"]) and events.count(b"method/rate") == len(log["method"])


def test_a_failed_training_is_marked_so(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    loggers = open_loggers(["mlflow"], str(tmp_path), "run")
    with pytest.raises(RuntimeError), told_to(loggers, {"method": "scale"}) as tell:
        tell(Note("encoder", 0, {"loss": 1.5}))
        raise RuntimeError
    run = MlflowClient(tracking_uri=str(tmp_path / "mlflow")).get_run(loggers[0].version)
    assert run.info.status == "FAILED" and run.data.metrics == {"encoder/loss": 1.5}


@pytest.mark.parametrize(
    ("names", "place", "message"),
    [
        (["tensorbord"], "x", "(?s)unknown logger.*did you mean 'tensorboard'"),
        (["mlflow"], "", "(?s)where should the log go.*--log-to"),
        (["tensorboard"], "http://127.0.0.1:9", "TensorBoard logs lie in a folder"),
    ],
)
def test_mistakes(names: list[str], place: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_loggers(names, place, "run")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_what_to_install_is_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    hidden = ("tensorboard", "tensorboardX", "mlflow")
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n in hidden else find(n, *a))
    with pytest.raises(UserError, match=r"(?s)not installed.*skelzero\[logs\]"):
        open_loggers([name], str(tmp_path), "run")
    assert not list(tmp_path.iterdir())


def test_a_broken_log_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "log", {"method": [Note("method", 3, {"loss": 0.1}), Note("method", 5, {"loss": 1 / 3})]})
    assert read_log(tmp_path) == {"method": (Note("method", 3, {"loss": 0.1}), Note("method", 5, {"loss": 1 / 3}))}
    for content in ("loss,step\none,2\n", "loss\n1\n"):
        (tmp_path / "log" / "method" / "metrics.csv").write_text(content)
        with pytest.raises(UserError, match="a log cannot be read"):
            read_log(tmp_path)


def test_nothing_is_loaded_for_csv_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: object) -> object:
        assert name.split(".")[0] not in ("mlflow", "tensorboardX"), name
        return real(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert open_loggers(["csv"], "", "run") == []
