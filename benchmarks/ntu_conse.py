"""ConSE from NTU-60 to the 60 further classes of NTU-120: public weights, real clips, every text set and encoder.

The public NTU-60 Shift-GCN classifies the 120 clips of `ntu_rgbd/ntu120` (classes A061 to A120, two performers) among
the 60 classes that it knows; their texts, mixed by its probabilities, are compared with the texts of the 60 it does not
know (chance 1.7 %). Nothing is trained or chosen: T = 10 and centred texts are the method's defaults. T = 1 and T = 60
are shown beside. The interval is a t interval over the 60 classes, whose two clips are of one action.

Needs the recordings (../shared/data or SKELZERO_DATA). A few minutes of one core, most of it for the encoder.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.special import softmax

from ntu_parsing import recordings
from pairs import arguments, machine
from skelzero.clips import ClipStore
from skelzero.encoders import FeatureSet, load_public_weights
from skelzero.methods.conse import conse_scores
from skelzero.preprocess import PIPELINES, prepare
from skelzero.protocol.metrics import interval, per_class
from skelzero.readers.importing import import_clips
from skelzero.text import build_bank, load_class_set, load_text_encoder

WEIGHTS = ("ntu_ShiftGCN_joint_xsub.pt", "ntu_ShiftGCN_joint_xview.pt")
KINDS = (("label",), ("action",), ("motion",), ("verb", "noun"), ("action", "motion"), ("label", "action", "motion"))
CLIP_KINDS = {"label": "lb", "action": "ad", "motion": "md"}
TOP_T = (1, 10, 60)
SEEN = 60


def logits_of(archive: Path, weights: Path) -> FeatureSet:
    """The classifier's logits for the clips, through the pipeline that these weights were trained with."""
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(archive) as tar:
            wanted = [m for m in tar if m.isfile() and "ntu120/" in m.name and m.name.endswith(".skeleton")]
            tar.extractall(Path(name) / "clips", members=wanted, filter="data")
        import_clips(Path(name) / "clips", Path(name) / "store", workers=1)
        store = ClipStore.open(Path(name) / "store")
        return load_public_weights(weights).encode(prepare(store, PIPELINES["ntu-300"]))


def text_vectors(data: Path) -> dict[str, Float32[np.ndarray, "K E"]]:
    """Text vectors of all 120 classes: by MiniLM from our texts, and those by CLIP that a publication gives out."""
    class_set, minilm = load_class_set("ntu120"), load_text_encoder("minilm")
    found = {f"minilm {'+'.join(kinds)}": build_bank(class_set, minilm, kinds).vectors() for kinds in KINDS}
    for tower in ("vitb16", "vitb32"):
        for kinds in KINDS:
            if not set(kinds) <= set(CLIP_KINDS):
                continue
            paths = [str(data / "text" / f"clip_{tower}_{CLIP_KINDS[kind]}_ntu120.npy") for kind in kinds]
            bank = build_bank(class_set, load_text_encoder("file:" + ",".join(paths)), kinds)
            found[f"clip-{tower} {'+'.join(kinds)} (published texts)"] = bank.vectors()
    return found


def top1(
    probabilities: Float[np.ndarray, "N S"],
    vectors: Float32[np.ndarray, "K E"],
    truth: Int[np.ndarray, " N"],
    top_t: int,
) -> dict[str, float]:
    """Per-class accuracy over the unseen classes, and its interval."""
    scores = conse_scores(probabilities, vectors[:SEEN], vectors[SEEN:], top_t=top_t)
    each = per_class(scores.argmax(axis=1), truth, len(vectors) - SEEN)
    found = interval(each)
    return {"top1": found.mean, "low": found.low, "high": found.high}


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    archive = recordings()
    if archive is None:
        raise SystemExit(
            "the recordings are not here: put them at ../shared/data or name their folder in SKELZERO_DATA"
        )
    texts, results = text_vectors(archive.parent), {}
    for weights in WEIGHTS:
        features = logits_of(archive, archive.parent / "weights" / weights)
        truth = np.array([int(code.lstrip("Aa")) - SEEN - 1 for code in features.codes])
        assert features.logits is not None and features.logits.shape == (len(truth), SEEN) and truth.min() >= 0
        probabilities = softmax(features.logits.astype(np.float64), axis=1)
        print(f"{weights}: {len(truth)} clips of {len(set(truth.tolist()))} classes, chance {100 / SEEN:.1f} %")
        for name, vectors in texts.items():
            rows = {f"T={t}": top1(probabilities, vectors, truth, t) for t in TOP_T}
            results[f"{weights} {name}"] = rows
            cells = "   ".join(f"{t} {100 * r['top1']:4.1f} [{100 * r['low']:.1f}, {100 * r['high']:.1f}]"
                               for t, r in rows.items())  # fmt: skip
            print(f"  {name:<50} {cells}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"chance": 1 / SEEN, "results": results, **machine()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
