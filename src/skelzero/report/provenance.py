"""How the numbers of a report were made: what was chosen and by what rule, and hashes of data, texts and splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from skelzero.cards import sha256_of
from skelzero.kinematics.joined import NAME as KINEMATICS
from skelzero.protocol.result import Result
from skelzero.protocol.summary import split_group

MOST = 12
"""Different values of one fact that are told."""


def provenance_section(results: Sequence[Result]) -> str:
    """A list of facts; of each, all values that occur."""
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{'<br>'.join(escape(value) for value in _told(values))}</dd>"
        for name, values in facts(results).items()
    )
    return f"<h2>How these numbers were made</h2><dl>{items}</dl>"


def facts(results: Sequence[Result]) -> dict[str, list[str]]:
    """Everything that a figure depends on, by a name for people."""
    found = {
        "selection rule": _all(r.selection.rule if r.selection else "nothing was chosen" for r in results),
        "settings chosen": _chosen(results), "seen against unseen": _all(_stacking(r) for r in results),
        "skeleton encoder": _encoders(results), "texts": _all(_text(r) for r in results),
        "data": _all(_data(r) for r in results), "splits": _splits(results),
        "training and test clips": _all(str(r.data.get("partition", "")) for r in results),
        "versions": _all(", ".join(f"{k} {v}" for k, v in r.versions.items()) for r in results),
        "hardware": _all(", ".join(f"{k}: {v}" for k, v in r.hardware.items() if v) for r in results),
        "time": [f"{sum(r.seconds.get('total', 0.0) for r in results):.0f} s over {len(results)} tasks, made "
                 f"{min(r.made for r in results)} to {max(r.made for r in results)}"],
    }  # fmt: skip
    return {name: values for name, values in found.items() if values}


def _told(values: Sequence[str]) -> list[str]:
    rest = len(values) - MOST
    return list(values) if rest <= 0 else [*values[:MOST], f"and {rest} more"]


def _all(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _stacking(r: Result) -> str:
    return f"calibrated stacking: {r.stacking.rule}" if r.stacking else ""


def _text(r: Result) -> str:
    return (
        f"{r.text.get('encoder')}: {', '.join(r.text.get('kinds', []))}; SHA-256 {str(r.text.get('sha256', ''))[:16]}"
    )


def _data(r: Result) -> str:
    return (f"{r.data.get('dataset')}, {r.data.get('clips')} clips, checksum {str(r.data.get('checksum', ''))[:16]}; "
            f"pipeline {r.data.get('pipeline', '-')}")  # fmt: skip


def _splits(results: Sequence[Result]) -> list[str]:
    """Each split with a hash of its classes; of draws, one of all of them."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for r in results:
        split = r.task.split
        groups.setdefault((split.dataset, split_group(split.name), split.family), {})[split.name] = split.split().sha256
    return [
        f"{dataset} {group} ({family}), {len(found)} draw{'s' * (len(found) > 1)}: classes' SHA-256 "
        f"{(next(iter(found.values())) if len(found) == 1 else sha256_of(sorted(found.items())))[:16]}"
        for (dataset, group, family), found in groups.items()
    ]  # fmt: skip


def _encoders(results: Sequence[Result]) -> list[str]:
    found: dict[str, list[float]] = {}
    for r in results:
        card = r.encoder.get("encoder", r.encoder)
        name = str(card.get("encoder") if isinstance(card, dict) else card)
        if name == KINEMATICS:
            knows = "nothing is trained"
        else:
            knows = "trained on unseen classes, too (leaky)" if r.leaky else "trained on seen classes only"
        accuracy = r.diagnostics.get("encoder_seen_top1")
        found.setdefault(f"{name}, {knows}", []).extend([100 * accuracy] if accuracy is not None else [])
    return [
        name + (f"; own top-1 on seen classes {np.mean(values):.1f} % (mean)" if values else "")
        for name, values in found.items()
    ]


def _chosen(results: Sequence[Result]) -> list[str]:
    counts: dict[str, dict[str, int]] = {}
    for r in results:
        if r.selection is not None and len(r.selection.trials) > 1:
            chosen = {**r.selection.settings, **r.selection.stage}
            text = ", ".join(f"{k}={v}" for k, v in chosen.items()) or "defaults"
            by_setting = counts.setdefault(r.task.method, {})
            by_setting[text] = by_setting.get(text, 0) + 1
    return [f"{m}: " + "; ".join(f"{t} ({n}x)" for t, n in _most(c)) for m, c in counts.items()]


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The most frequent choices."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(n for _, n in ordered[MOST // 2 :])
    return [*ordered[: MOST // 2], *([("others", rest)] if rest else [])]
