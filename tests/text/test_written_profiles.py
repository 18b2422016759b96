"""Written profiles say what the motion descriptions say: by plain rules on words, and as others' profiles read them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import numpy as np
import pytest

from skelzero.text import load_class_set, load_text_encoder
from skelzero.text.attributes.profiles import Values, movements, read_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import SECOND, kin_of, load_translator, texts_of
from skelzero.text.attributes.vectors import profile_vectors
from skelzero.text.class_sets import class_set_names
from skelzero.text.words import everyday_phrasings, everyday_word

SCHEMA = load_schema()
REPEATS = tuple(name for name in SCHEMA.names if name.endswith("-repeats"))
SLACK = 1e-9

AGREEMENT = {"msr_action3d": 0.85, "ntu120": 0.74, "nw_ucla": 0.82, "pku_mmd": 0.73, "synthetic": 0.8, "utd_mhad": 0.85}
"""Least mean correlation of read and written profiles, a little below what it was when this was written."""

DESCRIBED = [
    *((f"{name} {c.code} {c.label}", c.motion, c.profile) for name in AGREEMENT for c in load_class_set(name).classes),
    *((label, motion, read_profile(profile)) for label, motion, profile in movements()),
    *((f"everyday {c.code}", c.motion, c.profile) for c in map(everyday_word, everyday_phrasings()) if c is not None),
]
"""Name, motion text and profile of every class, movement and everyday word."""

Rule = Callable[[Values], bool]


def of(profile: Values, name: str) -> float:
    return float(profile[SCHEMA.index[name]])


def least(value: float, *names: str) -> Rule:
    """Any of the attributes is unknown or at least so great."""
    return lambda profile: any(not of(profile, name) < value - SLACK for name in names)


def most(value: float, *names: str) -> Rule:
    return lambda profile: any(not of(profile, name) > value + SLACK for name in names)


RULES: list[tuple[str, Rule, str]] = [
    (r"both (arms|hands)", least(0.15, "other-arm-moves"), r"one (person|forearm)|each|two people|hang|held still"),
    (r"(the|both) arms (rise|lift|swing|are raised|open)", least(0.15, "other-arm-moves"), "person"),
    (r"(the left|the other|other) (arm|hand) hangs", most(0.3, "other-arm-moves"), "^$"),
    (r"arms? hangs? (at|beside|by)", most(0.3, "other-arm-moves", "arm-moves"), "^$"),
    (r"squats?|sits? down|knees bend deeply", least(0.3, "hip-drop"), "^$"),
    (r"jumps?|both feet leave the floor", least(0.3, "jump"), "shoulders jump"),
    (r"walks?|steps alternately|strolls?", least(0.5, "legs-in-turn", "travels"), "^$"),
    (r"overhead|above the head", least(1.5, "hand-top", "other-hand-top"), "^$"),
    (r"repeatedly|again and again|over and over", least(0.5, *REPEATS), "once or"),
    (r"several times|repeatedly|again and again|over and over", least(0.01, "rhythm"), "once or"),
    (r"claps?|palms meet|hands meet", least(0.4, "hands-meet"), r"person|people|forehead|rider"),
    (r"(bends|leans|stoops)( \w+)? forward", least(0.1, "bend-forward"), "^$"),
    (r"(bends|leans|tips) far forward", least(0.4, "bend-forward"), "^$"),
    (r"kicks?", least(0.4, "leg-moves"), "^$"),
    (r"sits|sitting|seated", least(0.3, "starts-low", "ends-low", "hip-drop"), "seated client"),
    (r"circles?", least(0.4, "path-round"), "^$"),
    (r"two people|second person", least(0.5, "another-person"), "no second person"),
    (r"right (arm|hand|leg|foot)", least(0.5, "side"), r"\bleft\b"),
    (r"left (arm|hand|leg|foot)", most(-0.5, "side"), r"\bright\b"),
]
"""Words, what they ask of a profile, and words beside which they ask nothing."""


@pytest.mark.parametrize(("words", "rule", "but"), RULES, ids=[words for words, _, _ in RULES])
def test_words_and_profile_agree(words: str, rule: Rule, but: str) -> None:
    asked = [d for d in DESCRIBED if re.search(rf"\b({words})\b", d[1], re.I) and not re.search(but, d[1], re.I)]
    assert len(asked) >= 2, "the rule is about nothing"
    wrong = [f"{name}: {motion}" for name, motion, profile in asked if profile is not None and not rule(profile)]
    assert wrong == []


def test_the_rules_look_at_profiles() -> None:
    """Each is broken by somebody who does nothing, or by somebody who does everything."""
    nothing, everything = SCHEMA.low, SCHEMA.high
    for words, rule, _ in RULES:
        assert not (rule(nothing) and rule(everything)), words


def quarrels(values: dict[str, float]) -> list[str]:
    """What in a profile cannot be at once; an unknown value quarrels with none."""
    shares = sum(values[f"along-{way}"] for way in ("vertical", "side", "forward"))
    way = max(abs(values["travels-forward"]), values["travels-sideways"])
    found = {
        "lowest place above the highest": values["hand-bottom"] > values["hand-top"] + SLACK,
        "works below the lowest place": values["hand-bottom"] > values["hand-works-at"] + 0.1 + SLACK,
        "works above the highest place": values["hand-works-at"] > values["hand-top"] + 0.1 + SLACK,
        "the other leg moves more": values["other-leg-moves"] > values["leg-moves"] + SLACK,
        "arms together and in turn": values["arms-together"] + values["arms-in-turn"] > 1.3,
        "shares of the path": abs(shares - 1) > 0.11,
        "low, but the hips never drop": max(values["starts-low"], values["ends-low"]) > values["hip-drop"] + 0.2,
        "ends elsewhere and returns": abs(values["starts-low"] - values["ends-low"]) > 0.3 and values["returns"] > 0.5,
        "goes somewhere in place": values["travels"] < 0.1 and way > 0.3,
    }
    return [name for name, wrong in found.items() if wrong]


def test_no_profile_contradicts_itself() -> None:
    found = {name: quarrels({a: of(p, a) for a in SCHEMA.names}) for name, _, p in DESCRIBED if p is not None}
    assert len(found) > 850 and {name: wrong for name, wrong in found.items() if wrong} == {}
    assert quarrels(dict(zip(SCHEMA.names, SCHEMA.rest, strict=True))) == []
    assert len(quarrels({**dict.fromkeys(SCHEMA.names, 1.0), "hand-top": 0, "leg-moves": 0, "hip-drop": 0})) == 6


@pytest.mark.parametrize("name", AGREEMENT)
def test_the_leading_arm_moves_more(name: str) -> None:
    for c in load_class_set(name).classes:
        assert c.profile is not None
        assert not of(c.profile, "other-arm-moves") > of(c.profile, "arm-moves") + SLACK, c.label


@functools.cache
def read_and_written(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors read from the texts of a set by others' profiles, the written ones, and which are known; (K, A) each."""
    own = load_class_set(name.removesuffix(SECOND)).classes
    translator = load_translator(load_text_encoder("minilm"), kin_of(name.removesuffix(SECOND)))
    read = profile_vectors(translator.read([texts_of(c) for c in load_class_set(name).classes]).values)
    written = profile_vectors(np.stack([c.profile for c in own if c.profile is not None]))
    known = (read != 0) & (written != 0)
    count = np.maximum(known.sum(axis=0), 1)
    return *(v - np.where(known, v, 0).sum(axis=0) / count for v in (read, written)), known


def correlations(name: str, shift: int = 0) -> np.ndarray:
    """Of what was written for each class with what was read for it, or for the class `shift` rows before (K,)."""
    read, written, known = read_and_written(name)
    read, known = np.roll(read, shift, axis=0), known & np.roll(known, shift, axis=0)
    return np.array([np.corrcoef(r[k], w[k])[0, 1] for r, w, k in zip(read, written, known, strict=True)])


@pytest.mark.parametrize("name", AGREEMENT)
def test_texts_are_read_as_they_were_profiled(name: str) -> None:
    """By a translator that saw no profile of the set nor of its twin; another class's words say something else."""
    found = correlations(name)
    assert (found > 0).mean() >= 0.9
    assert found.mean() >= AGREEMENT[name]
    assert correlations(name, shift=len(found) // 2).mean() < 0.2


@pytest.mark.parametrize("name", [name for name in class_set_names() if name.endswith(SECOND)])
def test_other_words_are_read_alike(name: str) -> None:
    found = correlations(name)
    assert (found > 0).mean() >= 0.9 and found.mean() >= 0.6
