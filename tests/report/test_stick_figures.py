"""Key frames are the unlike ones, the view is the one that shows the motion, and figures are where they should be."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skelzero.clips import COMMON_JOINTS
from skelzero.report.stick_figures import FEWEST, HIPS, MOST, best_view, draw, key_frames

JOINT = {name: i for i, name in enumerate(COMMON_JOINTS)}


def standing(frames: int = 40) -> np.ndarray:
    """A rough body of 1.7 m that faces +z, its left at +x."""
    heights = {"head": 1.6, "shoulder_center": 1.4, "shoulder": 1.4, "elbow": 1.1, "wrist": 0.85, "hand": 0.8,
               "hip": 0.9, "spine": 1.1, "knee": 0.5, "ankle": 0.1, "foot": 0.0}  # fmt: skip
    body = np.zeros((frames, 20, 3))
    for name, i in JOINT.items():
        side = 1 if name.startswith("left") else -1 if name.startswith("right") else 0
        body[:, i] = [0.2 * side, next(h for part, h in heights.items() if part in name), 0.0]
    return body


def with_hand(direction: tuple[float, float, float]) -> np.ndarray:
    """The left hand goes out and comes back."""
    body = standing()
    way = np.sin(np.linspace(0, np.pi, len(body)))
    for joint, share in (("left_elbow", 0.5), ("left_wrist", 0.9), ("left_hand", 1.0)):
        body[:, JOINT[joint]] += share * way[:, None] * np.array(direction)
    return body


@pytest.mark.parametrize(("direction", "view"), [((0.7, 0, 0), "front"), ((0, 0, 0.7), "side")])
def test_the_view_shows_the_motion(direction: tuple[float, float, float], view: str) -> None:
    assert best_view(with_hand(direction)) == view


def test_who_lies_is_seen_from_the_side() -> None:
    body = standing()
    assert best_view(np.stack([body[..., 0], body[..., 2], body[..., 1]], axis=-1)) == "side"


def test_key_frames_have_the_start_and_the_farthest() -> None:
    body = with_hand((0, 0, 0.7))
    frames = key_frames(body)
    assert frames[0] == 0 and FEWEST <= len(frames) <= MOST and (np.diff(frames) > 0).all()
    assert np.abs(frames - 19.5).min() <= 1  # where the hand is farthest
    assert len(key_frames(standing(2))) <= 2


def test_many_postures_have_many_frames() -> None:
    body = standing()
    angle = np.linspace(0, 2 * np.pi, len(body))
    body[:, JOINT["right_hand"], 1:] += np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    assert len(key_frames(body)) == MOST


def test_figures_stand_side_by_side_within_the_picture() -> None:
    drawing = draw(with_hand((0, 0, 0.7)))
    assert drawing.view == "side" and drawing.elements.count("<circle") == drawing.figures == FEWEST
    heads = [int(x) for x in re.findall(r'<circle class="middle" cx="(-?\d+)"', drawing.elements)]
    assert heads == sorted(heads) and all(0 < x < drawing.width for x in heads)
    ends = np.array(re.findall(r"(-?\d+) (-?\d+)(?=[LM\"])", drawing.elements), dtype=int)
    assert ends.min() >= 0 and (ends.max(axis=0) <= [drawing.width, drawing.height]).all()
    assert "trail" not in drawing.elements


def test_left_is_at_the_viewers_right_and_the_front_of_the_body_at_the_right_side() -> None:
    reach = {"front": with_hand((0.7, 0, 0)), "side": with_hand((0, 0, 0.7))}
    for view, body in reach.items():
        drawing = draw(body)
        assert drawing.view == view
        left = [
            int(x) for x in re.findall(r"M(-?\d+)", "".join(re.findall(r'class="left" d="([^"]*)', drawing.elements)))
        ]
        head = int(re.findall(r'cx="(-?\d+)"', drawing.elements)[1])  # of the second figure, whose hand is out
        assert any(head + 40 < x < head + 100 for x in left)


def test_a_trail_leads_from_where_the_body_began() -> None:
    body = standing()
    body[..., 2] += np.linspace(0, 2, len(body))[:, None]
    drawing = draw(body)
    trails = re.findall(r'class="trail" d="M(-?\d+) \d+H(-?\d+)', drawing.elements)
    lengths = [int(stop) - int(start) for start, stop in trails]
    assert drawing.view == "side" and max(lengths) == 200 and min(lengths) > 50
    assert body[-1, HIPS, 2] == 2
