"""Named pipelines: from a clip as recorded to the frames that an encoder reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skelzero.clips import Clip, JointLayout
from skelzero.errors import UserError
from skelzero.preprocess import steps
from skelzero.preprocess.ntu_bodies import select_bodies
from skelzero.registry import Registry

Step = Callable[[Clip], Clip]


@dataclass(frozen=True)
class Pipeline:
    """Steps in order, then a fixed number of frames: resampled linearly, or the clip repeated at its own speed.

    Attributes
    ----------
    name : str
        As in cards and on the command line.
    steps : tuple of callables
        Each takes a clip and returns it with its history grown.
    frames : int
        Frames of the result.
    max_persons : int
        People kept, the most active first.
    common : bool
        The result is on the common body whatever the source.
    repeats : bool
        Repeat the clip instead of resampling it.
    version : int
        Raised whenever the numbers change, so that caches notice.
    summary : str
        One line for `--help` and cards.
    """

    name: str
    steps: tuple[Step, ...]
    frames: int
    max_persons: int
    common: bool = False
    repeats: bool = False
    version: int = 1
    summary: str = ""

    def run(self, clip: Clip) -> Clip:
        """Apply every step; the result is finite and an absent second body is exactly zero.

        Raises
        ------
        UserError
            A clip that has been through a pipeline already, has no body, or lacks the joints that a step needs.
        """
        if clip.history and clip.history[-1].startswith(("resample-", "repeat-")):
            raise UserError("this clip was prepared already", where=clip.origin.name, got=" > ".join(clip.history),
                            next_step="start from the recorded clip")  # fmt: skip
        for step in self.steps:
            clip = step(clip)
        fit = steps.repeat if self.repeats else steps.resample
        done = clip.with_step(f"{fit.__name__}-{self.frames}", fit(clip.positions, self.frames))
        if not np.isfinite(done.positions).all():
            raise UserError("joints are missing that this pipeline cannot fill", where=clip.origin.name)
        return done

    def layout(self, source: JointLayout) -> JointLayout:
        """The joint layout of the result."""
        return steps.common_layout(source) if self.common else source


PIPELINES: Registry[Pipeline] = Registry("pipeline")

_NTU_BODIES: tuple[Step, ...] = (select_bodies, steps.drop_empty_frames, steps.fill_missing, steps.centre_on_first_root)
_ONE_BODY: tuple[Step, ...] = (
    steps.most_moving_persons(1), steps.drop_empty_frames, steps.fill_missing, steps.face_forward,
)  # fmt: skip

PIPELINES.add("ntu-64", Pipeline(
    "ntu-64", (*_NTU_BODIES, steps.absent_to_zero), frames=64, max_persons=2,
    summary="NTU RGB+D bodies chosen and centred; 64 frames (Shift-GCN, CTR-GCN)",
))  # fmt: skip
PIPELINES.add("ntu-300", Pipeline(
    "ntu-300", (*_NTU_BODIES, steps.spine_to_z_shoulders_to_x, steps.centre_each_frame, steps.absent_to_zero),
    frames=300, max_persons=2, repeats=True,
    summary="as ntu-64, upright along z, centred in each frame, repeated to 300 frames (the public Shift-GCN weights)",
))  # fmt: skip
PIPELINES.add("ntu-50", Pipeline(
    "ntu-50", (*_NTU_BODIES, steps.turn_shoulders_to_x, steps.absent_to_zero), frames=50, max_persons=2,
    summary="as ntu-64, shoulders turned to the x axis; 50 frames (ST-GCN of SMIE and PGFA)",
))  # fmt: skip
PIPELINES.add("kinect-64", Pipeline(
    "kinect-64", (*_ONE_BODY, steps.unit_torso, steps.smooth, steps.centre_on_first_root), frames=64, max_persons=1,
    summary="one person facing forward, torso of unit length, lightly smoothed; 64 frames (Kinect v1 sets)",
))  # fmt: skip
PIPELINES.add("common-64", Pipeline(
    "common-64", (steps.to_common_joints, *_ONE_BODY, steps.unit_torso, steps.unify_bones, steps.smooth,
                  steps.centre_on_first_root), frames=64, max_persons=1, common=True,
    summary="any 3-D source on the common body: facing forward, standard bones, hips at the origin; 64 frames",
))  # fmt: skip

PIPELINES.add("image-64", Pipeline(
    "image-64", (steps.to_common_joints, steps.most_moving_persons(1), steps.drop_empty_frames, steps.fill_missing,
                 steps.unit_torso, steps.smooth, steps.centre_on_first_root), frames=64, max_persons=1, common=True,
    summary="2-D sources on the common body, as filmed: torso of unit length, lightly smoothed; 64 frames",
))  # fmt: skip


def default_pipeline(layout: JointLayout) -> Pipeline:
    """The pipeline that fits a layout when the user names none."""
    if layout.dims == 2:
        return PIPELINES["image-64"]
    if layout.name == "ntu25":
        return PIPELINES["ntu-64"]
    return PIPELINES["kinect-64" if layout.name.startswith(("kinect20", "common20")) else "common-64"]
