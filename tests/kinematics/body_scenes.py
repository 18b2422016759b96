"""Scenes acted with legs, trunk and the whole body, alone and by two, and what must be measured in them."""

from __future__ import annotations

import math

import numpy as np
from stick_figure import (
    ARM,
    FPS,
    FRAMES,
    HIP,
    LEG,
    SHOULDER,
    STANDING,
    TORSO,
    Course,
    Scene,
    between,
    circle,
    figure,
    filmed,
    opposite,
    raised,
    ramp,
    rounds,
    there_and_back,
    to_and_fro,
)

OUT, UP, FORWARD = np.eye(3)
C45 = math.sqrt(0.5)
once = there_and_back()
briefly = ramp(0.3, 0.45) - ramp(0.55, 0.7)
on_and_on = ramp(0.05, 0.9)
SECONDS = FRAMES / FPS


def both_feet(foot: np.ndarray) -> dict[str, np.ndarray]:
    """Both feet at one place from their hips, and the hips where that leaves the feet on the floor."""
    sunk = np.stack([0 * foot[:, 1], -LEG * (1 + foot[:, 1]), 0 * foot[:, 1]], axis=-1)
    return {"left_foot": foot, "right_foot": foot, "hips": sunk}


def squat(depth: Course) -> dict[str, np.ndarray]:
    """Hips that sink by so many leg lengths above feet that stay."""
    return both_feet((depth[:, None] - 1) * UP)


def lifted(course: Course) -> np.ndarray:
    """A foot lifted before the other shin."""
    return between(STANDING, (0, -0.6, 0.2), course)


def knee_of(share: float) -> float:
    """How bent a knee is whose hip is so many leg lengths from the ankle."""
    return 2 * math.degrees(math.acos(share)) / 140


AT_KNEE = np.array([HIP - SHOULDER, -LEG / 4 - TORSO * C45, LEG / 2 * math.sqrt(0.75) - TORSO * C45]) / ARM
"""Of a hand, from its shoulder, with the hips sunk by half a leg and the trunk leaning 45 degrees forward."""
on_its_back = {"left_foot": FORWARD, "right_foot": FORWARD, "hips": -LEG * UP}
stepping = np.sin(rounds(4))
speed = 2 * math.pi * 0.5 * 0.3 * 0.6
"""Metres a second of a hand on a circle of 0.3 arm lengths, half a round a second."""

SCENES = {
    "standing": Scene(filmed(figure()), {
        "leg-moves": 0, "other-leg-moves": 0, "foot-top": 0, "knee-bend": 0, "thigh-up": 0, "leg-forward": 0,
        "leg-side": 0, "leg-back": 0, "jump": 0, "bend-forward": 0, "bend-back": 0, "bend-side": 0, "twist": 0,
        "trunk-repeats": 0, "head-moves": 0, "hip-drop": 0, "starts-low": 0, "ends-low": 0, "lies": 0, "travels": 0,
        "travels-forward": 0, "travels-sideways": 0, "turns": 0, "quick": 0, "rhythm": 0, "stillness": 1, "returns": 1,
        "another-person": 0,
    }),
    "a straight leg to the front": Scene(filmed(figure(left_foot=raised(90 * once))), {
        "leg-moves": 1, "other-leg-moves": 0, "foot-top": 1, "thigh-up": 0.6, "knee-bend": 0, "leg-forward": 1,
        "leg-side": 0, "leg-back": 0, "leg-repeats": 0, "jump": 0, "hip-drop": 0, "side": -1,
    }),
    "a straight leg to the side": Scene(filmed(figure(right_foot=raised(60 * once, aside=90))), {
        "leg-side": math.sin(math.pi / 3), "foot-top": 0.5, "leg-forward": 0, "side": 1,
    }),
    "a straight leg to the back": Scene(filmed(figure(right_foot=raised(-45 * once))), {
        "leg-back": math.sin(math.pi / 4), "leg-forward": 0, "thigh-up": 0, "leg-moves": 2 * math.sin(math.pi / 8),
    }),
    "a knee to the front": Scene(filmed(figure(left_foot=(1 - 0.4 * once)[:, None] * raised(90 * once))), {
        "knee-bend": knee_of(0.6), "thigh-up": (90 + math.degrees(math.acos(0.6))) / 150, "leg-forward": (0.6, 0.65),
    }),
    "marching": Scene(filmed(figure(
        left_foot=lifted(np.maximum(stepping, 0)), right_foot=lifted(np.maximum(-stepping, 0)))),
        {"legs-in-turn": (0.5, 1), "other-leg-moves": (0.4, 0.5), "leg-repeats": (0.7, 1), "jump": 0, "foot-top": 0.4},
    ),
    "striding": Scene(filmed(figure(left_foot=raised(25 * stepping), right_foot=raised(-25 * stepping))), {
        "legs-in-turn": (0.9, 1), "leg-forward": math.sin(math.radians(25)), "leg-back": math.sin(math.radians(25)),
    }),
    "jumping jacks": Scene(filmed(figure(**both_feet(raised(30 * to_and_fro(4), aside=90)))), {
        "legs-in-turn": 0, "leg-side": 0.5, "leg-repeats": (0.7, 1),
    }),
    "a jump": Scene(filmed(figure(hips=between((0, 0, 0), 0.3 * UP, once))), {"jump": 1, "travels": 0, "hip-drop": 0}),
    "a small jump": Scene(filmed(figure(hips=between((0, 0, 0), 0.16 * LEG * UP, once))), {"jump": 0.5}),
    "standing on one leg": Scene(filmed(figure(left_foot=lifted(np.ones(FRAMES)))), {"jump": 0}),
    "a squat": Scene(filmed(figure(**squat(0.5 * once))), {
        "hip-drop": 0.5, "knee-bend": knee_of(0.5), "thigh-up": 60 / 150, "starts-low": 0, "ends-low": 0, "jump": 0,
        "foot-top": 0, "leg-repeats": 0, "legs-in-turn": 0, "returns": 1, "lies": 0,
    }),
    "hands on the knees of a squat": Scene(
        filmed(figure(lean=45, left_hand=AT_KNEE, right_hand=AT_KNEE, **squat(np.full(FRAMES, 0.5)))),
        {"hand-at-leg": 1, "starts-low": 0.5, "ends-low": 0.5},
    ),
    "squats": Scene(filmed(figure(**squat(0.5 * to_and_fro(4)))), {"leg-repeats": (0.7, 1), "hip-drop": 0.5}),
    "sitting down": Scene(filmed(figure(**squat(0.4 * ramp()))), {"starts-low": 0, "ends-low": 0.4, "returns": 0}),
    "standing up": Scene(filmed(figure(**squat(0.4 * (1 - ramp())))), {"starts-low": 0.4, "ends-low": 0}),
    "a bow": Scene(filmed(figure(lean=45 * once)), {"bend-forward": 0.5, "bend-back": 0, "bend-side": 0, "lies": 0}),
    "leaning back": Scene(filmed(figure(lean=-30 * once)), {"bend-back": 0.5, "bend-forward": 0}),
    "tipping to the left": Scene(filmed(figure(tip=30 * once)), {"bend-side": 0.5, "bend-forward": 0}),
    "tipping to the right": Scene(filmed(figure(tip=-30 * once)), {"bend-side": 0.5, "bend-back": 0}),
    "shoulders turned": Scene(filmed(figure(twist=40 * briefly)), {"twist": 40 / 60, "travels": 0}),
    "bows": Scene(filmed(figure(lean=45 * to_and_fro(4))), {"trunk-repeats": (0.7, 1), "bend-forward": 0.5}),
    "nods": Scene(filmed(figure(nod=40 * to_and_fro(3))), {
        "head-moves": 2 * math.sin(math.radians(20)) / 0.8, "bend-forward": 0,
    }),
    "lying": Scene(filmed(figure(lean=-90, **on_its_back)), {"lies": 1, "starts-low": 1, "ends-low": 1, "hip-drop": 1}),
    "lying down": Scene(filmed(figure(lean=-90 * ramp(), **both_feet(raised(90 * ramp())))), {
        "lies": 1, "starts-low": 0, "ends-low": 1, "hip-drop": 1, "returns": 0, "jump": 0,
    }),
    "two metres forward": Scene(filmed(figure(hips=between((0, 0, 0), 2 * FORWARD, on_and_on))), {
        "travels": 1, "travels-forward": 1, "travels-sideways": 0, "turns": 0,
    }),
    "a metre back": Scene(filmed(figure(hips=between((0, 0, 0), -FORWARD, on_and_on))), {
        "travels": 0.5, "travels-forward": -0.5,
    }),
    "a metre to the right": Scene(filmed(figure(hips=between((0, 0, 0), -OUT, on_and_on))), {
        "travels-sideways": 0.5, "travels-forward": 0,
    }),
    "away and back home": Scene(filmed(figure(hips=between((0, 0, 0), 2 * FORWARD, once))), {
        "travels": 1, "travels-forward": 0,
    }),
    "a quarter turn": Scene(filmed(figure(facing=90 * ramp())), {"turns": 0.5, "travels": 0, "twist": 0}),
    "half a turn": Scene(filmed(figure(facing=-180 * ramp())), {"turns": 1, "travels": 0, "twist": 0}),
    "half a turn, then away": Scene(filmed(figure(
        facing=180 * ramp(0.1, 0.4), hips=between((0, 0, 0), -2 * FORWARD, ramp(0.5, 0.9)))),
        {"turns": 1, "travels": 1, "travels-forward": -1},
    ),
    "a hand on a circle": Scene(filmed(figure(
        left_hand=circle(0.6 * FORWARD, 0.3 * OUT, 0.3 * UP, rounds(0.5 * SECONDS)))),
        {"quick": speed / (speed + 2), "stillness": 0, "side": -1},
    ),
    "half the time still": Scene(filmed(figure(
        right_hand=raised(np.concatenate([np.zeros(FRAMES // 2), 90 * to_and_fro(3, FRAMES // 2)])))),
        {"stillness": (0.5, 0.6), "side": 1},
    ),
    "hand left up": Scene(filmed(figure(left_hand=raised(90 * ramp()))), {"returns": 0, "side": -1}),
    "coming near": Scene(filmed(figure(hips=between((0, 0, 0), 0.8 * FORWARD, ramp())), opposite(2)), {
        "another-person": 1, "other-nears": 0.8, "touches-other": 0, "travels-forward": 0.4,
    }),
    "parting": Scene(filmed(figure(hips=between((0, 0, 0), -0.8 * FORWARD, ramp())), opposite(1)), {
        "another-person": 1, "other-nears": -0.8,
    }),
    "shaking hands": Scene(filmed(
        figure(right_hand=raised(80 * once)), opposite(1.2, aside=-0.36, right_hand=raised(80 * once))),
        {"another-person": 1, "touches-other": 1, "other-nears": 0},
    ),
}  # fmt: skip
