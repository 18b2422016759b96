"""Crews of both kinds: equal results, lost workers, failing jobs, endings that leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import cast

import pytest

from skelzero.errors import UserError
from skelzero.grid import Crew, as_completed, cores, in_order, open_crew
from skelzero.grid.backends import CLUSTERS, read_cluster

BACKENDS = ["local", pytest.param("dask", marks=pytest.mark.slow)]


@contextlib.contextmanager
def crew_of(backend: str, workers: int = 2) -> Iterator[Crew]:
    with open_crew(backend, workers) as crew:
        assert crew is not None
        yield crew


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise UserError("cannot be done", got=number, next_step="take another")


def pid(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def die_first(mark: Path) -> str:
    """Kill the worker the first time; done the second time."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_then(mark: Path) -> str:
    """Tell that it has begun, then take a second. The mark appears whole: others wait for it."""
    written = mark.with_suffix(".tmp")
    written.write_text(str(os.getpid()))
    written.rename(mark)
    time.sleep(1)
    return mark.name


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_job_is_done_once_and_by_several_processes(backend: str) -> None:
    with crew_of(backend) as crew:
        assert crew.size == 2
        assert sorted(as_completed(crew, square, range(20))) == [n * n for n in range(20)]
        workers = set(as_completed(crew, pid, range(12)))
    assert len(workers) == 2 and os.getpid() not in workers
    assert list(as_completed(None, square, range(3))) == [0, 1, 4], "without a crew, in order and here"


def rather_late(number: int) -> int:
    time.sleep(0.02 * (5 - number % 5))
    return number


def test_results_can_be_had_in_the_order_of_the_jobs() -> None:
    with crew_of("local", 3) as crew:
        assert list(in_order(crew, rather_late, range(12))) == list(range(12))
    assert list(in_order(None, rather_late, range(3))) == [0, 1, 2]


def test_one_process_is_this_one() -> None:
    with open_crew("local", 1) as crew:
        assert crew is None
    assert cores() >= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failing_job_is_told_as_it_was(backend: str) -> None:
    with crew_of(backend) as crew, pytest.raises(UserError, match=r"cannot be done(.|\n)*got: 3(.|\n)*take another"):
        crew.submit(fail, 3).result(60)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_worker_costs_its_own_job_some_time_and_no_other_job_anything(backend: str, tmp_path: Path) -> None:
    with crew_of(backend) as crew:
        other = crew.submit(wait_then, tmp_path / "other")
        while not (tmp_path / "other").exists():
            time.sleep(0.01)
        before = (tmp_path / "other").read_text()
        assert crew.submit(die_first, tmp_path / "mark").result(60) == "done"
        assert other.result(60) == "other" and (tmp_path / "other").read_text() == before, "it was run once"
        # Killed while nobody needs it.
        for worker in set(as_completed(crew, pid, range(8))):
            os.kill(worker, signal.SIGKILL)
        assert sorted(as_completed(crew, square, range(8))) == [n * n for n in range(8)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_job_that_kills_every_worker_is_given_up(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skelzero.grid.crew.LOSSES", 2)
    with crew_of(backend) as crew:
        with pytest.raises(UserError, match=r"given up(.|\n)*2 workers lost(.|\n)*--workers"):
            crew.submit(die, 0).result(60)
        assert crew.submit(square, 3).result(60) == 9, "the crew lives on"


def test_leaving_by_an_error_drops_what_runs(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), crew_of("local") as crew:
        flying = [crew.submit(time.sleep, 60) for _ in range(3)]
        time.sleep(0.5)
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 30
    assert not wait(flying, timeout=10).not_done


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("dusk", r"unknown backend(.|\n)*local, dask"), ("dask:", "unknown backend"), ("tcp", "unknown backend"),
        ("dask:nowhere.yaml", "no file that describes a cluster"), ("dask:nowhere.json", "no scheduler file found"),
    ],
)  # fmt: skip
def test_a_wrong_backend_is_told(backend: str, message: str) -> None:
    with pytest.raises(UserError, match=message), open_crew(backend):
        pass


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from skelzero.grid import dask_crew

    monkeypatch.setattr(dask_crew, "PATIENCE", 4.0)
    with (
        pytest.raises(UserError, match=r"no Dask scheduler answers(.|\n)*dask scheduler"),
        open_crew(f"dask://{free()}"),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: os.system\n", r"unknown kind of cluster(.|\n)*kubernetes"), ("kind: [", "not the description"),
        ("workers: 2\n", r"not the description(.|\n)*kind"), ("kind: local\nworkers: -1\n", "not the description"),
        ("kind: local\nuser: me\n", "not the description"), ("!!python/object/apply:os.system [ls]\n", "not the descr"),
    ],
)  # fmt: skip
def test_a_cluster_file_is_read_with_care(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_cluster(path)


def test_a_cluster_that_needs_another_package_says_which(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("kind: slurm\nworkers: 4\noptions: {cores: 1, memory: 4GB}\n")
    assert read_cluster(path).options == {"cores": 1, "memory": "4GB"} and "slurm" in CLUSTERS
    with pytest.raises(UserError, match=r"no dask_jobqueue(.|\n)*pip install dask-jobqueue"), open_crew(f"dask:{path}"):
        pass


@pytest.mark.slow
def test_a_cluster_is_started_as_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("kind: local\nworkers: 3\n")
    with crew_of(f"dask:{path}") as crew:
        assert crew.size == 3 and crew.submit(square, 4).result(60) == 16
    path.write_text("kind: local\noptions: {n_legs: 3}\n")
    with pytest.raises(UserError, match="the cluster could not be started"), open_crew(f"dask:{path}"):
        pass


def free() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def put_up(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    return subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment,
                            start_new_session=True)  # fmt: skip


def where(_: int) -> str:
    from distributed import get_worker

    time.sleep(0.05)
    return cast(str, get_worker().address)


@pytest.mark.slow
def test_workers_at_several_addresses_a_lost_one_and_a_lost_scheduler(tmp_path: Path) -> None:
    address, card = free(), tmp_path / "scheduler.json"
    host, port = address.split(":")
    running = [
        put_up("dask_scheduler", "--host", host, "--port", port, "--scheduler-file", str(card), "--no-dashboard")
    ]
    running += [put_up("dask_worker", f"tcp://{address}", "--host", f"127.0.0.{n}", "--nthreads", "1", "--no-nanny",
                       "--no-dashboard", "--local-directory", str(tmp_path)) for n in (2, 3)]  # fmt: skip
    try:
        while not card.exists():
            time.sleep(0.05)
        assert json.loads(card.read_text())["address"] == f"tcp://{address}"
        with crew_of(f"dask:{card}") as crew:
            while crew.size < 2:
                time.sleep(0.05)
            hosts = {place.split(":")[1].strip("/") for place in as_completed(crew, where, range(12))}
            assert hosts == {"127.0.0.2", "127.0.0.3"}
            running[1].kill()
            assert sorted(as_completed(crew, square, range(8))) == [n * n for n in range(8)]
        # It was somebody else's cluster: it runs on, and takes another program's jobs.
        with pytest.raises(UserError, match=r"scheduler is gone(.|\n)*run the same command"), crew_of(
            f"dask://{address}"
        ) as crew:  # fmt: skip
            begun = crew.submit(wait_then, tmp_path / "begun")
            while not (tmp_path / "begun").exists():
                time.sleep(0.01)
            running[0].kill()
            begun.result(60)
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
