"""Worker processes on this machine, one a slot, so that a killed one takes no other one's job along."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from skelzero.grid.crew import Crew, Job, interrupts_blocked


class LocalCrew(Crew):
    """Spawned processes of this machine; they end with this one, even if it is killed.

    A script that makes one must do so under `if __name__ == "__main__":`, as with all spawned processes.

    Parameters
    ----------
    size : int
        Processes; each is started when it is first needed.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._idle = [_slot() for _ in range(size)]
        self._slots = set(self._idle)
        self._waiting: deque[Job] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def _start(self, job: Job) -> None:
        with self._lock:
            self._waiting.append(job)
        self._hand_out()

    def _hand_out(self) -> None:
        """Bring waiting jobs and idle slots together."""
        while True:
            with self._lock:
                if self._closed or not self._waiting or not self._idle:
                    return
                job, slot = self._waiting.popleft(), self._idle.pop()
            try:
                with interrupts_blocked():
                    flying = slot.submit(job.work, *job.args)
            except BrokenProcessPool:  # killed while it was idle
                with self._lock:
                    self._waiting.appendleft(job)
                    self._replace(slot)
                continue
            except RuntimeError:  # closed in between
                job.drop()
                return
            flying.add_done_callback(partial(self._landed, job, slot))

    def _landed(self, job: Job, slot: ProcessPoolExecutor, flying: Future[Any]) -> None:
        if flying.cancelled() or self._closed:
            job.drop()
            return
        error = flying.exception()
        lost = isinstance(error, BrokenProcessPool)
        with self._lock:
            if lost:
                self._replace(slot)
            else:
                self._idle.append(slot)
        if lost:
            if job.lost():
                with self._lock:
                    self._waiting.appendleft(job)
        elif error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result(flying.result())
        self._hand_out()

    def _replace(self, slot: ProcessPoolExecutor) -> None:
        """A new process for a slot whose old one is dead."""
        slot.shutdown(wait=False)
        self._slots.discard(slot)
        new = _slot()
        self._slots.add(new)
        self._idle.append(new)

    def close(self, *, drop: bool = False) -> None:
        with self._lock:
            self._closed = drop
            waiting, slots = list(self._waiting), list(self._slots)
            self._waiting.clear()
        for job in waiting:
            job.drop()
        for slot in slots:
            processes = list((slot._processes or {}).values())
            slot.shutdown(wait=not drop, cancel_futures=True)
            for process in processes if drop else ():
                process.terminate()


def _slot() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork of a process with threads (a progress bar, torch) can hang.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin_work)


def _begin_work() -> None:
    """In a worker: end when the program ends. Killed programs do not say goodbye, and workers would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
