"""Workers of a Dask cluster: of this machine, of a scheduler that runs already, or started for the occasion."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

import dask
import distributed
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from skelzero.errors import UserError
from skelzero.grid.crew import Crew, Job, interrupts_blocked

PATIENCE = 60.0
"""Seconds until a cluster must have answered, and a first worker must have come."""
LOCK = threading.Lock()
"""In a worker: jobs set the threads of their process and draw from its random state, so one runs at a time."""


class DaskCrew(Crew):
    """The workers that a client's scheduler has; workers may come and go.

    What the jobs read (stores, features, the cache of `SKELZERO_CACHE`) has to lie at the same paths for all.
    """

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._flying: dict[Job, distributed.Future] = {}
        self._lock = threading.Lock()

    @property
    def size(self) -> int:  # type: ignore[override]
        """Processes, whatever their threads."""
        return max(1, len(self._client.nthreads()))

    def _start(self, job: Job) -> None:
        try:
            flying = self._client.submit(_run_alone, job.work, *job.args, pure=False)
        except Exception as error:
            raise _gone(error) from error
        with self._lock:
            self._flying[job] = flying  # a future that nobody holds is dropped by the scheduler
        flying.add_done_callback(partial(self._landed, job))

    def _landed(self, job: Job, flying: distributed.Future) -> None:
        """On a thread of the client: hand the result on, or the job to another worker."""
        with self._lock:
            if self._flying.pop(job, None) is None:
                return
        try:
            job.future.set_result(flying.result())
        except KilledWorker:
            if job.lost():
                self._start(job)
        except (CancelledError, asyncio.CancelledError, FutureCancelledError) as error:
            job.future.set_exception(_gone(error))
        except BaseException as error:
            job.future.set_exception(error)

    def close(self, *, drop: bool = False) -> None:
        with self._lock:
            left = dict(self._flying)
            self._flying.clear()
        for job, flying in left.items():
            with contextlib.suppress(Exception):  # a scheduler that is gone has dropped it already
                flying.cancel(force=True)
            job.drop()


def _run_alone(work: Any, *args: Any) -> Any:
    with LOCK:
        return work(*args)


def _gone(error: BaseException) -> UserError:
    return UserError(
        "the cluster's scheduler is gone", got=str(error).splitlines()[0] if str(error) else type(error).__name__,
        next_step="what is done is kept: start the scheduler again and run the same command",
    )  # fmt: skip


@contextlib.contextmanager
def started(module: str, name: str, workers: int, options: dict[str, Any]) -> Iterator[distributed.Client]:
    """A client of a cluster that lives as long as the context."""
    # A job that loses its worker is tried again by the crew, which counts the losses itself.
    with _quiet(), dask.config.set({"distributed.scheduler.allowed-failures": 0}), contextlib.ExitStack() as stack:
        try:
            cluster = getattr(importlib.import_module(module), name)
            local = name == "LocalCluster"
            with interrupts_blocked():  # its processes inherit it; until they are up, Ctrl-C waits
                opened = cluster(n_workers=workers, **options) if local else cluster(**options)
                stack.enter_context(opened)
            if workers and not local and hasattr(opened, "scale") and name != "SSHCluster":
                opened.scale(workers)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            raise UserError("the cluster could not be started", got=str(error).splitlines()[0],
                            next_step="see `options` of the file, and the cluster's manual") from error  # fmt: skip
        yield _with_workers(stack.enter_context(distributed.Client(opened)))


@contextlib.contextmanager
def connected(address: str) -> Iterator[distributed.Client]:
    """A client of a scheduler that runs already; it goes on running afterwards."""
    with _quiet():
        try:
            client = distributed.Client(address, timeout=PATIENCE / 4)
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError("no Dask scheduler answers", got=address, next_step="start one with `dask scheduler`, and "
                            "workers with `dask worker HOST:PORT --nthreads 1`") from error  # fmt: skip
        with client:
            yield _with_workers(client)


def _with_workers(client: distributed.Client) -> distributed.Client:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise UserError("the Dask cluster has no worker", where=client.scheduler_info(n_workers=0).get("address"),
                        next_step="start some with `dask worker HOST:PORT --nthreads 1`") from error  # fmt: skip
    return client


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every lost worker and closed connection; the crew says what matters."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
