"""Unknown is exactly what the joints at hand, the clock and the company cannot tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from stick_figure import figure as acted
from stick_figure import filmed, measured, opposite, raised, someone, there_and_back

from skelzero.clips import COMMON_JOINTS, Clip
from skelzero.kinematics import known, measure, to_bodies
from skelzero.text.attributes.schema import load_schema

SCHEMA = load_schema()
PERSON = filmed(someone(11))


def of_parts(*parts: str) -> set[str]:
    return {a.name for a in SCHEMA.attributes if a.part in parts}


def without(clip: Clip, *ends: str) -> Clip:
    """The clip of a source whose layout has no joint with such an ending."""
    common = {name: ids for name, ids in clip.layout.common.items() if not name.endswith(ends)}
    return replace(clip, layout=replace(clip.layout, name="fewer", common=common))


def unseen(clip: Clip, *ends: str) -> Clip:
    """The clip in whose layout such joints are, though none was ever seen."""
    x = clip.positions.copy()
    x[:, :, [i for i, name in enumerate(COMMON_JOINTS) if name.endswith(ends)]] = np.nan
    return replace(clip, positions=x)


TIMED = {"quick", "rhythm", "stillness", "arm-holds"}
CASES = {
    "everything": ((), set()),
    "no feet": (("foot",), set()),
    "no lower legs": (("knee", "ankle", "foot"), {*of_parts("legs", "posture"), "hand-at-leg"}),
    "no ankles": (("ankle", "foot"), {*of_parts("legs", "posture"), "hand-at-leg"}),
    "no hands": (("hand",), set()),
    "no wrists": (("wrist",), set()),
    "no hands and no wrists": (("hand", "wrist"), of_parts("arms", "contact")),
    "one hand only": (("left_hand", "left_wrist"), of_parts("arms", "contact")),
    "no elbows": (("elbow",), of_parts("arms", "contact")),
    "no head": (("head",), {"hand-at-head", "head-moves"}),
    "no neck": (("shoulder_center",), of_parts("trunk")),
}


@pytest.mark.parametrize("lacks", [without, unseen])
@pytest.mark.parametrize(("ends", "expected"), CASES.values(), ids=CASES)
def test_joints_that_are_not_there(lacks: Callable[..., Clip], ends: tuple[str, ...], expected: set[str]) -> None:
    bodies = to_bodies([lacks(PERSON, *ends) if ends else PERSON])
    unknown = {name for name, k in zip(SCHEMA.names, known(bodies)[0], strict=True) if not k}
    assert unknown == expected
    found = dict(zip(SCHEMA.names, measure(bodies)[0].tolist(), strict=True))
    alone = {"touches-other", "other-nears"}
    assert {name for name, value in found.items() if math.isnan(value)} == expected | alone


def test_a_source_without_a_clock() -> None:
    with_clock, without_clock = (measure(to_bodies([replace(PERSON, fps=fps)]))[0].numpy() for fps in (30.0, math.nan))
    unknown = np.array([name in TIMED for name in SCHEMA.names])
    assert np.isnan(without_clock[unknown]).all()
    np.testing.assert_array_equal(without_clock[~unknown], with_clock[~unknown])


@pytest.mark.parametrize("ends", [("hand",), ("knee", "ankle", "foot"), ("head",), ("foot",)], ids="-".join)
def test_what_is_known_does_not_suffer_from_what_is_not(ends: tuple[str, ...]) -> None:
    clip = filmed(acted(right_hand=raised(90 * there_and_back()), left_hand=raised(60, aside=90)))
    found, whole = measured(without(clip, *ends)), measured(clip)
    assert found["reach-forward"] == pytest.approx(1, abs=0.02) and found["side"] == pytest.approx(1)
    assert found["other-hand-top"] == pytest.approx(whole["other-hand-top"], abs=0.15)
    assert found["elbow-bent"] == pytest.approx(0, abs=0.02) and found["arm-moves"] == 1


def test_gaps_are_no_reason_not_to_know() -> None:
    x = PERSON.positions.copy()
    x[0, 10:60, COMMON_JOINTS.index("left_hand")] = np.nan
    assert known(to_bodies([replace(PERSON, positions=x)])).all()


def test_conditions_of_the_schema_make_unknown() -> None:
    still, moving = measured(filmed(acted())), measured(PERSON)
    needy = {a.name for a in SCHEMA.attributes if a.needs is not None}
    assert {name for name, value in still.items() if math.isnan(value)} == needy
    assert {name for name, value in moving.items() if math.isnan(value)} == {"touches-other", "other-nears"}
    assert not any(map(math.isnan, measured(filmed(someone(11), opposite(2))).values()))
