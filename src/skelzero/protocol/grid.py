"""Many tasks on many cores. Finished tasks lie in result files, so a stopped comparison goes on where it stopped."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from skelzero.protocol.bench import Bench
from skelzero.protocol.experiment import run_task
from skelzero.protocol.plan import bank_of, open_bank, open_source
from skelzero.protocol.result import Result, Task, read_result, result_path
from skelzero.text import load_class_set

Progress = Callable[[int, int], None]


def run_grid(tasks: Sequence[Task], out: Path, *, workers: int = 0, progress: Progress | None = None) -> list[Result]:
    """Compute what is missing and read all.

    Parameters
    ----------
    tasks : sequence of Task
    out : Path
        Results go to `out/results/<key>.json`, each as soon as it is there.
    workers : int
        Processes; 0 for one a core.
    progress : callable (done, total), optional

    Raises
    ------
    Exception
        The first failure, after all other tasks are done.
    """
    tell = progress or (lambda done, total: None)
    missing = list({task.key: task for task in tasks if not result_path(out, task.key).is_file()}.values())
    tell(len(tasks) - len(missing), len(tasks))
    workers = min(workers or available_cores(), len(missing))
    failures: list[BaseException] = []
    finished = len(tasks) - len(missing)
    for failure in _in_turn(missing, out) if workers <= 1 else _at_once(missing, out, workers):
        finished += 1
        tell(finished, len(tasks))
        if failure is not None:
            failures.append(failure)
    if failures:
        failures[0].add_note(f"{len(failures)} of {len(tasks)} tasks failed; the others are done and kept in {out}")
        raise failures[0]
    return [read_result(result_path(out, task.key)) for task in tasks]


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_turn(tasks: list[Task], out: Path) -> Iterator[BaseException | None]:
    for task in tasks:
        yield _run(task, out)


def _at_once(tasks: list[Task], out: Path, workers: int) -> Iterator[BaseException | None]:
    """First the encoders of a unit, side by side, then its tasks: an encoder is never trained twice at once."""
    units: dict[tuple[object, ...], list[Task]] = defaultdict(list)
    for task in tasks:
        units[task.unit].append(task)
    with _executor(workers) as executor:
        warming: dict[Future[None], tuple[object, ...]] = {}
        for unit, members in units.items():
            for part in range(members[0].folds + 1):
                warming[executor.submit(_warm, members[0], part)] = unit
        left = {unit: members[0].folds + 1 for unit, members in units.items()}
        running: set[Future[BaseException | None]] = set()
        while warming or running:
            pending: set[Future[Any]] = {*warming, *running}
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                if future in warming:
                    unit = warming.pop(future)
                    left[unit] -= 1
                    if left[unit] == 0:
                        running |= {executor.submit(_run, task, out) for task in units[unit]}
                else:
                    running.discard(future)
                    yield future.result()


@contextlib.contextmanager
def _executor(workers: int) -> Iterator[ProcessPoolExecutor]:
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        yield executor
        executor.shutdown()
    except BaseException:
        # Ctrl-C or a failure: what runs is dropped; each result file is whole or not there.
        executor.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise


def _start_worker() -> None:
    import threadpoolctl  # type: ignore[import-untyped]
    import torch

    # Ctrl-C reaches all processes of a terminal; the parent ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)


def _warm(task: Task, part: int) -> None:
    """Train and cache one encoder of a unit; a failure will come up again, and be told, in the tasks themselves."""
    with contextlib.suppress(Exception):
        bench = bench_for(task)
        if part == 0:
            bench.final()
        else:
            bench.pseudo_phase(part - 1)


def _run(task: Task, out: Path) -> BaseException | None:
    try:
        run_task(task, bench_for(task)).write(out)
    except Exception as error:
        return error
    return None


def bench_for(task: Task) -> Bench:
    """The bench of a task; the last ones are kept, since tasks of one unit follow each other."""
    shared = task.model_copy(update={"method": "", "overrides": {}})
    return _bench(shared.model_dump_json())


@functools.lru_cache(maxsize=2)
def _bench(task_json: str) -> Bench:
    task = Task.model_validate_json(task_json)
    source = open_source(Path(task.data), task.encoder, task.pipeline, task.split.dataset)
    class_set = load_class_set(task.class_set)
    bank = open_bank(class_set, task.text_encoder, task.kinds)
    return Bench(
        source, task.split.split(), bank_of(bank, class_set), seed=task.seed, folds=task.folds,
        partition=task.partition, test_subjects=task.test_subjects, allow_leaky=task.allow_leaky,
    )  # fmt: skip
