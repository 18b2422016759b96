"""COCO key points of people in JSON: results of a pose estimator, or annotations; 17 points, pixels, y down.

Results (AlphaPose, MMPose, Detectron) are a list of {"image_id", "keypoints": [x, y, score] * 17, "score"}, with the
person in "idx", "track_id" or "person_id" where the estimator follows people. Annotations are {"images": [...],
"annotations": [...]}, where the third number says 0 not marked, 1 hidden, 2 seen. Frames are in the order of their
numbers: `image_id` itself, or the last number in the name of its image (`12.jpg`); numbers left out are frames without
anybody. Images whose names differ in more than that number are recordings of their own.
Where people are not told apart they are linked by place (`detections`). The frame rate is not given.
Source: Lin et al., "Microsoft COCO", ECCV 2014; data and results format at its site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import LIKELY, NO, SURE, Reader, Skipped, Source, register, to_float32
from skelzero.readers.detections import JSON_BYTES, bad_file, by_person, confidence_of, frame_places, link

POINTS = 17
IDENTITIES = ("idx", "track_id", "person_id")
VIDEOS = ("video_id", "vid_id")
NUMBERED = re.compile(r"^(?P<rest>.*?)(?P<number>[0-9]{1,18})(?:\.[A-Za-z0-9]{1,5})?$", re.DOTALL)
FORM = '[{"image_id": ..., "keypoints": [17 x 3 numbers]}, ...] or {"images": [...], "annotations": [...]}'

Frame = tuple[str, int]
"""What an image is called but for its number, and the number."""


@register
class CocoReader(Reader):
    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO key points: results of pose estimators, or annotations (.json)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    limit: ClassVar[int] = JSON_BYTES

    def sniff(self, head: bytes, name: str) -> float:
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        if b'"keypoints"' in head and (b'"image_id"' in head or b'"annotations"' in head):
            return SURE
        return LIKELY if b'"images"' in head and b'"file_name"' in head else NO

    def clips(self, source: Source) -> Iterator[Clip | Skipped]:
        people, scale = _people(source)
        recordings: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        for (rest, number), person in people:
            recordings.setdefault(rest, []).append((number, person))
        for i, (rest, found) in enumerate(recordings.items()):
            name = source.stem if len(recordings) == 1 else f"{source.stem}-{rest.strip('/_- ')[-200:] or i}"
            try:
                yield _clip(sorted(found, key=lambda entry: entry[0]), scale, name, source)
            except UserError as error:
                if len(recordings) == 1:
                    raise
                yield Skipped(name, error.one_line())


def _clip(found: list[tuple[int, Mapping[str, Any]]], scale: float, name: str, source: Source) -> Clip:
    points = _points([person for _, person in found], source)
    seen = np.isfinite(points).all(axis=-1).any(axis=-1)
    if not seen.any():
        raise UserError("nobody in any frame", where=source.where, got="no point was found",
                        next_step="leave this recording out")  # fmt: skip
    frames = frame_places([number for number, _ in found])
    length = int(frames[-1]) + 1
    people = _identities([person for _, person in found], frames)
    points, frames = points[seen], frames[seen]
    people = link(points[..., :2], frames, where=source.where) if people is None else people[seen]
    courses = by_person(points, frames, people, length=length, where=source.where)
    return Clip(
        np.ascontiguousarray(courses[..., :2]),
        load_layout("coco17"),
        Origin(name=name, file=source.name),
        confidence=confidence_of(courses[..., 2] * np.float32(scale)),
        unit="px",
    )


def _people(source: Source) -> tuple[list[tuple[Frame, Mapping[str, Any]]], float]:
    """Everybody found, with the frame, and the factor that makes the third numbers a confidence."""
    try:
        value = json.loads(source.read(CocoReader.limit))
        annotated = isinstance(value, dict)
        images = {image["id"]: _frame(image) for image in value["images"]} if annotated else {}
        entries = value["annotations"] if annotated else value
        people = [(images[e["image_id"]] if annotated else _numbered(e["image_id"]), e) for e in entries
                  if e.get("keypoints")]  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise bad_file(source, "COCO key points", error, FORM) from error
    if not people:
        raise UserError("nobody in any frame", where=source.where, expected=FORM,
                        next_step="leave this recording out")  # fmt: skip
    return people, 0.5 if annotated else 1.0


def _frame(image: Mapping[str, Any]) -> Frame:
    """Of an image's entry: by video and frame where it says so, by the image's name otherwise."""
    video = next((image[key] for key in VIDEOS if key in image), None)
    if video is not None and "frame_id" in image:
        return str(video), int(image["frame_id"])
    return _numbered(image.get("file_name") or image["id"])


def _numbered(name: Any) -> Frame:
    """
    >>> _numbered(7), _numbered("12.jpg"), _numbered("a/img_0003.png")
    (('', 7), ('', 12), ('a/img_', 3))
    """
    if isinstance(name, int):
        return "", name
    match = NUMBERED.match(str(name)[-1000:])
    if not match:
        raise ValueError(f"no number in {str(name)[:80]!r}")
    return match["rest"], int(match["number"])


def _points(people: list[Mapping[str, Any]], source: Source) -> Float32[np.ndarray, "D 17 3"]:
    try:
        flat = np.asarray([person["keypoints"] for person in people], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise bad_file(source, "COCO key points", error, FORM) from error
    if flat.size != len(flat) * POINTS * 3:
        raise UserError("people have the wrong number of points", where=source.where, got=flat.shape[1:],
                        expected=f"{POINTS} x 3 numbers each")  # fmt: skip
    points = to_float32(flat.reshape(-1, POINTS, 3))
    points[~(points[..., 2] > 0)] = np.nan
    return points


def _identities(people: list[Mapping[str, Any]], frames: Int[np.ndarray, " D"]) -> Int[np.ndarray, " D"] | None:
    """Numbers of people where the file tells everybody apart; None where it does not."""
    for key in IDENTITIES:
        given = [person.get(key) for person in people]
        given = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in given]
        if all(isinstance(value, int | float | str) for value in given):
            told = {name: i for i, name in enumerate(dict.fromkeys(given))}
            numbers = np.array([told[name] for name in given])
            if len(np.unique(np.stack([frames, numbers]), axis=1).T) == len(numbers):
                return numbers
    return None
