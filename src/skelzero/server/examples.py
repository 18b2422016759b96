"""Synthetic recordings for people who have none at hand: a few movements, one after the other, by a made-up body."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from skelzero.clips import Clip
from skelzero.errors import unknown_choice
from skelzero.synthetic import actions, make_clip

EXAMPLES = {
    "exercises": (("s53", "s49", "s19"), ("s43", "s55", "s12")),
    "party": (("s23", "s10", "s58"), ("s64", "s27", "s40")),
    "boxing": (("s13", "s37", "s44"), ("s09", "s35", "s60")),
}
"""For each example the classes that are performed, and others that are offered as words beside them."""
SUBJECT, TIMES = 3, 2
BLEND = 12
"""Frames from the end of one movement to the beginning of the next."""


def example_names() -> list[dict[str, Any]]:
    """Names of the examples, what is done in them, and words to choose from."""
    labels = {code: action.label for code, action in actions().items()}
    return [{"name": name, "performed": [labels[c] for c in done], "labels": sorted(labels[c] for c in done + others)}
            for name, (done, others) in EXAMPLES.items()]  # fmt: skip


def example_clip(name: str) -> Clip:
    """One synthetic recording of several movements, each done twice.

    Raises
    ------
    UserError
        Unknown name.
    """
    if name not in EXAMPLES:
        raise unknown_choice("example", name, EXAMPLES)
    # Replications go round the three views; every third has the same one.
    clips = [make_clip(code, SUBJECT, 1 + 3 * i) for code in EXAMPLES[name][0] for i in range(TIMES)]
    pieces = [clips[0].positions]
    for clip in clips[1:]:
        # Each recording has its own place before the camera; here one movement begins where another ended.
        step = pieces[-1][:, -1:, clip.layout.root] - clip.positions[:, :1, clip.layout.root]
        moved = clip.positions + step[:, :, None]
        pieces += [_between(pieces[-1][:, -1], moved[:, 0]), moved]
    origin = replace(clips[0].origin, name=f"synthetic_{name}", code="", replication=-1)
    return replace(clips[0], positions=np.concatenate(pieces, axis=1), origin=origin)


def _between(a: Float32[np.ndarray, "P V C"], b: Float32[np.ndarray, "P V C"]) -> Float32[np.ndarray, "P T V C"]:
    way = (np.arange(1, BLEND + 1, dtype=np.float32) / (BLEND + 1))[None, :, None, None]
    return (1 - way) * a[:, None] + way * b[:, None]
