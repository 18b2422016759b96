"""One recording: joint positions over time with everything that is known of them. Every reader ends here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32

from skelzero.clips.layout import JointLayout
from skelzero.errors import UserError

MAX_PERSONS = 64
MAX_FRAMES = 10_000_000
MAX_COORDINATE = 1e6
"""Positions beyond this (metres or pixels) are a broken file, not a body."""


@dataclass(frozen=True)
class Origin:
    """Who, where and what a clip is. Empty strings and -1 mean "not known".

    `dataset` names a class set (`utd_mhad`, ...); `code` is the class's code in that set (`a5`, `A061`).
    """

    name: str
    dataset: str = ""
    code: str = ""
    subject: int = -1
    camera: int = -1
    setup: int = -1
    replication: int = -1
    start_frame: int = 0
    file: str = ""


@dataclass(frozen=True)
class Clip:
    """Joint positions of one or more people over time.

    Attributes
    ----------
    positions : float32 (P, T, V, C)
        Person, frame, joint, coordinate; NaN where missing. Metres (C = 3) or pixels (C = 2).
    layout : JointLayout
        Which joint is which.
    origin : Origin
        Who, where and what.
    fps : float
        Frames per second; NaN when the source does not say.
    confidence : float32 (P, T, V) or None
        0..1 where the source has one.
    unit : str
        `m`, `px` or `relative`.
    history : tuple of str
        The steps that made these numbers, oldest first.

    Raises
    ------
    UserError
        Shapes that do not fit the layout, no frame, no person, infinite or absurd coordinates, no finite number at all.
    """

    positions: Float32[np.ndarray, "P T V C"]
    layout: JointLayout
    origin: Origin
    fps: float = math.nan
    confidence: Float32[np.ndarray, "P T V"] | None = None
    unit: str = "m"
    history: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        x = self.positions
        where = self.origin.file or self.origin.name
        V, C = len(self.layout), self.layout.dims
        if not isinstance(x, np.ndarray) or x.dtype != np.float32 or x.ndim != 4 or x.shape[2:] != (V, C):
            got = f"{getattr(x, 'dtype', type(x))} {getattr(x, 'shape', '')}"
            raise UserError("positions do not fit the joint layout", where=where, got=got,
                            expected=f"float32 (person, frame, {V}, {C}) for layout {self.layout.name}")  # fmt: skip
        P, T = x.shape[:2]
        if not (1 <= P <= MAX_PERSONS and 1 <= T <= MAX_FRAMES):
            expected = f"1..{MAX_PERSONS} persons, 1..{MAX_FRAMES} frames"
            raise UserError("no person, no frame, or too many", where=where, got=f"{P} and {T}", expected=expected)
        if np.isinf(x).any() or np.nanmax(np.abs(x), initial=0) > MAX_COORDINATE:
            raise UserError("infinite or absurd coordinates", where=where, expected=f"|x| <= {MAX_COORDINATE:g} or NaN")
        if np.isnan(x).all():
            raise UserError("no joint was ever seen", where=where, got="only NaN", next_step="drop this clip")
        if self.confidence is not None and self.confidence.shape != (P, T, V):
            raise UserError(
                "confidence does not fit the positions", where=where, got=self.confidence.shape, expected=(P, T, V)
            )
        if self.fps <= 0:
            raise UserError("frame rate must be positive", where=where, got=self.fps)

    @property
    def persons(self) -> int:
        return self.positions.shape[0]

    @property
    def frames(self) -> int:
        return self.positions.shape[1]

    def with_step(self, step: str, positions: Float32[np.ndarray, "P T V C"], **changes: object) -> Clip:
        """The clip after a processing step, which is added to the history."""
        return replace(self, positions=positions, history=(*self.history, step), **changes)  # type: ignore[arg-type]
