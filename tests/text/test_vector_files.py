"""Ready vectors stand for texts only where they fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.text import build_bank, from_labels, load_class_set, load_text_encoder

WORDS = from_labels(["walk", "wave", "jump"])


def write(path: Path, array: object) -> str:
    np.save(path, array)
    return f"file:{path}"


def test_rows_are_the_classes(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 5))
    bank = build_bank(WORDS, load_text_encoder(write(tmp_path / "v.npy", vectors)), ["label"])
    np.testing.assert_array_equal(bank.pooled["label"], vectors.astype(np.float32))
    np.testing.assert_array_equal(bank.tokens["label"][:, 0], bank.pooled["label"])
    assert bank.mask["label"].shape == (3, 1) and bank.mask["label"].all()
    assert bank.encoder == f"file:{tmp_path / 'v.npy'}"


def test_one_file_a_kind(tmp_path: Path) -> None:
    a, b = np.eye(3, 4), 2 * np.eye(3, 4)
    write(tmp_path / "a.npy", a)
    write(tmp_path / "b.npy", b)
    encoder = load_text_encoder(f"file:{tmp_path / 'a.npy'}, {tmp_path / 'b.npy'}")
    bank = build_bank(WORDS, encoder, ["motion", "action"])
    assert bank.pooled["action"][0, 0] == 1 and bank.pooled["motion"][0, 0] == 2
    with pytest.raises(UserError, match=r"one file[\s\S]*got: 2 for label[\s\S]*--semantics"):
        build_bank(WORDS, encoder, ["label"])


def test_the_identity_is_that_of_the_numbers(tmp_path: Path) -> None:
    one, same, other = (
        load_text_encoder(write(tmp_path / f"{i}.npy", v)).identity
        for i, v in enumerate((np.eye(3), np.eye(3), 2 * np.eye(3)))
    )
    assert one == same != other


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.eye(2, 5), r"do not fit[\s\S]*got: 2 rows[\s\S]*expected: 3[\s\S]*--class-set NAME:2"),
        (np.eye(4), r"do not fit[\s\S]*got: 4 rows"),
        (np.ones(3), r"cannot be used[\s\S]*\(3,\)"),
        (np.ones((3, 0)), "cannot be used"),
        (np.ones((3, 2), dtype=complex), r"cannot be used[\s\S]*complex128"),
        (np.array([["a", "b"]] * 3), "cannot be used"),
        (np.array([[1.0], [np.nan], [2.0]]), r"not finite or all zero[\s\S]*row 1"),
        (np.array([[1e300], [1.0], [2.0]]), r"not finite or all zero[\s\S]*row 0"),
        (np.array([[1.0], [1.0], [0.0]]), r"not finite or all zero[\s\S]*row 2"),
        (np.array([[{}]] * 3, dtype=object), "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_arrays_that_do_not_fit(array: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        build_bank(WORDS, load_text_encoder(write(tmp_path / "v.npy", array)), ["label"])


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", b"PK\x03\x04 cut", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'}", b"\x80\x04K\x01."],
)
def test_files_that_are_no_arrays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read[\s\S]*v\.npy"):
        load_text_encoder(f"file:{tmp_path / 'v.npy'}")


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    write(tmp_path / "v.npy", np.ones((300, 4)))
    whole = (tmp_path / "v.npy").read_bytes()
    huge = whole.replace(b"(300, 4), }" + b" " * 9, b"(300000000000, 4), }")
    assert len(huge) == len(whole) and huge != whole
    for content in (whole[:-100], huge, whole.replace(b"(300, 4)", b"(300, 4,")):
        (tmp_path / "v.npy").write_bytes(content)
        with pytest.raises(UserError, match="cannot be read"):
            load_text_encoder(f"file:{tmp_path / 'v.npy'}")


def test_archives_folders_and_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", a=np.eye(3))
    with pytest.raises(UserError, match=r"cannot be used[\s\S]*NpzFile"):
        load_text_encoder(f"file:{tmp_path / 'v.npz'}")
    write(tmp_path / "a.npy", np.eye(3))
    write(tmp_path / "b.npy", np.eye(3, 4))
    with pytest.raises(UserError, match="differ in shape"):
        load_text_encoder(f"file:{tmp_path / 'a.npy'},{tmp_path / 'b.npy'}")
    for missing in (tmp_path, tmp_path / "none.npy", ""):
        with pytest.raises(UserError, match="no such file"):
            load_text_encoder(f"file:{missing}")


@pytest.mark.parametrize("tower", ["vitb16", "vitb32"])
@pytest.mark.parametrize(("name", "count"), [("ntu60", 60), ("ntu120", 120)])
def test_published_clip_features(tower: str, name: str, count: int, recordings: Path) -> None:
    """Row = class id: the label vector of a class is mostly nearest to the description of the same class."""
    classes = load_class_set(f"ntu120:{count}")
    files = ",".join(str(recordings / "text" / f"clip_{tower}_{kind}_{name}.npy") for kind in ("lb", "ad", "md"))
    bank = build_bank(classes, load_text_encoder(f"file:{files}"), ["label", "action", "motion"])
    assert len(bank) == count and bank.width == 512 and bank.classes[-1] == f"ntu120:A{count:03d}"
    label, action = bank.vectors(["label"]), bank.vectors(["action"])
    nearest = ((label - label.mean(0)) @ (action - action.mean(0)).T).argmax(axis=1)
    assert (nearest == np.arange(count)).mean() > 0.5
