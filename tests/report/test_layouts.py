"""Pictures of joint layouts say what preprocessing does, can be read, and are those in the documentation."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero.clips import COMMON_JOINTS, Clip, Origin, layout_names, load_layout
from skelzero.errors import UserError
from skelzero.preprocess import steps
from skelzero.report.layouts import (
    GIVEN,
    MEAN,
    MISSING,
    UNUSED,
    draw_layout,
    facts_of,
    feeds,
    places,
    uses,
    write_layouts_page,
    write_pictures,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", layout_names())
def test_pictures_in_the_documentation_are_those_made_now(name: str) -> None:
    committed = DOCS / "layouts" / f"{name}.svg"
    assert committed.read_text() == draw_layout(load_layout(name)), "run `skelzero data layouts --svg docs/layouts`"
    assert committed.stat().st_size < 20_000
    assert f"![{name}](layouts/{name}.svg)" in (DOCS / "layouts.md").read_text()


def test_every_committed_picture_is_of_a_layout(tmp_path: Path) -> None:
    written = write_pictures(tmp_path)
    assert {path.name for path in (DOCS / "layouts").iterdir()} == {path.name for path in written}


@pytest.mark.parametrize("name", layout_names())
def test_pictures_say_what_preprocessing_does(name: str) -> None:
    layout = load_layout(name)
    x = np.random.default_rng(0).random((1, 3, len(layout), layout.dims)).astype(np.float32)
    in_space = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)[..., :3]
    clip = Clip(in_space, replace(layout, dims=3), Origin("made-up"))
    mapped = steps.to_common_joints(clip).positions[0]
    filled = steps.fill_missing(steps.to_common_joints(clip)).positions[0]
    for row, joint in enumerate(COMMON_JOINTS):
        feed = feeds(layout)[joint]
        if feed.kind == MISSING:
            assert np.isnan(mapped[:, row]).all() and not feed.joints
            np.testing.assert_array_equal(filled[:, row], filled[:, COMMON_JOINTS.index(feed.stand_in)])
        else:
            assert (feed.kind == GIVEN) == (len(feed.joints) == 1) and not feed.stand_in
            expected = sum(in_space[0, :, i] for i in feed.joints) / len(feed.joints)
            np.testing.assert_allclose(mapped[:, row], expected, rtol=1e-5)
    fed = {i for feed in feeds(layout).values() for i in feed.joints}
    assert [kind == UNUSED for kind in uses(layout)] == [i not in fed for i in range(len(layout))]


@pytest.mark.parametrize("name", layout_names())
def test_every_joint_is_drawn_and_named_within_the_picture(name: str) -> None:
    layout = load_layout(name)
    picture = ET.fromstring(draw_layout(layout))
    width, height = (float(side) for side in picture.attrib["viewBox"].split()[2:])
    says = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert all(f"{i} {joint}" in says for i, joint in enumerate(layout.joints))
    made = facts_of(layout)
    for joint in COMMON_JOINTS:
        (label,) = [text for text in says if text.startswith(f"{joint}:")]
        assert label.endswith("missing") == (joint in made["missing"])
    for text in picture.iter(f"{SVG}text"):
        x, wide = float(text.attrib["x"]), 7.2 * len(text.text or "")
        start = x - wide * {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
        assert start >= 0 and start + wide <= width and float(text.attrib["y"]) <= height, text.text
    marks = [mark.attrib["class"] for mark in picture.iter() if mark.attrib.get("class") in (GIVEN, MEAN, MISSING)]
    in_legends = 2 + 3
    assert len(marks) - in_legends == len(COMMON_JOINTS) + sum(kind != UNUSED for kind in uses(layout))


@pytest.mark.parametrize("name", layout_names())
def test_lines_to_the_names_do_not_cross(name: str) -> None:
    picture = ET.fromstring(draw_layout(load_layout(name)))
    for path in picture.iter(f"{SVG}path"):
        if path.attrib["class"] == "l":
            ends = np.array(re.findall(r"M(\d+) (\d+)L(\d+) (\d+)", path.attrib["d"]), dtype=float).reshape(-1, 2, 2)
            assert len(ends) >= 15
            for i in range(len(ends)):
                for j in range(i):
                    assert not cross(ends[i], ends[j]), (ends[i], ends[j])


def cross(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two segments have more than an end in common."""

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(*a, b[0]) * side(*a, b[1]) < 0 and side(*b, a[0]) * side(*b, a[1]) < 0


@pytest.mark.parametrize("name", layout_names())
def test_left_is_on_the_right_and_no_two_joints_in_one_place(name: str) -> None:
    layout = load_layout(name)
    at = dict(zip(layout.joints, places(layout), strict=True))
    assert len(set(at.values())) == len(layout)
    for left, right in layout.mirror:
        (x, y), (other, below) = at[layout.joints[left]], at[layout.joints[right]]
        assert x == -other > 0 and y == below


def test_facts_are_in_names() -> None:
    facts = facts_of(load_layout("coco17"))
    assert (facts["dims"], len(facts["joints"]), facts["mean"]) == (
        2, 17, ["hip_center", "spine", "shoulder_center", "head"],
    )  # fmt: skip
    assert facts["common"]["head"] == ["left_ear", "right_ear"] and facts["common"]["left_knee"] == ["left_knee"]
    assert facts["missing"] == {"left_hand": "left_wrist", "right_hand": "right_wrist", "left_foot": "left_ankle",
                                "right_foot": "right_ankle"}  # fmt: skip
    assert facts["unused"] == ["nose", "left_eye", "right_eye"]


def test_the_page_holds_all_pictures_and_needs_nothing_else(tmp_path: Path) -> None:
    write_layouts_page(tmp_path / "layouts.html")
    page = (tmp_path / "layouts.html").read_text()
    assert page.count("<svg") == len(layout_names()) and "src=" not in page and "<script" not in page
    assert all(f'<h2 id="{name}">' in page for name in layout_names())


def test_a_joint_without_a_place_is_told() -> None:
    layout = load_layout("coco17")
    tail = replace(layout, name="dog", joints=("tail", *layout.joints[1:]))
    with pytest.raises(UserError, match=r"(?s)where this joint is drawn.*dog.*tail.*give it a place"):
        draw_layout(tail)
