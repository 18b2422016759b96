"""From windows to time-stamped segments: neighbours with the same answer become one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from skelzero.recognize.explain import Reason
from skelzero.recognize.windows import Window


@dataclass(frozen=True)
class Ranked:
    """One label with its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """What one person does from `start` to `end` (seconds), and why the first label was given, if that was asked."""

    start: float
    end: float
    person: int
    labels: tuple[Ranked, ...]
    none_of_these: bool
    reason: Reason | None = None

    def to_json(self) -> dict[str, object]:
        ranked = [{"label": r.label, "probability": round(r.probability, 4)} for r in self.labels]
        found = {"start": round(self.start, 3), "end": round(self.end, 3), "person": self.person, "labels": ranked,
                 "none_of_these": self.none_of_these}  # fmt: skip
        return found if self.reason is None else {**found, "reason": self.reason.to_json()}


def merge_windows(
    windows: list[Window],
    probabilities: Float[np.ndarray, "W K"],
    rejected: Bool[np.ndarray, " W"],
    labels: list[str],
    fps: float,
    top: int | None = None,
) -> list[Segment]:
    """Join neighbouring windows of a person that share their answer; borders lie midway between two windows' centres.

    Probabilities of a segment are the mean over its windows.
    """
    answers = [
        (w.person, -1 if none else int(p.argmax())) for w, p, none in zip(windows, probabilities, rejected, strict=True)
    ]
    groups: list[list[int]] = []
    for i in range(len(windows)):
        joined = groups and answers[groups[-1][-1]] == answers[i] and _touch(windows[groups[-1][-1]], windows[i])
        if joined:
            groups[-1].append(i)
        else:
            groups.append([i])
    spans = _spans(windows, groups)
    return [
        Segment(start / fps, end / fps, windows[group[0]].person, _rank(probabilities[group].mean(axis=0), labels, top),
                bool(rejected[group[0]]))
        for group, (start, end) in zip(groups, spans, strict=True)
    ]  # fmt: skip


def _touch(a: Window, b: Window) -> bool:
    return a.person == b.person and b.start <= a.end


def _spans(windows: list[Window], groups: list[list[int]]) -> list[tuple[float, float]]:
    spans = [[float(windows[g[0]].start), float(windows[g[-1]].end)] for g in groups]
    for i, (a, b) in enumerate(pairwise(groups)):
        left, right = windows[a[-1]], windows[b[0]]
        if _touch(left, right):
            border = (left.start + left.end + right.start + right.end) / 4
            spans[i][1] = spans[i + 1][0] = border
    return [(start, end) for start, end in spans]


def _rank(probabilities: Float[np.ndarray, " K"], labels: list[str], top: int | None) -> tuple[Ranked, ...]:
    order = np.argsort(-probabilities, kind="stable")[:top]
    return tuple(Ranked(labels[i], float(probabilities[i])) for i in order)
