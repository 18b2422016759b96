"""Kills at random moments during import, encode, train and compare, each run again to the end: is anything different?

Every job is first run undisturbed, which also says how long it takes. Then, as often as `--kills` says, it is run
elsewhere, killed (SIGKILL) at a moment drawn with a seed from the whole of that time, and run again to the end, with
the cache and whatever else the killed run left. What comes out must be the same byte for byte, times apart. Jobs are
forked from a process that has everything imported, so that kills hit work and not the start of Python. How workers are
killed, `compare_grid.py` shows.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compare_grid import different
from pairs import put

CLASSES, SUBJECTS, FILES = 8, 4, 300
UNFINISHED = 3
"""Kills that may come too late, one after another, before a job counts as one that cannot be killed."""
METHODS = "ridge,scale"


@dataclass(frozen=True)
class Job:
    """What is killed: it is run in a folder of its own, in which `differences` finds what it made."""

    name: str
    run: Callable[[Path], None]
    differences: Callable[[Path, Path], list[str]]


def skelzero(*arguments: object) -> None:
    """A command as a user would give it."""
    from skelzero.cli import main

    code = main([str(argument) for argument in arguments])
    if code:
        raise RuntimeError(f"exit code {code}")


def make_inputs(folder: Path) -> None:
    """Text files to import, a store, an encoder and made-up texts."""
    from skelzero import synthetic
    from skelzero.clips import write_store

    rng, source = np.random.default_rng(0), folder / "source"
    source.mkdir()
    for i in range(FILES):
        rows = np.c_[rng.standard_normal((160, 3)) + 3, np.ones(160)]
        np.savetxt(source / f"a{i % 20 + 1:02d}_s{i // 20 + 1:02d}_e01_skeleton3D.txt", rows, fmt="%.6f")
    codes = list(synthetic.actions())
    write_store(folder / "store", synthetic.generate(codes[:CLASSES], SUBJECTS, 2), source="made up")
    np.save(folder / "texts.npy", rng.normal(size=(len(codes), 8)).astype(np.float32))
    skelzero("encode", folder / "store", "--encoder", "kinematics", "--out", folder / "features")
    skelzero("encode", folder / "store", "--split", "all", "--steps", 2, "--out", folder / "unused", "--save-encoder",
             folder / "encoder")  # fmt: skip


def train(store: Path, place: Path) -> None:
    """An encoder, with checkpoints at short intervals."""
    from skelzero.clips import ClipStore
    from skelzero.encoders import TrainSettings, train_encoder
    from skelzero.preprocess import default_pipeline, prepare

    opened = ClipStore.open(store)
    ready = prepare(opened, default_pipeline(opened.layout))
    settings = TrainSettings(steps=16, batch=8, checkpoint_every=3, accelerator="cpu")
    codes = sorted({str(code) for code in ready.codes})
    train_encoder(ready, codes, settings, checkpoint_folder=place / "checkpoints").save(place / "out", overwrite=True)


def different_files(one: Path, two: Path) -> list[str]:
    """Files of `out` that only one folder has, or that differ."""
    found = []
    for folder in (one / "out", two / "out"):
        files = [path for path in folder.rglob("*") if path.is_file()]
        found.append({str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files})
    return sorted({name for name, _ in found[0].items() ^ found[1].items()})


def jobs(inputs: Path) -> list[Job]:
    """Each is given a folder to work in."""
    compare = ("compare", "--methods", METHODS, "--data", inputs / "features", "--split", "random:2", "--draws", 2,
               "--set", "scale.steps=20", "--text-encoder", f"file:{inputs / 'texts.npy'}",
               "--semantics", "action", "--workers", 1)  # fmt: skip
    encode = ("encode", inputs / "store", "--encoder", "shift-gcn:small+kinematics", "--weights", inputs / "encoder")

    def imported(place: Path) -> None:
        # Killed between the end and the next command, the store is there: a user would see it and stop, too.
        if not (place / "out").exists() or (place / "out.partial").exists():
            skelzero("data", "import", inputs / "source", "--out", place / "out", "--workers", 1, "--overwrite")

    def encoded(place: Path) -> None:
        skelzero(*encode, "--out", place / "out", "--overwrite")

    return [
        Job("import", imported, different_files),
        Job("encode", encoded, different_files),
        Job("train", lambda place: train(inputs / "store", place), different_files),
        Job("compare", lambda place: skelzero(*compare, "--out", place / "out"),
            lambda one, two: different(one / "out", two / "out")),
    ]  # fmt: skip


def start(job: Job, place: Path) -> int:
    """The job in a process of its own, whose number is returned."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.environ["SKELZERO_CACHE"] = str(place / "cache")
            with (place / "log.txt").open("a") as log, contextlib.redirect_stdout(log):
                os.dup2(log.fileno(), 2)
                try:
                    job.run(place)
                    code = 0
                except BaseException:
                    traceback.print_exc()
        finally:
            os._exit(code)
    return process


def finish(process: int, place: Path) -> None:
    """Wait for the end, which must be a good one."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code:
        raise SystemExit(f"a run failed ({code}) in {place.name}:\n{(place / 'log.txt').read_text()[-3000:]}")


def killed_at(job: Job, place: Path, moment: float) -> bool:
    """Run and kill after so many seconds; False where the job was over before."""
    process = start(job, place)
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


def kill_often(job: Job, folder: Path, kills: int, draw: random.Random) -> dict[str, Any]:
    """As many kills, each in a fresh folder and each followed by a run to the end."""
    undisturbed = folder / f"{job.name}-undisturbed"
    undisturbed.mkdir()
    begin = time.perf_counter()
    finish(start(job, undisturbed), undisturbed)
    seconds = time.perf_counter() - begin
    row: dict[str, Any] = {"job": job.name, "seconds": seconds, "kills": 0, "too_late": 0, "different": []}
    while row["kills"] < kills and row["too_late"] < UNFINISHED * kills:
        place = folder / f"{job.name}-{row['kills']}-{row['too_late']}"
        place.mkdir()
        if killed_at(job, place, draw.random() * seconds):
            row["kills"] += 1
            finish(start(job, place), place)
            row["different"] += job.differences(undisturbed, place)
        else:
            row["too_late"] += 1
        shutil.rmtree(place)
    return row


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=13, help="of each job")
    parser.add_argument("--only", default="import,encode,train,compare", help="jobs, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    import lightning_fabric  # noqa: F401  what the jobs import, before they are forked
    import torch

    import skelzero.protocol.grid
    import skelzero.readers.importing  # noqa: F401

    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SKELZERO_CACHE"] = str(folder / "cache")
        inputs = folder / "inputs"
        inputs.mkdir()
        finish(start(Job("inputs", lambda place: make_inputs(inputs), different_files), folder), folder)
        for job in jobs(inputs):
            if job.name in options.only.split(","):
                rows.append(kill_often(job, folder, options.kills, random.Random(f"{options.seed} {job.name}")))
                print(rows[-1], flush=True)
    kills, differences = sum(row["kills"] for row in rows), sum(len(row["different"]) for row in rows)
    put("kills", {"kills": kills, "different": differences, "rows": rows}, options.json)
    return 1 if differences or not all(row["kills"] == options.kills for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
