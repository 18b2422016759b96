"""Published splits, draws, pseudo-unseen classes and the errors about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.errors import UserError
from skelzero.protocol.splits import Split, check_present, load_split, pseudo_fold, random_splits, split_names


@dataclass(frozen=True)
class Codes:
    name: str
    codes: tuple[str, ...]


UTD = Codes("utd_mhad", tuple(f"a{i}" for i in range(1, 28)))
NTU = Codes("ntu120", tuple(f"A{i:03d}" for i in range(1, 121)))
UCLA = Codes("nw_ucla", tuple(f"a{i:02d}" for i in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)))
PKU = Codes("pku_mmd", tuple(str(i) for i in range(1, 52)))


@pytest.mark.parametrize("classes", [UTD, NTU, UCLA, PKU], ids=lambda c: c.name)
def test_published_splits_have_the_sizes_in_their_names(classes: Codes) -> None:
    assert split_names(classes)
    for name in split_names(classes):
        split = load_split(classes, name)
        if "/" in name:
            assert f"{len(split.seen)}/{len(split.unseen)}" == name
        assert split.pseudo_unseen == () or len(split.pseudo_unseen) == len(split.unseen)
        assert set(pseudo_fold(split)) < set(split.seen)


def test_published_ids_are_zero_based() -> None:
    assert load_split(UTD, "22/5").unseen == ("a5", "a15", "a18", "a24", "a25")
    assert load_split(NTU, "55/5").unseen == ("A011", "A012", "A020", "A027", "A057")
    assert load_split(NTU, "55/5").seen[-1] == "A060"


def test_published_pseudo_classes_are_fold_zero() -> None:
    split = load_split(NTU, "55/5")
    assert pseudo_fold(split, seed=3) == split.pseudo_unseen == ("A017", "A022", "A026", "A032", "A049")
    assert pseudo_fold(split, fold=1) != split.pseudo_unseen


@settings(deadline=None)
@given(st.integers(1, 25), st.integers(0, 50), st.integers(0, 5))
def test_draws_are_splits_and_repeat(unseen: int, draw: int, seed: int) -> None:
    split = load_split(UTD, f"random:{unseen}#{draw}", seed=seed)
    assert split == load_split(UTD, f"random:{unseen}#{draw}", seed=seed)
    assert len(split.unseen) == unseen and sorted(split.seen + split.unseen) == sorted(UTD.codes)
    fold = pseudo_fold(split, seed=seed)
    assert 1 <= len(fold) <= max(1, len(split.seen) // 2) and set(fold) <= set(split.seen)


def test_more_draws_keep_the_first_ones() -> None:
    assert random_splits(UTD, 9, 4) == random_splits(UTD, 9, 16)[:4]
    assert len({s.unseen for s in random_splits(UTD, 9, 16)}) == 16
    assert random_splits(UTD, 9, 4, seed=1) != random_splits(UTD, 9, 4)


def test_few_seen_classes_keep_half_for_training() -> None:
    assert len(pseudo_fold(load_split(UCLA, "5/5"))) == 2
    assert len(pseudo_fold(load_split(UTD, "14/13"))) == 7


def test_draws_come_from_the_classes_at_hand() -> None:
    split = load_split(NTU, "random:2#0", codes=["A009", "A001", "A003", "A005", "unknown"])
    assert sorted(split.seen + split.unseen) == ["A001", "A003", "A005", "A009"]


def test_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown split of utd_mhad(.|\n)*22/5(.|\n)*random:N"):
        load_split(UTD, "22-5")
    with pytest.raises(UserError, match=r"random split needs"):
        load_split(UTD, "random:26")


def test_own_split_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"unseen": ["a3", "a1"], "pseudo_unseen": ["a2"]}))
    split = load_split(UTD, str(path))
    assert (split.name, split.unseen, split.pseudo_unseen, len(split.seen)) == ("mine", ("a1", "a3"), ("a2",), 25)
    for wrong in ({"unseen": ["a3", "b1"]}, {"unseen": []}, [], {"unseen": ["a1"], "pseudo_unseen": ["a1"]}):
        path.write_text(json.dumps(wrong))
        with pytest.raises(UserError, match="split file does not fit"):
            load_split(UTD, str(path))


def test_missing_classes_are_named() -> None:
    split = load_split(UTD, "22/5")
    check_present(split, UTD.codes)
    with pytest.raises(UserError, match=r"not in the data(.|\n)*no clip of a2, a5"):
        check_present(split, [c for c in UTD.codes if c not in ("a2", "a5")])


def test_hash_ignores_the_name() -> None:
    a = Split("x", "d", "own", ("1", "2"), ("3",))
    assert a.sha256 == Split("y", "d", "own", ("1", "2"), ("3",)).sha256
    assert a.sha256 != Split("x", "d", "own", ("1",), ("3",)).sha256


def test_agrees_with_the_specification(recordings: Path) -> None:
    published = json.loads((recordings.parent / "spec" / "splits.json").read_text())
    for classes, groups in ((UTD, ["utd_mhad"]), (UCLA, ["nw_ucla"]), (NTU, ["ntu60", "ntu120"]), (PKU, ["pku_mmd"])):
        entries = {n: e for g in groups for n, e in published[g].items() if n != "classes"}
        own = {"random-10", "random-11", "random-12", "one-shot"}  # drawn here, and not a zero-shot split
        assert set(entries) == set(split_names(classes)) - own
        for name, entry in entries.items():
            split = load_split(classes, name)
            assert split.unseen == tuple(classes.codes[i] for i in sorted(entry["unseen"]))
            assert split.pseudo_unseen == tuple(classes.codes[i] for i in sorted(entry.get("pseudo_unseen", [])))
            assert split.family == entry["family"]


def test_our_own_triples_are_what_their_rule_draws() -> None:
    for k, name in enumerate(("random-10", "random-11", "random-12")):
        drawn = sorted(np.random.default_rng(20260000 + k).permutation(27)[:5].tolist())
        split = load_split(UTD, name)
        assert split.unseen == tuple(UTD.codes[i] for i in drawn) and split.family == "SMIE-manner"


def test_one_shot_classes_are_every_sixth() -> None:
    assert load_split(NTU, "one-shot").unseen[:3] == ("A001", "A007", "A013")
    assert load_split(NTU, "one-shot").unseen[-1] == "A115"
