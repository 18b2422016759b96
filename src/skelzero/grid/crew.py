"""What every crew of workers can do, wherever they are: take a job, give its result, survive the loss of a worker."""

from __future__ import annotations

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from skelzero.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")
J = TypeVar("J")

LOSSES = 16
"""Workers that one job may lose before it is taken to be what kills them. Few would do for one that needs more memory
than there is; but where something else kills a worker every 20 s, a job of 20 s loses ten of them now and then."""


class GivenUpError(UserError):
    """Every worker that took a job was lost; the crew lives on."""


@dataclass(eq=False)
class Job:
    """A function with its arguments, the future that its caller holds, and how many workers were lost over it."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    losses: int = 0

    def drop(self) -> None:
        """Nobody will do it; whoever waits for it is told."""
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()

    def lost(self) -> bool:
        """Note a lost worker; True where the job may be tried again. Otherwise it ends in a `GivenUpError`."""
        self.losses += 1
        if self.losses < LOSSES:
            return True
        self.future.set_exception(GivenUpError(
            "a job was given up: every worker that took it was killed", got=f"{self.losses} workers lost",
            next_step="perhaps memory ran out; what is done is kept: run the same command again with fewer --workers",
        ))  # fmt: skip
        return False


class Crew(ABC):
    """Workers that take jobs. A context: leaving it by an error or Ctrl-C drops what still runs.

    Attributes
    ----------
    size : int
        Jobs that run at once.
    """

    size: int

    @abstractmethod
    def _start(self, job: Job) -> None: ...

    @abstractmethod
    def close(self, *, drop: bool = False) -> None:
        """Let the workers go; with `drop`, whatever they are at."""

    def submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Hand out a job. A worker that is killed over it loses this job only, and another one takes it.

        Parameters
        ----------
        work : callable
            A function of a module, which workers can import; it and its arguments are pickled.
        """
        assert not kwargs, "jobs take positional arguments"
        job = Job(work, args)
        self._start(job)
        return job.future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close(drop=error is not None)


def as_completed(crew: Crew | None, work: Callable[[J], R], jobs: Iterable[J]) -> Generator[R, None, None]:
    """Results as they come, in no order; with no crew, one after another in this process.

    At most two jobs a worker are in flight, so that what they carry does not pile up.
    """
    if crew is None:
        yield from map(work, jobs)
        return
    flying: set[Future[R]] = set()
    for job in jobs:
        flying.add(crew.submit(work, job))
        if len(flying) >= 2 * crew.size:
            yield from _landed(flying)
    while flying:
        yield from _landed(flying)


def in_order(crew: Crew | None, work: Callable[[J], R], jobs: Iterable[J]) -> Generator[R, None, None]:
    """Results in the order of the jobs; what is done too early waits, at most two jobs a worker."""
    if crew is None:
        yield from map(work, jobs)
        return
    flying: deque[Future[R]] = deque()
    for job in jobs:
        flying.append(crew.submit(work, job))
        if len(flying) >= 2 * crew.size:
            yield flying.popleft().result()
    while flying:
        yield flying.popleft().result()


def _landed(flying: set[Future[R]]) -> Iterator[R]:
    """Wait for at least one result; takes what is done out of the set."""
    done, _ = wait(flying, return_when=FIRST_COMPLETED)
    flying -= done
    for future in done:
        yield future.result()


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal; workers start in here and inherit that they do not hear it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def one_thread() -> None:
    """One thread for all numerical libraries of this process.

    Workers are as many as cores. And recognition is thousands of small operations, which further threads only hold up:
    on a busy machine they wait for each other ten times as long as they work. For programs and workers; a library does
    not decide this for its user.
    """
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(limits=1)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
