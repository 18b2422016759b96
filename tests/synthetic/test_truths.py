"""What the names say is what the bodies do: one measured truth or more for every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from skelzero.synthetic.generator import person
from skelzero.synthetic.kinematics import JOINT
from skelzero.synthetic.performer import FPS, perform
from skelzero.synthetic.vocabulary import actions


class Seen:
    """One performance: joints by name over time, metres, facing +z at first, floor at y = 0."""

    def __init__(self, code: str, number: int) -> None:
        random = np.random.default_rng([number, 11])
        someone = person(number).on_a_day(random)
        self.x = perform(actions()[code], someone, random)
        self.stature = someone.body.stature

    def __getitem__(self, joint: str) -> np.ndarray:
        return self.x[:, JOINT[joint]]

    def path(self, joint: str) -> float:
        """Way of a joint relative to the hips, metres."""
        y = self[joint] - self["hip_center"]
        return float(np.linalg.norm(np.diff(y, axis=0), axis=-1).sum())

    def fastest(self, joint: str) -> float:
        y = self[joint] - self["hip_center"]
        return float(np.linalg.norm(np.diff(y, axis=0), axis=-1).max())

    def above(self, joint: str, other: str) -> np.ndarray:
        return self[joint][:, 1] - self[other][:, 1]

    def apart(self, joint: str, other: str) -> np.ndarray:
        return np.linalg.norm(self[joint] - self[other], axis=-1)

    def beat(self, signal: np.ndarray) -> float:
        """Strongest frequency of a signal, Hz."""
        power = np.abs(np.fft.rfft(np.diff(signal), 4096)) ** 2  # speed, so that the way into the class counts little
        return float(np.fft.rfftfreq(4096, 1 / FPS)[power.argmax()])

    def lean(self) -> np.ndarray:
        """Angle of the trunk to the vertical, degrees."""
        up = self["shoulder_center"] - self["hip_center"]
        return np.degrees(np.arccos(up[:, 1] / np.linalg.norm(up, axis=-1)))

    def twist(self) -> np.ndarray:
        """Turn of the shoulders against the hips about the vertical, degrees to the left."""
        angles = []
        for joint in ("shoulder", "hip"):
            across = self[f"left_{joint}"] - self[f"right_{joint}"]
            angles.append(np.unwrap(np.arctan2(-across[:, 2], across[:, 0])))
        return np.degrees(angles[0] - angles[1])


def high(s: Seen, side: str) -> bool:
    """The hand of that side comes above the head."""
    return bool(s.above(f"{side}_wrist", "head").max() > 0.15)


def forward(s: Seen, side: str) -> bool:
    """The hand comes to shoulder height in front, and not much higher."""
    d = (s[f"{side}_hand"] - s[f"{side}_shoulder"]) / s.stature
    i = d[:, 2].argmax()
    return bool(d[i, 2] > 0.3 and abs(d[i, 1]) < 0.16 and d[:, 1].max() < 0.2 and abs(d[i, 0]) < 0.2)


def aside(s: Seen, side: str) -> bool:
    own = 1 if side == "left" else -1
    d = (s[f"{side}_hand"] - s[f"{side}_shoulder"]) / s.stature * [own, 1, 1]
    i = d[:, 0].argmax()
    return bool(d[i, 0] > 0.3 and abs(d[i, 1]) < 0.16)


def more(s: Seen, side: str, joint: str, factor: float = 3) -> bool:
    """A joint of this side goes a longer way than that of the other side."""
    other = "right" if side == "left" else "left"
    return s.path(f"{side}_{joint}") > factor * s.path(f"{other}_{joint}")


def wheel(s: Seen, side: str) -> bool:
    """The hand turns about the shoulder in the sagittal plane, up through the front, at least one whole turn."""
    d = s[f"{side}_hand"] - s[f"{side}_shoulder"]
    turn = np.unwrap(np.arctan2(d[:, 2], -d[:, 1]))
    return bool(turn[-1] - turn[0] > 1.7 * np.pi)


def wave(s: Seen, side: str) -> bool:
    d = s[f"{side}_hand"] - s[f"{side}_elbow"]
    return s.beat(d[:, 0]) > 0.8 and s.above(f"{side}_hand", f"{side}_elbow").max() > 0.2


def kick(s: Seen, side: str, way: int) -> bool:
    d = (s[f"{side}_ankle"] - s[f"{side}_hip"]) / s.stature
    return bool((way * d[:, 2]).max() > 0.25 and (d[:, 1].max() > -0.42) and more(s, side, "ankle", 2))


def hop(s: Seen, side: str) -> bool:
    other = "right" if side == "left" else "left"
    flying = s.x[..., 1].min(axis=1) > 0.03
    return airborne(s) and bool((s.above(f"{other}_ankle", f"{side}_ankle")[flying] > 0.1).all())


def airborne(s: Seen) -> bool:
    return bool(s.x[..., 1].min(axis=1).max() > 0.03)


def lunge(s: Seen, side: str) -> bool:
    other = "right" if side == "left" else "left"
    stride = (s[f"{side}_ankle"] - s[f"{other}_ankle"])[:, 2]
    i = stride.argmax()
    return bool(stride[i] > 0.45 * s.stature and s["hip_center"][0, 1] - s["hip_center"][i, 1] > 0.12 * s.stature)


def squat(s: Seen) -> bool:
    return bool(np.ptp(s["hip_center"][:, 1]) > 0.16 * s.stature and not airborne(s))


def near(s: Seen, joint: str, other: str, most: float) -> bool:
    return bool(s.apart(joint, other).min() < most * s.stature)


def side_bend(s: Seen, way: int) -> bool:
    return bool((way * (s["head"] - s["hip_center"])[:, 0]).max() > 0.1 * s.stature)


def level(s: Seen) -> bool:
    """Hands and feet are both on the floor, and the chest goes up and down."""
    hands, feet = s["left_hand"][:, 1] + s["right_hand"][:, 1], s["left_foot"][:, 1] + s["right_foot"][:, 1]
    return bool(np.abs(hands - feet).max() < 0.02 and np.ptp(s["shoulder_center"][:, 1]) > 0.12 * s.stature)


def elbow_out(s: Seen, side: str) -> bool:
    own = 1 if side == "left" else -1
    d = own * (s[f"{side}_elbow"] - s[f"{side}_shoulder"])[:, 0]
    return bool(d.max() > 0.09 * s.stature)


def span(s: Seen, axis: int) -> float:
    """How far the head moves against the neck along x, y or z."""
    return float(np.ptp((s["head"] - s["shoulder_center"])[:, axis]))


def together(s: Seen) -> float:
    """Correlation of how far the two hands are in front of their shoulders."""
    left, right = ((s[f"{side}_hand"] - s[f"{side}_shoulder"])[:, 2] for side in ("left", "right"))
    return float(np.corrcoef(left, right)[0, 1])


def ankle_aside(s: Seen, side: str) -> bool:
    own = 1 if side == "left" else -1
    d = own * (s[f"{side}_ankle"] - s[f"{side}_hip"])[:, 0]
    return bool(d.max() > 0.25 * s.stature and more(s, side, "ankle", 2))


def left_at(s: Seen, frame: int) -> float:
    """Where the left shoulder is from the right one along x, metres."""
    return float((s["left_shoulder"] - s["right_shoulder"])[frame, 0])


def both(check: Callable[[Seen, str], bool]) -> Callable[[Seen], bool]:
    return lambda s: check(s, "left") and check(s, "right")


TRUTHS: dict[str, Callable[[Seen], bool]] = {
    "s01": lambda s: forward(s, "right") and more(s, "right", "wrist"),
    "s02": both(forward),
    "s03": lambda s: aside(s, "left") and more(s, "left", "wrist"),
    "s04": lambda s: aside(s, "right") and more(s, "right", "wrist"),
    "s05": both(aside),
    "s06": lambda s: high(s, "left") and more(s, "left", "wrist"),
    "s07": both(high),
    "s08": lambda s: wave(s, "left") and more(s, "left", "wrist"),
    "s09": lambda s: wave(s, "right") and more(s, "right", "wrist"),
    "s10": lambda s: both(high)(s) and s.beat(s["left_hand"][:, 0]) > 0.6,
    "s11": lambda s: forward(s, "left") and more(s, "left", "wrist", 1.3),
    "s12": lambda s: forward(s, "right") and more(s, "right", "wrist", 1.3),
    "s13": lambda s: both(forward)(s) and together(s) < 0.6,
    "s14": lambda s: both(forward)(s) and together(s) > 0.8,
    "s15": lambda s: both(high)(s) and s.apart("left_wrist", "left_shoulder").min() < 0.18 * s.stature,
    "s16": lambda s: both(forward)(s) and (s["left_elbow"] - s["left_shoulder"])[:, 2].min() < -0.05,
    "s17": lambda s: wheel(s, "left") and more(s, "left", "wrist"),
    "s18": lambda s: wheel(s, "right") and more(s, "right", "wrist"),
    "s19": both(wheel),
    "s20": lambda s: (s["left_hand"] - s["left_shoulder"])[:, 2].min() < -0.15
    and (s["left_hand"] - s["left_shoulder"])[:, 2].max() > 0.25
    and s.above("left_hand", "left_shoulder").max() < 0,
    "s21": lambda s: near(s, "right_wrist", "right_shoulder", 0.16) and more(s, "right", "wrist"),
    "s22": both(lambda s, side: near(s, f"{side}_wrist", f"{side}_shoulder", 0.16)),
    "s23": lambda s: near(s, "left_hand", "right_hand", 0.06) and s.beat(s.apart("left_hand", "right_hand")) > 1.7,
    "s24": lambda s: near(s, "left_hand", "right_hand", 0.06) and s.beat(s.apart("left_hand", "right_hand")) < 1.2,
    "s25": lambda s: near(s, "left_hand", "right_hand", 0.06)
    and s.above("left_hand", "head")[s.apart("left_hand", "right_hand").argmin()] > 0.15
    and both(aside)(s),
    "s26": both(lambda s, side: near(s, f"{side}_hand", "head", 0.09) and s.above(f"{side}_hand", "head").max() > 0.02),
    "s27": both(lambda s, side: near(s, f"{side}_hand", f"{side}_hip", 0.1) and elbow_out(s, side)),
    "s28": lambda s: near(s, "left_hand", "head", 0.12) and more(s, "left", "wrist"),
    "s29": lambda s: near(s, "right_hand", "head", 0.12) and more(s, "right", "wrist"),
    "s30": lambda s: near(s, "left_hand", "right_shoulder", 0.09) and more(s, "left", "wrist"),
    "s31": lambda s: (s["left_hand"] - s["right_hand"])[:, 0].min() < -0.12,
    "s32": lambda s: s.above("right_hand", "head").max() > 0
    and s.fastest("right_wrist") > 1.3 * s.fastest("left_wrist")
    and np.ptp(s.twist()) > 40,
    "s33": lambda s: (s["right_hand"] - s["right_shoulder"])[:, 2].min() < -0.2
    and s.above("right_hand", "head").max() < 0.1
    and more(s, "right", "wrist", 2),
    "s34": lambda s: s["right_hand"][:, 1].min() < min(0.16 * s.stature, s["left_hand"][:, 1].min() - 0.03),
    "s35": both(lambda s, side: s[f"{side}_hand"][:, 1].min() < 0.2 * s.stature and squat(s) is False),
    "s36": lambda s: more(s, "left", "knee") and s.above("left_knee", "left_hip").max() > -0.12,
    "s37": lambda s: more(s, "right", "knee") and s.above("right_knee", "right_hip").max() > -0.12,
    "s38": lambda s: kick(s, "left", 1),
    "s39": lambda s: kick(s, "right", 1),
    "s40": lambda s: kick(s, "right", -1),
    "s41": lambda s: ankle_aside(s, "left"),
    "s42": lambda s: ankle_aside(s, "right"),
    "s43": lambda s: not airborne(s) and np.ptp(s["hip_center"][:, 2]) < 0.25 and s.path("left_knee") > 0.5,
    "s44": lambda s: s.x[..., 1].min(axis=1).max() > 0.025 and np.ptp(s["hip_center"][:, 2]) < 0.3,
    "s45": lambda s: hop(s, "left"),
    "s46": lambda s: hop(s, "right"),
    "s47": lambda s: airborne(s) and both(high)(s),
    "s48": lambda s: squat(s) and s.beat(s["hip_center"][:, 1]) < 0.45,
    "s49": lambda s: squat(s) and s.beat(s["hip_center"][:, 1]) > 0.6,
    "s50": lambda s: squat(s) and (s["left_hand"] - s["left_shoulder"])[:, 2].max() > 0.2 * s.stature,
    "s51": lambda s: lunge(s, "left"),
    "s52": lambda s: lunge(s, "right"),
    "s53": lambda s: airborne(s) and both(high)(s) and s.apart("left_ankle", "right_ankle").max() > 0.4 * s.stature,
    "s54": lambda s: near(s, "left_elbow", "right_knee", 0.25) and near(s, "right_elbow", "left_knee", 0.25),
    "s55": lambda s: s.lean().max() > 35 and np.ptp(s["hip_center"][:, 1]) < 0.06,
    "s56": lambda s: side_bend(s, 1),
    "s57": lambda s: side_bend(s, -1),
    "s58": lambda s: s.twist().max() > 25 and s.twist().min() < -25,
    "s59": lambda s: span(s, 2) > 2 * span(s, 0),
    "s60": lambda s: span(s, 0) > span(s, 1),
    "s61": lambda s: left_at(s, 0) > 0 > left_at(s, -1),
    "s62": lambda s: s["hip_center"][-1, 1] < s["hip_center"][0, 1] - 0.15 * s.stature,
    "s63": lambda s: s["hip_center"][-1, 1] > s["hip_center"][0, 1] + 0.15 * s.stature,
    "s64": lambda s: s["hip_center"][-1, 2] - s["hip_center"][0, 2] > 0.4 * s.stature,
    "s65": lambda s: s["hip_center"][-1, 0] - s["hip_center"][0, 0] > 0.08 * s.stature,
    "s66": lambda s: s["hip_center"][-1, 0] - s["hip_center"][0, 0] < -0.08 * s.stature,
    "s67": lambda s: s.lean().min() > 50 and s["shoulder_center"][:, 1].min() < 0.2 * s.stature and level(s),
}  # fmt: skip


def test_every_class_has_a_truth() -> None:
    assert set(TRUTHS) == set(actions())


@pytest.mark.parametrize("code", actions())
def test_the_body_does_what_the_name_says(code: str) -> None:
    held = [TRUTHS[code](Seen(code, number)) for number in range(1, 9)]
    assert all(held), (actions()[code].label, held)


@pytest.mark.parametrize("code", ["s45", "s46", "s47", "s53"])
def test_jumps_are_flights_of_a_believable_height(code: str) -> None:
    for number in range(1, 9):
        height = Seen(code, number).x[..., 1].min(axis=1).max()
        assert 0.03 < height < 0.5


@pytest.mark.parametrize("code", ["s43", "s44", "s45", "s46", "s53"])
def test_what_is_done_in_place_stays_there(code: str) -> None:
    for number in range(1, 9):
        assert np.ptp(Seen(code, number)["hip_center"][:, [0, 2]], axis=0).max() < 0.3


def test_nothing_else_leaves_the_floor() -> None:
    for code, action in actions().items():
        if not action.air:
            assert Seen(code, 1).x[..., 1].min(axis=1).max() < 0.03, action.label


def test_a_truth_does_not_hold_for_everything() -> None:
    """The checks above can fail: on the mirrored class, on the other tempo, on a still person."""
    still = Seen("s60", 1)
    for code in ("s01", "s07", "s17", "s36", "s47", "s49", "s53", "s61", "s64", "s67"):
        assert not TRUTHS[code](still), code
    for code, other in (("s03", "s04"), ("s08", "s09"), ("s38", "s39"), ("s51", "s52"), ("s56", "s57"), ("s65", "s66")):
        assert not TRUTHS[code](Seen(other, 1)) and not TRUTHS[other](Seen(code, 1))
    assert not TRUTHS["s23"](Seen("s24", 1)) and not TRUTHS["s48"](Seen("s49", 1))
