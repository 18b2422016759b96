"""Shipped class sets keep to the rules; class-set files of users are checked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from skelzero.errors import UserError
from skelzero.text.attributes.translator import SECOND
from skelzero.text.class_sets import (
    MAX_BYTES,
    TEXTS,
    ActionClass,
    class_set_names,
    from_labels,
    load_class_set,
    parse_class_set,
)
from skelzero.text.rules import LENGTHS, PARTS, check_class_set, words_of

OTHER_VERBS = {
    ("ntu120", "A069"): "point up",
    ("ntu120", "A070"): "point down",
    ("ntu120", "A095"): "put up",
    ("nw_ucla", "a08"): "put on",
    ("nw_ucla", "a09"): "take off",
    ("utd_mhad", "a24"): "stand up",
    ("utd_mhad", "a25"): "sit down",
}
"""Verbs that are not in the label: "hands up" has none, "sit to stand" is "stand up", and "don" reads like a name."""

FILLED = {
    "arms", "baseball bat", "book", "bowling ball", "chair", "door", "fist", "fists", "golf club", "hand", "hands",
    "heavy object", "high arm", "jacket", "knees", "knees quickly", "knees slowly", "legs", "lips", "mouth", "nose",
    "object", "opposite toe", "palms", "pen", "tennis ball", "tennis racket", "upper body", "whole body",
}  # fmt: skip
"""Nouns of labels that have none, or only a half of one."""

SIZES = {"msr_action3d": 20, "ntu120": 120, "nw_ucla": 10, "pku_mmd": 51, "utd_mhad": 27}
GOOD = """
name: mine
title: My classes
source: me
classes:
  - {code: a, label: nod, action: Moving the head, motion: The head tips forward}
  - {code: 2, label: bow, action: Bending the trunk, motion: The trunk leans forward}
"""


@pytest.mark.parametrize("name", class_set_names())
def test_shipped_sets_keep_to_the_rules(name: str) -> None:
    """Complete, of a fit length, at most two sentences, nothing twice, and no description names another class."""
    assert [str(finding) for finding in check_class_set(load_class_set(name))] == []


def test_every_data_set_has_its_class_set() -> None:
    assert {name: len(load_class_set(name)) for name in class_set_names() if name in SIZES} == SIZES
    for name in class_set_names():
        found = load_class_set(name)
        assert found.name == name.removesuffix(SECOND) and found.title and found.source


@pytest.mark.parametrize("name", [name for name in class_set_names() if name.endswith(SECOND)])
def test_second_wordings_are_of_the_same_classes(name: str) -> None:
    """Named like the set that they describe again, so that a translator made for them learns nothing of it either."""
    second, first = load_class_set(name), load_class_set(name.removesuffix(SECOND))
    assert second.codes == first.codes
    assert not {c.text(kind) for c in second.classes for kind in ("label", *LENGTHS)} & {
        c.text(kind) for c in first.classes for kind in ("label", *LENGTHS)
    }
    assert all(c.profile is None for c in second.classes)


def test_no_description_stands_in_two_sets() -> None:
    texts = [c.text(kind) for name in class_set_names() for c in load_class_set(name).classes for kind in LENGTHS]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", class_set_names())
def test_shipped_classes_have_verb_and_noun(name: str) -> None:
    """`check_class_set` asks for both only where a set has any."""
    classes = load_class_set(name).classes
    assert all(c.verb and c.noun for c in classes)
    assert len({c.verb for c in classes}) < len(classes), "no verb is shared, so none can be carried over"


def strangers(c: ActionClass, kind: str) -> list[str]:
    """Words of a verb or noun that stand nowhere in the label, be it within a longer word ("pickup")."""
    label = words_of(c.label)
    return [word for word in words_of(c.text(kind)) if not any(word in own for own in label)]


@pytest.mark.parametrize("name", class_set_names())
def test_verbs_and_nouns_are_those_of_the_labels(name: str) -> None:
    for c in load_class_set(name).classes:
        assert not strangers(c, "verb") or OTHER_VERBS.get((name, c.code)) == c.verb, f"{c.code} {c.label}: {c.verb}"
        assert not strangers(c, "noun") or c.noun in FILLED, f"{c.code} {c.label}: {c.noun}"


def test_the_exceptions_are_needed() -> None:
    sets = [load_class_set(name) for name in class_set_names()]
    assert {(s.name, c.code): c.verb for s in sets for c in s.classes if strangers(c, "verb")} == OTHER_VERBS
    assert {c.noun for s in sets for c in s.classes if strangers(c, "noun")} == FILLED


@pytest.mark.parametrize(
    ("name", "code", "verb", "noun"),
    [("ntu120", "A036", "shake", "head"), ("pku_mmd", "40", "tear up", "paper"), ("synthetic", "s67", "do", "push-ups"),
     ("utd_mhad", "a14", "swing", "baseball bat"), ("utd_mhad", "a1", "swipe", "left")],
)  # fmt: skip
def test_some_labels_taken_apart(name: str, code: str, verb: str, noun: str) -> None:
    found = load_class_set(name)
    c = found.classes[found.index(code)]
    assert (c.text("verb"), c.text("noun")) == (verb, noun)


def test_a_users_set_may_do_without() -> None:
    bow = parse_class_set(GOOD, where="x").classes[1]
    for kind in PARTS:
        with pytest.raises(UserError, match=rf"'2' \(bow\) has no {kind} text[\s\S]*'{kind}' in[\s\S]*--semantics"):
            bow.text(kind)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_codes_and_labels_are_the_owners(name: str, recordings: Path) -> None:
    with (recordings / "classes.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == name]
    assert [(c.code, c.label) for c in load_class_set(name).classes] == [(r["code"], r["label"]) for r in rows]


def test_rows_and_texts_are_found_by_code_and_kind() -> None:
    utd = load_class_set("utd_mhad")
    assert utd.index("a27") == 26 and utd.codes[26] == "a27"
    assert utd.classes[2].text("label") == "wave" and utd.classes[2].text("motion").startswith("The right hand")
    with pytest.raises(UserError, match=r"in no text set[\s\S]*utd_mhad[\s\S]*a28[\s\S]*a1 ... a27[\s\S]*--class-set"):
        utd.index("a28")
    with pytest.raises(UserError, match=r"unknown kind of text[\s\S]*'motoin'[\s\S]*did you mean 'motion'"):
        utd.classes[0].text("motoin")


def test_the_first_classes_of_a_set() -> None:
    assert load_class_set("ntu120:60").codes == load_class_set("ntu120").codes[:60]
    assert load_class_set("ntu120:60").sha256 != load_class_set("ntu120").sha256
    for count in ("0", "121"):
        with pytest.raises(UserError, match="not that many classes"):
            load_class_set(f"ntu120:{count}")
    for wrong in ("ntu120:", "ntu120:x", "ntu12"):
        with pytest.raises(UserError, match="unknown class set"):
            load_class_set(wrong)


def test_a_users_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    found = load_class_set(path)
    assert found.codes == ("a", "2") and found.classes[1].label == "bow" and len(found) == 2
    assert load_class_set(str(path)) == found


def test_the_hash_follows_the_texts() -> None:
    one, other = parse_class_set(GOOD, where="x"), parse_class_set(GOOD.replace("tips", "tilts"), where="x")
    assert one.sha256 == parse_class_set(GOOD, where="y").sha256 != other.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not as it should be"),
        ("[]", "not as it should be"),
        ("name: x\nclasses: []\n", r"not as it should be[\s\S]*classes"),
        (GOOD.replace("label: nod", "lable: nod"), r"classes\.0\.la"),
        (GOOD.replace("label: nod", "label: ''"), r"classes\.0\.label"),
        (GOOD.replace("code: 2", "code: a"), r"code stands twice[\s\S]*got: a"),
        (GOOD.replace("The head tips forward", "x" * 2001), r"classes\.0\.motion"),
        (GOOD.replace("label: nod", f"label: nod, verb: {'x' * 501}"), r"classes\.0\.verb"),
        (GOOD.replace("label: nod", f"label: nod, noun: {'x' * 501}"), r"classes\.0\.noun"),
        ("name: [", "not YAML"),
        ("name: !!python/object/apply:os.system [ls]\nclasses: []\n", "not YAML"),
        ("a: &a [x]\nb: [*a, *a]\n", "alias"),
        ("[" * 3000, "nested too deeply"),
        ("name: \x00", "not YAML"),
        (GOOD.replace("My classes", "2020-99-99"), "not YAML"),
        (GOOD.replace("code: 2", "code: " + "2" * 5000), "not YAML"),
    ],
)
def test_a_wrong_file_is_one_message(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        load_class_set(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no class-set file"):
        load_class_set(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="no class-set file"):
        (tmp_path / "folder.yaml").mkdir()
        load_class_set(tmp_path / "folder.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9t\xe9\n")
    with pytest.raises(UserError, match="not UTF-8"):
        load_class_set(tmp_path / "latin.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UserError, match="too large"):
        load_class_set(tmp_path / "huge.yaml")


def test_free_words_become_classes() -> None:
    found = from_labels([" walk ", "jumping  jack"])
    assert [c.label for c in found.classes] == ["walk", "jumping jack"] == list(found.codes)
    texts = [{kind: c.text(kind) for kind in TEXTS} for c in found.classes]
    assert texts[0] == dict.fromkeys(TEXTS, "walk")
    assert texts[1] == {**dict.fromkeys(TEXTS, "jumping jack"), "verb": "jumping", "noun": "jack"}
    long = from_labels(["x" * 70 + "a", "x" * 70 + "b"])
    assert len(set(long.codes)) == 2 and long.classes[0].label == "x" * 70 + "a"


@pytest.mark.parametrize("words", [[], [""], ["walk", " "], ["walk", "walk "], ["Walk", "walk"]])
def test_free_words_must_differ(words: list[str]) -> None:
    with pytest.raises(UserError, match="different and not empty"):
        from_labels(words)


def test_free_words_have_an_end() -> None:
    assert from_labels(["x" * 500]).classes[0].text("noun") == "x" * 500
    with pytest.raises(UserError, match="too long"):
        from_labels(["x" * 501])
