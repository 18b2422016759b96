"""MediaPipe Pose landmarks in tables (CSV), as people write them: one row a frame, or one row a landmark.

Wide rows hold all landmarks of a person (`x0,y0,z0,v0,...`, counted from 0 or 1; `nose_x,nose_y,...`; or no header and
66, 99, 132 or 165 numbers, perhaps behind a frame's number). Long rows hold one (`frame,landmark,x,y,z,visibility`, the
landmark by number or name). Separated by comma, semicolon or tab; further columns are left alone (`landmark_columns`).
A column for the frame, the time or the person is used where there is one; rows without a frame are frames in their
order. Empty cells and `nan` are missing; nothing but these, or nothing but zeros, is nobody. Columns named `world` are
in space; others as in JSON (`mediapipe`): in space where the hips are the origin, else shares of the picture, or pixels
where they are large.
"""

from __future__ import annotations

import csv
import functools
import io
import itertools
import math
from array import array
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float32, Int

from skelzero.clips import Clip, Origin
from skelzero.errors import UserError
from skelzero.readers.base import LIKELY, NO, SURE, Reader, Source, register, to_float32
from skelzero.readers.detections import frame_places
from skelzero.readers.landmark_columns import POINTS, Columns, columns_of, landmark_of, without_header, words_of
from skelzero.readers.mediapipe import HIPS, Recorded, is_in_space, rate_of, size_of, to_clip

SEPARATORS = ",;\t"
MISSING = {"", "nan", "none", "null", "na", "n/a", "-"}
PIXELS = 10.0
"""Shares of a picture are never as large."""
FEWEST = 8
"""Landmarks a person in the mean of a long table."""
SLOW = 5.0
"""Seconds from frame to frame from which times are in thousandths."""
FORM = "a header such as x0,y0,z0,v0,... or nose_x,nose_y,... or frame,landmark,x,y,z,visibility"


@register
class LandmarkTableReader(Reader):
    name: ClassVar[str] = "mediapipe-csv"
    title: ClassVar[str] = "MediaPipe Pose landmarks in tables, a row a frame or a landmark (.csv)"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")
    limit: ClassVar[int] = 64 << 20

    def sniff(self, head: bytes, name: str) -> float:
        line, end, _ = head.decode("utf-8-sig", errors="ignore").partition("\n")
        try:
            cells = next(csv.reader([line], delimiter=_separator(line)), [])
            columns = _columns(cells) if end else columns_of(cells[:-1], whole=False)
        except (ValueError, csv.Error):
            return NO
        told = columns.is_long and {"frame", "time", "milliseconds"} & set(columns.roles)
        return SURE if columns.wide and not _is_numbers(cells) else LIKELY if columns.wide or told else NO

    def clips(self, source: Source) -> Iterator[Clip]:
        table = _Table(source)
        try:
            recorded = table.long() if table.columns.is_long else table.wide()
        except (ValueError, csv.Error) as error:
            raise UserError("not a readable table of landmarks", where=table.where, got=str(error)[:200],
                            expected=FORM) from error  # fmt: skip
        yield to_clip(recorded, Origin(name=source.stem, file=source.name), source.where)


class _Table:
    """A table on its way to bodies: one array a person and frame, and who and when that is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.where = source.where
        data = source.read(LandmarkTableReader.limit)
        try:
            text = data.decode("utf-8-sig")
            first = text.partition("\n")[0]
            self.separator = _separator(first)
            self.rows = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator)
            self.names = next(self.rows, [])
            self.columns = _columns(self.names)
        except (ValueError, csv.Error) as error:
            raise UserError("not a readable table of landmarks", where=self.where, got=str(error)[:200],
                            expected=FORM) from error  # fmt: skip
        if not self.columns.wide and not self.columns.is_long:
            raise UserError("no columns of landmarks", where=self.where, got=", ".join(self.names)[:120],
                            expected=FORM)  # fmt: skip
        self.about: dict[str, float] | None = None

    def wide(self) -> Recorded:
        places = self.columns.places()
        cells = {(k, i): self.columns.wide[key] for k, place in enumerate(places) for i in range(POINTS)
                 if (key := (*place, i)) in self.columns.wide}  # fmt: skip
        numbers, frames, people, times = array("d"), list[str](), list[str](), array("d")
        for row in self._lines():
            numbers.extend(self._numbers([row[column] for column in cells.values()]))
            frames.append(self._cell(row, "frame"))
            people.append(self._cell(row, "person"))
            times.append(self._time(row))
        bodies = np.full((len(frames), len(places), POINTS), np.nan)
        place, landmark = np.array(list(cells)).T
        bodies[:, place, landmark] = np.array(numbers).reshape(len(frames), len(cells))
        return self._recorded(bodies, frames, people, np.array(times))

    def long(self) -> Recorded:
        roles = self.columns.roles
        if not {"frame", "time", "milliseconds"} & set(roles):
            raise ValueError("no column says which frame a row is of")
        cells = [self.columns.long[place] for place in self.columns.places()]
        owners: dict[tuple[str, str], int] = {}
        number = functools.cache(lambda cell: landmark_of(words_of(cell)))
        numbers, rows, landmarks, times = array("d"), array("q"), array("q"), array("d")
        for row in self._lines():
            if self._cell(row, "type").strip().lower() not in ("", "pose"):
                continue
            landmark = number(row[roles["landmark"]])
            if landmark is None or landmark > POINTS:
                raise ValueError(f"no landmark of the body: {row[roles['landmark']][:80]!r}")
            time = self._time(row)
            when = self._cell(row, "frame") if "frame" in roles else f"at {time}"
            owner = owners.setdefault((when, self._cell(row, "person")), len(owners))
            if owner == len(times):
                times.append(time)
            rows.append(owner)
            landmarks.append(landmark)
            numbers.extend(self._numbers([row[column] for column in cells]))
        if len(owners) * FEWEST > len(rows):
            raise ValueError(f"{len(rows)} landmarks of {len(owners)} people, {POINTS} each expected")
        return self._recorded(self._gathered(numbers, rows, landmarks, len(owners)), [when for when, _ in owners],
                              [person for _, person in owners], np.array(times))  # fmt: skip

    def _gathered(
        self, numbers: array[float], rows: array[int], landmarks: array[int], count: int
    ) -> Float[np.ndarray, "D S 33"]:
        """Landmarks put together, NaN where one is not given."""
        row, landmark = np.array(rows), np.array(landmarks)
        if len(landmark) and landmark.max() == POINTS:
            landmark = landmark - 1  # counted from 1
        if len(landmark) and landmark.min() < 0:
            raise ValueError("landmarks are counted from 0 and up to 33")
        if len(np.unique(row * POINTS + landmark)) < len(row):
            raise ValueError("a landmark twice in one frame: of several people? Name them in a column `person`")
        bodies = np.full((count, len(self.columns.long), POINTS), np.nan)
        bodies[row, :, landmark] = np.array(numbers).reshape(len(row), -1)
        return bodies

    def _recorded(
        self, bodies: Float[np.ndarray, "D S 33"], frames: list[str], people: list[str], times: Float[np.ndarray, " D"]
    ) -> Recorded:
        filled = np.flatnonzero(np.isfinite(bodies).any(axis=(0, 2)))  # columns may be there and empty
        bodies, places = bodies[:, filled], [self.columns.places()[i] for i in filled]
        located = bodies[:, [coordinate < 3 for _, coordinate in places]]
        seen = np.nan_to_num(located).any(axis=(1, 2))
        if not seen.any():
            raise UserError("nobody in any row", where=self.source.where, expected=FORM,
                            next_step="leave this recording out")  # fmt: skip
        if "frame" not in self.columns.roles and not self.columns.is_long:
            frames = [str(i) for i in range(len(frames))]
        when = _frames(frames)
        about = self.about or {}
        fps = about.get("fps") or _rate(times, when)
        order = np.flatnonzero(seen)[np.argsort(when[seen], kind="stable")]
        world, image = (_points(bodies[order], places, in_space) for in_space in (True, False))
        if image is not None and world is None and (False, 2) in places and is_in_space(image):
            world, image = image, None
        if image is None and world is None:
            raise ValueError("x and y are needed in an image, x, y and z in space")
        size = size_of(about)
        if image is not None and size is None and np.nanmax(np.abs(image[..., :2])) > PIXELS:
            size = 1.0, 1.0
        who = _in_order(people)[order] if len(set(people)) > 1 else None
        if who is not None and len(np.unique(np.stack([when[order], who]), axis=1).T) < len(who):
            raise ValueError("a person twice in one frame")
        return Recorded(world, image, when[order], int(when.max()) + 1, fps, size, who)

    def _lines(self) -> Iterator[list[str]]:
        """The rows of numbers, of which the first can be where a header would be."""
        first = [self.names] if _is_numbers(self.names) else []
        for row in itertools.chain(first, self.rows):
            if not row:
                continue
            self.where = f"{self.source.where}, line {max(self.rows.line_num, 1)}"
            if len(row) < len(self.names) or any(row[len(self.names) :]):
                raise ValueError(f"{len(row)} cells in a row, {len(self.names)} in the first")
            if self.about is None:
                given = {name: self._number(self._cell(row, name)) for name in ("fps", "width", "height")}
                self.about = {name: value for name, value in given.items() if not math.isnan(value)}
            yield row
        self.where = self.source.where

    def _cell(self, row: list[str], role: str) -> str:
        return row[self.columns.roles[role]] if role in self.columns.roles else ""

    def _time(self, row: list[str]) -> float:
        """Seconds, as far as the column says; NaN where there is none or it holds no number."""
        given = self._cell(row, "milliseconds") or self._cell(row, "time")
        if not given:
            return math.nan
        try:
            return self._number(given) * (1e-3 if "milliseconds" in self.columns.roles else 1.0)
        except ValueError:
            return math.nan

    def _numbers(self, cells: list[str]) -> list[float]:
        try:
            return list(map(float, cells))
        except ValueError:
            return [self._number(cell) for cell in cells]

    def _number(self, cell: str) -> float:
        cell = cell.strip()
        if cell.lower() in MISSING:
            return math.nan
        return float(cell if self.separator == "," else cell.replace(",", "."))


def _columns(names: list[str]) -> Columns:
    return without_header(len(names)) if _is_numbers(names) else columns_of(names)


def _is_numbers(cells: list[str]) -> bool:
    """Whether a row can be no header."""
    try:
        return bool(cells) and all(math.isfinite(float(c.replace(",", "."))) for c in cells if c.lower() not in MISSING)
    except ValueError:
        return False


def _separator(line: str) -> str:
    return max(SEPARATORS, key=line.count)


def _frames(names: list[str]) -> Int[np.ndarray, " D"]:
    """Places in time, by number where all have one, else in the order in which they come."""
    try:
        numbers = [float(name) for name in names]
        if all(math.isfinite(n) and n == int(n) and abs(n) < 2**53 for n in numbers):
            return frame_places([int(n) for n in numbers])
    except ValueError:
        pass
    return _in_order(names)


def _in_order(names: list[str]) -> Int[np.ndarray, " D"]:
    """Numbers of names, in the order in which they come."""
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.int64)


def _rate(times: Float[np.ndarray, " D"], frames: Int[np.ndarray, " D"]) -> float:
    """Frames a second by the times of frames; NaN where they are not known."""
    _, first = np.unique(frames, return_index=True)
    if len(first) < 2 or not np.isfinite(times[first]).all():
        return math.nan
    steps = np.diff(times[first]) / np.diff(frames[first])
    while np.median(steps) > SLOW:
        steps = steps / 1000
    return rate_of(steps)


def _points(
    bodies: Float[np.ndarray, "D S 33"], places: list[tuple[bool, int]], in_space: bool
) -> Float32[np.ndarray, "D 33 4"] | None:
    """x, y, z and visibility; None where there are not all columns that are needed."""
    if not {(in_space, coordinate) for coordinate in range(2 + in_space)} <= set(places):
        return None
    points = np.zeros((len(bodies), POINTS, 4))
    points[..., 3] = 1.0
    for i, (space, coordinate) in enumerate(places):
        if space == in_space:
            points[..., coordinate] = bodies[:, i]
    points[~np.isfinite(points[..., :3]).all(axis=-1)] = np.nan
    if not np.isfinite(points[:, HIPS, 0]).any():
        raise ValueError("the hips are never seen")
    return to_float32(points)
