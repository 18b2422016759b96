"""Train the model that ships in the package: `skelzero` on synthetic motion and CMU motion capture, nothing else.

`python benchmarks/train_default_model.py --cmu cmu_bvh.tar.xz`, the archive of BVH conversions of CMU's subjects 1 to
14 with its index of free-text trial descriptions (motion: free for all uses). Every synthetic clip is used twice:
clean, and spoiled as cameras spoil motion (joint noise and drift, another tempo, joints or whole limbs not seen). A
trial's windows belong to the class that its description names; the translator reads its attributes from these words.

Probabilities and "none of these" are calibrated on CMU alone, the only real motion here: five times the descriptions of
a fifth are kept out of training, and their windows are judged among the synthetic labels and their own. Equal seeds
give equal motion, and the same model on one machine.
"""

from __future__ import annotations

import argparse
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skelzero import synthetic
from skelzero.clips import Clip, write_store
from skelzero.kinematics import ATTRIBUTES, COURSES, of_clips
from skelzero.methods import METHODS, ZeroShotMethod
from skelzero.preprocess import steps
from skelzero.protocol.calibration import Calibration, fit_calibration
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.rejection import fit_rejection
from skelzero.protocol.run import Run
from skelzero.protocol.training import train_run
from skelzero.readers import read_clips
from skelzero.recognize.windows import cut, find_windows
from skelzero.text import ClassSet, TextBank, build_bank, from_labels, load_class_set, load_text_encoder
from skelzero.text.attributes.schema import load_schema
from skelzero.text.class_sets import WRITTEN
from skelzero.text.vocabulary import vocabulary_bank

MODEL = Path(__file__).resolve().parents[1] / "src" / "skelzero" / "recognize" / "model"
CMU = Path(__file__).resolve().parents[2] / "shared" / "data" / "cmu_bvh.tar.xz"
NAME, METHOD, KINDS = "synthetic and CMU", "skelzero", ("action", "motion", WRITTEN)
SUBJECTS, REPLICATIONS, SEED, FOLDS = 8, 2, 0, 5
NOISE, TEMPO, UNSEEN = 0.02, 0.3, 0.3
"""Metres of a joint's noise, spread of the logarithm of speed, share of clips in which joints are missing."""
MISSING = (("knee", "ankle", "foot"), ("hand",), ("head",), ("left_elbow", "left_wrist", "left_hand"),
           ("right_elbow", "right_wrist", "right_hand"))  # fmt: skip
TRIAL = re.compile(r"^([0-9]{2}_[0-9]{2})\s+(\S.*)$")


@dataclass(frozen=True)
class Motion:
    """Clips, the classes that they are of, and which of them are CMU's."""

    clips: list[Clip]
    y: np.ndarray
    classes: ClassSet
    real: np.ndarray


def spoiled(clip: Clip, rng: np.random.Generator) -> Clip:
    """As a depth camera or a pose estimator might have seen it."""
    noise = rng.normal(size=clip.positions.shape) * NOISE
    drift = np.cumsum(rng.normal(size=clip.positions.shape), axis=1) * NOISE * 0.1
    x = (clip.positions + noise + drift - drift.mean(axis=1, keepdims=True)).astype(np.float32)
    if rng.random() < UNSEEN:
        gone = MISSING[rng.integers(len(MISSING))]
        x[:, :, [i for i, joint in enumerate(clip.layout.joints) if any(part in joint for part in gone)]] = np.nan
    origin = replace(clip.origin, name=f"{clip.origin.name}_spoiled")
    return replace(clip, positions=x, fps=float(clip.fps * np.exp(rng.uniform(-TEMPO, TEMPO))), origin=origin)


def cmu_windows(archive: Path) -> Iterator[tuple[str, Clip]]:
    """Description and clip of each window of each trial, on the common joints."""
    descriptions = trial_descriptions(archive)
    for clip in read_clips(archive):
        for i, window in enumerate(find_windows(clip)):
            found = steps.to_common_joints(cut(clip, window))
            name = f"{clip.origin.name}_{i:02d}"
            yield descriptions[clip.origin.name], replace(found, origin=replace(found.origin, name=name))


def trial_descriptions(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        member = next(m for m in tar if m.name.endswith("CMU-INDEX.md"))
        text = tar.extractfile(member)
        assert text is not None
        lines = text.read().decode("utf-8", errors="replace").splitlines()
    return {m[1]: " ".join(m[2].split()) for line in lines if (m := TRIAL.match(line.strip()))}


def gather(cmu: Path) -> Motion:
    """All training motion; classes are the synthetic ones, then one for each CMU description."""
    known = load_class_set("synthetic")
    clips = list(synthetic.generate(None, SUBJECTS, REPLICATIONS, SEED))
    rng = np.random.default_rng(SEED)
    clips += [spoiled(clip, rng) for clip in clips]
    y = [known.index(clip.origin.code) for clip in clips]
    windows = list(cmu_windows(cmu))
    phrases = sorted({text for text, _ in windows})
    described = from_labels([text.replace(" - ", ", ") for text in phrases]).classes
    described = tuple(c.model_copy(update={"code": f"c{i:02d}"}) for i, c in enumerate(described))
    y += [len(known) + phrases.index(text) for text, _ in windows]
    real = np.arange(len(y)) >= len(clips)
    clips += [clip for _, clip in windows]
    return Motion(clips, np.array(y), ClassSet(name=NAME, classes=(*known.classes, *described)), real)


def train(motion: Motion, folder: Path) -> Run:
    """Settings chosen on pseudo-unseen synthetic classes, fitted on all motion, calibrated on the real one."""
    made = [clip for clip, real in zip(motion.clips, motion.real, strict=True) if not real]
    described = f"{synthetic.source(SUBJECTS, REPLICATIONS, SEED)}, clean and spoiled; CMU mocap, subjects 1-14"
    store = write_store(folder / "synthetic", iter(made), source=described)
    request = Request(methods=[METHOD], data=store.path, splits=["all"], kinds=list(KINDS),
                      encoder={"encoder": "kinematics"})  # fmt: skip
    run = train_run(plan_one(request, SEED))
    x = np.concatenate(of_clips(motion.clips), axis=1)
    encoder = load_text_encoder(run.card.text_encoder)
    bank, vocabulary = build_bank(motion.classes, encoder, KINDS), vocabulary_bank(encoder, KINDS)
    assert vocabulary is not None
    run = replace(run, method=fit(run, x, motion.y, bank), vocabulary=vocabulary)
    return slim(calibrated(run, motion, x, bank), described)


def calibrated(run: Run, motion: Motion, x: np.ndarray, bank: TextBank) -> Run:
    """Probabilities and rejection by windows of CMU descriptions that the judging model was trained without."""
    assert run.vocabulary is not None
    real = np.unique(motion.y[motion.real])
    folds = np.random.default_rng(SEED).permutation(len(real)) % FOLDS
    fold_of = dict(zip(real.tolist(), folds.tolist(), strict=True))
    fold = np.array([fold_of.get(k, -1) for k in motion.y.tolist()])
    scores, against = [], []
    for number in range(FOLDS):
        method = fit(run, x[fold != number], motion.y[fold != number], bank)
        scores.append(method.scores(x[fold == number], bank))
        against.append(method.scores(x[fold == number], run.vocabulary))
    y = np.concatenate([motion.y[fold == number] for number in range(FOLDS)])
    found, allowed = np.concatenate(scores), listable(motion.classes, y, int(real.min()))
    card = run.card.model_copy(update={
        "calibration": calibrate(found, y, allowed),
        "rejection": fit_rejection(found, y, vocabulary=np.concatenate(against), allowed=allowed, seed=SEED),
    })  # fmt: skip
    return replace(run, card=card)


def calibrate(scores: np.ndarray, y: np.ndarray, allowed: np.ndarray) -> Calibration:
    """Each description counts alike; a list is the clip's own description and random ones that may stand beside it."""
    rng = np.random.default_rng(SEED)
    weights = np.bincount(y)[y] ** -1.0
    rows = rng.choice(len(y), size=4 * len(y), p=weights / weights.sum())
    keys = np.where(allowed[rows], rng.random((len(rows), scores.shape[1])), np.inf)
    others = np.argsort(keys, axis=1)[:, : int(allowed.sum(axis=1).min())]
    lists = np.take_along_axis(scores[rows], np.column_stack([y[rows], others]), axis=1)
    fitted = fit_calibration(lists, np.zeros(len(rows), dtype=np.int64))
    return fitted.model_copy(update={"clips": len(y)})


def fit(run: Run, x: np.ndarray, y: np.ndarray, bank: TextBank) -> ZeroShotMethod:
    """The run's method with its settings and stage, on some classes."""
    classes, rows = np.unique(y, return_inverse=True)
    blocks = {ATTRIBUTES: (0, len(load_schema())), COURSES: (len(load_schema()), x.shape[1])}
    method = METHODS[METHOD](**run.card.settings).fit(x, rows, bank.take(classes), blocks=blocks)
    return method.at(run.card.selection.stage)


def listable(classes: ClassSet, y: np.ndarray, synthetic_classes: int) -> np.ndarray:
    """Synthetic labels that share no word with the clip's own description, bool (N, K)."""
    words = [set(re.findall(r"[a-z]+", c.label.lower())) - {"a", "and", "the", "up", "down", "on", "with", "to"}
             for c in classes.classes]  # fmt: skip
    table = {k: [i < synthetic_classes and not words[i] & words[k] for i in range(len(words))] for k in set(y.tolist())}
    return np.array([table[k] for k in y.tolist()])


def slim(run: Run, described: str) -> Run:
    """Without token states of the training classes (users bring their own words) and what names this machine."""
    return replace(run, card=run.card.model_copy(update={"data": described, "dataset": NAME}),
                   bank=run.bank.take([0]))  # fmt: skip


def main() -> None:
    """Write the model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmu", type=Path, default=CMU, help="archive of CMU's BVH files with CMU-INDEX.md")
    parser.add_argument("--out", type=Path, default=MODEL)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = train(gather(arguments.cmu), Path(folder))
    run.save(arguments.out, replace=True)
    print(f"wrote {arguments.out}: calibration error {run.card.calibration.error:.3f} on CMU")


if __name__ == "__main__":
    main()
