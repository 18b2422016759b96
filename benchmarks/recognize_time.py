"""How long `skelzero recognize` takes: 30 s of motion capture, from process start to answer, and what it is made of.

`python benchmarks/recognize_time.py [--bvh FILE] [--json FILE]`. The BVH file (by default the longest of CMU's in
`../shared/data`) is repeated to 30 s. Imports and loading are timed apart from the rest, each in a fresh process; then,
in one process, a second list of 100 labels on the same recording, and a recording of ten minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

CMU = Path(__file__).resolve().parents[2] / "shared" / "data" / "cmu_bvh.tar.xz"
SECONDS, LONG, RUNS = 30, 600, 5
WORDS = "laugh, walk, drink, jump, wave, boxing, sit down, tie a shoe"
INSIDE = """
import sys, time
start = time.perf_counter()
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.grid import one_thread
one_thread()
recognizer = Recognizer.load()
loaded = time.perf_counter()
recognizer.recognize(read_clip(sys.argv[1]), sys.argv[2].split(", "))
print(loaded - start, time.perf_counter() - loaded)
"""


def longest(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        member = max((m for m in tar if m.name.endswith(".bvh")), key=lambda m: m.size)
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


def repeated(bvh: bytes, seconds: float) -> bytes:
    """The recording over and over until it lasts that long."""
    head, motion = bvh.split(b"MOTION", 1)
    lines = motion.strip().splitlines()
    step, frames = float(lines[1].split()[-1]), lines[2:]
    wanted = round(seconds / step)
    body = [frames[i % len(frames)] for i in range(wanted)]
    return b"\n".join([head + b"MOTION", b"Frames: %d" % wanted, lines[1], *body, b""])


def once(command: list[str]) -> tuple[float, str]:
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def from_start(path: Path) -> dict[str, float]:
    """Medians over fresh processes, after one that fills the disk cache."""
    program = [str(Path(sys.executable).with_name("skelzero")), "recognize", str(path), "--labels", WORDS, "--json"]
    totals = [once(program)[0] for _ in range(RUNS + 1)][1:]
    parts = [[float(v) for v in once([sys.executable, "-c", INSIDE, str(path), WORDS])[1].split()] for _ in range(RUNS)]
    return {"process start to answer": statistics.median(totals), "fastest": min(totals),
            "imports and model": statistics.median(p[0] for p in parts),
            "after imports and model": statistics.median(p[1] for p in parts)}  # fmt: skip


def in_one_process(bvh: bytes, folder: Path) -> dict[str, float]:
    from skelzero.grid import one_thread
    from skelzero.readers import read_clip
    from skelzero.recognize import Recognizer
    from skelzero.recognize.windows import cut, find_windows
    from skelzero.text import load_class_set

    one_thread()
    path = folder / "long.bvh"
    path.write_bytes(repeated(bvh, LONG))
    recognizer = Recognizer.load()
    clip = read_clip(path)
    words = WORDS.split(", ")
    recognizer.recognize(clip, words)
    start = time.perf_counter()
    recognizer.recognize(clip, words)
    throughput = LONG / (time.perf_counter() - start)
    features = recognizer.features([cut(clip, window) for window in find_windows(clip)[:SECONDS]])
    start = time.perf_counter()
    bank, _ = recognizer.texts([c.label for c in load_class_set("ntu120").classes[:100]])
    encoded = time.perf_counter()
    recognizer.judge(features, bank)
    return {"times real time": throughput, "100 labels: texts": encoded - start,
            "100 labels: judging 30 s": time.perf_counter() - encoded}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bvh", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    bvh = longest(CMU) if given.bvh is None else given.bvh.read_bytes()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "recording.bvh"
        path.write_bytes(repeated(bvh, SECONDS))
        found = {**from_start(path), **in_one_process(bvh, Path(name))}
    for key, value in found.items():
        print(f"{key:28s} {value:.3f}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
