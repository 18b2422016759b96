"""Scenes acted with arms and hands, and what must be measured in them: a value (within 0.03) or a range."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from stick_figure import (
    ARM,
    FRAMES,
    HANGING,
    SHOULDER,
    Scene,
    between,
    circle,
    figure,
    filmed,
    raised,
    ramp,
    rounds,
    there_and_back,
    to_and_fro,
)

OUT, UP, FORWARD = np.eye(3)
RIGHT_ANGLE = 90 / 140
"""Of an elbow, which is folded (1) at 140 degrees; a hand at sqrt(1/2) arm lengths bends it so."""
FOLDED = np.cos(np.radians(70))
once = there_and_back()
first_left, then_right = (np.concatenate(p) for p in (
    (to_and_fro(1, FRAMES // 2), np.zeros(FRAMES // 2)), (np.zeros(FRAMES // 2), to_and_fro(1, FRAMES // 2)),
))  # fmt: skip
thrust = (0.3 + 0.6 * ramp())[:, None]
thrust_and_back = (0.3 + 0.6 * once)[:, None]
fast_and_slowly_back = (0.3 + 0.6 * (ramp(0.1, 0.25) - ramp(0.4, 0.95)))[:, None]
half_then_raised = np.concatenate([np.zeros(FRAMES // 2), ramp(0, 0.05, FRAMES // 2)])


def hand_at(across: float, up: float, forward: float) -> Float[np.ndarray, "3"]:
    """The place of the left hand that is so many metres to the left of, above and before the neck."""
    return np.array([across - SHOULDER, up, forward]) / ARM


def both(hand: Float[np.ndarray, "..."]) -> dict[str, Float[np.ndarray, "..."]]:
    return {"left_hand": hand, "right_hand": hand}


SCENES = {
    "arms hang": Scene(filmed(figure()), {
        "arm-moves": 0, "other-arm-moves": 0, "hand-top": -0.2, "hand-bottom": -0.2, "hand-works-at": -0.2,
        "other-hand-top": -0.2, "reach-forward": 0, "reach-side": 0, "reach-across": 0, "reach-back": 0,
        "elbow-bent": 0, "elbow-works": 0, "arm-holds": 0, "hand-at-head": 0, "hand-at-chest": 0, "hand-at-hip": 0,
        "hand-at-arm": 0, "hands-meet": (0, 0.2), "hand-at-leg": (0, 0.2),
    }),
    "an arm straight to the front": Scene(filmed(figure(right_hand=raised(90 * once))), {
        "arm-moves": 1, "other-arm-moves": 0, "hand-top": 1, "hand-bottom": -0.2, "hand-works-at": (0.7, 1),
        "other-hand-top": -0.2, "reach-forward": 1, "reach-side": 0, "reach-back": 0, "elbow-bent": 0,
        "elbow-works": 0, "arm-repeats": 0, "along-side": 0, "along-vertical": 0.5, "along-forward": 0.5,
        "stroke-up": 0, "stroke-forward": 0, "path-round": (0.2, 0.5), "hand-at-head": 0,
    }),
    "an arm straight to the side": Scene(filmed(figure(left_hand=raised(90 * once, aside=90))), {
        "reach-side": 1, "reach-forward": 0, "reach-across": 0, "hand-top": 1, "along-side": 0.5, "along-forward": 0,
    }),
    "an arm up over the side": Scene(filmed(figure(left_hand=raised(180 * once, aside=90))), {
        "hand-top": 2.2, "hand-works-at": (1.6, 2.2), "reach-side": 1, "arm-moves": 1,
    }),
    "an arm to the back": Scene(filmed(figure(right_hand=raised(-60 * once))), {
        "reach-back": np.sin(np.pi / 3), "reach-forward": 0, "arm-moves": 1 / 1.4, "along-side": 0,
    }),
    "a hand before the other shoulder": Scene(
        filmed(figure(left_hand=between(HANGING, hand_at(-SHOULDER, 0, 0.3), once))),
        {"reach-across": SHOULDER / ARM, "hand-top": 1, "reach-forward": 0.5, "hand-at-chest": (0.3, 1)},
    ),
    "both arms to the front": Scene(filmed(figure(**both(raised(90 * once)))), {
        "arms-together": 1, "arms-in-turn": 0, "other-arm-moves": 1, "other-hand-top": 1,
    }),
    "both arms to the same side": Scene(filmed(figure(
        left_hand=0.8 * FORWARD + 0.3 * OUT * once[:, None], right_hand=0.8 * FORWARD - 0.3 * OUT * once[:, None])),
        {"arms-together": 1, "arms-in-turn": 0, "along-side": 1},
    ),
    "clapping": Scene(filmed(figure(**both(between(hand_at(0.25, 0, 0.4), hand_at(0, 0, 0.4), to_and_fro(5))))), {
        "arms-together": 1, "arms-in-turn": 0, "hands-meet": 1, "arm-repeats": (0.9, 1), "along-side": 1,
    }),
    "one arm, then the other": Scene(filmed(figure(
        left_hand=raised(90 * first_left), right_hand=raised(90 * then_right))),
        {"arms-together": 0, "arms-in-turn": (0.5, 1), "other-arm-moves": 1},
    ),
    "arms that swing as in walking": Scene(filmed(figure(
        left_hand=raised(30 * np.sin(rounds(3))), right_hand=raised(-30 * np.sin(rounds(3))))),
        {"arms-together": 0, "arms-in-turn": (0.8, 1), "reach-back": 0.5, "reach-forward": 0.5},
    ),
    "one arm held up while the other circles": Scene(filmed(figure(
        left_hand=raised(180), right_hand=circle(0.6 * FORWARD, 0.3 * OUT, 0.3 * UP, rounds(4)))),
        {"other-hand-top": 2.2, "other-arm-moves": 0, "path-round": (0.95, 1), "side": 1, "arm-holds": 1,
         "hand-top": (1.3, 1.36), "hand-bottom": (0.64, 0.7), "arm-repeats": (0.9, 1), "elbow-works": (0, 0.15)},
    ),
    "an arm that turns like a wheel": Scene(filmed(figure(left_hand=raised(np.degrees(rounds(2))))), {
        "path-round": (0.95, 1), "reach-forward": 1, "reach-back": 1, "hand-top": 2.2, "side": -1,
        "arm-repeats": (0.2, 0.5),
    }),
    "a hand that waves overhead": Scene(filmed(figure(left_hand=0.9 * UP + 0.2 * OUT * np.sin(rounds(4))[:, None])), {
        "hand-works-at": 1 + 0.9 * ARM / 0.5, "hand-bottom": 1.5, "path-round": 0, "along-side": 1,
        "arm-repeats": (0.7, 1), "rhythm": 4 / 3 / 3,
    }),
    "a hand pushed up": Scene(filmed(figure(left_hand=thrust * UP)), {
        "stroke-up": 1, "stroke-out": 0, "stroke-forward": 0, "along-vertical": 1, "path-round": 0, "arm-repeats": 0,
    }),
    "a hand pulled down": Scene(filmed(figure(right_hand=thrust[::-1] * UP)), {"stroke-up": -1, "along-vertical": 1}),
    "a punch that stays": Scene(filmed(figure(right_hand=thrust * FORWARD)), {
        "stroke-forward": 1, "stroke-up": 0, "along-forward": 1, "hand-top": 1, "hand-bottom": 1,
        "elbow-works": (2 * np.degrees(np.arccos(0.3)) - 2 * np.degrees(np.arccos(0.9))) / 140,
    }),
    "a punch and back": Scene(filmed(figure(right_hand=thrust_and_back * FORWARD)), {
        "stroke-forward": 0, "along-forward": 1, "path-round": 0,
    }),
    "a fast punch and slowly back": Scene(filmed(figure(right_hand=fast_and_slowly_back * FORWARD)), {
        "stroke-forward": (0.6, 1), "along-forward": 1,
    }),
    "a hand pulled in from the front": Scene(filmed(figure(left_hand=thrust[::-1] * FORWARD)), {"stroke-forward": -1}),
    "a hand pushed out": Scene(filmed(figure(right_hand=thrust * OUT)), {"stroke-out": 1, "along-side": 1}),
    "a hand pulled in from the side": Scene(filmed(figure(right_hand=thrust[::-1] * OUT)), {"stroke-out": -1}),
    "an elbow kept at a right angle": Scene(filmed(figure(
        left_hand=np.sqrt(0.5) * raised(40 + 20 * np.sin(rounds(2))))),
        {"elbow-bent": RIGHT_ANGLE, "elbow-works": 0},
    ),
    "a folded arm": Scene(filmed(figure(left_hand=FOLDED * raised(90 + 10 * np.sin(rounds(2))))), {"elbow-bent": 1}),
    "an arm that folds": Scene(filmed(figure(left_hand=between(HANGING, FOLDED * UP, once))), {
        "elbow-works": 1, "elbow-bent": (0.6, 1),
    }),
    "an arm held out for half the time": Scene(filmed(figure(left_hand=raised(90 * half_then_raised))), {
        "arm-holds": (0.42, 0.5), "stroke-up": (0.5, 1),
    }),
    "a hand on the head": Scene(filmed(figure(left_hand=hand_at(0, 0.25, 0))), {"hand-at-head": 1, "hands-meet": 0}),
    "a hand a forearm from the head": Scene(filmed(figure(left_hand=hand_at(0.275, 0.25, 0))), {"hand-at-head": 0.5}),
    "a hand on the belly": Scene(filmed(figure(left_hand=hand_at(0, -0.25, 0.1))), {
        "hand-at-chest": 1, "hand-at-head": 0,
    }),
    "hands folded before the chest": Scene(filmed(figure(**both(hand_at(0.02, -0.1, 0.3)))), {"hands-meet": 1}),
    "hands on the hips": Scene(filmed(figure(**both(hand_at(0.15, -0.5, 0)))), {"hand-at-hip": 1, "hand-at-head": 0}),
    "a hand on the other forearm": Scene(
        filmed(figure(left_hand=hand_at(-SHOULDER, -0.3, 0.15), right_hand=np.sqrt(0.5) * FORWARD - 0.5 * UP)),
        {"hand-at-arm": (0.8, 1)},
    ),
}  # fmt: skip
