"""Motion attributes as kinds of semantics: where they come from, and that they travel like texts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.text import ClassSet, TextBank, build_bank, from_labels, load_class_set, load_text_encoder
from skelzero.text.attributes.profiles import read_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import kin_of, load_translator, texts_of
from skelzero.text.attributes.vectors import profile_vectors, values_of
from skelzero.text.bank import attribute_states, profiles_of
from skelzero.text.class_sets import READ, WRITTEN, parse_class_set
from skelzero.text.encoders import TextStates

SCHEMA = load_schema()
UTD = load_class_set("utd_mhad")
MINILM = load_text_encoder("minilm")
MINE = """
name: mine
classes:
  - {code: a, label: nod, motion: The head tips forward, attributes: {head-moves: 0.9, rhythm: 0.4, side: unknown}}
  - {code: b, label: bow, motion: The trunk leans forward, attributes: {bend-forward: 0.8}}
"""


class Lengths:
    """A tiny encoder: the length of a text, as one token."""

    name = identity = "lengths"

    def encode(self, texts: Sequence[str]) -> TextStates:
        return TextStates.pooled_only(np.array([[len(text), 1] for text in texts], dtype=np.float32))


def mine(text: str = MINE) -> ClassSet:
    return parse_class_set(text, where="mine.yaml")


def profiles(classes: ClassSet) -> np.ndarray:
    return np.stack([c.profile for c in classes.classes if c.profile is not None])


def test_written_attributes_are_the_profiles() -> None:
    """They need no encoder, and are wider than what a small one gives."""
    bank = build_bank(UTD, Lengths(), [WRITTEN])
    assert bank.kinds == (WRITTEN,) and bank.pooled[WRITTEN].shape == (27, len(SCHEMA)) and bank.width == len(SCHEMA)
    np.testing.assert_array_equal(bank.pooled[WRITTEN], profile_vectors(profiles(UTD)))


def test_padding_keeps_lengths_and_angles() -> None:
    values = profiles(UTD)
    states, vectors = attribute_states(values, 384), profile_vectors(values)
    assert states.pooled.shape == (27, 384) and states.pooled.dtype == states.tokens.dtype == np.float32
    np.testing.assert_allclose(states.pooled @ states.pooled.T, vectors @ vectors.T, rtol=1e-5, atol=1e-4)
    assert not states.pooled[:, len(SCHEMA) :].any()
    np.testing.assert_array_equal(values_of(states.pooled), values_of(vectors))


def test_each_part_of_the_vocabulary_is_a_token() -> None:
    states = attribute_states(profiles(UTD), 100)
    assert states.tokens.shape == (27, len(SCHEMA.parts), 100) and states.mask.all()
    np.testing.assert_array_equal(states.tokens.sum(axis=1), states.pooled)
    for i, part in enumerate(SCHEMA.parts):
        own = np.pad(SCHEMA.of_part(part), (0, 100 - len(SCHEMA)))
        assert not states.tokens[:, i, ~own].any()
        np.testing.assert_array_equal(states.tokens[:, i, own], states.pooled[:, own])


def test_attributes_stand_behind_texts_and_are_as_wide() -> None:
    one, other = (build_bank(UTD, MINILM, kinds) for kinds in (["label", WRITTEN, READ], [READ, WRITTEN, "label"]))
    assert one.kinds == other.kinds == ("label", WRITTEN, READ) and one.text_sha256 == other.text_sha256
    assert {array.shape[1] for array in one.pooled.values()} == {384} == {one.width}
    np.testing.assert_array_equal(one.vectors(), other.vectors())
    np.testing.assert_allclose(np.linalg.norm(one.vectors([READ]), axis=1), 1, atol=1e-6)
    assert not np.allclose(one.pooled[WRITTEN], one.pooled[READ], atol=0.5)


def test_the_hash_follows_the_values() -> None:
    changed = mine(MINE.replace("head-moves: 0.9", "head-moves: 0.8"))
    said_twice = mine(MINE.replace("bend-forward: 0.8", "bend-forward: 0.8, jump: 0"))
    first, second, third = (build_bank(c, Lengths(), ["motion", WRITTEN]) for c in (mine(), changed, said_twice))
    assert first.text_sha256 == third.text_sha256 != second.text_sha256
    texts_only = {build_bank(c, Lengths(), ["motion"]).text_sha256 for c in (mine(), changed)}
    assert len(texts_only) == 1 and first.text_sha256 not in texts_only
    assert mine().sha256 != changed.sha256


def test_read_attributes_know_nothing_of_the_set() -> None:
    """Not even in other words, whose set goes by the same name."""
    for name in ("utd_mhad", "utd_mhad-second"):
        classes = load_class_set(name)
        expected = load_translator(MINILM, kin_of("utd_mhad")).read([texts_of(c) for c in classes.classes]).values
        np.testing.assert_array_equal(profiles_of(classes, MINILM, READ), expected)
    blank = UTD.model_copy(update={"classes": tuple(c.model_copy(update={"attributes": None}) for c in UTD.classes)})
    np.testing.assert_array_equal(profiles_of(blank, MINILM, READ), profiles_of(UTD, MINILM, READ))


def test_what_nobody_wrote_is_read() -> None:
    half = mine(MINE.replace(", attributes: {bend-forward: 0.8}", ""))
    found = profiles_of(half, MINILM, WRITTEN)
    np.testing.assert_array_equal(found[0], half.classes[0].profile)
    expected = load_translator(MINILM).read([texts_of(half.classes[1])]).values[0]
    np.testing.assert_allclose(found[1], expected, atol=1e-6)
    assert found[1][SCHEMA.index["bend-forward"]] > 0.3


def test_free_words_get_attributes() -> None:
    bank = build_bank(from_labels(["jumping up and down", "waving both arms", "squatting"]), MINILM, [WRITTEN, READ])
    np.testing.assert_allclose(bank.pooled[WRITTEN], bank.pooled[READ], atol=1e-6)  # no profile of theirs to hide
    values = values_of(bank.pooled[READ])
    for name, row in (("jump", 0), ("other-hand-top", 1), ("hip-drop", 2)):
        assert np.nanargmax(values[:, SCHEMA.index[name]]) == row, name


def test_banks_with_attributes_are_joined_saved_and_taken_apart(tmp_path: Path) -> None:
    kinds = ["motion", WRITTEN]
    one, other = build_bank(mine(), Lengths(), kinds), build_bank(load_class_set("nw_ucla"), Lengths(), kinds)
    joined = TextBank.join([one, other])
    assert len(joined) == 12 and joined.kinds == ("motion", WRITTEN)
    np.testing.assert_array_equal(joined.pooled[WRITTEN], np.concatenate([one.pooled[WRITTEN], other.pooled[WRITTEN]]))
    assert joined.tokens[WRITTEN].shape == (12, len(SCHEMA.parts), len(SCHEMA)) and joined.mask[WRITTEN].all()
    assert joined.text_sha256 not in {one.text_sha256, other.text_sha256}
    joined.save(tmp_path / "bank")
    found = TextBank.load(tmp_path / "bank").take([11, 0]).only([WRITTEN])
    np.testing.assert_array_equal(found.tokens[WRITTEN], joined.tokens[WRITTEN][[11, 0]])
    assert found.classes == ("nw_ucla:a12", "mine:a")
    for wrong in ([one, one], [one, other.only([WRITTEN])]):
        with pytest.raises(UserError, match="do not go together"):
            TextBank.join(wrong)


def test_joining_pads_shorter_texts() -> None:
    class Words(Lengths):
        def encode(self, texts: Sequence[str]) -> TextStates:
            rows = [np.ones((len(text.split()), 2), dtype=np.float32) for text in texts]
            return TextStates.of_rows(rows, np.ones((len(texts), 2), dtype=np.float32))

    one, other = (build_bank(from_labels(labels), Words(), ["label"]) for labels in (["a b c"], ["d", "e f"]))
    joined = TextBank.join([one, other])
    assert joined.mask["label"].sum(axis=1).tolist() == [3, 1, 2] and joined.tokens["label"].shape == (3, 3, 2)
    assert not joined.tokens["label"][~joined.mask["label"]].any() and joined.labels == ("a b c", "d", "e f")


def test_ready_vectors_go_with_written_attributes_only(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((27, 4)))
    files = load_text_encoder(f"file:{tmp_path / 'v.npy'}")
    bank = build_bank(UTD, files, ["motion", WRITTEN])
    assert bank.kinds == ("motion", WRITTEN) and bank.pooled["motion"].shape == bank.pooled[WRITTEN].shape
    assert (bank.pooled["motion"][:, :4] == 1).all() and not bank.pooled["motion"][:, 4:].any(), "zeros behind"
    with pytest.raises(UserError, match=r"no attributes can be read with them[\s\S]*use minilm, or write"):
        build_bank(UTD, files, ["motion", READ])


def test_a_users_attributes(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    found = load_class_set(tmp_path / "mine.yaml")
    expected = read_profile({"head-moves": 0.9, "rhythm": 0.4})
    assert found.classes[0].attributes == (("head-moves", 0.9), ("rhythm", 0.4), ("side", "unknown"))
    np.testing.assert_array_equal(found.classes[0].profile, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mine(found.model_dump_json()) == found
    np.testing.assert_array_equal(mine(MINE.replace("bend-forward: 0.8", "")).classes[1].profile, read_profile({}))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("{bend-forwrad: 0.8}", r"unknown attribute[\s\S]*'bend-forwrad'[\s\S]*did you mean 'bend-forward'"),
        ("{bend-forward: 8}", r"'bend-forward' cannot have this value; got: 8; expected: 0 to 1, or unknown: how"),
        ("{bend-forward: yes}", r"'bend-forward'[\s\S]*got: True"),
        ("{bend-forward: '0.8'}", r"'bend-forward'[\s\S]*got: '0.8'"),
        ("{bend-forward: [0.8]}", r"'bend-forward'[\s\S]*got: \[0.8\]"),
        ("{bend-forward: .nan}", r"'bend-forward'[\s\S]*got: nan"),
        ("{1: 0.8}", "unknown attribute"),
        ("bend", "."),
        ("5", "."),
        ("[jump]", "."),
    ],
)  # fmt: skip
def test_wrong_attributes_are_one_message(wrong: str, message: str) -> None:
    """It says in which file and class, and for a known attribute what it may be."""
    with pytest.raises(UserError, match=message) as caught:
        mine(MINE.replace("{bend-forward: 0.8}", wrong))
    assert "mine.yaml, classes.1.attributes" in str(caught.value) and "not as it should be" in str(caught.value)
