"""The rules for class sets find what they are for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skelzero.text.class_sets import ActionClass, ClassSet, load_class_set
from skelzero.text.rules import LENGTHS, check_class_set, contains, names_of, sentences, stem, words_of

ACTION = "Moving the {} of the body in some way or other."
MOTION = "The {} goes up and then down again several times while the rest of the body stays still."


def make(labels: list[str], **texts: str) -> ClassSet:
    """A set that keeps to the rules, but for the texts given for its first class."""
    parts = ["arm", "head", "trunk", "leg"]
    classes = [ActionClass(code=f"c{i}", label=label, action=ACTION.format(parts[i]), motion=MOTION.format(parts[i]))
               for i, label in enumerate(labels)]  # fmt: skip
    return ClassSet(name="made", classes=(classes[0].model_copy(update=texts), *classes[1:]))


def problems(class_set: ClassSet) -> list[str]:
    return [str(finding) for finding in check_class_set(class_set)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("wave", "waving"), ("wave", "waves"), ("clap", "Clapped"), ("push", "pushes"), ("carry", "carries"),
     ("pull", "pulling"), ("swing", "swings"), ("sit", "sitting"), ("stand", "stands"), ("raise", "raised"),
     ("throw", "throwing")],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("wave", "weave"), ("ring", "string"), ("sit", "set"), ("knee", "knock")])
def test_other_words_have_other_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@given(st.text())
def test_any_text_has_words(text: str) -> None:
    found = words_of(text)
    assert all(found) and contains(found, found) and not contains(found, (*found, "more"))


def test_names_of_a_label() -> None:
    assert names_of("check time (from watch)") == {words_of("check time"), words_of("from watch")}
    assert names_of("put on a hat/cap") == {words_of("put on a hat"), words_of("cap")}
    assert names_of("()/") == set()


def test_sentences_are_counted() -> None:
    assert [sentences(t) for t in ("", "no end", "One.", "One. Two!", "1.5 metres. Two... Three?")] == [0, 1, 1, 2, 3]


def test_a_good_set_has_no_findings() -> None:
    assert problems(make(["wave", "clap", "sit down"])) == []


@pytest.mark.parametrize("kind", LENGTHS)
@pytest.mark.parametrize("disguise", ["waving", "WAVES,", "(wave)", "hand-wave", "\u2018wave\u2019"])
def test_a_name_in_disguise_is_found(kind: str, disguise: str) -> None:
    text = MOTION.format(disguise)
    assert problems(make(["nod", "wave"], **{kind: text})) == [f"c0 {kind}: names class c1 (wave)"]


def test_names_of_several_words_must_stand_side_by_side() -> None:
    apart = "The arms sit beside the trunk and the head goes down to the chest and up again."
    assert problems(make(["nod", "sit down"], motion=apart)) == []
    together = "The body is sitting down and the head goes to the chest and up again."
    assert problems(make(["nod", "sit down"], motion=together)) == ["c0 motion: names class c1 (sit down)"]


def test_alternatives_and_parentheses_are_names() -> None:
    text = "The arm brings the cap up to the head and the hand looks for the watch there."
    found = problems(make(["nod", "put on a hat/cap", "check time (watch)"], motion=text))
    assert [f.split(" (")[0] for f in found] == ["c0 motion: names class c1", "c0 motion: names class c2"]


def test_a_name_within_the_own_label_is_allowed() -> None:
    text = "The hand reaches down to the floor and then throws something far away to the front."
    assert problems(make(["pick up and throw", "throw"], motion=text)) == []
    assert problems(make(["pick up", "throw"], motion=text)) == ["c0 motion: names class c1 (throw)"]


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"action": ""}, "c0 action: missing"),
        ({"action": "Too short."}, "c0 action: 2 words, expected 8 to 40"),
        ({"motion": "word " * 56}, "c0 motion: 56 words, expected 15 to 55"),
        ({"action": "One is here. Two is here. Three is here."}, "c0 action: 3 sentences, expected at most 2"),
        ({"motion": MOTION.format("HEAD")}, "c1 motion: says the same as the motion text of class c0"),
        ({"label": "clap"}, "c1 label: says the same as the label text of class c0"),
    ],
)
def test_each_rule_can_be_broken(texts: dict[str, str], problem: str) -> None:
    assert problem in problems(make(["nod", "clap"], **texts))


def parted(*pairs: tuple[str, str]) -> ClassSet:
    """A set that keeps to the rules on descriptions, with these verbs and nouns."""
    made = make(["nod", "clap", "squat"][: len(pairs)])
    parts = [{"verb": verb, "noun": noun} for verb, noun in pairs]
    classes = tuple(c.model_copy(update=part) for c, part in zip(made.classes, parts, strict=True))
    return made.model_copy(update={"classes": classes})


def test_good_verbs_and_nouns_have_no_findings() -> None:
    assert problems(parted(("wave", "left hand"), ("wave", "right hand"), ("nod, bow", "head"))) == []
    assert problems(parted(("", ""), ("", ""))) == []


@pytest.mark.parametrize(
    ("verb", "noun", "problem"),
    [
        ("", "head", "c1 verb: missing, though other classes have verbs and nouns"),
        ("nod", " ", "c1 noun: missing, though other classes have verbs and nouns"),
        ("go up and down again", "head", "c1 verb: 5 words, expected 1 to 4"),
        ("nod", "the head on my neck", "c1 noun: 5 words, expected 1 to 4"),
        ("Nod", "head", "c1 verb: not in lower case"),
        ("wave", "Hands", "c1 noun: with the verb the same as of class c0"),
        ("waving", "head", "c1 verb: 'waving', but 'wave' at class c0"),
    ],
)
def test_each_rule_on_verbs_and_nouns_can_be_broken(verb: str, noun: str, problem: str) -> None:
    assert problem in problems(parted(("wave", "hand"), (verb, noun)))


def test_a_shipped_set_with_a_name_slipped_in() -> None:
    utd = load_class_set("utd_mhad")
    spoilt = utd.classes[2].model_copy(update={"motion": utd.classes[2].motion + " Then it claps"})
    classes = (*utd.classes[:2], spoilt, *utd.classes[3:])
    assert any("names class a4 (clap)" in p for p in problems(utd.model_copy(update={"classes": classes})))
