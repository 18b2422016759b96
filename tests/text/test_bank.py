"""Banks: what is in them, that they are cached by content, and that damage is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from skelzero.caches import cache_folder
from skelzero.errors import UserError
from skelzero.text.bank import ARRAYS, TextBank, build_bank, unit
from skelzero.text.cached import STATES, encode_cached
from skelzero.text.class_sets import from_labels, load_class_set
from skelzero.text.encoders import TextStates

UTD = load_class_set("utd_mhad")


class Letters:
    """A tiny encoder: one token a word, made of the word's letters; counts how often it is asked."""

    def __init__(self, identity: str = "letters:1") -> None:
        self.name, self.identity, self.asked = "letters", identity, 0

    def encode(self, texts: Sequence[str]) -> TextStates:
        self.asked += 1
        rows = [np.array([[len(w), ord(w[0]), 1] for w in t.split()], dtype=np.float32) for t in texts]
        return TextStates.of_rows(rows, np.stack([row.mean(axis=0) for row in rows]))


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache"))


def entries() -> list[Path]:
    return sorted(cache_folder("text").glob(f"*/{STATES}"))


def test_what_is_in_a_bank() -> None:
    bank = build_bank(UTD, Letters(), ["motion", "label"])
    assert bank.kinds == ("label", "motion") and len(bank) == 27 and bank.width == 3
    assert bank.classes[0] == "utd_mhad:a1" and bank.labels[26] == "squat"
    assert bank.mask["label"].sum(axis=1)[:3].tolist() == [2, 2, 1]
    np.testing.assert_array_equal(bank.pooled["label"][2], [4, ord("w"), 1])
    assert bank.tokens["motion"].shape == (27, bank.mask["motion"].shape[1], 3)


def test_vectors_are_joined_and_of_unit_length() -> None:
    bank = build_bank(UTD, Letters(), ["label", "action"])
    both, action = bank.vectors(), bank.vectors(["action"])
    assert both.shape == (27, 6)
    np.testing.assert_array_equal(both[:, 3:], action)
    np.testing.assert_allclose(np.linalg.norm(action, axis=1), 1, atol=1e-6)
    assert unit(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]
    with pytest.raises(UserError, match=r"unknown kind of text in this bank[\s\S]*'motion'[\s\S]*action, label"):
        bank.vectors(["motion"])


def test_parts_of_a_bank() -> None:
    bank = build_bank(UTD, Letters(), ["label", "action"])
    part = bank.take([5, 2])
    assert part.labels == ("arm cross", "wave") and part.text_sha256 == bank.text_sha256
    np.testing.assert_array_equal(part.tokens["action"][1], bank.tokens["action"][2])
    only = bank.only(["action"])
    assert only.kinds == ("action",) and set(only.pooled) == set(only.tokens) == set(only.mask) == {"action"}
    assert len(bank.take([])) == 0


def test_the_order_of_kinds_does_not_matter() -> None:
    one, other = (build_bank(UTD, Letters(), kinds) for kinds in (["action", "motion"], ["motion", "action"]))
    assert one.text_sha256 == other.text_sha256
    np.testing.assert_array_equal(one.vectors(), other.vectors())


def test_the_hash_follows_texts_kinds_and_encoder() -> None:
    hashes = {build_bank(UTD, Letters(), ["label"]).text_sha256, build_bank(UTD, Letters(), ["action"]).text_sha256,
              build_bank(UTD, Letters("letters:2"), ["label"]).text_sha256,
              build_bank(UTD.first(26), Letters(), ["label"]).text_sha256}  # fmt: skip
    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("kinds", "message"), [([], "no kind of text"), (["label", "motoin"], r"unknown kind of text[\s\S]*'motion'")]
)
def test_wrong_kinds(kinds: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_bank(UTD, Letters(), kinds)


def test_a_class_without_a_text() -> None:
    bare = UTD.classes[3].model_copy(update={"motion": " "})
    classes = UTD.model_copy(update={"classes": (*UTD.classes[:3], bare)})
    with pytest.raises(UserError, match=r"'a4' \(clap\) has no motion text[\s\S]*--semantics"):
        build_bank(classes, Letters())


def test_free_words_make_a_bank() -> None:
    bank = build_bank(from_labels(["walk on", "wave"]), Letters())
    assert bank.labels == ("walk on", "wave") and bank.classes == ("words:walk on", "words:wave")
    np.testing.assert_array_equal(bank.pooled["action"], bank.pooled["motion"])


def test_verbs_and_nouns_come_last_and_are_shared() -> None:
    bank = build_bank(UTD, Letters(), ["noun", "verb", "label"])
    assert bank.kinds == ("label", "verb", "noun")
    np.testing.assert_array_equal(bank.pooled["verb"][0], bank.pooled["verb"][1])  # swipe left, swipe right
    assert not np.array_equal(bank.pooled["noun"][0], bank.pooled["noun"][1])


def test_texts_are_encoded_once() -> None:
    encoder = Letters()
    first, again = build_bank(UTD, encoder), build_bank(UTD, encoder)
    assert encoder.asked == 2 and len(entries()) == 2
    for kind in first.kinds:
        np.testing.assert_array_equal(first.tokens[kind], again.tokens[kind])
        np.testing.assert_array_equal(first.mask[kind], again.mask[kind])
    encode_cached(Letters("letters:2"), ["walk"])
    encode_cached(Letters("letters:1"), ["walk"])
    assert len(entries()) == 4


def _cut(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-40])


def _flip(entry: Path) -> None:
    content = bytearray(entry.read_bytes())
    content[200] ^= 255
    entry.write_bytes(content)


def _other_rows(entry: Path) -> None:
    with np.load(entry) as found:
        np.savez(entry, **{name: found[name][:1] for name in found})


def _not_finite(entry: Path) -> None:
    with np.load(entry) as found:
        np.savez(entry, **{name: found[name] * (np.nan if name == "pooled" else 1) for name in found})


def _pickled(entry: Path) -> None:
    np.savez(entry, tokens=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "damage", [_cut, _flip, _other_rows, _not_finite, _pickled, lambda e: e.write_bytes(b""), Path.unlink]
)
def test_damaged_cache_entries_are_made_again(damage: object) -> None:
    texts = ["walk on", "wave"]
    expected = encode_cached(Letters(), texts)
    damage(entries()[0])  # type: ignore[operator]
    encoder = Letters()
    found = encode_cached(encoder, texts)
    assert encoder.asked == 1
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    encode_cached(encoder, texts)
    assert encoder.asked == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "file"))
    assert len(encode_cached(Letters(), ["walk"]).pooled) == 1


def test_save_and_load(tmp_path: Path) -> None:
    bank = build_bank(UTD, Letters()).take([3, 1])
    bank.save(tmp_path / "bank")
    bank.save(tmp_path / "bank")
    found = TextBank.load(tmp_path / "bank")
    for name in ("classes", "labels", "kinds", "encoder", "text_sha256"):
        assert getattr(found, name) == getattr(bank, name)
    for kind in bank.kinds:
        for part in ("pooled", "tokens", "mask"):
            np.testing.assert_array_equal(getattr(found, part)[kind], getattr(bank, part)[kind])
            assert getattr(found, part)[kind].dtype == getattr(bank, part)[kind].dtype
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bank", "cache"]


@pytest.mark.parametrize("damage", [_cut, _flip, _other_rows, Path.unlink])
def test_a_damaged_bank_is_refused(damage: object, tmp_path: Path) -> None:
    build_bank(UTD, Letters()).save(tmp_path / "bank")
    damage(tmp_path / "bank" / ARRAYS)  # type: ignore[operator]
    with pytest.raises(UserError, match=r"damaged[\s\S]*bank[\s\S]*make it again"):
        TextBank.load(tmp_path / "bank")
    with pytest.raises(UserError, match="no text bank found"):
        TextBank.load(tmp_path / "none")
