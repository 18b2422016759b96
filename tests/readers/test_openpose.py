from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from examples import in_image, openpose_frame
from skelzero.clips import Clip, ClipStore, load_layout
from skelzero.errors import UserError
from skelzero.readers import READERS, from_bytes, read_clip
from skelzero.readers.importing import import_clips
from skelzero.report.layouts import places


def read(value: object, name: str = "jump_keypoints.json") -> Clip:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    (clip,) = READERS["openpose"].clips(from_bytes(name, data))
    assert isinstance(clip, Clip)
    return clip


def other(frames: int, joints: int = 25) -> np.ndarray:
    """Somebody else, 1,500 pixels to the right."""
    return in_image(frames, joints, 1) + np.tile([1500, 0, 0], joints)


def test_numbers_and_facts() -> None:
    body = in_image(5, 25)
    clip = read([openpose_frame(row) for row in body])
    x = body.reshape(5, 25, 3).astype(np.float32)
    np.testing.assert_array_equal(clip.positions[0], x[..., :2])
    assert clip.confidence is not None
    np.testing.assert_array_equal(clip.confidence[0], x[..., 2])
    assert (clip.unit, clip.layout.name, clip.origin.name) == ("px", "openpose25", "jump") and math.isnan(clip.fps)


@pytest.mark.parametrize("count", [18, 15])
def test_fewer_points_and_the_old_key(count: int) -> None:
    frames = [{"version": 0.1, "people": [{"pose_keypoints": row.tolist()}]} for row in in_image(3, count)]
    assert read(frames).layout.name == f"openpose{count}"


def posed(name: str) -> np.ndarray:
    """Somebody who stands and lifts an arm, with the points of a layout in pixels and scores: (8, V, 3)."""
    layout = load_layout(name)
    body = np.tile(np.array(places(layout), dtype=float), (8, 1, 1))
    for joint in ("right_elbow", "right_wrist"):
        body[:, layout.joints.index(joint), 1] -= np.linspace(0, 120, 8)
    return np.concatenate([body + 500, np.full((8, len(layout), 1), 0.75)], axis=2)


@pytest.mark.parametrize("name", ["openpose25", "openpose25b"])
@pytest.mark.parametrize("unseen", ["", "knee ankle toe heel", "nose eye ear", "shoulder elbow wrist"])
def test_models_of_as_many_points_are_told_apart(name: str, unseen: str) -> None:
    body, joints = posed(name), load_layout(name).joints
    gone = [i for i, joint in enumerate(joints) if any(word in joint for word in unseen.split())]
    body[:, gone] = 0
    clip = read([openpose_frame(row.ravel()) for row in body])
    assert clip.layout.name == name and np.isnan(clip.positions[0, 0]).any(axis=-1).sum() == len(gone)


def test_of_135_points_the_body_is_read() -> None:
    body = posed("openpose25b")
    whole = np.concatenate([body, np.full((8, 110, 3), 400.0)], axis=1)
    clip = read([openpose_frame(row.ravel()) for row in whole])
    assert clip.layout.name == "openpose25b"
    np.testing.assert_array_equal(clip.positions[0], body[..., :2].astype(np.float32))


def test_a_score_of_zero_is_missing() -> None:
    body = in_image(3, 25)
    body[1, :3] = 0
    clip = read([openpose_frame(row) for row in body])
    assert np.isnan(clip.positions[0, 1, 0]).all() and np.isnan(clip.positions).sum() == 2
    assert clip.confidence is not None and clip.confidence[0, 1, 0] == 0


def test_people_in_any_order_are_linked() -> None:
    a, b = in_image(4, 25), other(4)
    clip = read(
        [openpose_frame(a[0], b[0]), openpose_frame(b[1], a[1]), openpose_frame(b[2]), openpose_frame(a[3], b[3])]
    )
    assert clip.positions.shape == (2, 4, 25, 2)
    np.testing.assert_array_equal(clip.positions[1], b.reshape(4, 25, 3)[..., :2].astype(np.float32))
    assert np.isnan(clip.positions[0, 2]).all() and np.isfinite(clip.positions[0, [0, 1, 3]]).all()


def test_frames_without_anybody_are_kept() -> None:
    a = in_image(2, 25)
    hand = {"people": [{"pose_keypoints_2d": [], "hand_left_keypoints_2d": [1, 2, 0.5]}]}
    clip = read([openpose_frame(), openpose_frame(a[0]), None, hand, openpose_frame(a[1]), openpose_frame()])
    assert np.isfinite(clip.positions).all(axis=(0, 2, 3)).tolist() == [False, True, False, False, True, False]


def test_a_folder_of_frames_is_one_clip_and_one_row_of_a_store(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    bodies = {"left": in_image(12, 25), "right": other(12)}
    for name, body in bodies.items():
        for i, row in enumerate(body):
            (folder / f"{name}_{i:012d}_keypoints.json").write_text(json.dumps(openpose_frame(row)))
    assert import_clips(folder, tmp_path / "store").clips == 2
    store = ClipStore.open(tmp_path / "store")
    assert [clip.origin.name for clip in store] == ["left", "right"]
    for clip, body in zip(store, bodies.values(), strict=True):
        np.testing.assert_array_equal(clip.positions[0], body.reshape(12, 25, 3)[..., :2].astype(np.float32))
    for path in folder.glob("right*"):
        path.unlink()
    assert read_clip(folder).frames == 12
    assert read_clip(folder / "left_000000000003_keypoints.json").frames == 1
    (folder / "left_000000000003_keypoints.json").write_text("{")
    with pytest.raises(UserError, match=r"(?s)not a readable OpenPose.*left_keypoints\.json"):
        read_clip(folder, "openpose")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "nobody in any frame"),
        ([openpose_frame()], "nobody in any frame"),
        ([openpose_frame(np.zeros(75))], "no point was found"),
        ([openpose_frame(np.ones(60))], "wrong number of points"),
        ([openpose_frame(np.ones(75)), openpose_frame(np.ones(54))], "not a readable OpenPose"),
        ([openpose_frame(np.full(75, 0.5))], "keypoint_scale 0"),
        ([{"people": 3}], "not a readable OpenPose"),
        ([{"people": [7]}], "not a readable OpenPose"),
        ([{"persons": []}], "not a readable OpenPose.*KeyError"),
        ([openpose_frame(np.full(75, 1e7))], "infinite or absurd"),
        ([openpose_frame(*np.ones((129, 75)) * 2)], "too many people"),
        (b'{"people": [' + b"[" * 100_000, "not a readable.*RecursionError"),
        (b'{"people": [{"pose_keypoints_2d": [' + b"9" * 5000 + b"]}]}", "not a readable"),
    ],
)
def test_broken_files(value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(value)
