"""Layouts are trees with pairs, and name the common body's joints."""

from __future__ import annotations

import pytest

from skelzero.clips import COMMON_JOINTS, JointLayout, layout_names, load_layout
from skelzero.errors import UserError


@pytest.mark.parametrize("name", layout_names())
def test_bones_make_one_tree_and_pairs_are_left_and_right(name: str) -> None:
    layout = load_layout(name)
    assert layout.name == name and layout.source
    parents = dict(layout.bones)
    assert len(parents) == len(layout.bones) == len(layout) - 1
    for joint in range(len(layout)):
        seen = set()
        while joint in parents:
            assert joint not in seen
            seen.add(joint)
            joint = parents[joint]
    for left, right in layout.mirror:
        assert layout.joints[left].replace("left", "right") == layout.joints[right]
    paired = {j for pair in layout.mirror for j in pair}
    assert all(i in paired for i, j in enumerate(layout.joints) if j.startswith(("left_", "right_")))


@pytest.mark.parametrize("name", layout_names())
def test_every_layout_has_a_place_on_the_common_body(name: str) -> None:
    layout = load_layout(name)
    needed = {j for j in COMMON_JOINTS if not j.endswith(("hand", "foot"))}
    assert needed <= set(layout.common)


def test_layouts_survive_json() -> None:
    layout = load_layout("ntu25")
    assert JointLayout.from_json(layout.to_json()) == layout


def test_broken_layouts_are_refused() -> None:
    value = load_layout("ntu25").to_json()
    for broken in ({**value, "root": 99}, {**value, "joints": ["a", "a"]}, {"name": "x"}, {**value, "dims": 4}):
        with pytest.raises(UserError, match="layout"):
            JointLayout.from_json(broken)
    with pytest.raises(UserError, match="did you mean 'ntu25'"):
        load_layout("ntu26")
