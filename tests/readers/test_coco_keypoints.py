from __future__ import annotations

import json
import math

import numpy as np
import pytest

from examples import in_image
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, from_bytes

A, B = in_image(6, 17), in_image(6, 17, 1) + np.tile([1500, 0, 0], 17)
X = A.reshape(6, 17, 3)[..., :2].astype(np.float32)


def items(value: object) -> list[Clip | Skipped]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(READERS["coco"].clips(from_bytes("results.json", data)))


def read(value: object) -> Clip:
    (clip,) = items(value)
    assert isinstance(clip, Clip)
    return clip


def seen(image: object, row: np.ndarray, **further: object) -> dict[str, object]:
    return {"image_id": image, "category_id": 1, "keypoints": row.tolist(), "score": 1.5, **further}


@pytest.mark.parametrize("name", ["{}", "{}.jpg", "{:06d}.png", "video/img_{:05d}.jpg"])
def test_numbers_and_facts_in_the_order_of_the_images(name: str) -> None:
    images = [int(name.format(i)) if name == "{}" else name.format(i) for i in (9, 10, 11, 12, 13, 14)]
    clip = read([seen(images[i], A[i]) for i in (3, 1, 0, 5, 4, 2)])
    np.testing.assert_array_equal(clip.positions[0], X)
    assert clip.confidence is not None and np.allclose(clip.confidence, 0.75)
    assert (clip.unit, clip.layout.name, clip.origin.name) == ("px", "coco17", "results") and math.isnan(clip.fps)


def test_frames_left_out_are_frames_without_anybody() -> None:
    clip = read([seen(i, A[i]) for i in (0, 1, 4)])
    assert np.isfinite(clip.positions[0, :, 0, 0]).tolist() == [True, True, False, False, True]


@pytest.mark.parametrize("key", ["idx", "track_id", "person_id"])
def test_people_are_told_apart_by_the_file(key: str) -> None:
    swapped = [(A, B)[i % 2][i] for i in range(6)]  # by place it would be two people
    assert read([seen(i, row, **{key: 4}) for i, row in enumerate(swapped)]).persons == 1
    assert read([seen(i, row) for i, row in enumerate(swapped)]).persons == 2
    assert read([seen(i, row, **{key: [4.0]}) for i, row in enumerate(swapped)]).persons == 1


def test_numbers_that_do_not_tell_people_apart_are_not_believed() -> None:
    clip = read([seen(i, row, track_id=-1) for i in range(6) for row in (A[i], B[i])])
    np.testing.assert_array_equal(clip.positions[0], X)
    assert clip.persons == 2


def test_annotations() -> None:
    row = A[0].copy()
    row[2::3] = [0, 1, *[2] * 15]
    images = [{"id": 70 + i, "file_name": f"v/{i:06d}.jpg"} for i in range(3)]
    annotations = [
        {"id": i, "image_id": 72 - i, "keypoints": (row + i * (np.arange(51) % 3 == 0)).tolist()} for i in range(3)
    ]
    empty = {"id": 9, "image_id": 70, "keypoints": []}
    clip = read({"info": {}, "images": images, "annotations": [*annotations, empty], "categories": []})
    assert np.isnan(clip.positions[0, :, 0]).all() and np.isfinite(clip.positions[0, :, 1:]).all()
    assert np.diff(clip.positions[0, :, 5, 0]) == pytest.approx([-1, -1])
    assert clip.confidence is not None and clip.confidence[0, 0].tolist() == [0, 0.5, *[1] * 15]


def test_images_of_several_videos_are_several_clips() -> None:
    value = [seen(f"{video}/{i:04d}.jpg", A[i]) for i in range(3) for video in ("a", "b")]
    clips = items(value)
    assert [clip.origin.name for clip in clips if isinstance(clip, Clip)] == ["results-a", "results-b"]
    value += [seen(f"c/{i:04d}.jpg", np.zeros(51)) for i in range(3)]
    assert [item.name for item in items(value) if isinstance(item, Skipped)] == ["results-c"]
    images = [{"id": i, "file_name": "x.jpg", "video_id": i % 2, "frame_id": i // 2} for i in range(4)]
    clips = items({"images": images, "annotations": [seen(i, A[i]) for i in range(4)]})
    assert [clip.frames for clip in clips if isinstance(clip, Clip)] == [2, 2]


def test_numbers_of_images_far_apart_make_no_bomb() -> None:
    assert read([seen(i, A[0]) for i in (1, 2, 10**12)]).frames == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "nobody in any frame"),
        ([seen(0, np.zeros(51))], "nobody in any frame"),
        ([seen(0, np.ones(78))], r"wrong number of points.*17 x 3"),
        ([seen(0, np.ones(51)), seen(1, np.ones(54))], "not a readable COCO"),
        ([seen("first.jpg", A[0])], "not a readable COCO.*no number in 'first.jpg'"),
        ([seen(None, A[0])], "not a readable COCO"),
        ([7], "not a readable COCO"),
        (7, "not a readable COCO"),
        ({"images": []}, "not a readable COCO.*KeyError"),
        ({"images": [{"id": 1}], "annotations": [seen(2, A[0])]}, "not a readable COCO.*KeyError"),
        ([seen(0, np.full(51, 1e7))], "infinite or absurd"),
        (b'[{"image_id": ' + b"[" * 100_000, "not a readable.*RecursionError"),
    ],
)
def test_broken_files(value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        items(value)
