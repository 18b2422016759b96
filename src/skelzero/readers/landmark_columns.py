"""What the columns of a table of MediaPipe landmarks mean, told by their names.

`x0`, `nose_x`, `LEFT_EYE_INNER.y`, `landmark_12_visibility`, `pose_world_12_z`, `leftHipX`: a name is split into words;
one is the coordinate, `world` says in which space, words that only say that it is a landmark are dropped, and what
remains is its number or name. Columns that say nothing of this kind are left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from skelzero.clips import load_layout

POINTS = 33
WITH_FACE = 501
"""Landmarks in tables in which the 468 of the face follow those of the body."""
NEEDED = (11, 12, 23, 24)
"""Shoulders and hips, without which a table is not of bodies."""
COORDINATES = {"x": 0, "y": 1, "z": 2, **dict.fromkeys(
    ("v", "vis", "visibility", "presence", "score", "confidence", "conf", "likelihood"), 3)}  # fmt: skip
FILLERS = {"landmark", "landmarks", "lm", "pose", "point", "keypoint", "kp", "joint", "body", "mediapipe", "mp",
           "image", "norm", "normalized", "coord"}  # fmt: skip
ROLES: Mapping[str, tuple[str, ...]] = {
    "frame": ("frame", "frameid", "framenumber", "frameno", "framenum", "frameindex", "frameidx", "framecount"),
    "milliseconds": ("timestampms", "timems", "ms", "milliseconds"),
    "time": ("timestamp", "time", "t", "seconds", "sec", "timesec", "times", "timestamps"),
    "person": ("person", "personid", "personindex", "poseid", "poseindex", "trackid", "bodyid"),
    "landmark": ("landmark", "landmarkid", "landmarkindex", "landmarkidx", "landmarkname", "joint", "jointname",
                 "jointid", "keypoint", "keypointid", "keypointname", "point", "bodypart", "name", "index", "id"),
    "type": ("type",), "fps": ("fps", "framerate"),
    "width": ("width", "imagewidth"), "height": ("height", "imageheight"),
}  # fmt: skip
"""What else a column can be, by its name without breaks."""

Place = tuple[bool, int]
"""Whether it is in space, and which coordinate."""


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Attributes
    ----------
    wide : mapping of (in space, coordinate, landmark) to int
        In tables of one row a person and frame.
    long : mapping of (in space, coordinate) to int
        In tables of one row a landmark.
    roles : mapping of str to int
        `frame`, `landmark` and whatever else of `ROLES` there is.
    """

    wide: Mapping[tuple[bool, int, int], int] = field(default_factory=dict)
    long: Mapping[Place, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_long(self) -> bool:
        return not self.wide and "landmark" in self.roles and {0, 1} <= {coordinate for _, coordinate in self.long}

    def places(self) -> list[Place]:
        """The spaces and coordinates that are given."""
        return sorted({(in_space, coordinate) for in_space, coordinate, _ in self.wide} or self.long)


@functools.cache
def _numbers() -> dict[str, int]:
    """The body's landmarks by their names without breaks; the mouth's either way round."""
    found = {joint.replace("_", ""): i for i, joint in enumerate(load_layout("mediapipe33").joints)}
    return found | {f"{side}mouth": found[f"mouth{side}"] for side in ("left", "right")}


def words_of(name: str) -> list[str]:
    """
    >>> words_of("LEFT_EYE_INNER.x"), words_of("leftHipX"), words_of("x12")
    (['left', 'eye', 'inner', 'x'], ['left', 'hip', 'x'], ['x', '12'])
    """
    return re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:200]).lower())


def landmark_of(words: Sequence[str]) -> int | None:
    """The number of a landmark by its number or name; None where it is none of the body's.

    >>> landmark_of(["landmark", "12"]), landmark_of(["pose", "left", "eye", "inner"]), landmark_of(["face", "7"])
    (12, 1, None)
    """
    rest = [word for word in words if word not in FILLERS]
    if len(rest) == 1 and rest[0].isdigit() and len(rest[0]) < 4:
        return int(rest[0])
    return _numbers().get("".join(rest))


def columns_of(names: Sequence[str], *, whole: bool = True) -> Columns:
    """The meaning of a table's header, or of the beginning of one.

    Raises
    ------
    ValueError
        Two columns of one coordinate of one landmark, or a number of landmarks that no table of bodies has.
    """
    wide: dict[tuple[bool, int, int], int] = {}
    long: dict[Place, int] = {}
    roles: dict[str, int] = {}
    numbered = False
    for column, name in enumerate(names):
        words = words_of(name)
        role = next((role for role, known in ROLES.items() if "".join(words) in known), None)
        if role is not None:
            roles.setdefault(role, column)
            continue
        at = next((i for i in (len(words) - 1, 0) if words and words[i] in COORDINATES), None)
        if at is None:
            continue
        coordinate, rest = COORDINATES[words[at]], [w for i, w in enumerate(words) if i != at]
        place = "world" in rest, coordinate
        rest = [word for word in rest if word not in ("world", *FILLERS)]
        if not rest:
            long.setdefault(place, column)
        elif (landmark := landmark_of(rest)) is not None:
            numbered |= rest[0].isdigit()
            if (*place, landmark) in wide and coordinate < 3:
                raise ValueError(f"two columns {name!r}")
            wide.setdefault((*place, landmark), column)
    return Columns(_of_the_body(wide, numbered) if whole else wide, long, roles)


def without_header(cells: int) -> Columns:
    """The meaning of rows of numbers alone: landmark after landmark, perhaps behind a frame's number.

    Raises
    ------
    ValueError
        No such number of cells.
    """
    for lead in (0, 1):
        each, rest = divmod(cells - lead, POINTS)
        if not rest and 2 <= each <= 5:
            wide = {(False, c, i): lead + i * each + c for i in range(POINTS) for c in range(min(each, 4))}
            return Columns(wide, {}, {"frame": 0} if lead else {})
    raise ValueError(f"{cells} numbers a row")


def _of_the_body(wide: dict[tuple[bool, int, int], int], numbered: bool) -> dict[tuple[bool, int, int], int]:
    """Columns of the body's 33 landmarks, counted from 0."""
    if not wide:
        return wide
    for in_space in {place[0] for place in wide}:
        for coordinate in (0, 1):
            found = {i for space, c, i in wide if (space, c) == (in_space, coordinate)}
            if numbered and (len(found) not in (POINTS, WITH_FACE) or max(found) - min(found) != len(found) - 1):
                raise ValueError(f"{len(found)} landmarks a person, not {POINTS}")
            if not numbered and not found.issuperset(NEEDED):
                raise ValueError("shoulders or hips have no columns")
    first = min(i for _, _, i in wide) if numbered else 0
    return {(s, c, i - first): column for (s, c, i), column in wide.items() if i - first < POINTS}
