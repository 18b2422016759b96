from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from examples import landmarks, walk
from skelzero.clips import Clip, load_layout
from skelzero.errors import UserError
from skelzero.readers import READERS, from_bytes

BODY = walk(5, 33).round(6)
WORLD = (BODY - BODY[:, 23:25].mean(axis=1, keepdims=True)).round(6)
IMAGE = (0.5 + 0.1 * WORLD).round(6)


def read(value: object) -> Clip:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    (clip,) = READERS["mediapipe"].clips(from_bytes("wave.json", data))
    assert isinstance(clip, Clip)
    return clip


def as_lists(body: np.ndarray) -> list[list[float]]:
    return [[*row, 0.9] for row in body.tolist()]


FORMS = {
    "result objects": [{"pose_landmarks": [landmarks(i)], "pose_world_landmarks": [landmarks(w)]}
                       for i, w in zip(IMAGE, WORLD, strict=True)],
    "camel case, one person": [{"poseWorldLandmarks": landmarks(w)} for w in WORLD],
    "protobuf": [{"pose_world_landmarks": {"landmark": landmarks(w)}} for w in WORLD],
    "several protobufs": [{"worldLandmarks": [{"landmarks": landmarks(w)}]} for w in WORLD],
    "bare": [landmarks(w) for w in WORLD],
    "people in bare lists": [[landmarks(w)] for w in WORLD],
    "numbers": [as_lists(w) for w in WORLD],
    "numbers of people": [[as_lists(w)] for w in WORLD],
    "frames": {"frames": [landmarks(w) for w in WORLD]},
}  # fmt: skip


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_clip(value: Any) -> None:
    clip = read(value)
    assert (clip.layout.name, clip.unit) == ("mediapipe33", "m") and math.isnan(clip.fps)
    assert clip.history == ("image-axes-to-y-up", "hips-origin", "lowest-point-on-floor")
    x = WORLD * [1, -1, -1]
    x[..., 1] -= x[..., 1].min(axis=1, keepdims=True)
    np.testing.assert_allclose(clip.positions[0], x, atol=1e-6)
    assert clip.confidence is not None and np.allclose(clip.confidence, 0.9)


def test_somebody_upright_stands_upright_and_looks_at_the_camera() -> None:
    joints = load_layout("mediapipe33").joints
    body = np.zeros((2, 33, 3))
    for name, place in {"nose": [0, -0.7, -0.1], "left_hip": [0.1, 0, 0], "right_hip": [-0.1, 0, 0],
                        "left_heel": [0.1, 0.9, 0], "right_heel": [-0.1, 0.9, 0]}.items():  # fmt: skip
        body[:, joints.index(name)] = place
    clip = read([landmarks(x) for x in body])
    nose, left, heel = (clip.positions[0, 0, joints.index(name)] for name in ("nose", "left_hip", "right_heel"))
    assert nose.tolist() == pytest.approx([0, 1.6, 0.1]) and left.tolist() == pytest.approx([0.1, 0.9, 0])
    assert heel[1] == 0


def test_landmarks_in_the_image_are_two_dimensional() -> None:
    clip = read([{"pose_landmarks": [landmarks(x)]} for x in IMAGE])
    assert (clip.layout.name, clip.unit, clip.layout.dims) == ("mediapipe33-image", "relative", 2)
    assert clip.history == ("image-taken-as-16:9",)
    np.testing.assert_allclose(clip.positions[0], IMAGE[..., :2] * [16 / 9, 1], atol=1e-6)
    told = read({"width": 640, "height": 480, "frames": [landmarks(x) for x in IMAGE]})
    assert (told.unit, told.history) == ("px", ())
    np.testing.assert_allclose(told.positions[0], IMAGE[..., :2] * [640, 480], rtol=1e-5)
    assert read({"image_width": 640, "image_height": 480, "frames": [landmarks(x) for x in IMAGE]}).unit == "px"


def test_people_are_linked_by_their_places_in_the_image() -> None:
    def frame(order: tuple[int, ...], i: int) -> dict[str, object]:
        return {"pose_landmarks": [landmarks(IMAGE[i] + [2 * p, 0, 0]) for p in order],
                "pose_world_landmarks": [landmarks(WORLD[i] * (1 + p)) for p in order]}  # fmt: skip

    clip = read(
        [frame((0, 1), 0), frame((1, 0), 1), {"pose_landmarks": [], "pose_world_landmarks": []}, frame((1,), 3)]
    )
    assert clip.positions.shape == (2, 4, 33, 3)
    np.testing.assert_allclose(clip.positions[1, :2], 2 * clip.positions[0, :2], atol=1e-5)
    assert np.isnan(clip.positions[0, 2:]).all() and np.isfinite(clip.positions[1, 3]).all()


@pytest.mark.parametrize(
    ("about", "times", "fps"),
    [
        ({"fps": 25}, {}, 25),
        ({}, {"timestamp_ms": 40}, 25),
        ({}, {"timestamp": 0.02}, 50),
        ({}, {"timestamp_ms": 0}, math.nan),
        ({}, {}, math.nan),
    ],
)
def test_frame_rate(about: dict[str, object], times: dict[str, float], fps: float) -> None:
    frames = [{"landmarks": landmarks(x), **{k: i * v for k, v in times.items()}} for i, x in enumerate(WORLD)]
    assert read({"frames": frames, **about}).fps == pytest.approx(fps, nan_ok=True)
    assert math.isnan(read({"frames": [*frames, None]}).fps)


def test_frames_without_anybody_are_kept() -> None:
    clip = read([[], landmarks(WORLD[0]), None, {"pose_world_landmarks": []}, landmarks(WORLD[1])])
    assert np.isfinite(clip.positions[0, :, 0, 0]).tolist() == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "nobody in any frame"),
        ([None, []], "nobody in any frame"),
        ([landmarks(WORLD[0])[:20]], "not a readable MediaPipe.*33"),
        ([landmarks(WORLD[0]), landmarks(WORLD[0])[:20]], "not a readable MediaPipe"),
        ([[{"x": 1, "y": 2, "visibility": 1}]], "not a readable MediaPipe.*33"),
        ([[{"z": 1}] * 33], "not a readable MediaPipe.*KeyError"),
        ([landmarks(WORLD[0] * math.nan)], "without a place"),
        ([landmarks(WORLD[0] * 1e9)], "infinite or absurd"),
        ({"fps": -1, "frames": [landmarks(WORLD[0])]}, "frames a second"),
        ({"width": 0, "height": 2, "frames": [landmarks(IMAGE[0])]}, "a picture of"),
        (
            [{"pose_landmarks": [landmarks(IMAGE[0])] * 2, "pose_world_landmarks": [landmarks(WORLD[0])]}],
            "2 in the image",
        ),
        (
            [{"pose_landmarks": landmarks(IMAGE[0])}, {"pose_world_landmarks": landmarks(WORLD[0])}],
            "some people are given",
        ),
        ({"frames": 3}, "not a readable MediaPipe"),
        ("landmarks", "not a readable MediaPipe"),
        (7, "not a readable MediaPipe"),
        (b'{"landmarks": ' + b"[" * 100_000, "not a readable.*RecursionError"),
    ],
)
def test_broken_files(value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(value)
