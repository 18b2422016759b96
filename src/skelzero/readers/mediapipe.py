"""MediaPipe Pose landmarks in JSON, as people dump the results: 33 points a person, in space or in the image.

A file is a list of frames, or {"frames": [...]} with "fps" and the picture's "width" and "height" where they are known.
A frame is a list of 33 landmarks, a list of people with 33 each, or a result object with "pose_world_landmarks" and
"pose_landmarks" (or these names in camel case), and perhaps "timestamp_ms"; nobody is an empty list or null. A
landmark is {"x", "y", "z", "visibility"} or a list of these numbers.

World landmarks are taken where there are any: metres, in space (`mediapipe33`), turned from the image's axes (y down, z
away from the camera) to y up and z towards the camera. Their origin is the middle of the hips in every frame, so that
they do not tell ways through the room; each frame is stood on the floor by its lowest point. Otherwise landmarks are
shares of the picture and 2-D (`mediapipe33-image`): pixels where its size is given, and in units of its height where
not, the picture then taken as 16:9; y down, as in all 2-D clips. The history says which of this was done. Bare lists
count as world landmarks when the hips lie in the origin.
Source: Bazarevsky et al., "BlazePose", 2020; documentation of the Pose Landmarker.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import LIKELY, NO, SURE, Reader, Source, register, to_float32
from skelzero.readers.detections import JSON_BYTES, bad_file, by_person, confidence_of, link

POINTS = 33
HIPS = [23, 24]
WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "worldLandmarks", "world_landmarks")
IMAGE = ("pose_landmarks", "poseLandmarks", "landmarks")
TIMES = {"timestamp_ms": 1e-3, "timestampMs": 1e-3, "timestamp": 1.0, "time": 1.0}
"""Keys of a frame's time, and seconds in one unit."""
LISTS = ("landmark", "landmarks")
ASPECT = 16 / 9
NEAR_ZERO = 1e-3
FORM = f'a list of frames of {POINTS} landmarks {{"x", "y", "z", "visibility"}}, or of "pose_world_landmarks"'
HIPS_ORIGIN = "hips-origin"
"""In the history of clips that have the middle of the hips as origin in every frame."""
IN_SPACE = ("image-axes-to-y-up", HIPS_ORIGIN, "lowest-point-on-floor")
IN_IMAGE = ("image-taken-as-16:9",)


@dataclass(frozen=True)
class Recorded:
    """People of all frames.

    Attributes
    ----------
    world, image : float (D, 33, 4) or None
        x, y, z, visibility; None where the file has no such landmarks of everybody.
    frames : int (D,)
    length : int
        Number of frames.
    fps : float
        NaN where the file does not say.
    size : (float, float) or None
        Width and height of the picture.
    people : int (D,) or None
        Who is who; None where nobody says, so that people are linked by place.
    """

    world: Float32[np.ndarray, "D 33 4"] | None
    image: Float32[np.ndarray, "D 33 4"] | None
    frames: Int[np.ndarray, " D"]
    length: int
    fps: float = math.nan
    size: tuple[float, float] | None = None
    people: Int[np.ndarray, " D"] | None = None


@register
class MediaPipeReader(Reader):
    name: ClassVar[str] = "mediapipe"
    title: ClassVar[str] = "MediaPipe Pose landmarks, in space or in the image (.json)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    limit: ClassVar[int] = JSON_BYTES

    def sniff(self, head: bytes, name: str) -> float:
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        if any(f'"{key}"'.encode() in head for key in (*WORLD, *IMAGE)):
            return SURE
        return LIKELY if b'"visibility"' in head and b'"x"' in head else NO

    def clips(self, source: Source) -> Iterator[Clip]:
        yield to_clip(_recorded(source), Origin(name=source.stem, file=source.name), source.where)


def to_clip(recorded: Recorded, origin: Origin, where: str) -> Clip:
    """People linked over time, in space where their places there are known, in the image otherwise.

    Raises
    ------
    UserError
        More people or frames than a clip can have.
    """
    values = recorded.image if recorded.world is None else recorded.world
    assert values is not None
    people = recorded.people
    if people is None:
        # Every body has its own origin in space: who is who shows in the image.
        told = values if recorded.image is None else recorded.image
        people = link(told[..., :2], recorded.frames, where=where)
    courses = by_person(values, recorded.frames, people, length=recorded.length, where=where)
    layout, unit, positions, history = _placed(courses[..., :3], recorded)
    return Clip(to_float32(positions), load_layout(layout), origin, recorded.fps, confidence_of(courses[..., 3]), unit,
                history)  # fmt: skip


def _placed(
    x: Float32[np.ndarray, "P T 33 3"], recorded: Recorded
) -> tuple[str, str, Float[np.ndarray, "P T 33 C"], tuple[str, ...]]:
    """Layout, unit, positions and history."""
    if recorded.world is not None:
        x = x * np.array([1, -1, -1])
        x[..., 1] -= np.fmin.reduce(x[..., 1], axis=-1, keepdims=True)  # missing landmarks do not count
        return "mediapipe33", "m", x, IN_SPACE
    if recorded.size is not None:
        return "mediapipe33-image", "px", x[..., :2] * np.array(recorded.size), ()
    return "mediapipe33-image", "relative", x[..., :2] * np.array([ASPECT, 1]), IN_IMAGE


def _recorded(source: Source) -> Recorded:
    try:
        value = json.loads(source.read(MediaPipeReader.limit))
        about = value if isinstance(value, dict) and "frames" in value else {}
        content: Sequence[Any] = about["frames"] if about else [value] if isinstance(value, dict) else value
        found = [(i, *pair) for i, frame in enumerate(content) for pair in _people(frame)]
        world, image = (landmarks([row[kind] for row in found]) for kind in (1, 2))
        fps, size = _rate(about, content), size_of(about)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise bad_file(source, "MediaPipe", error, FORM) from error
    if world is None and image is None:
        if found:
            raise UserError("some people are given in space only, others in the image only", where=source.where,
                            expected=FORM)  # fmt: skip
        raise UserError("nobody in any frame", where=source.where, expected=FORM,
                        next_step="leave this recording out")  # fmt: skip
    if world is None and image is not None and is_in_space(image):
        world, image = image, None
    return Recorded(world, image, np.array([row[0] for row in found]), len(content), fps, size)


def is_in_space(points: Float32[np.ndarray, "D 33 4"]) -> bool:
    """Whether landmarks are in space: the middle of the hips is then the origin."""
    hips = points[:, HIPS, :2].mean(axis=1)
    return bool(np.abs(np.nanmedian(hips, axis=0)).max() < NEAR_ZERO) if np.isfinite(hips).any() else False


def _people(frame: Any) -> Iterator[tuple[Any, Any]]:
    """World and image landmarks of everybody in a frame; None for those that are not given."""
    if not isinstance(frame, dict):
        yield from ((None, body) for body in _bodies(frame))
        return
    world, image = (_bodies(next((frame[key] for key in keys if key in frame), None)) for keys in (WORLD, IMAGE))
    if world and image and len(world) != len(image):
        raise ValueError(f"{len(world)} people in space and {len(image)} in the image")
    yield from zip(world or [None] * len(image), image or [None] * len(world), strict=True)


def _bodies(value: Any) -> list[Any]:
    """The people in what stands for landmarks: nothing, one person, or a list of people."""
    if not value:
        return []
    if isinstance(value, dict):
        return _bodies(value[LISTS[0]] if LISTS[0] in value else value[LISTS[1]])
    first = value[0]
    if isinstance(first, dict):
        several = any(key in first for key in LISTS)
    else:
        several = not first or isinstance(first[0], dict | list)
    return [person for body in value for person in _bodies(body)] if several else [value]


def landmarks(bodies: list[Any]) -> Float32[np.ndarray, "D 33 4"] | None:
    """Numbers of all bodies; None where not everybody has them."""
    if not bodies or any(body is None for body in bodies):
        return None
    flat = np.asarray([[_numbers(point) for point in body] for body in bodies], dtype=np.float64)
    if flat.shape[1:] != (POINTS, 4):
        raise ValueError(f"{flat.shape[1:2]} landmarks a person, not {POINTS}")
    if not np.isfinite(flat).all():
        raise ValueError("a landmark without a place")
    return to_float32(flat)


def _numbers(point: Any) -> tuple[Any, Any, Any, Any]:
    if isinstance(point, dict):
        return point["x"], point["y"], point.get("z", 0.0), point.get("visibility", point.get("presence", 1.0))
    x, y, *rest = point
    z, visibility = (*rest, 0.0, 1.0)[:2] if len(rest) != 1 else (rest[0], 1.0)
    return x, y, z, visibility


def _rate(about: Mapping[str, Any], content: Sequence[Any]) -> float:
    """Frames a second: as told, or by the median step of the frames' times."""
    if about.get("fps") is not None:
        fps = float(about["fps"])
        if not 0 < fps < math.inf:
            raise ValueError(f"{fps} frames a second")
        return fps
    frames = [frame for frame in content if isinstance(frame, dict)]
    for key, seconds in TIMES.items():
        if len(frames) == len(content) > 1 and all(frame.get(key) is not None for frame in frames):
            times: Float64[np.ndarray, " T"] = np.array([float(frame[key]) for frame in frames]) * seconds
            if not math.isnan(fps := rate_of(np.diff(times))):
                return fps
    return math.nan


def rate_of(steps: Float64[np.ndarray, " T"]) -> float:
    """Frames a second by the median of the seconds from frame to frame; NaN where that cannot be."""
    step = float(np.median(steps))
    return 1 / step if 1e-4 < step < 1e4 else math.nan


def size_of(about: Mapping[str, Any]) -> tuple[float, float] | None:
    """Width and height of the picture, where both are told."""
    sides = [about.get(key, about.get(f"image_{key}")) for key in ("width", "height")]
    if any(side is None for side in sides):
        return None
    width, height = (float(side) for side in sides)  # type: ignore[arg-type]
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ValueError(f"a picture of {width} x {height}")
    return width, height
