"""The packaged model on data sets that it never saw: all clips of each, among all its classes.

`python benchmarks/default_model.py --data msr_action3d=STORE utd_mhad=STORE nw_ucla=STORE [--model RUN] [--json FILE]`.
Top-1 and top-5 with intervals over clips and over subjects; calibration; which classes are over-predicted; "none of
these" when half of the classes, drawn at random, are not on the list; beside it the same model among the unseen classes
of 16 draws (what a model trained on the set's own seen classes is judged by), and a supervised linear classifier.
Explanations: what the label's probability loses when the parts (moments) are taken away that the explanation names
first, against as many random others; once taken away as the explanation does it, once held still instead. Pictures:
the same clips with two coordinates only, as filmed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from across import Source, from_store, supervised
from skelzero.clips import Clip, ClipStore
from skelzero.kinematics.pictures import picture
from skelzero.methods.described import likeness
from skelzero.preprocess import default_pipeline, prepare
from skelzero.protocol.calibration import expected_calibration_error
from skelzero.protocol.metrics import per_class_mean, top_k
from skelzero.protocol.rejection import statistic
from skelzero.protocol.splits import load_split
from skelzero.recognize import Recognizer
from skelzero.recognize.explain import Reason, joints_of, log_odds, stretches, without_frames, without_part
from skelzero.recognize.windows import cut, find_windows
from skelzero.text import load_class_set

UNSEEN = {"msr_action3d": 7, "utd_mhad": 9, "nw_ucla": 5}
DRAWS, LISTS, REPEATS = 16, 100, 1000
RATES = (None, 0.1, 0.2, 0.5)
"""Shares of false accepts that are asked for; None is the default threshold."""


def accuracy(scores: np.ndarray, truth: np.ndarray, subjects: np.ndarray) -> dict[str, Any]:
    right = scores.argmax(axis=1) == truth
    share = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1]) / len(scores)
    return {
        "top1": float(right.mean()), "top5": top_k(scores, truth, 5),
        "per_class": per_class_mean(scores.argmax(axis=1), truth),
        "over_clips": resampled(right, np.arange(len(right))), "over_subjects": resampled(right, subjects),
        "most_predicted": float(share.max()), "classes_predicted": int((share > 0).sum()),
    }  # fmt: skip


def resampled(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean by drawing groups (clips, or all clips of a subject) again."""
    _, group = np.unique(groups, return_inverse=True)
    hits, sizes = np.bincount(group, right), np.bincount(group)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(sizes), size=(REPEATS, len(sizes)))
    means = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def rejection(recognizer: Recognizer, target: Source, scores: np.ndarray) -> dict[str, Any]:
    """Half of the classes are on the list, all clips are asked about."""
    card, rng = recognizer.run.card, np.random.default_rng(1)
    assert card.rejection is not None and recognizer.run.vocabulary is not None
    against = recognizer.run.method.scores(target.features, recognizer.run.vocabulary)
    bank, _ = recognizer.texts(target.classes)
    like = likeness(bank, recognizer.run.vocabulary)
    found: dict[str, list[float]] = {}
    for _ in range(LISTS):
        listed = rng.choice(len(target.classes), len(target.classes) // 2, replace=False)
        own = np.isin(target.truth, listed)
        value = statistic(scores[:, listed], against, like[listed])
        found.setdefault("auroc", []).append(roc_auc_score(own, value))
        found.setdefault("auroc of the best score alone", []).append(roc_auc_score(own, scores[:, listed].max(axis=1)))
        for rate in RATES:
            named = value >= card.rejection.threshold(len(listed), rate)
            name = "default" if rate is None else f"at {rate:g}"
            found.setdefault(f"false accepts, {name}", []).append(float(named[~own].mean()))
            found.setdefault(f"false rejects, {name}", []).append(float(1 - named[own].mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def unseen_draws(target: Source, scores: np.ndarray) -> float:
    """Test clips of the unseen classes among these, mean over the draws of `skelzero compare --draws 16`."""
    class_set = load_class_set(target.name)
    tops = []
    for draw in range(DRAWS):
        split = load_split(class_set, f"random:{UNSEEN[target.name]}#{draw}", codes=list(target.classes.codes))
        columns = [target.classes.index(code) for code in split.unseen]
        rows = ~target.train & np.isin(target.truth, columns)
        tops.append(top_k(scores[np.ix_(rows, columns)], np.array([columns.index(t) for t in target.truth[rows]])))
    return float(np.mean(tops))


def faithful(recognizer: Recognizer, target: Source, clips: Sequence[Clip], count: int) -> dict[str, Any]:
    """Mean loss of probability of the answer, without what the reason names first and without random others."""
    rng, labels = np.random.default_rng(2), [c.label for c in target.classes.classes]
    bank, _ = recognizer.texts(target.classes)
    temperature = recognizer.run.card.calibration.temperature
    losses: dict[str, list[float]] = {}
    for i in rng.permutation(len(clips))[:count]:
        windows = find_windows(clips[i])
        window = cut(clips[i], windows[0])
        answer = recognizer.recognize(window, target.classes, explain=True).segments[0]
        if answer.reason is None:
            continue
        label = labels.index(answer.reason.label)
        for name, changed in occlusions(window, answer.reason, rng).items():
            scores = recognizer.run.method.scores(recognizer.features([window, *changed]), bank)
            before, *after = 1 / (1 + np.exp(-log_odds(scores, label, temperature)))
            losses.setdefault(name, []).append(float(before - np.mean(after)))
    return {name: {"mean": float(np.mean(v)), "clips": len(v)} for name, v in losses.items()}


def occlusions(window: Clip, reason: Reason, rng: np.random.Generator) -> dict[str, list[Clip]]:
    """The window without its most important part and moment, and without random others, each in two ways."""
    named, others = reason.parts[0][0], [part for part, _ in reason.parts[1:]]
    drawn = [others[k] for k in rng.permutation(len(others))[:3]]
    found = {"part, named": [without_part(window, named)], "part, random": [without_part(window, p) for p in drawn],
             "part held still, named": [held_still(window, named)],
             "part held still, random": [held_still(window, p) for p in drawn]}  # fmt: skip
    if len(reason.moments) > 1:
        spans = stretches(window.frames)
        first = int(np.argmax([weight for _, _, weight in reason.moments]))
        rest = [k for k in rng.permutation(len(spans)) if k != first][:3]
        found |= {"moment, named": [without_frames(window, *spans[first])],
                  "moment, random": [without_frames(window, *spans[k]) for k in rest]}  # fmt: skip
    return found


def held_still(window: Clip, part: str) -> Clip:
    """The part keeps the place that it has on average, seen from the trunk's joints."""
    if part == "trunk":
        return without_part(window, part)
    own = joints_of(window.layout)
    x = window.positions.copy()
    trunk = np.nanmean(x[:, :, own["trunk"]], axis=2, keepdims=True)
    x[:, :, own[part]] = np.nanmean(x[:, :, own[part]] - trunk, axis=1, keepdims=True) + trunk
    return window.with_step(f"{part} held still", x)


def measure(recognizer: Recognizer, name: str, path: Path, explained: int) -> dict[str, Any]:
    target = from_store(name, path)
    bank, _ = recognizer.texts(target.classes)
    scores = recognizer.run.method.scores(target.features, bank)
    store = ClipStore.open(path)
    rows = {str(n): i for i, n in enumerate(store.names)}
    kept = prepare(store, default_pipeline(store.layout))
    clips = _Lazy(len(kept.names), lambda i: store[rows[str(kept.names[i])]])
    probabilities = recognizer.run.card.calibration.probabilities(scores)
    pictures = recognizer.features([picture(clips[i]) for i in range(len(clips))])
    return {
        "clips": len(scores), "chance": 1 / len(target.classes), **accuracy(scores, target.truth, kept.subjects),
        "calibration_error": expected_calibration_error(probabilities, target.truth),
        "mean_probability": float(probabilities.max(axis=1).mean()),
        "top1_of_pictures": top_k(recognizer.run.method.scores(pictures, bank), target.truth),
        "unseen_of_draws": unseen_draws(target, scores), "supervised": supervised(target)["top1"],
        "rejection": rejection(recognizer, target, scores), "explained": faithful(recognizer, target, clips, explained),
    }  # fmt: skip


class _Lazy(Sequence[Clip]):
    """Clips of a store in another order, read when they are asked for."""

    def __init__(self, length: int, get: Callable[[int], Clip]) -> None:
        self._length, self._get = length, get

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, i: Any) -> Any:
        return self._get(int(i))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="CLASS_SET=STORE")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--explained", type=int, default=150, help="clips of each set whose answers are explained")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    recognizer = Recognizer.load(given.model)
    found = {name: measure(recognizer, name, Path(path), given.explained)
             for name, _, path in (item.partition("=") for item in given.data)}  # fmt: skip
    for name, figures in found.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:20s} {json.dumps(value)}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
