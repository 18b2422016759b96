"""Clips in two dimensions: what a picture tells is measured, what it does not tell is unknown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import yaml
from stick_figure import (
    FRAMES,
    STANDING,
    between,
    figure,
    filmed,
    measured,
    opposite,
    raised,
    someone,
    there_and_back,
    turned,
)

from skelzero.clips import COMMON_JOINTS, Clip, Origin, layout_names, load_layout
from skelzero.kinematics import known, measure_clips, to_bodies
from skelzero.kinematics.pictures import both_ways, fit_lines, measure_as_seen, picture, picture_from_front, varies
from skelzero.readers import READERS, from_bytes
from skelzero.text.attributes.schema import load_schema

SCHEMA = load_schema()
FLAT = [name for name in layout_names() if load_layout(name).dims == 2]
DEPTH = {a.name for a in SCHEMA.attributes if a.depth}
LEVEL, MARGIN = 0.5, 0.1
"""Correlation between picture and space below which an attribute is unknown, as in `benchmarks/flat.py`, and how far
other people's clips may be from those that decided."""


def unknown(clip: Clip) -> set[str]:
    return {name for name, value in measured(clip).items() if math.isnan(value)}


def test_what_needs_depth_is_unknown_and_nothing_else() -> None:
    assert {"reach-forward", "along-forward", "bend-forward", "twist", "travels-forward"} <= DEPTH
    clip = filmed(someone(11), opposite(2))
    assert unknown(clip) == set()
    assert unknown(picture(clip)) == DEPTH
    bodies = to_bodies([picture(clip), clip])
    assert bodies.flat.tolist() == [True, False]
    np.testing.assert_array_equal(known(bodies).numpy(), np.stack([~SCHEMA.depth, np.ones(len(SCHEMA), bool)]))
    assert (bodies.joints[0, ..., 2] == 0).all() and (bodies.partner[0, ..., 2] == 0).all()


def test_a_frontal_movement_is_measured_as_in_space() -> None:
    """To the side and up: the picture shows all of it; what remains is the correction for slanting views."""
    clip = filmed(figure(right_hand=raised(150 * there_and_back(), aside=90)))
    found, whole = measured(picture(clip)), measured(clip)
    for name in ("hand-top", "hand-bottom", "other-hand-top", "side", "hip-drop", "jump", "arm-moves", "returns"):
        assert found[name] == pytest.approx(whole[name], abs=0.1), name
    assert found["reach-side"] > 0.7 and found["side"] > 0.9


def test_as_seen_pictures_of_frontal_movements_differ_by_nothing() -> None:
    clip = filmed(figure(left_hand=raised(120 * there_and_back(), aside=90), hips=(0.5, 0, 0)))
    seen, space = measure_as_seen([picture(clip)])[0], measure_clips([clip])[0]
    exact = [
        SCHEMA.index[name] for name in ("hand-top", "hand-works-at", "arm-moves", "reach-side", "stroke-up", "side")
    ]
    np.testing.assert_allclose(seen[exact], space[exact], atol=0.02)


def test_place_and_scale_of_the_picture_do_not_matter() -> None:
    clip = picture(filmed(someone(3)))
    shares = replace(clip, positions=clip.positions / np.float32(512), unit="relative")
    np.testing.assert_allclose(measure_clips([shares]), measure_clips([clip]), atol=2e-3)
    moved = replace(clip, positions=clip.positions * np.float32(2.5) + np.float32([900, 500]))
    np.testing.assert_allclose(measure_clips([moved]), measure_clips([clip]), atol=2e-3)


def test_somebody_seen_from_behind_keeps_left_and_right() -> None:
    clip = filmed(figure(right_hand=raised(120 * there_and_back(), aside=90)))
    behind = replace(
        clip, positions=turned(clip.positions[0].astype(float), np.full(FRAMES, math.pi))[None].astype("f4")
    )
    np.testing.assert_allclose(measure_clips([picture(behind)]), measure_clips([picture(clip)]), atol=1e-3)
    assert measured(picture(behind))["side"] > 0.9


def test_flat_clips_change_nothing_for_others() -> None:
    clips = [filmed(someone(1)), picture(filmed(someone(2))), filmed(someone(3))]
    together = measure_clips(clips)
    for i, clip in enumerate(clips):
        np.testing.assert_allclose(together[i], measure_clips([clip])[0], atol=1e-6)
    np.testing.assert_array_equal(together[[0, 2]], measure_clips([clips[0], clips[2]]))


@pytest.mark.parametrize("name", FLAT)
def test_every_layout_of_pictures_is_measured(name: str) -> None:
    layout = load_layout(name)
    seen = picture(filmed(someone(5))).positions
    x = np.full((1, FRAMES, len(layout), 2), np.nan, dtype=np.float32)
    for joint, ids in sorted(layout.common.items(), key=lambda item: -len(item[1])):
        x[:, :, list(ids)] = seen[:, :, [COMMON_JOINTS.index(joint)]]
    clip = Clip(x, layout, Origin("a"), fps=30, unit="px")
    assert unknown(clip) == DEPTH
    found, expected = measured(clip), measured(picture(filmed(someone(5))))
    assert found["hip-drop"] == pytest.approx(expected["hip-drop"], abs=0.05)
    assert found["other-hand-top"] == pytest.approx(expected["other-hand-top"], abs=0.3)  # COCO has no hands


def test_whoever_is_held_by_the_hips_goes_nowhere_that_is_known() -> None:
    clip = filmed(someone(11), opposite(2))
    held = replace(clip, history=("hips-origin",))
    assert unknown(held) == {"jump", "travels", "travels-forward", "travels-sideways", "touches-other", "other-nears"}
    free, bound = measured(clip), measured(held)
    assert all(bound[name] == free[name] for name in set(free) - unknown(held))


def test_a_squat_is_seen_although_the_hips_are_the_origin() -> None:
    clip = filmed(figure(left_foot=between(STANDING, (0.2, -0.5, 0), there_and_back()), hips=(0, 0, 0),
                         right_foot=between(STANDING, (0.2, -0.5, 0), there_and_back())))  # fmt: skip
    layout = load_layout("mediapipe33")
    x = np.repeat(clip.positions[0][:, [COMMON_JOINTS.index("head")]], 33, axis=1)
    for joint, ids in sorted(layout.common.items(), key=lambda item: -len(item[1])):
        x[:, list(ids)] = clip.positions[0][:, [COMMON_JOINTS.index(joint)]]
    x[:, [29, 30]] = x[:, [31, 32]]  # heels
    x = (x - x[:, [23, 24]].mean(axis=1, keepdims=True)) * [1, -1, -1]
    data = json.dumps({"fps": 30, "frames": np.concatenate([x, np.ones((FRAMES, 33, 1))], axis=2).tolist()})
    (read,) = READERS["mediapipe"].clips(from_bytes("squat.json", data.encode()))
    assert isinstance(read, Clip)
    found = measured(read)
    assert found["hip-drop"] == pytest.approx(0.5, abs=0.05) and found["starts-low"] == pytest.approx(0, abs=0.05)


@pytest.mark.slow
def test_lines_and_marks_can_be_made_again() -> None:
    seen, space = both_ways()
    shipped = yaml.safe_load((resources.files("skelzero.kinematics") / "pictures.yaml").read_text(encoding="utf-8"))
    made = fit_lines(seen, space)
    assert list(shipped) == list(made) == list(SCHEMA.names)
    for name, row in made.items():
        np.testing.assert_allclose(row, shipped[name], atol=5e-3, err_msg=name)
    for attribute, x, y in zip(SCHEMA.attributes, seen.T, space.T, strict=True):
        both = varies(x, y)
        told = np.corrcoef(x[both], y[both])[0, 1] if both.any() else 0.0
        # Synthetic clips are of one person.
        if attribute.part != "company" and abs(told - LEVEL) > MARGIN:
            assert attribute.depth == (told < LEVEL), attribute.name


def test_looking_past_the_camera_narrows_the_shoulders() -> None:
    clip = filmed(figure())
    widths = []
    for degrees in (0.0, 60.0):
        x = picture_from_front(clip, degrees).positions[0, 0]
        widths.append(x[COMMON_JOINTS.index("left_shoulder"), 0] - x[COMMON_JOINTS.index("right_shoulder"), 0])
    assert widths[0] == pytest.approx(36, rel=1e-3) and widths[1] == pytest.approx(18, rel=1e-3)
