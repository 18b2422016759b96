"""Measuring motion attributes: clips a second and times real time, on one core, from recorded clips to values.

`python benchmarks/attributes.py [--data STORE] [--json FILE]`. Synthetic clips by default. Preparation (common body,
facing, scale, smoothing, 64 frames) counts in. Measuring clips together gives what measuring them one by one gives.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from pairs import machine
from skelzero.clips import Clip, ClipStore
from skelzero.kinematics import measure_clips, of_clips
from skelzero.synthetic import generate

REQUIRED = 200.0
"""Times real time."""
BATCH, ROUNDS = 64, 5
USUAL_FPS = 30.0
"""Where a recording does not say."""


def seconds_of(clips: list[Clip]) -> float:
    return sum(clip.frames / (clip.fps if clip.fps > 0 else USUAL_FPS) for clip in clips)


def measured(clips: list[Clip]) -> np.ndarray:
    return np.concatenate([measure_clips(clips[i : i + BATCH]) for i in range(0, len(clips), BATCH)])


def timed(work: object, clips: list[Clip]) -> float:
    """Median seconds of a few rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work(clips)  # type: ignore[operator]
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = list(generate(subjects=4, replications=1, seed=31))
    if given.data is not None:
        store = ClipStore.open(given.data)
        clips = [store[i] for i in range(0, len(store), max(1, len(store) // 300))]
        clips = [clip for clip in clips if np.isfinite(clip.positions).any(axis=(0, 1, 3)).all()]
    few = clips[:10]
    np.testing.assert_allclose(measured(few), np.concatenate([measure_clips([c]) for c in few]), atol=1e-5)
    attributes, features = timed(measured, clips), timed(lambda c: of_clips(c), clips)
    motion = seconds_of(clips)
    found = {
        "clips": len(clips), "seconds of motion": round(motion, 1),
        "clips a second": round(len(clips) / attributes, 1), "times real time": round(motion / attributes, 1),
        "with course features, times real time": round(motion / features, 1), "requirement": REQUIRED,
        "met": motion / attributes >= REQUIRED,
    }  # fmt: skip
    for name, value in found.items():
        print(f"  {name:40s} {value}")
    if given.json is not None:
        given.json.write_text(json.dumps({**found, "machine": machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
