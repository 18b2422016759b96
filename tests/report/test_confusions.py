"""Confusions are pooled by hand, and texts and profiles are those of the class set."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import confused, result, utd

from skelzero.report.confusions import matrix_of, most_confused
from skelzero.text import build_bank, load_class_set, load_text_encoder
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import profile_vectors

KEY = ("utd_mhad", "random:2", "zsl")


def test_counts_are_pooled_over_the_runs_in_which_both_classes_compete() -> None:
    first = utd("scale", 0, 0.5)
    codes = ["a1", "a2", "a6"]
    second = utd("scale", 1, 0.5, class_order={"zsl": codes},
                 confusion={"zsl": confused([[5, 0, 0], [0, 4, 0], [0, 2, 6]])})  # fmt: skip
    found = {(c.truth, c.answer): c for c in most_confused(KEY, [first, second, utd("ridge", 0, 0.5)], "scale")}
    assert (found["a6", "a7"].count, found["a6", "a7"].of) == (6, 8)
    assert (found["a6", "a2"].count, found["a6", "a2"].of) == (2, 16)
    assert next(iter(found)) == ("a6", "a7") and found["a6", "a7"].labels == ("arm cross", "basketball shoot")
    assert matrix_of(KEY, [first, second], "scale") is None, "classes differ"
    codes, counts = matrix_of(KEY, [first, utd("scale", 2, 0.5)], "scale")
    assert codes == list(first.class_order["zsl"]) and counts.sum() == 2 * 25
    assert counts.tolist() == [[10, 0, 0, 0], [2, 6, 0, 0], [0, 0, 4, 12], [0, 0, 2, 14]]


def test_a_place_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond class_order"):
        utd("scale", 0, 0.5, confusion={"zsl": [(0, 4, 1)]})


def test_cosine_and_attributes_by_hand() -> None:
    found = most_confused(KEY, [utd("scale", 0, 0.5)], "scale")[0]
    classes = load_class_set("utd_mhad")
    rows = [classes.index("a6"), classes.index("a7")]
    vectors = build_bank(classes, load_text_encoder("minilm"), ["action"]).vectors()[rows]
    assert found.cosine == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-4)
    a, b = profile_vectors(np.stack([classes.classes[row].profile for row in rows]))
    says = [attribute.says for attribute in load_schema().attributes]
    gaps = {says[i]: abs(float(a[i] - b[i])) for i in range(len(says)) if a[i] != 0 != b[i]}
    assert found.apart[0] == max(gaps, key=gaps.__getitem__)
    for name in found.shared:
        i = says.index(name)
        assert a[i] * b[i] > 0 and gaps[name] < min(abs(a[i]), abs(b[i]))


def test_unknown_class_sets_leave_the_codes() -> None:
    counts = {"zsl": confused([[2, 1, 0], [0, 3, 0], [0, 0, 3]])}
    found = most_confused(("made_up", "2/1", "zsl"), [result("ridge", 0, 0.5, confusion=counts)], "ridge")
    assert len(found) == 1 and found[0].labels == ("a1", "a2<script>") and found[0].cosine is None
    assert found[0].shared == () == found[0].apart and found[0].share == pytest.approx(1 / 3)
