"""Clips as the measurements take them: one body each on the common joints, a fixed number of frames, known time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from skelzero.clips import COMMON_JOINTS, Clip
from skelzero.preprocess import steps
from skelzero.preprocess.gaps import interpolate_gaps
from skelzero.preprocess.pipeline import Step
from skelzero.readers.mediapipe import HIPS_ORIGIN

FRAMES = 64
JOINT = {name: i for i, name in enumerate(COMMON_JOINTS)}
_STEPS: tuple[Step, ...] = (
    steps.drop_empty_frames, steps.fill_missing, steps.face_forward, steps.unit_torso, steps.smooth,
)  # fmt: skip


@dataclass(frozen=True)
class Bodies:
    """N clips, each of one person, and of a second one where there is one.

    Attributes
    ----------
    joints : float (N, T, 20, 3)
        `COMMON_JOINTS`; y up, facing +z at the start (left side along +x), torso of length 0.5, so about metres.
    seconds : float (N,)
        Length of each clip; NaN where the source does not say.
    present : bool (N, 20)
        Which joints the source has at all; the others were put where their neighbours are.
    partner : float (N, T, 20, 3)
        The second person in the same coordinates; NaN where there is none.
    flat : bool (N,)
        Which clips were seen in two dimensions; they have z = 0.
    anchored : bool (N,)
        In which clips the hips are the origin of every frame, so that nobody goes anywhere.
    """

    joints: Float[Tensor, "N T 20 3"]
    seconds: Float[Tensor, " N"]
    present: Bool[Tensor, "N 20"]
    partner: Float[Tensor, "N T 20 3"]
    flat: Bool[Tensor, " N"]
    anchored: Bool[Tensor, " N"]

    def __len__(self) -> int:
        return len(self.joints)


def to_bodies(clips: Sequence[Clip]) -> Bodies:
    """Bring clips of any layout into the form that is measured.

    People of 2-D clips are taken as filmed from the front and put into the plane z = 0: sideways and upward ways are
    then what the picture shows, and what needs depth is unknown (`attributes.known`).

    Raises
    ------
    UserError
        A clip without a body, or a layout without shoulders and hips.
    """
    joints, partners, present = [], [], []
    for clip in clips:
        body, partner, has = _prepared(in_space(clip) if clip.layout.dims == 2 else clip)
        joints.append(body)
        partners.append(partner)
        present.append(has)
    seconds = torch.tensor([clip.frames / clip.fps if clip.fps > 0 else math.nan for clip in clips])
    flat = torch.tensor([clip.layout.dims == 2 for clip in clips])
    anchored = torch.tensor([HIPS_ORIGIN in clip.history for clip in clips])
    return Bodies(torch.stack(joints), seconds, torch.stack(present), torch.stack(partners), flat, anchored)


def in_space(clip: Clip) -> Clip:
    """A 2-D clip in the plane z = 0, y up: pictures are counted from their upper edge."""
    x, y = clip.positions[..., 0], clip.positions[..., 1]
    placed = np.stack([x, -y, np.where(np.isnan(x), x, np.float32(0))], axis=-1)
    return clip.with_step("in-plane", placed, layout=replace(clip.layout, dims=3))


def _prepared(clip: Clip) -> tuple[Float[Tensor, "T 20 3"], Float[Tensor, "T 20 3"], Bool[Tensor, " 20"]]:
    """The most moving person, the next one, and which joints the first was seen with."""
    ready = steps.most_moving_persons(2)(steps.to_common_joints(clip))
    seen = np.isfinite(ready.positions[0]).all(axis=-1).any(axis=0)
    with warnings.catch_warnings():
        # Means over frames in which a joint is missing throughout are expected to be NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        for step in _STEPS:
            ready = step(ready)
    x = torch.from_numpy(steps.resample(_between(ready.positions), FRAMES))
    partner = x[1] if len(x) > 1 else torch.full_like(x[0], math.nan)
    return x[0], partner, torch.from_numpy(seen)


def _between(x: Float[np.ndarray, "P T V C"]) -> Float[np.ndarray, "P T V C"]:
    """Frames in which one of two people is not seen, filled from that person's own neighbouring frames."""
    return np.stack([interpolate_gaps(body) for body in x])
