from __future__ import annotations

import numpy as np
import pytest

from examples import table, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, from_bytes


def recording(first: np.ndarray, second: np.ndarray | None = None) -> bytes:
    other = np.zeros_like(first) if second is None else second
    return table(np.stack([first, other], axis=1).reshape(len(first), -1), lead=" ")


def read(data: bytes, labels: bytes | None = None, name: str = "skeleton/0002-M.txt") -> list[Clip | Skipped]:
    label = None if labels is None else from_bytes("label/0002-M.txt", labels)
    return list(READERS["pku-mmd"].clips(from_bytes(name, data, label)))


def clips(items: list[Clip | Skipped]) -> list[Clip]:
    return [item for item in items if isinstance(item, Clip)]


def test_without_labels_one_untrimmed_clip() -> None:
    values = walk(30, 25).round(6)
    (clip,) = clips(read(recording(values)))
    np.testing.assert_array_equal(clip.positions, values.astype(np.float32)[None])
    assert (clip.origin.name, clip.origin.code, clip.origin.camera, clip.fps) == ("0002-M", "", 2, 30.0)


def test_cut_by_labels() -> None:
    values = walk(30, 25).round(6)
    found = clips(read(recording(values), b"12,3,10,2\r\n51, 10, 32, 1\r\n\r\n"))
    assert [(c.origin.code, c.origin.start_frame, c.frames) for c in found] == [("12", 3, 7), ("51", 10, 20)]
    np.testing.assert_array_equal(found[0].positions[0], values[3:10].astype(np.float32))
    assert len({clip.origin.name for clip in found}) == 2


def test_the_second_body_is_there_only_where_it_was_seen() -> None:
    second = walk(30, 25, seed=1).round(6)
    second[:15] = 0
    found = clips(read(recording(walk(30, 25), second), b"1,0,15,1\n2,10,20,1\n3,15,30,1\n"))
    assert [clip.persons for clip in found] == [1, 2, 2]
    np.testing.assert_array_equal(np.isnan(found[1].positions[1]).all(axis=(1, 2)), [True] * 5 + [False] * 5)


@pytest.mark.parametrize(("name", "camera"), [("0002-L", 1), ("A01N02-M", 2), ("0364-R", 3), ("0364", -1)])
def test_camera_from_the_name(name: str, camera: int) -> None:
    (clip,) = clips(read(recording(walk(3, 25)), name=f"{name}.txt"))
    assert clip.origin.camera == camera


def test_labels_that_do_not_fit_are_skipped_and_the_others_kept() -> None:
    items = read(recording(walk(30, 25)), b"1,0,10,1\n2,40,50,1\n3,20,20,1\n4,25,35,1\n")
    assert [clip.origin.code for clip in clips(items)] == ["1", "4"]
    skipped = [item for item in items if isinstance(item, Skipped)]
    assert [item.name for item in skipped] == ["0002-M_00040_00050_02", "0002-M_00020_00020_03"]
    assert all("does not fit its recording" in item.reason for item in skipped)


def test_a_label_where_nobody_is_seen_is_skipped() -> None:
    values = walk(30, 25)
    values[:10] = 0
    (skipped, clip) = read(recording(values), b"1,0,10,1\n2,10,20,1\n")
    assert isinstance(skipped, Skipped)
    assert "no joint was ever seen" in skipped.reason
    assert isinstance(clip, Clip)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"bow,1,2,1\n", "label cannot be read.*line 1.*'bow,1,2,1'"),
        (b"1,2\n", "label cannot be read"),
        (b"1,0,5,1\n1,-3,5,1\n", "label cannot be read.*line 2"),
        (b"1,0,99999999999999999999,1\n", "label cannot be read"),
        (b"1,0,5,1\n" * 1001, "too many.*1001"),
        (b"\n\n", "no label"),
        (b"", "empty"),
    ],
)
def test_broken_labels(labels: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}") as caught:
        read(recording(walk(30, 25)), labels)
    assert "label/0002-M.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (recording(walk(5, 25))[:-40], "wrong number of numbers.*line 5.*expected: 150"),
        (table(np.ones((5, 75))), "wrong number of numbers.*line 1.*got: 75"),
        (recording(np.full((5, 25, 3), np.inf)), "infinite or absurd"),
        (recording(np.zeros((5, 25, 3))), "no joint was ever seen"),
        (recording(walk(5, 25)).replace(b".", b"-", 1), "not a number"),
    ],
)
def test_broken_recordings(data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(data)
