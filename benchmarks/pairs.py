"""Fair comparison of two ways to do one thing: in turn (A B A B ...), at least five pairs, median and minimum.

Every benchmark is a program of its own: `python benchmarks/<name>.py [--json FILE]`. It shows first that both sides
give the same output, then calls `compare`, prints a table and writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ALLOCATOR = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Settings that change such workloads several times over; both sides run in one process and so share them."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def compare(
    reference: Callable[[], object], ours: Callable[[], object], pairs: int = 5, warm_up: int = 1
) -> dict[str, float]:
    """Seconds of both sides, run in turn, and how many times faster ours is.

    Returns
    -------
    dict
        `reference_median`, `reference_min`, `ours_median`, `ours_min` in seconds; `ratio_median`, `ratio_min`:
        reference over ours.
    """
    assert pairs >= 5, "fewer than five pairs say nothing"
    for _ in range(warm_up):
        reference()
        ours()
    seconds: dict[str, list[float]] = {"reference": [], "ours": []}
    for _ in range(pairs):
        for name, run in (("reference", reference), ("ours", ours)):
            gc.collect()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    result = {}
    for name, values in seconds.items():
        result[f"{name}_median"], result[f"{name}_min"] = statistics.median(values), min(values)
    result["ratio_median"] = result["reference_median"] / result["ours_median"]
    result["ratio_min"] = result["reference_min"] / result["ours_min"]
    return result


def machine() -> dict[str, object]:
    """What the figures depend on."""
    settings = {name: os.environ[name] for name in (*ALLOCATOR, *THREADS) if name in os.environ}
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "settings": settings,
    }


def arguments(description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line all benchmarks share: `--json FILE` and `--pairs N`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs, at least 5")
    return parser.parse_args(argv)


def put(title: str, figures: dict[str, object], path: Path | None) -> None:
    """Print the figures as a table and, when asked, write them as JSON together with the machine."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:<28} {value:.4g}" if isinstance(value, float) else f"  {name:<28} {value}")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"title": title, **figures, **machine()}, indent=2) + "\n", encoding="utf-8")
