"""Live recognition on one core: added latency at 30 frames a second, throughput, and what is kept in memory.

`python benchmarks/streaming.py [--json FILE] [--model RUN] [--seconds 60]`. Real motion capture (CMU) where it is at
hand, synthetic motion otherwise, brought to 30 frames a second. A frame arrives when it is due; its latency ends when
its events are written, so that waiting behind an earlier frame counts. Most frames complete no window; the latency of
those that do is given by itself, and is what the requirement is held against.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pairs import put
from skelzero.clips import Clip, JointLayout
from skelzero.grid import one_thread
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.recognize.stream import LiveRecognizer
from skelzero.synthetic import generate

FPS = 30.0
REQUIRED = 50.0
"""Milliseconds, at the 95th percentile."""
PERCENTILES = (50, 95, 99, 100)
WORDS = ("walk", "run", "jump", "sit down", "wave", "boxing", "kick", "clap hands", "throw a ball", "dance")


def motion(seconds: float) -> tuple[np.ndarray, JointLayout, str]:
    """Frames of one body at 30 a second, one recording after another, float32 (T, V, C)."""
    found: list[Clip] = []
    archive = _archive()
    origin = "synthetic motion" if archive is None else "CMU motion capture"
    for clip in generate(subjects=2, replications=1, seed=5) if archive is None else _recorded(archive):
        if not found or clip.layout == found[0].layout:
            found.append(clip)
        if sum(c.frames / c.fps for c in found) >= seconds:
            break
    parts = [clip.positions[0, :: max(1, round(clip.fps / FPS))] for clip in found]
    return np.concatenate(parts)[: round(seconds * FPS)], found[0].layout, f"{origin}, {len(parts)} recordings"


def _archive() -> Path | None:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    archive = Path(os.environ.get("SKELZERO_DATA", default)) / "cmu_bvh.tar.xz"
    return archive if archive.is_file() else None


def _recorded(archive: Path) -> list[Clip]:
    """The five longest recordings, and further ones of the same subject."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        members = sorted((m for m in tar if m.name.endswith(".bvh")), key=lambda m: -m.size)
        subject = Path(members[0].name).name.split("_")[0]
        chosen = [m for m in members if Path(m.name).name.startswith(f"{subject}_")][:8]
        tar.extractall(folder, members=chosen, filter="data")
        return [read_clip(Path(folder) / m.name) for m in chosen]


@dataclass
class Played:
    """What one playing showed: of each frame its latency and processor time (ms) and whether it had events."""

    latency: np.ndarray
    processor: np.ndarray
    answered: np.ndarray
    held: int = 0
    size: int = 0
    seconds: float = 0.0


def play(live: LiveRecognizer, frames: np.ndarray, paced: bool) -> Played:
    """Push all frames, when they are due or at once."""
    T = len(frames)
    found = Played(np.zeros(T), np.zeros(T), np.zeros(T, dtype=bool))
    with Path(os.devnull).open("w") as out:
        begin = time.perf_counter()
        for t, frame in enumerate(frames):
            due = begin + t / FPS if paced else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            busy = time.process_time()
            events: list[dict[str, Any]] = live.push(frame)
            for event in events:
                print(json.dumps(event), file=out, flush=True)
            found.latency[t], found.processor[t] = 1e3 * (time.perf_counter() - due), 1e3 * (time.process_time() - busy)
            found.answered[t], found.held = bool(events), max(found.held, live.frames_held)
            if not paced and t % 300 == 299:
                pause = time.perf_counter()
                found.size = max(found.size, len(pickle.dumps((live._watches, live._stories))))
                begin += time.perf_counter() - pause
        found.seconds = time.perf_counter() - begin
        for event in live.finish():
            print(json.dumps(event), file=out, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--persons", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    one_thread()
    frames, layout, source = motion(given.seconds)
    frames = np.repeat(frames[:, None], given.persons, axis=1)  # (T, P, V, C)
    recognizer = Recognizer.load(given.model)
    live = LiveRecognizer(recognizer, WORDS, layout, FPS, persons=given.persons)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    paced, fast = play(live, frames, paced=True), play(live, frames, paced=False)
    seconds = len(frames) / FPS
    answers = paced.latency[paced.answered]
    figures: dict[str, object] = {
        "method": recognizer.run.card.method, "source": source, "seconds": seconds, "persons": given.persons,
        "frames with answers": int(paced.answered.sum()), "measured on": f"one core, load {load:.1f} before the run",
    }  # fmt: skip
    parts = {"answers": answers, "all frames": paced.latency, "answers, processor": paced.processor[paced.answered]}
    for name, values in parts.items():
        figures |= {f"{name}, p{p} ms": float(np.percentile(values, p)) for p in PERCENTILES}
    figures |= {
        "real time kept": f"{paced.seconds:.1f} s for {seconds:.1f} s of frames",
        "frames a second at most": len(frames) / fast.seconds, "times real time": seconds / fast.seconds,
        "frames held at most": paced.held, "state at most, kB": fast.size / 1e3, "requirement, p95 ms": REQUIRED,
        "met": bool(np.percentile(answers, 95) < REQUIRED and paced.seconds < seconds + 1),
    }  # fmt: skip
    put("live recognition", figures, given.json)


if __name__ == "__main__":
    main()
