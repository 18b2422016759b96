"""Synthetic motion: a jointed body performing everyday and exercise classes, made by forward kinematics.

The classes are paths through a small vocabulary of postures, so their parts (left, right, both, in turn; raise, lift,
turn, bend; slowly, quickly) recur in different combinations. It is the package's embedded data, always called
synthetic: figures obtained on it say that the machinery works, not how well people are recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from skelzero.synthetic.generator import DATASET, VERSION, generate, make_clip, person, source
from skelzero.synthetic.vocabulary import Action, actions

if TYPE_CHECKING:
    CLASSES: Mapping[str, Action]

__all__ = ["CLASSES", "DATASET", "VERSION", "Action", "actions", "generate", "make_clip", "person", "source"]


def __getattr__(name: str) -> object:
    # Reading the class file waits until somebody asks: nothing happens at import.
    if name == "CLASSES":
        return actions()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
