"""Videos of people, with MediaPipe's Pose Landmarker, where it is installed and its model is at hand.

Neither is part of this package and nothing is downloaded: `pip install 'skelzero[video]'` brings MediaPipe and OpenCV,
and `SKELZERO_POSE_MODEL` names the file of a Pose Landmarker model (`.task`). What comes out is what the reader
`mediapipe` makes of the same landmarks: estimated depth, origin in the hips.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from skelzero.clips import Clip, Origin
from skelzero.errors import UserError, missing_extra
from skelzero.readers.archive_checks import BROKEN, broken
from skelzero.readers.base import NO, SURE, MemorySource, Reader, Source, register
from skelzero.readers.mediapipe import Recorded, landmarks, to_clip

MODEL = "SKELZERO_POSE_MODEL"
PACKAGES = ("mediapipe", "cv2")
QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide")
"""Of the first part of .mp4 and .mov files; old ones have no `ftyp`."""
PEOPLE = 4
"""At most so many are looked for."""
RATES = (1.0, 1000.0)
"""Frames a second of believable videos."""


@register
class VideoReader(Reader):
    name: ClassVar[str] = "video"
    title: ClassVar[str] = "videos, with MediaPipe and a pose model (.mp4 .mov .avi .mkv .webm)"
    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".mov", ".avi", ".mkv", ".webm")
    limit: ClassVar[int] = 16 << 30
    needs: ClassVar[str] = "a pose model"

    def sniff(self, head: bytes, name: str) -> float:
        if head[4:8] in QUICKTIME or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
            return SURE
        return SURE if head[:4] == b"\x1a\x45\xdf\xa3" and (b"webm" in head[:64] or b"matroska" in head[:64]) else NO

    def clips(self, source: Source) -> Iterator[Clip]:
        if self.sniff(source.head(), source.name) == NO:
            raise UserError("not a video that can be read", where=source.where, expected=", ".join(self.suffixes))
        model = pose_model(source.where)
        with _on_disk(source, self.limit) as path:
            recorded = _recorded(path, model, source.where)
        yield to_clip(recorded, Origin(name=source.stem, file=source.name), source.where)


def pose_model(where: str) -> Path:
    """The model that the user named, once it is sure that there is something to run it.

    Raises
    ------
    UserError
        A package is missing, or no model is named, or it is not there; with what to install or set.
    """
    for module in PACKAGES:
        if importlib.util.find_spec(module) is None:
            missing = missing_extra(module, "video", "reading videos")
            raise UserError(
                missing.what, where=where, next_step=f"{missing.next_step}; then name a pose model in {MODEL}"
            )
    named = os.environ.get(MODEL, "")
    if not named:
        raise UserError("reading videos needs a pose model, and none is named", where=where,
                        expected=f"{MODEL}: the path of a Pose Landmarker model of MediaPipe",
                        next_step=f"get pose_landmarker_full.task from MediaPipe's site, then "
                        f"export {MODEL}=/path/to/pose_landmarker_full.task; "
                        "or run a pose estimator yourself and import its JSON")  # fmt: skip
    if not Path(named).is_file():
        raise UserError("the pose model is not there", where=where, got=f"{MODEL}={named}", expected="a .task file",
                        next_step="correct the path")  # fmt: skip
    return Path(named)


@contextlib.contextmanager
def _on_disk(source: Source, limit: int) -> Iterator[Path]:
    """The video as a file, as decoders want it; one out of an archive or from memory is written to a temporary one."""
    if source.size > limit:
        raise UserError("the video is too large", where=source.where, got=source.size, expected=f"<= {limit} bytes")
    if source.member is None and not isinstance(source, MemorySource):
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="skelzero-") as folder:
        path = Path(folder) / f"video{PurePosixPath(source.name).suffix[:8]}"
        try:
            with source.open() as packed, path.open("wb") as file:
                shutil.copyfileobj(packed, file)
        except (*BROKEN, OSError) as error:
            raise broken(source.where, error) from error
        yield path


def _recorded(path: Path, model: Path, where: str) -> Recorded:
    """Landmarks of everybody in every frame."""
    try:
        import cv2
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:  # OpenCV's usual build wants libraries of a desktop
        raise UserError("OpenCV or MediaPipe is installed but does not run here", where=where, got=str(error)[:300],
                        next_step="pip install --force-reinstall opencv-python-headless") from error  # fmt: skip

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)), running_mode=vision.RunningMode.VIDEO, num_poses=PEOPLE
    )
    try:
        landmarker = vision.PoseLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError("the pose model cannot be used", where=where, got=f"{MODEL}={model}: {error}"[:300],
                        expected="a .task file of MediaPipe's Pose Landmarker",
                        next_step="name another file") from error  # fmt: skip
    film = cv2.VideoCapture(str(path))
    fps = film.get(cv2.CAP_PROP_FPS)
    fps = fps if RATES[0] <= fps <= RATES[1] else math.nan
    size = film.get(cv2.CAP_PROP_FRAME_WIDTH), film.get(cv2.CAP_PROP_FRAME_HEIGHT)
    found: list[tuple[int, Any, Any]] = []
    length = 0
    with landmarker, contextlib.closing(_frames(film)) as frames:
        for picture in frames:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
            # The tracker wants times that rise; they matter to nothing else.
            result = landmarker.detect_for_video(image, round(1000 * length / (fps if fps > 0 else 30)))
            bodies = zip(result.pose_world_landmarks, result.pose_landmarks, strict=True)
            found += [(length, _points(world), _points(image)) for world, image in bodies]
            length += 1
    if not length:
        raise UserError("the video has no picture that can be decoded", where=where,
                        next_step="convert it to .mp4 (H.264) first")  # fmt: skip
    if not found:
        raise UserError("nobody is seen in this video", where=where, got=f"{length} frames",
                        next_step="leave it out")  # fmt: skip
    world, image = landmarks([row[1] for row in found]), landmarks([row[2] for row in found])
    return Recorded(world, image, np.array([row[0] for row in found]), length, fps, size)


def _frames(film: Any) -> Generator[np.ndarray, None, None]:
    """Pictures (height, width, RGB) until the film ends."""
    try:
        while True:
            there, picture = film.read()
            if not there:
                return
            yield np.ascontiguousarray(picture[..., ::-1])
    finally:
        film.release()


def _points(body: Any) -> list[list[float]]:
    return [[point.x, point.y, point.z, point.visibility] for point in body]
