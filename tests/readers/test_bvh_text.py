"""The text of BVH files: what is taken, and what is told about what is not."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import bvh_file
from skelzero.errors import UserError
from skelzero.readers.bvh_text import MAX_JOINTS, Channel, parse_bvh

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0 10 0
    CHANNELS 2 Yrotation Zrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.00833333
1 2 3 4 5 6 7 8
9 8 7 6 5 4 3 -2.5e-1
"""


def refusal(data: bytes | str) -> str:
    with pytest.raises(UserError) as caught:
        parse_bvh(data.encode() if isinstance(data, str) else data, "file.bvh")
    assert "file.bvh" in str(caught.value)
    return str(caught.value)


def check_small(data: str) -> None:
    file = parse_bvh(data.encode(), "x")
    assert [joint.name for joint in file.joints] == ["Hips", "Chest", "Chest_end"]
    assert file.parents == [-1, 0, 1]
    assert file.offsets.tolist() == [[1, 2, 3], [0, 10, 0], [0, 5, 0]]
    assert [joint.end for joint in file.joints] == [False, False, True]
    assert file.joints[1].channels == (Channel(1, True), Channel(2, True))
    assert file.motion.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5, 4, 3, -0.25]]
    assert file.fps == 120.0


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n{", " {").replace("  ", "\t"),
        lambda text: text.replace("Frames: ", "Frames:\t").replace("Frame Time: ", "Frame Time:\t"),
        lambda text: text.replace("End Site", "END SITE").replace("MOTION", "motion").replace("HIERARCHY", "Hierarchy"),
        lambda text: text.replace("ROOT Hips\n{", "ROOT Hips {").replace("CHANNELS 6", "CHANNELS   6"),
        lambda text: text.rstrip() + "\n\n\n",
        lambda text: text.replace("\n9 8", " 9 8"),  # rows of numbers need no line of their own
    ],
)
def test_the_same_file_in_other_manners(change) -> None:  # type: ignore[no-untyped-def]
    check_small(change(SMALL))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "HIERARCH", "expected HIERARCHY"),
        ("ROOT Hips", "ROOT", "without a name"),
        ("ROOT Hips", "JOINT Hips", "outside the ROOT"),
        ("JOINT Chest", "ROOT Chest", "a ROOT inside"),
        ("MOTION", "ROOT Second { OFFSET 0 0 0 }\nMOTION", "second ROOT"),
        ("MOTION", "}\nMOTION", "} too many"),
        ("MOTION", "{\nMOTION", "without a joint"),
        ("{\n  OFFSET 1 2 3", "OFFSET 1 2 3", "expected {"),
        ("OFFSET 0 5 0", "OFFSET 0 5", "three numbers"),
        ("OFFSET 0 5 0", "OFFSET 0 five 0", "three numbers"),
        ("OFFSET 0 5 0", "OFFSET 0 nan 0", "absurd OFFSET"),
        ("OFFSET 0 5 0", "OFFSET 0 1e300 0", "absurd OFFSET"),
        ("      OFFSET 0 5 0\n", "", "no OFFSET for 'Chest_end'"),
        ("OFFSET 0 5 0", "OFFSET 0 5 0\nCHANNELS 1 Zrotation", "End Site"),
        ("OFFSET 0 5 0", "OFFSET 0 5 0\nJOINT Below { OFFSET 0 0 0 }", "below an End Site"),
        ("CHANNELS 2", "CHANNELS 3", "as many names"),
        ("CHANNELS 2 Yrotation Zrotation", "CHANNELS 1000000 Yrotation", "as many names"),
        ("Yrotation Zrotation", "Yrotation Zscale", "neither a position nor a rotation"),
        ("Xposition Yposition", "Xposition Xposition", "same position channel"),
        ("}\nMOTION", "MOTION", "the end inside a joint"),
        ("MOTION\n", "", "no MOTION"),
        ("Frames: 2", "Frames: two", "head of the motion"),
        ("Frames: 2", "Frames: -2", "head of the motion"),
        ("Frames: 2", "Frames: 0", "head of the motion"),
        ("Frame Time: 0.00833333", "Frame Time: 0", "head of the motion"),
        ("Frame Time: 0.00833333", "Frame Time: nan", "head of the motion"),
        ("Frames: 2", "Frames: 3", "the file is cut"),
        ("-2.5e-1", "", "cut in the middle of a frame"),
        ("Frames: 2", "Frames: 1", "more numbers than the file declares"),
        ("9 8 7", "9 nan 7", r"number 10"),
        ("9 8 7", "9 inf 7", r"number 10"),
        ("9 8 7", "9 -1e99 7", r"number 10"),
        ("9 8 7", "9 8.5.5 7", r"number 10"),
        ("9 8 7", "9 8_5 x", r"number 11"),
        ("9 8 7", "9 0x10 7", r"number 10"),
        ("9 8 7", "9 8\0 7", r"number 10"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, message: str) -> None:
    assert old in SMALL
    assert message in refusal(SMALL.replace(old, new, 1))


def test_the_line_is_told() -> None:
    assert "file.bvh, line 9" in refusal(SMALL.replace("CHANNELS 2", "CHANNELS 3"))


def test_no_channel_at_all() -> None:
    text = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 1000000\nFrame Time: 0.1\n"
    assert "no joint has a channel" in refusal(text)


@pytest.mark.parametrize("count", ["1000000", "999999999"])
def test_declared_frames_cost_nothing(count: str) -> None:
    tracemalloc.start()
    assert "the file is cut" in refusal(SMALL.replace("Frames: 2", f"Frames: {count}"))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("nested", [True, False])
def test_a_million_joints(nested: bool) -> None:
    joint = "JOINT a {\nOFFSET 0 0 0\n" + ("" if nested else "}\n")
    start = time.perf_counter()
    message = refusal("HIERARCHY\nROOT r {\nOFFSET 0 0 0\n" + joint * 100_000 + "MOTION\n")
    assert f"more than {MAX_JOINTS} joints" in message
    assert time.perf_counter() - start < 2


def test_the_deepest_nesting_needs_no_recursion() -> None:
    joints = "".join(f"JOINT j{i} {{ \nOFFSET 0 1 0\nCHANNELS 1 Zrotation\n" for i in range(MAX_JOINTS - 1))
    text = "HIERARCHY\nROOT r {\nOFFSET 0 0 0\n" + joints + "}" * MAX_JOINTS
    file = parse_bvh(f"{text}\nMOTION\nFrames: 1\nFrame Time: 0.1\n{'0 ' * (MAX_JOINTS - 1)}\n".encode(), "x")
    assert len(file.joints) == MAX_JOINTS


def test_repeated_and_odd_names_become_unique_and_printable() -> None:
    text = SMALL.replace("JOINT Chest", "JOINT Hips\x1b[2J").replace("ROOT Hips", "ROOT Hips?[2J")
    assert [joint.name for joint in parse_bvh(text.encode(), "x").joints] == ["Hips?[2J", "Hips?[2J_2", "Hips?[2J_end"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e8, 1e8), min_size=8, max_size=8), st.sampled_from(["{!r}", "{:.6f}", "{:e}", "{:.17g}"]))
def test_numbers_equal_those_of_python(values: list[float], form: str) -> None:
    words = [form.format(value) for value in values]
    text = SMALL.replace("Frames: 2", "Frames: 1").partition("1 2 3 4")[0] + " ".join(words)
    np.testing.assert_array_equal(parse_bvh(text.encode(), "x").motion[0], [float(word) for word in words])


def test_the_example_parses() -> None:
    assert parse_bvh(bvh_file(6), "x").motion.shape == (6, 57)
