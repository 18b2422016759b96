"""Tables of landmarks in the many forms in which people write them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from examples import walk
from skelzero.clips import Clip, load_layout
from skelzero.errors import UserError
from skelzero.readers import READERS, detect, from_bytes

NAMES = load_layout("mediapipe33").joints
BODY = walk(5, 33)
WORLD = (BODY - BODY[:, 23:25].mean(axis=1, keepdims=True)).round(6)
IMAGE = (0.5 + 0.1 * WORLD).round(6)
AS_16_9 = np.array([16 / 9, 1])

Row = Sequence[object]


def table(rows: Sequence[Row], separator: str = ",") -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def read(data: bytes | Sequence[Row]) -> Clip:
    source = from_bytes("wave.csv", data if isinstance(data, bytes) else table(data))
    (clip,) = READERS["mediapipe-csv"].clips(source)
    assert isinstance(clip, Clip)
    return clip


def wide(names: Callable[[str, int], str], first: int = 0, body: np.ndarray = IMAGE) -> list[list[object]]:
    """A row a frame; `names` makes a column's name from coordinate and landmark number."""
    header: list[object] = [names(c, i + first) for i in range(33) for c in "xyzv"]
    return [header, *(np.insert(x, 3, 0.9, axis=1).ravel().tolist() for x in body)]


def long(name: Callable[[int], object] = int, body: np.ndarray = IMAGE) -> list[list[object]]:
    rows = [[t, name(i), *point, 0.9] for t, x in enumerate(body.tolist()) for i, point in enumerate(x)]
    return [["frame", "landmark", "x", "y", "z", "visibility"], *rows]


def with_column(rows: list[list[object]], name: str, values: Sequence[object]) -> list[list[object]]:
    return [[head, *row] for head, row in zip([name, *values], rows, strict=True)]


CALLED = {
    "x0": lambda c, i: f"{c}{i}", "0_x": lambda c, i: f"{i}_{c}", "landmark_00_x": lambda c, i: f"landmark_{i:02d}_{c}",
    "pose_0_x": lambda c, i: f"pose_{i}_{c}", "nose_x": lambda c, i: f"{NAMES[i]}_{c}",
    "NOSE.x": lambda c, i: f"{NAMES[i].upper()}.{c}", "x_nose": lambda c, i: f"{c}_{NAMES[i]}",
    "nose visibility": lambda c, i: f"{NAMES[i]} {'visibility' if c == 'v' else c}",
    "leftEyeInnerX": lambda c, i: "".join(w.title() for w in NAMES[i].split("_")) + c.upper(),
}  # fmt: skip
FORMS = {
    **{form: wide(names) for form, names in CALLED.items()},
    "x1": wide(CALLED["x0"], 1),
    "no header": wide(CALLED["x0"])[1:],
    "no header, frames": [[3 * i, *row] for i, row in enumerate(wide(CALLED["x0"])[1:])],
    "class in front": with_column(wide(CALLED["x0"], 1), "class", ["Happy"] * 5),
    "with the face": [[*row, *([f"{c}{i}" for i in range(33, 501) for c in "xyzv"] if not n else [0.3] * 1872)]
                      for n, row in enumerate(wide(CALLED["x0"]))],
    "long": long(), "long from 1": long(lambda i: i + 1), "long by name": long(lambda i: NAMES[i]),
    "long by enum": long(lambda i: f"PoseLandmark.{NAMES[i].upper()}"),
    "long of kinds": [*with_column(long(), "type", ["pose"] * 165), ["face", 0, 7, 0.1, 0.1, 0.1, 1]],
    "long by time": [["timestamp", *row[1:]] if not n else [33.3 * row[0], *row[1:]] for n, row in enumerate(long())],
    "long in any order": [long()[0], *reversed(long()[1:])],
}  # fmt: skip


@pytest.mark.parametrize("rows", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_form_gives_the_same_clip(rows: list[list[object]], separator: str) -> None:
    data = b"\xef\xbb\xbf" + table(rows, separator)
    source = from_bytes("wave.csv", data)
    assert detect(source).name == "mediapipe-csv"
    clip = read(data)
    assert (clip.layout.name, clip.unit, clip.history) == ("mediapipe33-image", "relative", ("image-taken-as-16:9",))
    np.testing.assert_allclose(clip.positions[0], IMAGE[..., :2] * AS_16_9, atol=1e-6)
    assert clip.confidence is not None and np.allclose(clip.confidence, 0.9)


@pytest.mark.parametrize("rows", [
    wide(CALLED["x0"], body=WORLD), long(body=WORLD), wide(lambda c, i: f"world_{NAMES[i]}_{c}", body=WORLD),
    wide(lambda c, i: f"{NAMES[i]}_world_{c}", body=WORLD + 0.3),
    [["frame", "landmark", "world_x", "world_y", "world_z", "visibility"], *long(body=WORLD)[1:]],
])  # fmt: skip
def test_landmarks_in_space(rows: list[list[object]]) -> None:
    clip = read(rows)
    assert (clip.layout.name, clip.unit) == ("mediapipe33", "m")
    x = WORLD * [1, -1, -1]
    x[..., 1] -= x[..., 1].min(axis=1, keepdims=True)
    offset = clip.positions[0, 0, 0] - x[0, 0]
    np.testing.assert_allclose(clip.positions[0], x + offset, atol=1e-5)
    assert offset[1] == pytest.approx(0, abs=1e-5)


def test_both_spaces_are_read_and_space_is_preferred() -> None:
    both = [a + b for a, b in zip(wide(CALLED["nose_x"]), wide(lambda c, i: f"world_{NAMES[i]}_{c}", body=WORLD),
                                  strict=True)]  # fmt: skip
    np.testing.assert_array_equal(read(both).positions, read(wide(CALLED["x0"], body=WORLD)).positions)


def test_pixels_sizes_and_plain_coordinates() -> None:
    pixels = read(wide(CALLED["x0"], body=IMAGE * [640, 480, 640]))
    assert (pixels.unit, pixels.history) == ("px", ())
    np.testing.assert_allclose(pixels.positions[0], IMAGE[..., :2] * [640, 480], rtol=1e-5)
    told = read(with_column(with_column(wide(CALLED["x0"]), "width", [640] * 5), "image_height", [480] * 5))
    np.testing.assert_allclose(told.positions, pixels.positions, rtol=1e-5)
    plane = [[name for name in wide(CALLED["x0"])[0] if str(name)[0] in "xy"],
             *(x[:, :2].ravel().tolist() for x in IMAGE)]  # fmt: skip
    clip = read(plane)
    np.testing.assert_allclose(clip.positions[0], IMAGE[..., :2] * AS_16_9, atol=1e-6)
    assert clip.confidence is not None and (clip.confidence == 1).all()


def test_empty_columns_and_one_score_for_all_do_not_matter() -> None:
    rows = [
        ["" if n and c % 4 == 2 else cell for c, cell in enumerate(row)] for n, row in enumerate(wide(CALLED["x0"]))
    ]
    clip = read(with_column(rows, "score", [0.1] * 5))
    np.testing.assert_allclose(clip.positions[0], IMAGE[..., :2] * AS_16_9, atol=1e-6)
    assert clip.confidence is not None and np.allclose(clip.confidence, 0.9)


def test_decimal_commas_behind_semicolons() -> None:
    data = table(wide(CALLED["x0"]), ";").replace(b".", b",")
    np.testing.assert_allclose(read(data).positions[0], IMAGE[..., :2] * AS_16_9, atol=1e-6)


@pytest.mark.parametrize(("column", "values", "fps"), [
    ("timestamp_ms", [40 * i for i in range(5)], 25), ("time", [0.02 * i for i in range(5)], 50),
    ("timestamp", [40 * i for i in range(5)], 25), ("timestamp", [40_000 * i for i in range(5)], 25),
    ("fps", [30] * 5, 30), ("time", ["00:01"] * 5, math.nan), ("time", [7] * 5, math.nan), ("note", [1] * 5, math.nan),
])  # fmt: skip
def test_frame_rate(column: str, values: list[object], fps: float) -> None:
    assert read(with_column(wide(CALLED["x0"]), column, values)).fps == pytest.approx(fps, nan_ok=True)


def test_frames_without_anybody_and_missing_landmarks() -> None:
    rows = wide(CALLED["x0"])
    rows[2] = ["", "", "", 0.7] * 33
    rows[3] = [0.0, 0.0, 0.0, 0.7] * 33
    rows[4][:4] = ["nan", "nan", "", 0.1]
    clip = read(rows)
    assert np.isfinite(clip.positions[0, :, 5, 0]).tolist() == [True, False, False, True, True]
    assert np.isnan(clip.positions[0, 3, 0]).all() and np.isfinite(clip.positions[0, 3, 1:]).all()
    assert clip.confidence is not None and clip.confidence[0, 3, 0] == 0
    space = wide(CALLED["x0"], body=WORLD)
    space[4][:4] = [""] * 4
    assert np.nanmin(read(space).positions[0, ..., 1], axis=1).tolist() == [0] * 5


def test_separators_at_the_ends_of_lines_do_not_matter() -> None:
    rows = wide(CALLED["x0"])
    ended = table([rows[0], *([*row, "", ""] for row in rows[1:])])
    np.testing.assert_array_equal(read(ended).positions, read(rows).positions)


def test_frame_numbers_leave_holes_and_names_do_not() -> None:
    holes = read(with_column(wide(CALLED["x0"]), "frame", [10, 12, 14, 18, 20]))
    assert np.isfinite(holes.positions[0, :, 0, 0]).tolist() == [True, True, True, False, True, True]
    assert read(with_column(wide(CALLED["x0"]), "frame", list("edcba"))).frames == 5


def test_people_are_told_apart_by_column_or_place() -> None:
    two = long()[1:] + long(body=IMAGE + np.array([0.5, 0, 0]))[1:]
    who = ["anna"] * 165 + ["ben"] * 165
    told = read(with_column([long()[0], *two], "person", who))
    rows = wide(CALLED["x0"])[1:] + wide(CALLED["x0"], body=IMAGE + np.array([3, 0, 0]))[1:]
    linked = read(with_column([wide(CALLED["x0"])[0], *rows], "frame", [*range(5), *range(5)]))
    assert told.positions.shape == linked.positions.shape == (2, 5, 33, 2)
    np.testing.assert_allclose(told.positions[1] - told.positions[0], np.tile([0.5 * 16 / 9, 0], (5, 33, 1)), atol=1e-5)


def test_a_subset_by_name_is_enough_when_it_has_shoulders_and_hips() -> None:
    kept = [i for i, name in enumerate(NAMES) if "eye" not in name and "mouth" not in name]
    rows = [[f"{NAMES[i]}_{c}" for i in kept for c in "xyz"], *(x[kept].ravel().tolist() for x in IMAGE)]
    clip = read(rows)
    assert np.flatnonzero(np.isfinite(clip.positions[0, 0, :, 0])).tolist() == kept


@pytest.mark.parametrize(("rows", "message"), [
    ([["a", "b"], [1, 2]], "no columns of landmarks"),
    ([wide(CALLED["x0"])[0]], "nobody in any row"),
    ([wide(CALLED["x0"])[0], [0] * 132], "nobody in any row"),
    ([[f"{c}{i}" for i in range(20) for c in "xyz"], [1] * 60], "20 landmarks a person, not 33"),
    ([[f"{c}{i}" for i in range(0, 66, 2) for c in "xyz"], [1] * 99], "33 landmarks a person, not 33"),
    ([["nose_x", "nose_y"], [1, 2]], "shoulders or hips"),
    ([[*wide(CALLED["x0"])[0], "x0"], [1] * 133], "two columns"),
    ([[0.5] * 98], "98 numbers a row"),
    ([*wide(CALLED["x0"]), [1] * 131], r"131 cells in a row.*132|line 7.*131 cells"),
    ([*wide(CALLED["x0"])[:3], ["high"] * 132, *wide(CALLED["x0"])[3:]], "line 4.*high"),
    ([[*row, "more"] if n == 2 else row for n, row in enumerate(wide(CALLED["x0"]))], "line 3.*133 cells"),
    ([row[1:] for row in long()], "which frame"),
    ([["frame", "landmark", "world_x", "world_y"], *(row[:4] for row in long()[1:])], "x, y and z in space"),
    ([row[:2] for row in long()], "no columns of landmarks"),
    ([*long(), long()[5]], "twice in one frame"),
    ([*long(), [7, "tail", 0, 0, 0, 1]], "tail"),
    ([*long(), [7, 44, 0, 0, 0, 1]], "44"),
    ([long()[0], *([i, 0, 0.1, 0.1, 0.1, 1] for i in range(50))], "50 landmarks of 50 people"),
    (with_column(with_column(wide(CALLED["x0"]), "frame", [1] * 5), "person", [1, 1, 1, 1, 2]), "a person twice"),
    (with_column(with_column(wide(CALLED["x0"]), "width", [-3] * 5), "height", [4] * 5), "a picture of"),
    (wide(CALLED["x0"], body=IMAGE * 1e9), "infinite or absurd"),
    (b"\xff\xfe\x00", "not a readable table"),
    (b"x0,y0\n\"" + b"1" * 200_000, "not a readable table|no columns"),
])  # fmt: skip
def test_broken_tables(rows: bytes | Sequence[Row], message: str) -> None:
    with pytest.raises(UserError, match=rf"(?s){message}") as caught:
        read(rows)
    assert "wave.csv" in str(caught.value)


@pytest.mark.parametrize("data", [
    b"12,0,4,2\n51,5,9,1\n", b"name,reason\na.txt,no reader\n", b"x,y\n1,2\n", b"frame,id,score\n1,2,3\n",
    b"time,value\n0.1,3\n", b"1 2 3\n" * 20,
])  # fmt: skip
def test_other_tables_are_left_alone(data: bytes) -> None:
    assert READERS["mediapipe-csv"].sniff(data, "other.csv") == 0
