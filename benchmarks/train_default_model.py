"""Train the model that ships in the package: `skelzero` on synthetic motion and CMU motion capture, nothing else.

`python benchmarks/train_default_model.py --cmu cmu_bvh.tar.xz`, the archive of BVH conversions of CMU's subjects 1 to
14 (motion: free for all uses). Every synthetic clip is used twice: clean, and spoiled as cameras spoil motion (joint
noise and drift, another tempo, joints or whole limbs not seen). The windows of a CMU trial belong to the class that its
free-text description names (`cmu_trials.yaml`, `cmu_trials_index.yaml`).

Everything is chosen on classes left out of training, a fifth at a time: the method's weights and the calibration of
probabilities by CMU's windows, the only real motion here, and "none of these" by both kinds of motion, against lists of
actions that resemble the clip's. Equal seeds
give equal motion, and the same model on one machine.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from skelzero import synthetic
from skelzero.clips import Clip, write_store
from skelzero.kinematics import ATTRIBUTES, COURSES, of_clips
from skelzero.methods import METHODS, ZeroShotMethod
from skelzero.methods.described import likeness
from skelzero.preprocess import steps
from skelzero.protocol.calibration import Calibration, fit_calibration
from skelzero.protocol.metrics import per_class_mean
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.rejection import fit_rejection
from skelzero.protocol.run import Run
from skelzero.protocol.selection import Selection, Trial
from skelzero.protocol.training import train_run
from skelzero.readers import read_clips
from skelzero.recognize.windows import cut, find_windows
from skelzero.text import ClassSet, TextBank, build_bank, load_class_set, load_text_encoder
from skelzero.text.attributes.schema import load_schema
from skelzero.text.bank import unit
from skelzero.text.class_sets import WRITTEN
from skelzero.text.vocabulary import vocabulary_bank

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "src" / "skelzero" / "recognize" / "model"
CMU_CLASSES = HERE / "cmu_trials.yaml"
CMU = HERE.parents[1] / "shared" / "data" / "cmu_bvh.tar.xz"
NAME, METHOD, KINDS = "synthetic and CMU", "skelzero", ("action", "motion", WRITTEN)
SUBJECTS, REPLICATIONS, SEED, FOLDS = 8, 2, 0, 5
NOISE, TEMPO, UNSEEN = 0.02, 0.3, 0.3
"""Metres of a joint's noise, spread of the logarithm of speed, share of clips in which joints are missing."""
VIEW = 0.6
"""Radians to either side from which a film is taken."""
NEAR = 25
SMALL_WORDS = {"a", "and", "the", "up", "down", "on", "with", "to"}
RULE = "weights with the best top-1 of CMU's classes, each left out of training, among all unrelated classes"
MISSING = (("knee", "ankle", "foot"), ("hand",), ("head",), ("left_elbow", "left_wrist", "left_hand"),
           ("right_elbow", "right_wrist", "right_hand"))  # fmt: skip


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


def flattened(clip: Clip, rng: np.random.Generator) -> Clip:
    """As a pose estimator sees it in a film taken from somewhat aside: two coordinates, y down, no hands or feet."""
    layout = replace(clip.layout, name="common20-flat", dims=2)
    angle = rng.uniform(-VIEW, VIEW)
    x, y, z = np.moveaxis(clip.positions, -1, 0)
    seen = np.stack([np.cos(angle) * x + np.sin(angle) * z, -y], axis=-1) + rng.normal(size=(*x.shape, 2)) * NOISE / 2
    lost = [i for i, joint in enumerate(layout.joints) if "hand" in joint or "foot" in joint]
    seen[:, :, lost] = np.nan
    origin = replace(clip.origin, name=f"{clip.origin.name}_flat")
    return replace(clip, positions=(300 * seen).astype(np.float32), layout=layout, origin=origin, unit="px")


def cmu_windows(archive: Path) -> Iterator[tuple[str, Clip]]:
    """Code of the class and clip of each window of each described trial, on the common joints."""
    codes = {trial: code for code, trials in read_index().items() for trial in trials}
    for clip in read_clips(archive):
        for i, window in enumerate(find_windows(clip) if clip.origin.name in codes else ()):
            found = steps.to_common_joints(cut(clip, window))
            name = f"{clip.origin.name}_{i:02d}"
            yield codes[clip.origin.name], replace(found, origin=replace(found.origin, name=name))


def read_index() -> dict[str, list[str]]:
    """The trials of each class of `cmu_trials.yaml`."""
    found: dict[str, list[str]] = yaml.safe_load((HERE / "cmu_trials_index.yaml").read_text(encoding="utf-8"))["trials"]
    return found


def gather(cmu: Path) -> Motion:
    """All training motion; classes are the synthetic ones, then CMU's."""
    known = load_class_set("synthetic")
    clips = list(synthetic.generate(None, SUBJECTS, REPLICATIONS, SEED))
    rng = np.random.default_rng(SEED)
    clips += [spoiled(clip, rng) for clip in clips] + [flattened(clip, rng) for clip in clips]
    y = [known.index(clip.origin.code) for clip in clips]
    windows = list(cmu_windows(cmu))
    described = load_class_set(CMU_CLASSES)
    y += [len(known) + described.index(code) for code, _ in windows]
    real = np.arange(len(y)) >= len(clips)
    clips += [clip for _, clip in windows]
    return Motion(clips, np.array(y), ClassSet(name=NAME, classes=(*known.classes, *described.classes)), real)


def train(motion: Motion, folder: Path) -> Run:
    """Fitted on all motion; weights, probabilities and rejection by classes that were left out."""
    made = [clip for clip, real in zip(motion.clips, motion.real, strict=True) if not real and clip.layout.dims == 3]
    described = f"{synthetic.source(SUBJECTS, REPLICATIONS, SEED)}, clean and spoiled; CMU mocap, subjects 1-14"
    store = write_store(folder / "synthetic", iter(made), source=described)
    request = Request(methods=[METHOD], data=store.path, splits=["all"], kinds=list(KINDS),
                      encoder={"encoder": "kinematics"})  # fmt: skip
    run = train_run(plan_one(request, SEED))
    x = np.concatenate(of_clips(motion.clips), axis=1)
    encoder = load_text_encoder(run.card.text_encoder)
    bank, vocabulary = build_bank(motion.classes, encoder, KINDS), vocabulary_bank(encoder, KINDS)
    assert vocabulary is not None
    folds = [left_out(fold, motion, x, bank, vocabulary) for fold in range(FOLDS)]
    trials = [Trial(settings={}, stage=found.stage, top1=[], reciprocal_rank=[]) for found in folds[0]]
    y = np.concatenate([fold[0].y for fold in folds])
    real = motion.real[np.concatenate([fold[0].rows for fold in folds])]
    unrelated = listable(motion.classes)[y]
    for i, trial in enumerate(trials):
        scores = np.concatenate([fold[i].scores for fold in folds])
        trial.top1.append(top1_of_classes(scores[real], y[real], unrelated[real]))
    best = int(np.argmax([trial.top1[0] for trial in trials]))
    scores = np.concatenate([fold[best].scores for fold in folds])
    against = np.concatenate([fold[best].vocabulary for fold in folds])
    made_only = np.arange(len(motion.classes)) <= motion.y[~motion.real].max()
    card = run.card.model_copy(update={
        "data": described, "dataset": NAME,
        "calibration": calibrate(scores[real], y[real], unrelated[real] & made_only),
        "rejection": fit_rejection(scores, y, vocabulary=against, likeness=likeness(bank, vocabulary),
                                   allowed=nearest(bank, unrelated, y), seed=SEED),
        "selection": Selection(rule=RULE, trials=trials, chosen=best, pseudo_unseen=[], clips=int(real.sum())),
    })  # fmt: skip
    # Token states of the training classes are left out: users bring their own words.
    return Run(card, None, fit(x, motion.y, bank).at(trials[best].stage), bank.take([0]), vocabulary)


@dataclass(frozen=True)
class LeftOut:
    """Clips of the classes of one fold, as a model of one stage that was trained without them scores them."""

    stage: dict[str, float]
    rows: np.ndarray
    y: np.ndarray
    scores: np.ndarray
    vocabulary: np.ndarray


def left_out(fold: int, motion: Motion, x: np.ndarray, bank: TextBank, vocabulary: TextBank) -> list[LeftOut]:
    """Synthetic and CMU classes are dealt into folds; one entry for each stage of the method."""
    dealt = np.random.default_rng(SEED).permutation(len(motion.classes)) % FOLDS
    rows = np.flatnonzero(dealt[motion.y] == fold)
    method = fit(np.delete(x, rows, axis=0), np.delete(motion.y, rows), bank)
    at = [(stage, method.at(stage)) for stage in method.stages()]
    return [LeftOut(stage, rows, motion.y[rows], m.scores(x[rows], bank), m.scores(x[rows], vocabulary))
            for stage, m in at]  # fmt: skip


def fit(x: np.ndarray, y: np.ndarray, bank: TextBank) -> ZeroShotMethod:
    """The method on the classes that are there."""
    classes, rows = np.unique(y, return_inverse=True)
    blocks = {ATTRIBUTES: (0, len(load_schema())), COURSES: (len(load_schema()), x.shape[1])}
    return METHODS[METHOD]().fit(x, rows, bank.take(classes), blocks=blocks)


def top1_of_classes(scores: np.ndarray, y: np.ndarray, unrelated: np.ndarray) -> float:
    """Among the clip's own class and all unrelated ones; each class counts alike."""
    own = np.arange(scores.shape[1]) == y[:, None]
    right = np.where(own | unrelated, scores, -np.inf).argmax(axis=1) == y
    return per_class_mean(np.where(right, y, -1), y)


def calibrate(scores: np.ndarray, y: np.ndarray, allowed: np.ndarray) -> Calibration:
    """Each class counts alike; a list is the clip's own class and random ones that may stand beside it."""
    rng = np.random.default_rng(SEED)
    weights = np.bincount(y)[y] ** -1.0
    rows = rng.choice(len(y), size=4 * len(y), p=weights / weights.sum())
    keys = np.where(allowed[rows], rng.random((len(rows), scores.shape[1])), np.inf)
    others = np.argsort(keys, axis=1)[:, : int(allowed.sum(axis=1).min())]
    lists = np.take_along_axis(scores[rows], np.column_stack([y[rows], others]), axis=1)
    fitted = fit_calibration(lists, np.zeros(len(rows), dtype=np.int64))
    return fitted.model_copy(update={"clips": len(y)})


def listable(classes: ClassSet) -> np.ndarray:
    """Which classes' labels share no word, bool (K, K): others may be the same action under two names."""
    words = [set(re.findall(r"[a-z]+", c.label.lower())) - SMALL_WORDS for c in classes.classes]
    return np.array([[not own & other for other in words] for own in words])


def nearest(bank: TextBank, unrelated: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each clip the `NEAR` unrelated classes whose profiles are most like its own: a severe list."""
    profiles = unit(bank.pooled[WRITTEN])
    rank = np.argsort(np.argsort(np.where(unrelated, -(profiles @ profiles.T)[y], np.inf), axis=1), axis=1)
    return unrelated & (rank < NEAR)


def main() -> None:
    """Write the model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmu", type=Path, default=CMU, help="archive of CMU's BVH files with CMU-INDEX.md")
    parser.add_argument("--out", type=Path, default=MODEL)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = train(gather(arguments.cmu), Path(folder))
    run.save(arguments.out, replace=True)
    print(f"wrote {arguments.out}: calibration error {run.card.calibration.error:.3f} on CMU's left-out classes")


if __name__ == "__main__":
    main()
