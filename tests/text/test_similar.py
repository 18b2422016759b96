"""Words find the classes that mean the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.text import load_class_set, load_text_encoder
from skelzero.text.class_sets import TEXTS
from skelzero.text.similar import similarities

UTD = load_class_set("utd_mhad")


@pytest.mark.parametrize("row", [0, 12, 26])
@pytest.mark.parametrize("kind", TEXTS)
def test_a_class_is_nearest_to_its_own_text(row: int, kind: str) -> None:
    found = similarities(f" {UTD.classes[row].text(kind)} ", UTD, load_text_encoder("minilm"), [kind])
    assert found.shape == (27,) and found.dtype == np.float32
    alike = [c.text(kind) == UTD.classes[row].text(kind) for c in UTD.classes]  # classes share verbs and nouns
    np.testing.assert_array_equal(found >= found.max() - 1e-5, alike)
    assert found[row] == pytest.approx(1, abs=1e-5)


def test_kinds_are_averaged() -> None:
    encoder = load_text_encoder("minilm")
    label, motion = (similarities("punch", UTD, encoder, [kind]) for kind in ("label", "motion"))
    np.testing.assert_allclose(
        similarities("punch", UTD, encoder, ["label", "motion"]), (label + motion) / 2, atol=1e-6
    )


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no words"):
        similarities("  ", UTD, load_text_encoder("minilm"))
    np.save(tmp_path / "v.npy", np.ones((27, 2)))
    with pytest.raises(UserError, match=r"no other words[\s\S]*v\.npy"):
        similarities("punch", UTD, load_text_encoder(f"file:{tmp_path / 'v.npy'}"))
    for kind in ("motoin", "attributes", "read-attributes"):
        with pytest.raises(UserError, match=rf"unknown kind of text to compare with[\s\S]*{kind}[\s\S]*label, motion"):
            similarities("punch", UTD, load_text_encoder("minilm"), ["motion", kind])
