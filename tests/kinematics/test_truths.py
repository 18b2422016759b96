"""Every attribute on motion whose truth is known, and the tempo of repeated movements."""

from __future__ import annotations

import arm_scenes
import body_scenes
import numpy as np
import pytest
from stick_figure import FPS, Scene, figure, filmed, measured, raised, rounds

from skelzero.text.attributes.schema import load_schema

SCENES = {**arm_scenes.SCENES, **body_scenes.SCENES}
CLOSE = 0.03


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_is_acted_is_what_is_measured(scene: Scene) -> None:
    found = measured(scene.clip)
    for name, truth in scene.truths.items():
        low, high = truth if isinstance(truth, tuple) else (truth - CLOSE, truth + CLOSE)
        assert low <= found[name] <= high, f"{name}: {found[name]:.3f} instead of {truth}"


def test_every_attribute_has_a_scene_in_which_it_rests_and_one_in_which_it_does_not() -> None:
    """A measurement that always says the same would pass otherwise."""
    seen: dict[str, set[float]] = {name: set() for name in load_schema().names}
    for scene in SCENES.values():
        for name, truth in scene.truths.items():
            seen[name].add(float(np.mean(truth)))
    assert {name for name, truths in seen.items() if max(truths, default=0) - min(truths, default=0) < 0.2} == set()


@pytest.mark.parametrize("seconds", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("count", [2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10])
def test_rhythm_is_rounds_a_second_and_repeats_are_rounds(count: float, seconds: float) -> None:
    """Also where two or three rounds fit the frames better than one, as with 8 rounds in 64 frames."""
    frames = round(FPS * seconds)
    waving = raised(50 + 30 * np.sin(rounds(count, frames)), aside=90)
    found = measured(filmed(figure(frames, right_hand=waving)))
    assert found["rhythm"] == pytest.approx(min(count / seconds / 3, 1), rel=0.1)
    # A hand is nearly still at each turn, and frames without movement do not count.
    assert found["arm-repeats"] == pytest.approx(min((count - 1) / 3, 1), abs=0.2)


@pytest.mark.parametrize("count", [0.5, 1, 1.5])
def test_what_is_done_once_has_no_rhythm(count: float) -> None:
    found = measured(filmed(figure(right_hand=raised(50 + 30 * np.sin(rounds(count)), aside=90))))
    assert found["rhythm"] == 0 and found["arm-repeats"] == 0
