"""What a picture tells of a movement: attributes in 2-D against 3-D, and training-free recognition of both.

`python benchmarks/flat.py [--data msr_action3d=STORE utd_mhad=STORE nw_ucla=STORE] [--json FILE]`. Synthetic motion is
projected (orthographic, pixels, y down) from the front and from 15 and 30 degrees to either side of it. An attribute
whose 2-D values, over all these views, correlate with the 3-D ones by less than `LEVEL` is unknown in 2-D clips: it
must be marked `depth` in the vocabulary, and this program exits with 1 where the marks say otherwise. The clips of
stores are recognised among all classes by `match`: in space; in pictures from the front (each clip turned as 3-D clips
are) and as their camera filmed them; and in the same pictures measured as if they lay in space, with no mark and no
correction (`kinematics.pictures`).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from across import Source, from_store, zero_shot
from skelzero.clips import Clip, ClipStore
from skelzero.kinematics import measure_clips
from skelzero.kinematics.pictures import VIEWS, measure_as_seen, picture, picture_from_front, varies
from skelzero.preprocess import default_pipeline, prepare
from skelzero.synthetic import generate
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import clip_vectors

LEVEL = 0.5
WIDER = (45.0, 60.0, 90.0)
SUBJECTS, REPLICATIONS, SEED = 4, 3, 21
UNMEASURED = ("another-person", "touches-other", "other-nears")
"""Synthetic clips are of one person. How many there are needs no depth; how near they are to each other does."""
BATCH = 64


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Over clips in which both are known; 0 where one never changes."""
    both = varies(a, b)
    return float(np.corrcoef(a[both], b[both])[0, 1]) if both.any() else 0.0


def attributes() -> dict[str, dict[str, Any]]:
    """Correlation and bias of every attribute, by view and over the small angles."""
    clips = list(generate(subjects=SUBJECTS, replications=REPLICATIONS, seed=SEED))
    space = measure_clips(clips)
    views = {
        degrees: measure_as_seen([picture_from_front(clip, degrees) for clip in clips]) for degrees in (*VIEWS, *WIDER)
    }
    truth, seen = np.concatenate([space] * len(VIEWS)), np.concatenate([views[degrees] for degrees in VIEWS])
    found = {}
    for i, attribute in enumerate(load_schema().attributes):
        both = np.isfinite(truth[:, i]) & np.isfinite(seen[:, i])
        found[attribute.name] = {
            "correlation": correlation(truth[:, i], seen[:, i]), "marked": attribute.depth,
            "bias": float((seen - truth)[both, i].mean()) if both.any() else math.nan,
            **{f"{degrees:g} degrees": correlation(space[:, i], views[degrees][:, i]) for degrees in views},
        }  # fmt: skip
    return found


def misjudged(found: dict[str, dict[str, Any]]) -> list[str]:
    """Attributes whose mark is not what was measured."""
    return [name for name, row in found.items()
            if name not in UNMEASURED and row["marked"] != (row["correlation"] < LEVEL)]  # fmt: skip


def recognition(name: str, path: Path) -> dict[str, float]:
    """Top-1 of `match` among all classes of a data set, in space and in pictures."""
    target = from_store(name, path)
    store = ClipStore.open(path)
    rows = {str(clip): i for i, clip in enumerate(store.names)}
    clips = [store[rows[str(clip)]] for clip in prepare(store, default_pipeline(store.layout)).names]
    forms: dict[str, tuple[Callable[[Clip], Clip], Callable[[Sequence[Clip]], np.ndarray]]] = {
        "in space": (lambda clip: clip, measure_clips),
        "in pictures from the front": (picture_from_front, measure_clips),
        "in pictures as filmed": (picture, measure_clips),
        "from the front, as if in space": (picture_from_front, measure_as_seen),
        "as filmed, as if in space": (picture, measure_as_seen),
    }
    return {"chance": 1 / len(target.classes), **{
        form: matched(target, [view(clip) for clip in clips], measuring) for form, (view, measuring) in forms.items()
    }}  # fmt: skip


def matched(target: Source, clips: list[Clip], measuring: Callable[[Sequence[Clip]], np.ndarray]) -> float:
    parts = [clip_vectors(measuring(clips[start : start + BATCH])) for start in range(0, len(clips), BATCH)]
    # Nothing is learned from the training clips, but `fit` wants some.
    seen = replace(target, features=np.concatenate(parts))
    return zero_shot("match", ("attributes",), [seen], seen)["top1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], metavar="CLASS_SET=STORE")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {"attributes": attributes(), "match": {}}
    degrees = [f"{view:g} degrees" for view in (*VIEWS, *WIDER)]
    print(f"{'':18s} small angles  bias " + " ".join(f"{view:5g}" for view in (*VIEWS, *WIDER)))
    for name, row in sorted(found["attributes"].items(), key=lambda item: item[1]["correlation"]):
        each = " ".join(f"{row[view]:5.2f}" for view in degrees)
        print(f"{name:18s} {row['correlation']:12.2f} {row['bias']:5.2f} {each} {'depth' if row['marked'] else ''}")
    for name, _, path in (item.partition("=") for item in given.data):
        found["match"][name] = recognition(name, Path(path))
        print(name, ", ".join(f"{form} {value:.1%}" for form, value in found["match"][name].items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    wrong = misjudged(found["attributes"])
    if wrong:
        raise SystemExit(f"marked otherwise than measured: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
