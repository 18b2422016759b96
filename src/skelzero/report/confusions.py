"""Which classes the best method confuses, and what their texts and their written motion attributes share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from skelzero.errors import UserError
from skelzero.protocol.plan import open_bank
from skelzero.protocol.result import Result
from skelzero.report.plots import as_html
from skelzero.report.tables import table
from skelzero.report.verdict import Key, of_place
from skelzero.text import ClassSet, load_class_set
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import profile_vectors
from skelzero.text.bank import unit
from skelzero.text.class_sets import TEXTS

MOST = 6
"""Confusions that are told."""
ATTRIBUTES = 2
"""Motion attributes that are named on each side."""
MATRIX = 300
"""Classes above which no matrix is drawn."""
NOTABLE = 0.5
"""In spreads: what is nearer to typical movement is no trait of a class, and a smaller difference is none."""


@dataclass(frozen=True)
class Confusion:
    """One class taken for another.

    Attributes
    ----------
    truth, answer : str
        Codes.
    labels : (str, str)
    count, of : int
        Clips of `truth` that were taken for `answer`, and all of them wherever `answer` could be given.
    cosine : float or None
        Of the two classes' texts; None where these are not at hand.
    shared, apart : tuple of str
        Motion attributes on which both profiles stand out alike, and those on which they differ most.
    """

    truth: str
    answer: str
    labels: tuple[str, str]
    count: int
    of: int
    cosine: float | None = None
    shared: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.count / self.of


def most_confused(key: Key, results: Sequence[Result], method: str, most: int = MOST) -> list[Confusion]:
    """The most frequent confusions of a method, pooled over all seeds and draws, with what the classes share."""
    chosen = [r for r in of_place(key, results) if r.task.method == method and key[2] in r.confusion]
    pooled = [(t, a, n, of) for (t, a), (n, of) in _pooled(key[2], chosen).items() if t != a]
    if not pooled:
        return []
    top = sorted(pooled, key=lambda p: (-p[2] / p[3], -p[2], p[0], p[1]))[:most]
    texts = _Texts(chosen[0], sorted({code for pair in top for code in pair[:2]}))
    return [
        Confusion(truth, answer, (texts.label(truth), texts.label(answer)), count, of, texts.cosine(truth, answer),
                  *texts.attributes(truth, answer))
        for truth, answer, count, of in top
    ]  # fmt: skip


def _pooled(setting: str, results: Sequence[Result]) -> dict[tuple[str, str], tuple[int, int]]:
    """Clips of a class taken for another, and all its clips, over the results in which both compete."""
    found: Counter[tuple[str, str]] = Counter()
    clips: list[Counter[str]] = []  # of each result, by class
    for result in results:
        codes = result.class_order[setting]
        clips.append(Counter(dict.fromkeys(codes, 0)))
        for truth, answer, n in result.confusion[setting]:
            found[codes[truth], codes[answer]] += n
            clips[-1][codes[truth]] += n
    return {(t, a): (n, sum(c[t] for c in clips if a in c)) for (t, a), n in found.items()}


class _Texts:
    """What is known of some classes: labels, texts by the results' own encoder, and written profiles.

    A class set that is not at hand, or an encoder that is not installed, leaves these out; the confusions remain.
    """

    def __init__(self, result: Result, codes: Sequence[str]) -> None:
        self._set, self._vectors, self._profiles = _class_set(result, codes), None, {}
        if self._set is not None:
            self._vectors = _vectors(result, self._set)
            profiles = {code: self._set.classes[self._set.index(code)].profile for code in codes}
            self._profiles = {c: profile_vectors(p[None])[0] for c, p in profiles.items() if p is not None}

    def label(self, code: str) -> str:
        return code if self._set is None else self._set.classes[self._set.index(code)].label

    def cosine(self, a: str, b: str) -> float | None:
        if self._set is None or self._vectors is None:
            return None
        return float(self._vectors[self._set.index(a)] @ self._vectors[self._set.index(b)])

    def attributes(self, a: str, b: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What both stand out in alike, and in what they differ."""
        if a not in self._profiles or b not in self._profiles:
            return (), ()
        x, y = self._profiles[a], self._profiles[b]
        known, says = (x != 0) & (y != 0), [attribute.says for attribute in load_schema().attributes]
        alike = np.where(known & (x * y > 0), np.minimum(np.abs(x), np.abs(y)) - np.abs(x - y), -np.inf)
        differ = np.where(known, np.abs(x - y), -np.inf)
        return tuple(tuple(says[i] for i in _highest(values)) for values in (alike, differ))  # type: ignore[return-value]


def _highest(values: Float32[np.ndarray, " A"]) -> Int[np.ndarray, " I"]:
    top = np.argsort(-values, kind="stable")[:ATTRIBUTES]
    return top[values[top] >= NOTABLE]


def _class_set(result: Result, codes: Sequence[str]) -> ClassSet | None:
    """The class set of a result; None where it is not at hand, or is another one by now."""
    try:
        found = load_class_set(result.task.class_set)
    except UserError:
        return None
    return found if set(codes) <= set(found.codes) else None


def _vectors(result: Result, classes: ClassSet) -> Float32[np.ndarray, "K E"] | None:
    """Of the whole set, as the comparison encoded it: its texts are in the cache."""
    kinds = tuple(kind for kind in result.task.kinds if kind in TEXTS)
    try:
        return unit(open_bank(classes, result.task.text_encoder, kinds).vectors()) if kinds else None
    except UserError:
        return None


def confusion_section(key: Key, results: Sequence[Result], method: str, number: int) -> str:
    """The best method's confusions as a table, and on fixed splits as a matrix; draws differ in their classes."""
    found = most_confused(key, results, method)
    if not found:
        return ""
    lines = [
        ("", [_name(c.truth, c.labels[0]), _name(c.answer, c.labels[1]), f"{100 * c.share:.0f} % of {c.of}",
              "" if c.cosine is None else f"{c.cosine:.2f}", _list(c.shared), _list(c.apart)])
        for c in found
    ]  # fmt: skip
    head = ["class", "taken for", "clips", "cosine of texts", "their movements share", "and differ in"]
    title = f"What {escape(method)} confuses: {escape(' '.join(key))}"
    said = ("<p>Pooled over all runs in which both classes compete. Shared and different traits are those of the "
            "written motion attributes.</p>")  # fmt: skip
    return f"<h2>{title}</h2>{said}<div class='says'>{table(head, lines)}</div>{_heatmap(key, results, method, number)}"


def _name(code: str, label: str) -> str:
    return escape(label) if label == code else f"{escape(label)} <small>{escape(code)}</small>"


def _list(items: Sequence[str]) -> str:
    return "<br>".join(escape(item) for item in items)


def matrix_of(key: Key, results: Sequence[Result], method: str) -> tuple[list[str], Int[np.ndarray, "K K"]] | None:
    """Codes and counts, truth by answer, summed over seeds; None unless all results have the same, few classes."""
    of_best = [r for r in of_place(key, results) if r.task.method == method and key[2] in r.confusion]
    orders = {tuple(r.class_order[key[2]]) for r in of_best}
    if len(orders) != 1:
        return None
    codes = list(orders.pop())
    if len(codes) > MATRIX:
        return None
    counts = np.zeros((len(codes), len(codes)), dtype=np.int64)
    for result in of_best:
        truth, answer, n = np.array(result.confusion[key[2]], dtype=np.int64).reshape(-1, 3).T
        counts[truth, answer] += n
    return codes, counts


def shares(counts: Int[np.ndarray, "K K"]) -> np.ndarray:
    """Each row's counts as shares of its sum."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def labels_of(results: Sequence[Result], codes: Sequence[str]) -> list[str]:
    """Labels of class codes, or the codes where the class set is not at hand."""
    classes = _class_set(results[0], codes)
    return list(codes) if classes is None else [classes.classes[classes.index(code)].label for code in codes]


def _heatmap(key: Key, results: Sequence[Result], method: str, number: int) -> str:
    import plotly.graph_objects as go

    found = matrix_of(key, results, method)
    if found is None:
        return ""
    codes, counts = found
    labels = labels_of(of_place(key, results), codes)
    names = [escape(code if code == label else f"{label} ({code})") for code, label in zip(codes, labels, strict=True)]
    z: Any = np.round(shares(counts), 4)
    figure = go.Figure(go.Heatmap(z=z, x=names, y=names, colorscale="Blues", zmin=0, zmax=1,
                                  hovertemplate="%{y} taken for %{x}: %{z:.0%}<extra></extra>"))  # fmt: skip
    size = max(360, 22 * len(codes) + 180)
    figure.update_layout(xaxis={"title": "answer", "type": "category"}, template="plotly_white", height=size,
                         yaxis={"title": "truth", "type": "category", "autorange": "reversed", "automargin": True},
                         margin={"l": 10, "r": 10, "t": 20})  # fmt: skip
    return as_html(figure, f"confusion-{number}")
