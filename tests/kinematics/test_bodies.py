"""Clips as they are measured: one form, whatever the source."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from stick_figure import FRAMES, TORSO, figure, filmed, opposite, someone, turned

from skelzero.clips import Clip, Origin, layout_names, load_layout
from skelzero.errors import UserError
from skelzero.kinematics import measure_clips, to_bodies
from skelzero.kinematics.bodies import JOINT


def test_bodies_have_one_form() -> None:
    bodies = to_bodies([filmed(someone(1, 30)), filmed(someone(2, 200), fps=60), filmed(someone(3), fps=math.nan)])
    assert len(bodies) == 3 and bodies.joints.shape == bodies.partner.shape == (3, 64, 20, 3)
    assert bodies.seconds[:2].tolist() == pytest.approx([1, 200 / 60]) and math.isnan(bodies.seconds[2])
    assert bodies.joints.dtype == torch.float32 and torch.isfinite(bodies.joints).all() and bodies.present.all()


def test_they_face_forward_with_a_torso_of_half_a_metre() -> None:
    body = to_bodies([filmed(2.5 * turned(figure(), np.full(FRAMES, 2.0)))]).joints[0]
    torso = body[:, JOINT["shoulder_center"]] - body[:, JOINT["hip_center"]]
    assert torch.allclose(torso, torch.tensor([0, TORSO, 0]), atol=1e-4)
    across = body[:, JOINT["left_hip"]] - body[:, JOINT["right_hip"]]
    assert torch.allclose(across, torch.tensor([0.2, 0, 0]), atol=1e-4)


def test_whoever_moves_most_is_measured_and_the_next_one_is_the_partner() -> None:
    one, two = to_bodies([filmed(opposite(2), someone(4)), filmed(someone(4), opposite(2))]).joints
    assert torch.equal(one, two)
    partner = to_bodies([filmed(opposite(2), someone(4), opposite(5), opposite(1))]).partner
    assert torch.isfinite(partner).all()
    assert torch.isnan(to_bodies([filmed(someone(4))]).partner).all()


def test_frames_in_which_the_partner_is_not_seen_are_filled() -> None:
    x = filmed(someone(4), opposite(2)).positions.copy()
    x[1, :20], x[1, 40:50], x[:, 70] = np.nan, np.nan, np.nan
    bodies = to_bodies([replace(filmed(someone(4), opposite(2)), positions=x)])
    assert torch.isfinite(bodies.partner).all() and torch.isfinite(bodies.joints).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_second_person_who_is_never_seen_is_none() -> None:
    x = np.stack([someone(4), np.full((FRAMES, 20, 3), np.nan)]).astype(np.float32)
    clip = Clip(x, load_layout("common20"), Origin("a"), fps=30)
    np.testing.assert_array_equal(measure_clips([clip]), measure_clips([filmed(someone(4))]))


@pytest.mark.parametrize("name", [name for name in layout_names() if load_layout(name).dims == 3])
def test_every_layout_in_space_is_measured(name: str) -> None:
    layout = load_layout(name)
    x = np.zeros((1, FRAMES, len(layout), 3), dtype=np.float32)
    body = someone(5)
    # Joints that are means of others come first, so that these others then get their own places.
    for joint, ids in sorted(layout.common.items(), key=lambda item: -len(item[1])):
        x[0, :, list(ids)] = body[:, JOINT[joint]]
    clip = Clip(x, layout, Origin("a"), fps=30)
    found, expected = measure_clips([clip])[0], measure_clips([filmed(body)])[0]
    assert np.isfinite(found).sum() > 40
    joint_means = any(len(ids) > 1 for ids in layout.common.values())
    if not joint_means and len(layout.common) == 20:
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_bodies_without_extent_and_layouts_without_hips_are_refused() -> None:
    flat = load_layout("coco17")
    with pytest.raises(UserError, match="torso has no length"):
        measure_clips([Clip(np.ones((1, 9, 17, 2), dtype=np.float32), flat, Origin("a"), unit="px")])
    clip = filmed(someone(0))
    common = {name: ids for name, ids in clip.layout.common.items() if name != "left_hip"}
    with pytest.raises(UserError, match="no known place on the common body"):
        measure_clips([replace(clip, layout=replace(clip.layout, common=common))])
    with pytest.raises(UserError, match="torso has no length"):
        measure_clips([filmed(np.zeros((9, 20, 3)))])
