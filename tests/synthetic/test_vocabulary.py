"""The two data files: consistent, complete, and in step with the texts."""

from __future__ import annotations

from skelzero.synthetic.kinematics import LIMBS, MEMBERS
from skelzero.synthetic.vocabulary import GROUPS, REST, actions, postures
from skelzero.text.class_sets import load_class_set


def parts(code: str) -> set[tuple[str, str]]:
    return {(part.limb, stop) for part in actions()[code].parts for stop in part.stops if stop != REST}


def test_there_are_many_classes_with_codes_in_order() -> None:
    assert len(actions()) >= 48
    assert list(actions()) == [f"s{i:02d}" for i in range(1, len(actions()) + 1)]


def test_classes_and_texts_agree() -> None:
    texts = load_class_set("synthetic")
    assert [(a.code, a.label) for a in actions().values()] == [(c.code, c.label) for c in texts.classes]
    assert "synthetic" in texts.title.lower() and "synthetic" in texts.source.lower()


def test_every_posture_is_used_and_rest_names_every_angle_that_matters() -> None:
    used = {(part.limb, stop) for action in actions().values() for part in action.parts for stop in part.stops}
    assert {(limb, name) for limb, names in postures().items() for name in names} - used == set()
    for limb in LIMBS:
        assert set(postures()[limb][REST].angles) == set(LIMBS[limb])


def test_no_limb_is_told_two_things_at_once() -> None:
    for action in actions().values():
        members = [member for part in action.parts for member, _ in part.members]
        assert len(members) == len(set(members)), action.label
    assert all(member in MEMBERS for group in GROUPS.values() for member, _ in group)


def test_rounds_close_unless_the_class_ends_elsewhere() -> None:
    for action in actions().values():
        for part in action.parts:
            assert part.times[0] == 0 and abs(part.times[-1] - 1) < 1e-9
            closed = part.stops[0] == part.stops[-1] or part.winds
            assert closed or action.ends_elsewhere, (action.label, part.stops)


def test_parts_recur_in_different_combinations() -> None:
    """Most classes share a posture with a class that differs in the rest."""
    alone = [c for c in actions() if not any(parts(c) & parts(d) for d in actions() if d != c)]
    assert len(alone) <= len(actions()) // 4, alone
