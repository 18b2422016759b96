"""Every attribute has a scale, values mean what their marks say, and the documentation is the schema's."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from skelzero.kinematics.bodies import FRAMES
from skelzero.report.attribute_words import (
    DEGREE,
    PARTS,
    SCALES,
    markdown_tables,
    marks_of,
    meaning_of,
    needs_of,
    number,
    range_of,
    scale_of,
)
from skelzero.text.attributes.schema import Attribute, load_schema
from skelzero.text.attributes.translator import DOUBTFUL
from skelzero.text.class_sets import parse_class_set

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "attributes.md").read_text(encoding="utf-8")
SCHEMA = load_schema()


def of(name: str) -> Attribute:
    return SCHEMA.attributes[SCHEMA.index[name]]


def test_every_part_has_a_title_and_scales_are_of_attributes() -> None:
    assert set(PARTS) == set(SCHEMA.parts)
    assert set(SCALES) <= set(SCHEMA.names)
    assert scale_of(of("arms-together")) == DEGREE and scale_of(of("foot-top")) == "leg lengths above the floor"


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("hand-top", 1.8, "overhead"),
        ("hand-top", 2.2, "stretched up"),
        ("hand-top", 0.05, "between hanging by the thigh and waist"),
        ("hand-top", -1.0, ""),  # far below the last mark
        ("hand-top", math.nan, ""),
        ("hip-drop", 0.0, ""),  # at rest, for which there is no mark
        ("hip-drop", 0.09, "knees give a little"),
        ("jump", 1.0, ""),
    ],
)
def test_meaning(name: str, value: float, meaning: str) -> None:
    assert meaning_of(of(name), value) == meaning


@pytest.mark.parametrize("attribute", SCHEMA.attributes, ids=SCHEMA.names)
def test_a_mark_means_itself(attribute: Attribute) -> None:
    for value, meaning in attribute.marks:
        assert meaning_of(attribute, value) == meaning


def test_numbers_are_short() -> None:
    given = (-0.001, 0.333, 2.0, -0.2, math.nan)
    assert [number(v) for v in given] == ["0", "0.33", "2", "-0.2", "unknown"]
    assert range_of(of("hand-bottom")) == "-1.7 to 1.5" and marks_of(of("turns"))[0] == "0.5 a quarter turn"
    assert needs_of(of("legs-in-turn")) == "other-leg-moves of at least 0.15" and needs_of(of("jump")) == ""


def test_the_documentation_has_the_schema_s_tables() -> None:
    tables = markdown_tables(SCHEMA)
    assert tables in DOCS, "run `python -m skelzero.report.attribute_words` and take its tables into docs/attributes.md"
    assert tables.count("\n| `") == len(SCHEMA) and all(f"| `{name}` |" in tables for name in SCHEMA.names)
    for line in tables.splitlines():
        assert not line.startswith("|") or line.count("|") == 7


def test_the_documentation_s_example_loads_and_its_numbers_are_the_code_s() -> None:
    example = re.split(r"```yaml[^\n]*\n", DOCS)[1].split("```")[0]
    found = parse_class_set(example, where="docs/attributes.md")
    written = yaml.safe_load(example)["classes"][0]["attributes"]
    profile = found.classes[0].profile
    assert profile is not None and profile[SCHEMA.index["hand-top"]] == written["hand-top"] == 1.8
    assert np.isnan(profile[SCHEMA.index["side"]]) and profile[SCHEMA.index["jump"]] == 0
    for said in (f"{len(SCHEMA)} named numbers", f"{DOUBTFUL:g} the reading", f"{FRAMES} frames"):
        assert said in " ".join(DOCS.split())
