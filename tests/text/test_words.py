"""Words that are known, as they are spelt or in another form, take all of their texts along."""

from __future__ import annotations

from collections import Counter
from importlib import resources

import numpy as np
import pytest
import yaml

from skelzero.text import ActionClass, ClassSet, load_class_set, load_text_encoder
from skelzero.text.attributes.profiles import read_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import learned_from
from skelzero.text.class_sets import class_set_names
from skelzero.text.rules import check_class_set, sentences
from skelzero.text.words import EVERYDAY, everyday_phrasings, everyday_word, key_of, understand

PHRASINGS = everyday_phrasings()
EVERYDAYS = tuple(c for c in map(everyday_word, PHRASINGS) if c is not None)
SCHEMA = load_schema()
NOT_ABOVE = [
    ("other-arm-moves", "arm-moves"), ("other-leg-moves", "leg-moves"), ("hand-bottom", "hand-top"),
    ("hand-works-at", "hand-top"), ("other-hand-top", "hand-top"),
]  # fmt: skip
"""Attributes of which the first cannot exceed the second, where both are known."""


def place_of(word: str, known: ClassSet | None = None) -> str | None:
    return understand([word], known)[1].get(word)


def classes_of(*labels: str) -> ClassSet:
    return ClassSet(name="mine", classes=tuple(ActionClass(code=label, label=label) for label in labels))


def test_a_known_word_brings_its_verb_and_noun() -> None:
    found, where = understand(["Draw X", "juggle with fire"])
    draw, juggle = found.classes
    assert where == {"Draw X": "utd_mhad:a8"}
    assert (draw.verb, draw.noun, draw.motion) == ("draw", "x", load_class_set("utd_mhad").classes[7].motion)
    assert (juggle.verb, juggle.noun) == ("juggle", "with fire")


def test_what_a_users_class_lacks_is_taken_from_the_word() -> None:
    mine = ClassSet(name="mine", classes=(ActionClass(code="a", label="lift cup", action="Raising a mug"),))
    lift = understand(["lift cup"], mine)[0].classes[0]
    assert (lift.action, lift.motion, lift.verb, lift.noun) == ("Raising a mug", "", "lift", "cup")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("walk", "walk"), ("Walk", "walk"), ("walking", "walk"), ("to walk", "walk"), ("a walk", "walk"),
        ("walks", "walk"), ("  go  for walks ", "walk"), ("running", "run"), ("jumps", "jump"), ("to wave", "wave"),
        ("waving", "wave"), ("sitting down", "sit down"), ("stand up", "stand up"), ("getting up", "stand up"),
        ("drinking water", "drink"), ("fall", "fall down"), ("falling over", "fall down"), ("handshake", "shake hands"),
        ("hugging someone", "hug"), ("brush your teeth", "brush teeth"), ("doing push-ups", "push-ups"),
        ("push ups", "push-ups"), ("lying down", "lie down"), ("goes upstairs", "climb stairs"),
        ("the high-five", "high five"), ("raise hand", "raise a hand"),
        ("raise hands", "raise both arms"), ("raising my knee", "raise a knee"), ("raise knees", "high knees"),
    ],
)  # fmt: skip
def test_everyday_words_are_found_in_any_form(word: str, meant: str) -> None:
    found, where = understand([word])
    label = " ".join(word.split())
    assert where == {label: f"{EVERYDAY}:{meant}"}
    told, described = found.classes[0], everyday_word(meant)
    assert described is not None and (told.code, told.label) == (label, label)
    assert (told.motion, told.attributes) == (described.motion, described.attributes)


def test_walking_is_walking_along() -> None:
    """UTD-MHAD's class of that name is walking in place."""
    walk, run = understand(["walk", "run"])[0].classes
    for c in (walk, run):
        assert c.profile is not None and c.profile[SCHEMA.index["travels"]] == 1
    assert place_of("walk in place") == "everyday:walk in place"


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("swipe left", "utd_mhad:a1"), ("swiping to the left", "utd_mhad:a1"), ("march in place", "synthetic:s43"),
        ("jogging in place", "synthetic:s44"), ("tear up a paper", "ntu120:A013"), ("juggle with fire", None),
        ("the", None), ("...", None), ("walk the dog and the cat", None),
    ],
)  # fmt: skip
def test_the_class_sets_are_asked_after_them(word: str, place: str | None) -> None:
    assert place_of(word) == place


def test_a_users_classes_are_asked_first_and_by_spelling_before_stems() -> None:
    mine = classes_of("waving", "wave", "walking", "the", "...")
    assert place_of("Wave", mine) == "mine:wave" and place_of("waves", mine) == "mine:waving"
    assert place_of("walk", mine) == "mine:walking" and place_of("run", mine) == "everyday:run"
    assert place_of("the", mine) == "mine:the" and place_of("a", mine) is None and place_of("???", mine) is None


@pytest.mark.parametrize("name", class_set_names())
def test_no_two_classes_of_a_set_are_one_word(name: str) -> None:
    """Two labels of one set with the same stems would be two actions of which one is never found by them."""
    keys = Counter(key_of(c.label) for c in load_class_set(name).classes)
    assert () not in keys and [key for key, count in keys.items() if count > 1] == []


def test_stems_of_limbs_tell_one_from_both() -> None:
    for one, both in [("raise hand", "raise hands"), ("lift the knee", "lift knees"), ("swing an arm", "swing arms")]:
        assert key_of(one) != key_of(both)
    assert key_of("clap your hands") == key_of("clapping hands") and key_of("curls") == key_of("curl")


def test_every_everyday_word_is_itself() -> None:
    assert len(EVERYDAYS) == len(PHRASINGS) >= 130
    for c, (label, also) in zip(EVERYDAYS, PHRASINGS.items(), strict=True):
        assert c.code == c.label == label and place_of(label) == f"{EVERYDAY}:{label}"
        assert also and all(place_of(phrase) == f"{EVERYDAY}:{label}" for phrase in also)
        assert all(1 <= len(phrase.split()) <= 5 for phrase in (label, *also)), label


def test_no_phrase_stands_twice() -> None:
    phrases = [phrase for label, also in PHRASINGS.items() for phrase in (label, *also)]
    keys = Counter(key_of(phrase) for phrase in phrases)
    assert () not in keys and [phrase for phrase in phrases if keys[key_of(phrase)] > 1] == []


def test_the_file_holds_what_is_read_from_it() -> None:
    """The words' heads are cut out of the text before anything is parsed."""
    text = (resources.files("skelzero.text") / "everyday.yaml").read_text(encoding="utf-8")
    documents = list(yaml.safe_load_all(text))
    assert {d["label"]: tuple(d["also"]) for d in documents} == PHRASINGS
    for document, c in zip(documents, EVERYDAYS, strict=True):
        assert tuple(document) == ("label", "also", "verb", "noun", "action", "motion", "attributes")
        assert (document["action"], document["motion"]) == (c.action, c.motion)


def test_everyday_words_keep_to_the_rules_of_class_sets() -> None:
    """But for names of others in a text: nobody is asked to guess an unseen one among them."""
    found = check_class_set(ClassSet(name=EVERYDAY, classes=EVERYDAYS))
    assert [str(finding) for finding in found if not finding.problem.startswith("names class")] == []
    assert [c.code for c in EVERYDAYS if sentences(c.action) != 1] == []


def test_their_profiles_are_legal_and_told_apart() -> None:
    for c in EVERYDAYS:
        assert c.attributes is not None and len(c.attributes) >= 4, f"{c.code}: hardly anything is said of it"
        np.testing.assert_array_equal(c.profile, read_profile(dict(c.attributes)))
    assert len({frozenset(c.attributes or ()) for c in EVERYDAYS}) == len(EVERYDAYS), "two words are the same"


def test_no_profile_contradicts_itself() -> None:
    """An unknown value contradicts none; what words and profile say together is tested with those of the class sets."""
    values = np.stack([c.profile for c in EVERYDAYS if c.profile is not None])  # (K, A)
    assert len(values) == len(EVERYDAYS)
    for one, other in NOT_ABOVE:
        above = values[:, SCHEMA.index[one]] > values[:, SCHEMA.index[other]]
        assert [EVERYDAYS[k].code for k in np.flatnonzero(above)] == [], f"{one} above {other}"
    company = values[:, SCHEMA.index["another-person"]] == 1
    told = [c.code for c in EVERYDAYS if "other person" in c.motion or "wo people" in c.motion]
    assert [c.code for c, two in zip(EVERYDAYS, company, strict=True) if two] == told


def test_nothing_is_learned_from_them() -> None:
    """Published figures rest on what the translator learns from and on the class sets."""
    assert EVERYDAY not in class_set_names()
    texts = set(learned_from(load_text_encoder("minilm")).texts)
    assert [c.code for c in EVERYDAYS if {c.action, c.motion} & texts] == []
