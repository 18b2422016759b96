"""The fixed splits of the synthetic classes."""

from __future__ import annotations

import pytest

from skelzero.protocol.splits import load_split, split_names
from skelzero.synthetic.vocabulary import REST, actions
from skelzero.text.class_sets import load_class_set

SET = load_class_set("synthetic")


def stops(code: str) -> set[tuple[str, str]]:
    return {(part.limb, stop) for part in actions()[code].parts for stop in part.stops if stop != REST}


def moved(code: str) -> set[str]:
    return {member for part in actions()[code].parts for member, _ in part.members}


@pytest.mark.parametrize("name", ["51/16", "59/8"])
def test_sizes_are_those_of_the_name(name: str) -> None:
    split = load_split(SET, name)
    assert name in split_names(SET) and f"{len(split.seen)}/{len(split.unseen)}" == name
    assert len(split.pseudo_unseen) == len(split.unseen) and split.family == "skelzero"


@pytest.mark.parametrize("name", ["51/16", "59/8"])
def test_unseen_classes_are_made_of_seen_parts(name: str) -> None:
    split = load_split(SET, name)
    limbs = set().union(*(moved(code) for code in split.seen))
    known = set().union(*(stops(code) for code in split.seen))
    counts = [(len(stops(code) & known), len(stops(code))) for code in split.unseen]
    assert all(moved(code) <= limbs for code in split.unseen)
    assert sum(a for a, _ in counts) >= 0.75 * sum(b for _, b in counts), "three postures in four were seen"
    assert sum(a == b for a, b in counts) >= 0.6 * len(counts), "most classes have no new posture at all"


@pytest.mark.parametrize("name", ["51/16", "59/8"])
def test_no_class_is_unseen_together_with_its_mirror_image(name: str) -> None:
    labels = {action.label for code, action in actions().items() if code in load_split(SET, name).unseen}
    for label in labels:
        other = label.replace("left", "\0").replace("right", "left").replace("\0", "right")
        assert other == label or other not in labels
