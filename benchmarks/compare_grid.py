"""Comparisons at scale: minutes of a grid, speed-up from one worker to two, and the same files with workers killed.

By default a small grid of the given features: 10 methods x 1 split x 2 seeds, with one worker and with two, then once
more with a worker killed every few seconds. The issue's grid, two workers only, then with kills:

    skelzero encode utd --encoder kinematics --out utd-features        # nothing is trained, so every split is fair
    python benchmarks/compare_grid.py --data utd-features --data ucla-features --random 9 --random 5 \
        --splits 5 --seeds 5 --no-one --kill 20

Without `--data`, features of synthetic motion are made. A killed run goes on by itself; files count as the same when
all but times (`seconds`, `made`, seconds of the cost) is equal to the byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from pairs import put

METHODS = ("ridge", "eszsl", "devise", "conse", "jpose", "revise", "smie", "cada-vae", "scale", "msf")
SKELZERO = [sys.executable, "-c", "import sys; from skelzero.cli import main; sys.exit(main(sys.argv[1:]))"]


def make_features(folder: Path) -> Path:
    """Kinematic features of the synthetic classes, which no encoder has seen."""
    store, features = folder / "store", folder / "features"
    for command in (["synthetic", "--out", store, "--subjects", "6"],
                    ["encode", store, "--encoder", "kinematics", "--out", features]):  # fmt: skip
        subprocess.run([*SKELZERO, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return features


def workers_of(program: int) -> list[int]:
    """Processes of a program that do its jobs."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"\nPPid:\t{program}\n" in (folder / "status").read_text():
                line = (folder / "cmdline").read_bytes()
                if b"spawn_main" in line and b"resource_tracker" not in line:
                    found.append(int(folder.name))
        except OSError:
            continue  # gone in between
    return found


class Killer(threading.Thread):
    """Kills one worker of a program every so many seconds, drawn with a seed."""

    def __init__(self, program: int, every: float) -> None:
        super().__init__(daemon=True)
        self.program, self.every, self.kills, self.over = program, every, 0, threading.Event()

    def run(self) -> None:
        draw = random.Random(0)
        while not self.over.wait(self.every):
            if workers := workers_of(self.program):
                try:
                    os.kill(draw.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.kills += 1


def compare(data: Path, split: str, draws: int, seeds: int, out: Path, *, workers: int, backend: str,
            methods: tuple[str, ...], kill: float = 0) -> dict[str, Any]:  # fmt: skip
    """Run one comparison as a user would; seconds from start to end, and kills."""
    command = [*SKELZERO, "compare", "--methods", ",".join(methods), "--data", str(data), "--split", split, "--draws",
               str(draws), "--seeds", str(seeds), "--backend", backend, "--workers", str(workers), "--setting",
               "zsl,gzsl", "--out", str(out), "--json"]  # fmt: skip
    begin = time.perf_counter()
    # One thread each whatever their number, so that two workers are compared with one, not with one of two threads.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    killer = Killer(process.pid, kill) if kill else None
    if killer:
        killer.start()
    _, errors = process.communicate()
    if killer:
        killer.over.set()
    if process.returncode:
        raise SystemExit(f"compare failed:\n{errors[-2000:]}")
    return {"seconds": time.perf_counter() - begin, "kills": killer.kills if killer else 0}


def timeless(path: Path) -> bytes:
    """A result file without its times."""
    value = json.loads(path.read_text(encoding="utf-8"))
    for name in ("seconds", "made"):
        value.pop(name)
    value["diagnostics"].get("cost", {}).pop("seconds", None)
    return json.dumps(value, sort_keys=True, indent=2).encode()


def different(one: Path, two: Path) -> list[str]:
    """Names of result files that only one folder has, or that differ in more than times."""
    names = [{path.name for path in (folder / "results").iterdir()} for folder in (one, two)]
    both = names[0] & names[1]
    unequal = {n for n in both if timeless(one / "results" / n) != timeless(two / "results" / n)}
    return sorted((names[0] ^ names[1]) | unequal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", help="features folder; may be repeated")
    parser.add_argument("--random", type=int, action="append", help="unseen classes of each draw, a folder's each")
    parser.add_argument("--backend", default="local")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--no-one", action="store_true", help="leave out the run with one worker")
    parser.add_argument("--kill", type=float, default=5, help="seconds between kills; 0 leaves this run out")
    parser.add_argument("--out", type=Path, help="keep result files here; a stopped benchmark goes on")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    splits, seeds = arguments.splits, arguments.seeds
    methods = tuple(arguments.methods.split(","))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.out or Path(temporary)
        data = arguments.data or [make_features(Path(temporary))]
        unseen = arguments.random or [9] * len(data)
        for folder, number in zip(data, unseen, strict=True):
            place = out / folder.name
            given = {"methods": methods, "backend": arguments.backend}
            row: dict[str, Any] = {"data": folder.name, "tasks": len(methods) * splits * seeds}
            if not arguments.no_one:
                shutil.rmtree(place, ignore_errors=True)
                # A first, short run fills the cache of texts for both.
                compare(
                    folder, f"random:{number}", 1, 1, place / "first", workers=1, **{**given, "methods": ("ridge",)}
                )
                row["one"] = compare(folder, f"random:{number}", splits, seeds, place / "one", workers=1, **given)
            row["two"] = compare(folder, f"random:{number}", splits, seeds, place / "two", workers=2, **given)
            row["different"] = []
            if arguments.kill:
                row["killed"] = compare(folder, f"random:{number}", splits, seeds, place / "killed", workers=2,
                                        kill=arguments.kill, **given)  # fmt: skip
                row["different"] += different(place / "two", place / "killed")
            if not arguments.no_one:
                row["different"] += different(place / "one", place / "two")
                row["speed-up"] = row["one"]["seconds"] / row["two"]["seconds"]
            rows.append(row)
            print(json.dumps(row), flush=True)
    put("comparisons", {"rows": rows, "backend": arguments.backend}, arguments.json)


if __name__ == "__main__":
    main()
