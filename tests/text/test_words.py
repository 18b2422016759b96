"""Words that a class set knows take all of its texts along."""

from __future__ import annotations

from skelzero.text import ActionClass, ClassSet, load_class_set
from skelzero.text.words import understand


def test_a_known_word_brings_its_verb_and_noun() -> None:
    found, where = understand(["Baseball Swing", "juggle with fire"])
    swing, juggle = found.classes
    assert where == {"Baseball Swing": "utd_mhad:a14"} and (swing.verb, swing.noun) == ("swing", "baseball bat")
    assert swing.motion == load_class_set("utd_mhad").classes[13].motion
    assert (juggle.verb, juggle.noun) == ("juggle", "with fire")


def test_what_a_users_class_lacks_is_taken_from_the_word() -> None:
    mine = ClassSet(name="mine", classes=(ActionClass(code="a", label="lift cup", action="Raising a mug"),))
    lift = understand(["lift cup"], mine)[0].classes[0]
    assert (lift.action, lift.motion, lift.verb, lift.noun) == ("Raising a mug", "", "lift", "cup")
