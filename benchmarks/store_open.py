"""Opening a clip store of 1,000 and of 100,000 filler clips: milliseconds and memory, each time in a fresh process.

There is no other implementation to compare with: the small store is the reference, and opening the large one must cost
the same. Timed is `ClipStore.open` and reading one clip from the middle; imports are not. The store's files have just
been written and so lie in the system's page cache.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from pairs import arguments, put
from skelzero.clips import Clip, ClipStore, StoreWriter, load_layout
from skelzero.clips.clip import Origin

SIZES = (1_000, 100_000)
OPENINGS = 7
MAX_MILLISECONDS, MAX_OWN_KILOBYTES, MAX_MAPPED_KILOBYTES = 100.0, 256.0, 4096.0
"""Requirements: the time, and by how much the large store may need more memory than the small one. Of its own that is
nothing; of the mapped files Linux shows as resident what surrounds each place touched, up to a 2 MB page a file."""

CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np
from skelzero.clips import ClipStore
def resident():
    lines = [line.split() for line in Path('/proc/self/status').read_text().splitlines()]
    sizes = {words[0]: int(words[1]) for words in lines if words[0] in ('RssAnon:', 'VmRSS:')}
    return sizes['RssAnon:'], sizes['VmRSS:']
before = resident()
start = time.perf_counter()
store = ClipStore.open(sys.argv[1])
clip = store[len(store) // 2]
milliseconds = (time.perf_counter() - start) * 1e3
own, every = (after - before for after, before in zip(resident(), before))
print(json.dumps({'milliseconds': milliseconds, 'own_kilobytes': own, 'resident_kilobytes': every,
                  'clips': len(store), 'name': clip.origin.name, 'first': float(clip.positions.flat[0])}))
"""


def filler(clips: int) -> Iterator[Clip]:
    """One frame of random joints a clip; names and people as in a data set."""
    layout = load_layout("kinect20-utd")
    rng = np.random.default_rng(0)
    for i in range(clips):
        x: Float32[np.ndarray, "P T V C"] = rng.normal(size=(1, 1, 20, 3)).astype(np.float32)
        origin = Origin(f"clip-{i:06d}", "synthetic", f"f{i % 100}", subject=i % 40, file=f"clip-{i:06d}.mat")
        yield Clip(x, layout, origin, fps=30.0)


def write(path: Path, clips: int) -> ClipStore:
    with StoreWriter(path, source="filler") as writer:
        for clip in filler(clips):
            writer.add(clip)
    return ClipStore.open(path)


def open_fresh(store: ClipStore) -> dict[str, float]:
    """Open in another process, which must find the clip that lies there."""
    command = [sys.executable, "-c", CHILD, str(store.path)]
    got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    middle = store[len(store) // 2]
    expected = (len(store), middle.origin.name, float(middle.positions.flat[0]))
    assert (got["clips"], got["name"], got["first"]) == expected
    return {name: got[name] for name in ("milliseconds", "own_kilobytes", "resident_kilobytes")}


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    medians = {f"{name}_median": statistics.median(run[name] for run in runs) for name in runs[0]}
    return {**medians, "milliseconds_min": min(run["milliseconds"] for run in runs)}


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    with tempfile.TemporaryDirectory() as name:
        stores = {clips: write(Path(name) / str(clips), clips) for clips in SIZES}
        megabytes = {clips: sum(store.card.sizes.values()) / 1e6 for clips, store in stores.items()}
        runs: dict[int, list[dict[str, float]]] = {clips: [] for clips in SIZES}
        for _ in range(max(OPENINGS, options.pairs)):
            for clips in SIZES:
                runs[clips].append(open_fresh(stores[clips]))
    small, large = (summary(runs[clips]) for clips in SIZES)
    own, mapped = (large[f"{key}_kilobytes_median"] - small[f"{key}_kilobytes_median"] for key in ("own", "resident"))
    met = large["milliseconds_median"] < MAX_MILLISECONDS and own < MAX_OWN_KILOBYTES and mapped < MAX_MAPPED_KILOBYTES
    figures: dict[str, object] = {"openings": len(runs[SIZES[0]]), "clip_read": "equal"}
    for clips, values in zip(SIZES, (small, large), strict=True):
        figures[f"megabytes_{clips}"] = megabytes[clips]
        figures |= {f"{key}_{clips}": value for key, value in values.items()}
    figures["requirement"] = f"{MAX_MILLISECONDS:g} ms, memory independent of size"
    put("opening a clip store in a fresh process", {**figures, "met": met}, options.json)


if __name__ == "__main__":
    main()
