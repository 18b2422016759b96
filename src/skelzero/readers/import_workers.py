"""Worker processes that leave nothing behind: not when they are interrupted, not when the program is killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from skelzero.errors import UserError

Job = TypeVar("Job")
Result = TypeVar("Result")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Generator[Result, None, None]:
    """Results as they come, in no order; at most two jobs a worker are in flight, so that their data do not pile up.

    Raises
    ------
    UserError
        A worker process was killed.
    """
    if workers <= 1:
        yield from map(work, jobs)
        return
    # Spawned, not forked: a fork of a process with threads (a progress bar, torch) can hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin_work)
    flying: set[Future[Result]] = set()
    try:
        for job in jobs:
            with _interrupts_ignored():  # workers start in here and inherit it
                flying.add(pool.submit(work, job))
            if len(flying) >= 2 * workers:
                yield from _landed(flying)
        while flying:
            yield from _landed(flying)
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process was killed", got="perhaps memory ran out",
            next_step="run the same command again, it goes on where it stopped; or use fewer --workers",
        ) from error  # fmt: skip
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _landed(flying: set[Future[Result]]) -> Iterator[Result]:
    """Wait for at least one result; takes what is done out of the set."""
    done, _ = wait(flying, return_when=FIRST_COMPLETED)
    flying -= done
    for future in done:
        yield future.result()


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal; the program itself ends the workers, without their tracebacks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_work() -> None:
    """In a worker: end when the program ends. Killed programs do not say goodbye, and workers would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
