"""Plans and grids over real result files: found mistakes, resumed work, equal results with more processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero.cards import write_json
from skelzero.encoders import FeatureSet
from skelzero.errors import UserError
from skelzero.grid.crew import Crew, GivenUpError, Job
from skelzero.protocol import grid
from skelzero.protocol.grid import run_grid
from skelzero.protocol.plan import Request, open_source, plan, plan_one
from skelzero.protocol.result import Result, Task, read_result, read_results, result_path
from skelzero.text import load_class_set

Ask = Callable[..., Request]


@pytest.fixture
def ask(features_folder: Path, text_file: Path) -> Ask:
    """A request about the features folder; keyword arguments change it."""

    def make(**changes: Any) -> Request:
        given = {"methods": ["ridge"], "data": features_folder, "splits": ["22/5"], "seeds": 2, "kinds": ["action"],
                 "text_encoder": f"file:{text_file}", **changes}  # fmt: skip
        return Request(**given)

    return make


def test_plan_lists_every_unit(ask: Ask) -> None:
    tasks = plan(ask(methods=["ridge", "scale"], seeds=3))
    assert [(t.method, t.seed) for t in tasks] == [(m, s) for s in range(3) for m in ("ridge", "scale")]
    assert len({t.key for t in tasks}) == 6 and len({t.unit for t in tasks}) == 3
    draws = plan(ask(splits=["random:9", "18/9"], draws=4, seeds=None, allow_leaky=True))
    assert [(t.split.name, t.seed) for t in draws[:4]] == [(f"random:9#{i}", i) for i in range(4)]
    assert [t.split.name for t in draws[4:]] == ["18/9"] * 5
    assert plan_one(ask(splits=["random:9"]), 7).split.name == "random:9#0"


def test_key_ignores_where_the_data_lie_and_nothing_else(ask: Ask, features_folder: Path, tmp_path: Path) -> None:
    task = plan(ask())[0]
    features_folder.rename(tmp_path / "moved")
    assert plan(ask(data=tmp_path / "moved"))[0].key == task.key
    for name, value in (("seed", 5), ("method", "scale"), ("checksum", "x"), ("folds", 2), ("text_sha256", "y")):
        assert task.model_copy(update={name: value}).key != task.key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["rigde"]}, r"unknown method(.|\n)*did you mean 'ridge'"),
        ({"methods": []}, r"no method named"),
        ({"splits": ["22/6"]}, r"unknown split of utd_mhad(.|\n)*14/13"),
        ({"splits": []}, r"no split named"),
        ({"splits": ["all"]}, r"no class is unseen"),
        ({"settings": ["zls"]}, r"unknown setting"),
        ({"kinds": ["motions"]}, r"unknown kind of text"),
        ({"dataset": "nw_ucla"}, r"data set is not in the data"),
        ({"class_set": "nw_ucla"}, r"a class is in no text set(.|\n)*--class-set"),
        ({"data": Path("nowhere")}, r"no clip store or features folder found"),
        ({"partition": "xview"}, r"unknown partition of utd_mhad"),
    ],
)
def test_mistakes_are_told(ask: Ask, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run_grid(plan(ask(**changes)), tmp_path, workers=1)


def test_missing_classes_are_told(ask: Ask, features_folder: Path, tmp_path: Path) -> None:
    clips = FeatureSet.load(features_folder)
    clips.take(np.flatnonzero(clips.codes != "a5")).save(tmp_path / "fewer")
    with pytest.raises(UserError, match=r"classes of split 22/5 are not in the data(.|\n)*no clip of a5"):
        plan(ask(data=tmp_path / "fewer"))


def test_only_what_is_missing_is_computed(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = plan(ask())
    seen: list[tuple[int, int]] = []
    first = run_grid(tasks, tmp_path, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert read_results(tmp_path) == sorted(first, key=lambda r: r.key)
    result_path(tmp_path, tasks[1].key).unlink()
    counted: list[int] = []
    honest = grid.run_task
    monkeypatch.setattr(grid, "run_task", lambda task, bench: counted.append(task.seed) or honest(task, bench))
    again = run_grid(tasks, tmp_path, workers=1)
    assert counted == [1]
    assert [r.metrics for r in again] == [r.metrics for r in first]
    assert again[0] == first[0]


def test_stopped_grid_keeps_whole_files_only(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, honest = plan(ask()), grid.run_task

    def stop(task: Any, bench: Any) -> Any:
        if task.seed == 1:
            raise KeyboardInterrupt
        return honest(task, bench)

    monkeypatch.setattr(grid, "run_task", stop)
    with pytest.raises(KeyboardInterrupt):
        run_grid(tasks, tmp_path, workers=1)
    assert [p.name for p in (tmp_path / "results").iterdir()] == [f"{tasks[0].key}.json"]


def test_one_failure_does_not_take_the_others_along(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, honest = plan(ask(seeds=3)), grid.run_task

    def fail(task: Any, bench: Any) -> Any:
        if task.seed == 0:
            raise ValueError("broken")
        return honest(task, bench)

    monkeypatch.setattr(grid, "run_task", fail)
    with pytest.raises(ValueError, match="broken") as caught:
        run_grid(tasks, tmp_path, workers=1)
    assert "1 of 3 tasks failed" in caught.value.__notes__[0]
    assert len(read_results(tmp_path)) == 2


def test_damaged_result_is_told(ask: Ask, tmp_path: Path) -> None:
    task = plan(ask())[0]
    write_json(result_path(tmp_path, task.key), {"key": "x"})
    with pytest.raises(UserError, match=r"not a result of this version(.|\n)*delete the file"):
        read_result(result_path(tmp_path, task.key))
    with pytest.raises(UserError, match="no results here"):
        read_results(tmp_path / "elsewhere")


def test_random_draws_over_given_features_are_a_leak(ask: Ask, tmp_path: Path) -> None:
    tasks = plan(ask(splits=["random:9"], draws=1, seeds=1))
    with pytest.raises(UserError, match="trained on unseen classes"):
        run_grid(tasks, tmp_path, workers=1)


def test_given_features_and_their_source(features_folder: Path) -> None:
    source = open_source(features_folder, {})
    assert source.dataset == "utd_mhad" and not source.trains
    assert set(source.clips.codes) == set(load_class_set("utd_mhad").codes)


@pytest.mark.slow
def test_more_processes_give_the_same(ask: Ask, tmp_path: Path) -> None:
    tasks = plan(ask(seeds=2))
    one = run_grid(tasks, tmp_path / "one", workers=1)
    two = run_grid(tasks, tmp_path / "two", workers=2)
    assert [r.metrics for r in one] == [r.metrics for r in two]
    assert [r.selection for r in one] == [r.selection for r in two]


class Here(Crew):
    """One slot in this process, so that the order of the jobs can be seen."""

    size = 1

    def _start(self, job: Job) -> None:
        job.future.set_result(job.work(*job.args))

    def close(self, *, drop: bool = False) -> None:
        pass


def test_slow_methods_go_first_once_they_are_known(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = plan(ask(methods=["ridge", "conse", "eszsl"], seeds=3))
    seconds, order = {"ridge": 2.0, "conse": 1.0, "eszsl": 3.0}, []
    made = grid.run_task(tasks[0], grid.bench_for(tasks[0]))

    def run(task: Task, bench: Any) -> Result:
        order.append((task.seed, task.method))
        return made.model_copy(update={"task": task, "seconds": {"total": seconds[task.method]}})

    monkeypatch.setattr(grid, "run_task", run)
    assert len(list(grid._at_once(tasks, Here()))) == 9
    first, *others = [[method for seed, method in order if seed == at] for at in range(3)]
    assert first == ["ridge", "conse", "eszsl"] and others == [["eszsl", "ridge", "conse"]] * 2


def test_a_task_whose_workers_are_lost_does_not_take_the_others_along(ask: Ask) -> None:
    class Loses(Here):
        def _start(self, job: Job) -> None:
            if job.work is grid._run_as and job.args[0].seed == 0:
                job.future.set_exception(GivenUpError("a job was given up"))
            else:
                super()._start(job)

    outcomes = list(grid._at_once(plan(ask(seeds=3)), Loses()))
    assert [isinstance(outcome, Result) for outcome in outcomes] == [False, True, True]
    assert "given up" in str(outcomes[0])


def is_running(pid: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_killed_parent_leaves_no_worker_behind(ask: Ask, tmp_path: Path) -> None:
    tasks = [task.model_dump(mode="json") for task in plan(ask(methods=["ridge", "scale"], seeds=4))]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    program = (
        "import json, sys; from pathlib import Path\n"
        "from skelzero.protocol.grid import run_grid; from skelzero.protocol.result import Task\n"
        "if __name__ == '__main__':\n"
        "    tasks = [Task(**t) for t in json.loads(Path(sys.argv[1]).read_text())]\n"
        "    run_grid(tasks, Path(sys.argv[2]), workers=2, progress=lambda *a: print('ready', flush=True))\n"
    )
    (tmp_path / "program.py").write_text(program)
    out = tmp_path / "out"
    parent = subprocess.Popen([sys.executable, tmp_path / "program.py", tmp_path / "tasks.json", out], stdout=-1)
    assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    if not children.exists():
        parent.kill()
        pytest.skip("needs /proc to look for processes")
    assert parent.stdout.readline() == b"ready\n", "a worker has finished a task, so all of them are at work"
    workers = children.read_text().split()
    parent.kill()
    parent.wait()
    alive = workers
    for _ in range(600):
        alive = [pid for pid in workers if is_running(pid)]
        if not alive:
            break
        time.sleep(0.1)
    assert len(workers) >= 3 and not alive


def test_encoders_are_trained_ahead_only_where_they_are_needed(ask: Ask) -> None:
    def encoders(**changes: Any) -> int:
        return grid._encoders(plan(ask(seeds=1, **changes)))

    assert encoders(methods=["scale"], settings=["zsl"]) == 1, "one candidate, nothing to choose"
    assert encoders(methods=["ridge"], settings=["zsl"]) == 2, "three candidates"
    assert encoders(methods=["scale"], settings=["zsl", "one-shot"]) == 1
    assert encoders(methods=["scale"], settings=["zsl-transductive"], folds=3) == 4
    assert encoders(methods=["msf"], settings=["zsl"]) == 2, "a stage is chosen"
    both = plan(ask(methods=["pgfa", "scale"], seeds=1))
    assert grid._sharing(both).method == "scale" and grid._sharing(both[:1]).method == "pgfa"


def test_an_end_to_end_method_needs_clips(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="end to end: it needs clips"):
        run_grid(plan(ask(methods=["pgfa"], seeds=1)), tmp_path, workers=1)


def test_without_clips_a_method_goes_without_its_views_and_says_so(ask: Ask, tmp_path: Path) -> None:
    found = run_grid(plan(ask(methods=["smie"], seeds=1, overrides={"smie": {"steps": 5}})), tmp_path, workers=1)
    assert found[0].diagnostics["temporal_constraint"] is False
