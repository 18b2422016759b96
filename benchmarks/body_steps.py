"""Which steps to the common body pay across data sets: `match` and the packaged model without each of them.

`python benchmarks/body_steps.py --data msr_action3d=STORE utd_mhad=STORE nw_ucla=STORE [--json FILE]`: top-1 over all
clips among all classes, with the clips brought to the common body as always, without one step, and with bone lengths
unified as well. The packaged model was trained with all steps, so that its loss without one counts the mismatch, too.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from across import Source, from_store, zero_shot
from skelzero.clips import Clip, ClipStore
from skelzero.kinematics import bodies, of_clips
from skelzero.preprocess import default_pipeline, prepare, steps
from skelzero.protocol.metrics import top_k
from skelzero.recognize import Recognizer

FORMS = {
    "as it is": lambda all_steps: all_steps,
    "not turned to face forward": lambda all_steps: [s for s in all_steps if s is not steps.face_forward],
    "not scaled to one torso": lambda all_steps: [s for s in all_steps if s is not steps.unit_torso],
    "not smoothed": lambda all_steps: [s for s in all_steps if s is not steps.smooth],
    "bone lengths unified": lambda all_steps: [*all_steps, steps.unify_bones],
}


def measured(clips: list[Clip], form: str) -> np.ndarray:
    usual = bodies._STEPS
    bodies._STEPS = tuple(FORMS[form](list(usual)))
    try:
        return np.concatenate(of_clips(clips), axis=1)
    finally:
        bodies._STEPS = usual


def judged(target: Source, path: Path, recognizer: Recognizer) -> dict[str, dict[str, float]]:
    store = ClipStore.open(path)
    rows = {str(name): i for i, name in enumerate(store.names)}
    clips = [store[rows[str(name)]] for name in prepare(store, default_pipeline(store.layout)).names]
    bank, _ = recognizer.texts(target.classes)
    found = {}
    for form in FORMS:
        seen = replace(target, features=measured(clips, form))
        found[form] = {
            "match": zero_shot("match", ("attributes",), [seen], seen)["top1"],
            "packaged model": top_k(recognizer.run.method.scores(seen.features, bank), target.truth),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="CLASS_SET=STORE")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    recognizer = Recognizer.load()
    found = {name: judged(from_store(name, Path(path)), Path(path), recognizer)
             for name, _, path in (item.partition("=") for item in given.data)}  # fmt: skip
    for name, forms in found.items():
        print(name)
        for form, figures in forms.items():
            print(f"  {form:28s}", "   ".join(f"{key} {value:.1%}" for key, value in figures.items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
