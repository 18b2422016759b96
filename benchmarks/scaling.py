"""How time and memory grow with clips, classes and frames: exponents, each point in a process of its own.

For each operation and axis the size is raised by half a decade (classes, clips) or fourfold (frames) until a run would
take longer than `--seconds`. Time is that of the processor, with one thread, so that other programs on the machine
count little; memory is the peak of resident memory above the level before the operation, so inputs do not count. An
exponent is the slope of log time (or memory) against log size by least squares over the upper half of the sizes, since
what an operation costs at any size hides its growth in the lower half; its interval is from repeats drawn anew. Memory
below `FLOOR` counts as `FLOOR`: an operation that needs no memory of its own has exponent 0. Memory is measured in a
first run; for the timed ones freed memory is kept in the process, since from 32 MB on the C library takes every array
afresh from the kernel, which is a step in the time and no growth.

    python benchmarks/scaling.py --json scaling.json                     # everything; an hour on one core
    python benchmarks/scaling.py --only import --only classes --largest 3000
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning_fabric  # noqa: F401  what a training imports, before the points are forked
import numpy as np
import threadpoolctl
import torch

from pairs import machine, put
from scaling_operations import OPERATIONS, Operation
from skelzero.encoders.memory import keep_freed_memory

REPEATS = 3
FLOOR = 8 << 20
"""Bytes under which peaks are allocators' grains, not growth."""
WANTED = 1.05
DRAWS = 2000
FORK = multiprocessing.get_context("fork")


def upper_half(sizes: Sequence[int]) -> list[int]:
    """Places of the sizes that an exponent is read from: the upper half, at least two."""
    return list(range(min(len(sizes) // 2, max(0, len(sizes) - 2)), len(sizes)))


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Least squares of log value against log size."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def exponent(sizes: Sequence[int], repeats: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The exponent by medians over the repeats, and the middle 95 % of those of repeats drawn anew."""
    places = upper_half(sizes)
    chosen = [sizes[i] for i in places]
    rng = np.random.default_rng(0)
    drawn = [
        slope(chosen, [float(np.median(rng.choice(repeats[i], len(repeats[i])))) for i in places]) for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return slope(chosen, [statistics.median(repeats[i]) for i in places]), float(low), float(high)


# --- one point -------------------------------------------------------------------------------------------------------


def resident(name: str) -> int:
    """`VmRSS` or `VmHWM` of this process, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return next(int(words[1]) << 10 for words in lines if words[0] == f"{name}:")


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure(operation: Operation, size: int, repeats: int) -> dict[str, list[float]]:
    """Peak bytes of an operation, and processor seconds and seconds of some more runs of it."""
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)
    found: dict[str, list[float]] = {"processor": [], "seconds": [], "bytes": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SKELZERO_CACHE"] = str(folder / "cache")
        for part in ("small", "large"):
            (folder / part).mkdir()
        operation.prepare(operation.sizes[0], folder / "small")()
        run = operation.prepare(size, folder / "large")
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        level = resident("VmRSS")
        run()
        found["bytes"].append(max(0, resident("VmHWM") - level))
        keep_freed_memory()
        run()
        for _ in range(repeats):
            begin, before = time.perf_counter(), processor_seconds()
            run()
            found["processor"].append(processor_seconds() - before)
            found["seconds"].append(time.perf_counter() - begin)
    return found


def measure_apart(operation: Operation, size: int, repeats: int) -> dict[str, list[float]]:
    """The same in a process of its own, forked from this one, which has computed nothing yet."""
    results: multiprocessing.SimpleQueue[dict[str, list[float]]] = FORK.SimpleQueue()
    process = FORK.Process(target=lambda: results.put(measure(operation, size, repeats)))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{operation.name} of {size} {operation.axis} failed")
    return results.get()


# --- all points ------------------------------------------------------------------------------------------------------


def grow(operation: Operation, seconds: float, largest: float) -> dict[str, Any]:
    """Raise the size until it would take too long; the exponents, and what ended it."""
    sizes: list[int] = []
    points: list[dict[str, list[float]]] = []
    end = "the last size"
    for size in operation.sizes:
        if size > largest:
            end = "--largest"
            break
        if points and statistics.median(points[-1]["processor"]) * size / sizes[-1] > seconds:
            end = f"a run of {size} would take more than {seconds:g} s"
            break
        points.append(measure_apart(operation, size, REPEATS))
        sizes.append(size)
    row: dict[str, Any] = {"operation": operation.name, "axis": operation.axis, "sizes": sizes, "end": end,
                           "unit": operation.unit, "points": points}  # fmt: skip
    if len(sizes) < 3:
        return row | {"end": f"too few sizes; {end}"}
    row["time"] = exponent(sizes, [point["processor"] for point in points])
    row["memory"] = slope(*zip(*((sizes[i], max(FLOOR, *points[i]["bytes"])) for i in upper_half(sizes)), strict=True))
    row["met"] = max(row["time"][0], row["memory"]) <= WANTED
    return row


def line(row: dict[str, Any]) -> str:
    """A row of the table, in Markdown."""
    head = f"| {row['operation']} | {row['axis']} | "
    if "time" not in row:
        return head + f"{row['end']} | | | | |"
    last = row["points"][-1]
    value, low, high = row["time"]
    cells = [f"{value:.2f} [{low:.2f}, {high:.2f}]", f"{row['memory']:.2f}"]
    used = upper_half(row["sizes"])
    return head + " | ".join([
        f"{row['sizes'][used[0]]:,} .. {row['sizes'][-1]:,}", *cells, f"{statistics.median(last['processor']):.3g} s",
        f"{last['bytes'][0] / 1e6:.0f} MB", "yes" if row["met"] else "**no**",
    ]) + " |"  # fmt: skip


HEAD = (
    "| operation | against | sizes fitted | time | memory | processor time at the last | peak memory | <= 1.05 |\n"
    "|---|---|---|---|---|---|---|---|"
)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--only", action="append", help="an operation's beginning, or an axis; may be repeated")
    parser.add_argument("--largest", type=float, default=math.inf, help="no size beyond this")
    parser.add_argument("--seconds", type=float, default=60, help="no run that would take longer")
    options = parser.parse_args(argv)
    wanted = tuple(options.only or [""])
    rows = []
    print(HEAD)
    for operation in OPERATIONS:
        if f"{operation.name} / {operation.axis}".startswith(wanted) or operation.axis in wanted:
            rows.append(grow(operation, options.seconds, options.largest))
            print(line(rows[-1]), flush=True)
    met = [bool(row.get("met")) for row in rows]
    shown: dict[str, Any] = {"operations": len(rows), "met": sum(met), "load": os.getloadavg()[0]}
    shown["highest_time"] = max((row["time"][0] for row in rows if "time" in row), default=math.nan)
    shown["highest_memory"] = max((row["memory"] for row in rows if "memory" in row), default=math.nan)
    put("growth of time and memory", shown, None)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({**shown, "rows": rows, **machine()}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
