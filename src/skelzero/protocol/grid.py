"""Many tasks on many workers. Finished tasks lie in result files, so a stopped comparison goes on where it stopped."""

from __future__ import annotations

import contextlib
import functools
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from skelzero.errors import UserError
from skelzero.grid import Crew, GivenUpError, cores, one_thread, open_crew
from skelzero.grid.backends import LOCAL
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
Outcome = Result | Exception


def run_grid(
    tasks: Sequence[Task], out: Path, *, backend: str = LOCAL, workers: int = 0, progress: Progress | None = None
) -> list[Result]:  # fmt: skip
    """Compute what is missing and read all.

    Parameters
    ----------
    tasks : sequence of Task
    out : Path
        Results go to `out/results/<key>.json`, each as soon as it is there.
    backend : str
        Whose workers, see `skelzero.grid.open_crew`.
    workers : int
        Processes of this machine; 0 for one a core.
    progress : callable (done, total), optional

    Raises
    ------
    Exception
        The first failure, after all other tasks are done.
    """
    tell = progress or (lambda done, total: None)
    missing = list({task.key: task for task in tasks if not result_path(out, task.key).is_file()}.values())
    finished = len(tasks) - len(missing)
    tell(finished, len(tasks))
    failures: list[Exception] = []
    with open_crew(*_enough(backend, workers, missing)) if missing else contextlib.nullcontext() as crew:
        for outcome in map(_run, missing) if crew is None else _at_once(missing, crew):
            if isinstance(outcome, Result):
                outcome.write(out)
            else:
                failures.append(outcome)
            finished += 1
            tell(finished, len(tasks))
    if failures:
        failures[0].add_note(f"{len(failures)} of {len(tasks)} tasks failed; the others are done and kept in {out}")
        raise failures[0]
    return [read_result(result_path(out, task.key)) for task in tasks]


def _enough(backend: str, workers: int, tasks: list[Task]) -> tuple[str, int]:
    """No more processes of this machine than there is work for."""
    encoders = sum(_encoders(members) for members in _by_unit(tasks).values())
    return backend, min(workers or cores(), max(len(tasks), encoders))


def _at_once(tasks: list[Task], crew: Crew) -> Iterator[Outcome]:
    """First the encoders of a unit, side by side, then its tasks: an encoder is never trained twice at once.

    Of the tasks that could be next the one of the slowest method goes first, as far as seconds are known from earlier
    units, so that no worker is left alone with a long task at the end.
    """
    units = _by_unit(tasks)
    encoders = deque((unit, part) for unit, members in units.items() for part in range(_encoders(members)))
    left = Counter(unit for unit, _ in encoders)
    ready: list[Task] = []
    seconds: dict[str, float] = {}
    pending: dict[Future[Outcome | None], Unit | None] = {}
    while pending or ready or encoders:
        # Only as much as can run at once is handed out, tasks first, so that results come early.
        while len(pending) < crew.size and (ready or encoders):
            if ready:
                task = max(ready, key=lambda task: seconds.get(task.method, math.inf))
                ready.remove(task)
                pending[crew.submit(_run_as, task, task.key)] = None
            else:
                unit, part = encoders.popleft()
                pending[crew.submit(_warm, _sharing(units[unit]), part)] = unit
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            warmed = pending.pop(future)
            if warmed is None:
                outcome = _landed(future)
                if isinstance(outcome, Result):
                    seconds[outcome.task.method] = outcome.seconds["total"]
                yield outcome
                continue
            future.result()
            left[warmed] -= 1
            if not left[warmed]:
                ready.extend(units[warmed])


def _landed(future: Future[Outcome | None]) -> Outcome:
    """What came of a task, also where its workers were lost: the other tasks go on."""
    try:
        outcome = future.result()
    except GivenUpError as error:
        return error
    assert outcome is not None
    return outcome


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


def _warm(task: Task, part: int) -> None:
    """Train and cache one encoder of a unit; a failure will come up again, and be told, in the tasks themselves."""
    one_thread()
    with contextlib.suppress(Exception):
        bench = bench_for(task)
        if part == 0:
            bench.final()
        else:
            bench.pseudo_phase(part - 1)


def _run_as(task: Task, key: str) -> Outcome:
    """In a worker, perhaps on another machine: run a task if this is the code that it was planned with."""
    one_thread()
    if task.key != key:
        return UserError("a worker runs another version of skelzero than this program",
                         next_step="install the same version on all machines and restart the workers")  # fmt: skip
    return _run(task)


def _run(task: Task) -> Outcome:
    try:
        return run_task(task, bench_for(task))
    except Exception as error:
        return error


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
