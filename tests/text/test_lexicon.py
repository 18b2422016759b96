"""The lexicon understands descriptions of movements, and never stumbles over any text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.text.attributes.hand_path import REST, HandPath, bend_at, path_attributes, within_reach
from skelzero.text.attributes.lexicon import Reading, load_lexicon, read_words
from skelzero.text.attributes.schema import load_schema

SCHEMA = load_schema()


def value(text: str, name: str) -> float:
    """What a text says about an attribute, the value at rest where it says nothing."""
    found = float(read_words(text).values[SCHEMA.index[name]])
    return float(SCHEMA.rest[SCHEMA.index[name]]) if np.isnan(found) else found


def said(text: str, name: str) -> bool:
    return not np.isnan(read_words(text).values[SCHEMA.index[name]])


def check(reading: Reading) -> None:
    """Shapes and ranges that hold for every text."""
    assert reading.values.shape == reading.weights.shape == (len(SCHEMA),)
    unsaid = np.isnan(reading.values)
    assert np.all((reading.weights > 0) == ~unsaid)
    assert np.all(reading.weights <= 1)
    assert np.all((reading.values >= SCHEMA.low) | unsaid)
    assert np.all((reading.values <= SCHEMA.high) | unsaid)
    assert not set(reading.known) & set(reading.unknown)


@pytest.mark.parametrize(
    ("text", "name", "low", "high"),
    [
        ("One hand rises from waist height to the mouth and lowers again.", "hand-top", 1.1, 1.5),
        ("One hand rises from waist height to the mouth and lowers again.", "hand-at-head", 0.8, 1),
        ("Both arms rise sideways to overhead.", "hand-top", 1.7, 2.2),
        ("Both arms rise sideways to overhead.", "arms-together", 0.7, 1),
        ("The straight right arm swings up in front of the body to shoulder height.", "reach-forward", 0.8, 1),
        ("The straight right arm swings up in front of the body to shoulder height.", "elbow-bent", 0, 0.2),
        ("The straight left arm moves out to the side to shoulder height.", "reach-side", 0.8, 1),
        ("One arm sweeps across the front of the body at chest height.", "reach-across", 0.2, 1),
        ("One arm sweeps across the front of the body at chest height.", "stroke-out", -1, -0.2),
        ("The hand moves from side to side beside the head again and again.", "along-side", 0.4, 1),
        ("The hand moves from side to side beside the head again and again.", "arm-repeats", 0.8, 1),
        ("Both straight arms circle round and round.", "path-round", 0.8, 1),
        ("One fist shoots quickly forward at shoulder height.", "stroke-forward", 0.3, 1),
        ("One fist shoots quickly forward at shoulder height.", "quick", 0.7, 1),
        ("The arm rises slowly.", "quick", 0, 0.3),
        ("The hand rises to the forehead and stays there for long.", "arm-holds", 0.5, 1),
        ("Both hands meet in front of the chest.", "hands-meet", 0.8, 1),
        ("The hands go to the hips.", "hand-at-hip", 0.8, 1),
        ("The trunk bends deeply forward while one hand goes down to the floor.", "bend-forward", 0.7, 1),
        ("The trunk bends deeply forward while one hand goes down to the floor.", "hand-bottom", -1.7, -1.2),
        ("The trunk leans slightly forward.", "bend-forward", 0.1, 0.3),
        ("The trunk tips to the left side.", "bend-side", 0.3, 1),
        ("The shoulders turn about the spine.", "twist", 0.3, 1),
        ("The head tips down slightly.", "head-moves", 0.1, 0.4),
        ("The knees bend deeply and the hips sink toward the heels.", "hip-drop", 0.5, 1),
        ("The left thigh rises to the front until it is level.", "thigh-up", 0.5, 1),
        ("One leg swings quickly forward with the knee straight.", "leg-forward", 0.5, 1),
        ("The knees rise alternately.", "legs-in-turn", 0.8, 1),
        ("The heels rise behind the body in turn.", "knee-bend", 0.7, 1),
        ("The left foot steps out to the left.", "leg-side", 0.3, 1),
        ("Two people face each other and the right hands meet.", "another-person", 0.9, 1),
    ],
)
def test_plain_descriptions(text: str, name: str, low: float, high: float) -> None:
    assert low <= value(text, name) <= high


@pytest.mark.parametrize(
    ("text", "name", "low", "high"),
    [
        ("drink from a cup", "hand-at-head", 0.7, 1),
        ("put the woollen hat on", "hand-top", 1.4, 2.2),
        ("clapping", "hands-meet", 0.8, 1),
        ("jumping jacks", "jump", 0.6, 1),
        ("pick something up from the floor", "hand-bottom", -1.7, -1),
        ("sit down", "ends-low", 0.3, 0.6),
        ("stand up from a chair", "starts-low", 0.3, 0.6),
        ("squats", "hip-drop", 0.5, 1),
        ("jogging", "legs-in-turn", 0.8, 1),
        ("salute", "arm-holds", 0.3, 1),
        ("bow to the audience", "bend-forward", 0.4, 1),
        ("throw a ball overarm", "stroke-forward", 0.5, 1),
        ("kick the ball", "leg-moves", 0.7, 1),
        ("golf swing", "hands-meet", 0.7, 1),
        ("turn around", "turns", 0.7, 1),
        ("shaking hands with a partner", "touches-other", 0.7, 1),
    ],
)
def test_names_of_whole_actions(text: str, name: str, low: float, high: float) -> None:
    assert low <= value(text, name) <= high


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("One arm rises overhead while the legs stay still.", "leg-moves"),
        ("One arm rises overhead. The other arm hangs.", "other-arm-moves"),
        ("One arm rises overhead without moving the legs.", "leg-moves"),
        ("The trunk does not move.", "twist"),
        ("The person marches in place.", "travels"),
    ],
)
def test_what_keeps_still_is_read_as_nothing(text: str, name: str) -> None:
    assert value(text, name) <= 0.05


def test_what_is_not_spoken_of_stays_open() -> None:
    assert not said("One hand rises to the mouth.", "leg-moves")
    assert not said("The knees bend.", "hand-top")
    assert not said("One hand rises to the mouth.", "side")


@pytest.mark.parametrize(("side", "sign"), [("left", -1), ("right", 1)])
def test_the_side_is_read_and_else_changes_nothing(side: str, sign: int) -> None:
    text = "The straight {} arm rises forward to shoulder height, stays there and sinks."
    assert value(text.format(side), "side") == sign
    values = [read_words(text.format(which)).values for which in ("left", "right")]
    rest = np.arange(len(SCHEMA)) != SCHEMA.index["side"]
    np.testing.assert_array_equal(values[0][rest], values[1][rest])


def test_either_hand_may_be_meant() -> None:
    both = value("Both hands rise to the head.", "other-arm-moves")
    assert 0 < value("One or two hands rise to the head.", "other-arm-moves") < both
    assert not said("One hand rises to the head.", "other-arm-moves")


def test_left_and_right_are_across_or_outward() -> None:
    assert value("The right hand moves to the left.", "stroke-out") < 0
    assert value("The left hand moves to the left.", "stroke-out") > 0


def test_the_other_persons_movement_is_not_ones_own() -> None:
    alone = "One person extends one arm forward."
    both = alone + " The second person bends the trunk deeply forward and lifts both knees."
    assert not said(both, "bend-forward")
    assert not said(both, "thigh-up")


def test_repeats_hold_for_all_that_goes_on() -> None:
    text = "The left fist shoots straight forward and snaps back, again and again."
    assert value(text, "arm-repeats") == 1


def test_a_text_that_tells_the_movement_itself_is_taken_at_its_word() -> None:
    text = "The arms swing forward. The trunk stays upright. The knees bend slightly."
    assert value(text, "hands-meet") < 0.1  # No golf, no tennis.


def test_known_and_unknown_words() -> None:
    reading = read_words("The hand gropes upward for the zeppelin.")
    assert {"hand", "upward"} <= set(reading.known)
    assert "zeppelin" in reading.unknown
    assert "the" not in reading.unknown


@pytest.mark.parametrize("text", ["", "   ", "...", "zeppelin", "12 34", "手を上げる", "and and, or; to the of"])
def test_nothing_is_made_of_nothing(text: str) -> None:
    reading = read_words(text)
    check(reading)
    assert np.isnan(reading.values).all()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_within_the_ranges(text: str) -> None:
    check(read_words(text))


LEXICON = load_lexicon()
WORDS = sorted({word for key in LEXICON.vocabulary.entries for word in key} | set(LEXICON.vocabulary.exact))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, ",", ".", "and", "with", "hand", "arm", "the"]), max_size=30))
def test_any_muddle_of_known_words_is_read_within_the_ranges(words: list[str]) -> None:
    check(read_words(" ".join(words)))


@pytest.mark.parametrize("name", LEXICON.data["actions"])
def test_every_action_means_something(name: str) -> None:
    entry = LEXICON.actions.entry(name)
    assert entry.keys() <= {"also", "says", "set", "like"}
    assert entry.get("like", name) in LEXICON.data["actions"]
    assert entry.get("set", {}).keys() <= set(SCHEMA.names)
    assert all(not read_words(entry[key]).unknown for key in ("says",) if key in entry)


@pytest.mark.parametrize("section", ["frames", "stills", "says"])
def test_claims_are_of_the_schema_and_in_range(section: str) -> None:
    for entry in LEXICON.data[section].values():
        for claims in entry.values() if section != "stills" else [entry]:
            for name, number in claims.items():
                assert SCHEMA.low[SCHEMA.index[name]] <= number <= SCHEMA.high[SCHEMA.index[name]]


def test_elbow_follows_from_where_the_hand_is() -> None:
    assert bend_at(REST) < 0.15
    assert bend_at((1.0, 1.0, 0.0)) == pytest.approx(0)
    assert bend_at((1.0, np.sqrt(0.5), 0.0)) == pytest.approx(0.5)
    assert within_reach((1.0, 3.0, 0.0)) == (1.0, 1.0, 0.0)


def test_a_raised_and_lowered_hand_has_no_main_stroke() -> None:
    path = HandPath()
    path.go((1.3, 0.3, -0.2))
    path.drop()
    found = path_attributes(path)
    assert abs(found["stroke-up"]) < 0.15
    assert found["along-vertical"] > 0.5
    assert found["along-vertical"] + found["along-side"] + found["along-forward"] == pytest.approx(1)
