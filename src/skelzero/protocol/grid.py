"""Many tasks on many cores. Finished tasks lie in result files, so a stopped comparison goes on where it stopped."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from skelzero.kinematics.joined import NAME
from skelzero.methods import METHODS, EndToEndMethod
from skelzero.protocol.bench import Bench
from skelzero.protocol.experiment import needs_pseudo, run_task
from skelzero.protocol.plan import bank_of, open_bank, open_source
from skelzero.protocol.result import Result, Task, read_result, result_path
from skelzero.protocol.sources import AlignedSource
from skelzero.text import load_class_set

Progress = Callable[[int, int], None]
Unit = tuple[str, str, int]


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
    encoders = sum(_encoders(members) for members in _by_unit(missing).values())
    workers = min(workers or available_cores(), max(len(missing), encoders))
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
    units = _by_unit(tasks)
    encoders = deque((unit, part) for unit, members in units.items() for part in range(_encoders(members)))
    left = Counter(unit for unit, _ in encoders)
    ready: deque[Task] = deque()
    pending: dict[Future[BaseException | None], Unit | None] = {}
    with _executor(workers) as executor:
        while pending or ready or encoders:
            # Only as much as can run at once is handed out, tasks first, so that results come early.
            while len(pending) < workers and (ready or encoders):
                if ready:
                    pending[executor.submit(_run, ready.popleft(), out)] = None
                else:
                    unit, part = encoders.popleft()
                    pending[executor.submit(_warm, _sharing(units[unit]), part)] = unit
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                warmed = pending.pop(future)
                if warmed is None:
                    yield future.result()
                    continue
                future.result()
                left[warmed] -= 1
                if not left[warmed]:
                    ready.extend(units[warmed])


def _by_unit(tasks: list[Task]) -> dict[Unit, list[Task]]:
    units: dict[Unit, list[Task]] = defaultdict(list)
    for task in tasks:
        units[task.unit].append(task)
    return units


def _encoders(members: list[Task]) -> int:
    """How many encoders a unit needs: the final one, and those of pseudo phases where something is chosen on them."""
    return 1 + members[0].folds * any(needs_pseudo(task) for task in members)


def _sharing(members: list[Task]) -> Task:
    """A task whose encoders others of its unit share: one of an end-to-end method has encoders of its own, and one that
    reads kinematics alone has none."""
    return min(members, key=lambda task: (METHODS[task.method].method.end_to_end, task.encoder == {"encoder": NAME}))


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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot end its workers; they would go on computing for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
    own = METHODS[task.method].method.end_to_end
    shared = task if own else task.model_copy(update={"method": "", "overrides": {}})
    return _bench(shared.model_dump_json())


@functools.lru_cache(maxsize=2)
def _bench(task_json: str) -> Bench:
    task = Task.model_validate_json(task_json)
    source = open_source(Path(task.data), task.encoder, task.pipeline, task.split.dataset)
    class_set = load_class_set(task.class_set)
    texts = bank_of(open_bank(class_set, task.text_encoder, task.kinds), class_set)
    method = METHODS[task.method](**task.overrides) if task.method else None
    if isinstance(method, EndToEndMethod):
        source = AlignedSource(source, method, texts)
    return Bench(
        source, task.split.split(), texts, seed=task.seed, folds=task.folds,
        partition=task.partition, test_subjects=task.test_subjects, allow_leaky=task.allow_leaky,
    )  # fmt: skip
