"""Clips in one array: shapes, labels beside it, data sets told by names."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from examples import npy, padded, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, detect, from_bytes, read_clips

READER = READERS["smie"]
CLIPS = padded([walk(6, 25), walk(9, 25, 1)])
FIVE = np.ascontiguousarray(CLIPS.reshape(2, 12, 2, 25, 3).transpose(0, 4, 1, 3, 2))  # (N, C, T, V, M)


def save(folder: Path, name: str, array: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / name, array)
    return folder / name


def read(path: Path) -> list[Clip]:
    return list(read_clips(path))


@pytest.mark.parametrize("array", [FIVE, CLIPS, FIVE[..., :1], CLIPS[..., :75], FIVE.astype(np.float64)])
def test_every_shape_gives_the_same_bodies(array: np.ndarray, tmp_path: Path) -> None:
    first, second = read(save(tmp_path, "a.npy", np.ascontiguousarray(array)))
    for clip, row, frames in ((first, CLIPS[0], 6), (second, CLIPS[1], 9)):
        assert clip.positions.shape == (1, frames, 25, 3)
        np.testing.assert_array_equal(clip.positions[0].reshape(frames, 75), row[:frames, :75])
        assert np.isnan(clip.fps)
        assert clip.history == ("prepared-elsewhere",)


def test_two_bodies_come_in_their_order(tmp_path: Path) -> None:
    x = np.zeros((1, 3, 4, 25, 2), np.float32)
    x[..., 0], x[..., 1] = 1, 2
    [clip] = read(save(tmp_path, "a.npy", x))
    assert (clip.positions[0] == 1).all()
    assert (clip.positions[1] == 2).all()


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ("seen_train_data.npy", "seen_train_label.npy"),
        ("unseen_data.npy", "unseen_label.npy"),
        ("train_position.npy", "train_label.npy"),
        ("val_data_joint.npy", "val_labels.npy"),
        ("train.npy", "train_label.npy"),
        ("ztest.npy", "z_label.npy"),
        ("gtest.npy", "g_label.npy"),
    ],
)
def test_labels_are_found_beside_the_array(data: str, labels: str, tmp_path: Path) -> None:
    folder = tmp_path / "ntu60" / "split_1"
    save(folder, labels, np.array([4, 59]))
    assert [clip.origin.code for clip in read(save(folder, data, FIVE))] == ["A005", "A060"]


def test_label_files_are_no_clips(tmp_path: Path) -> None:
    folder = tmp_path / "pku" / "split_7"
    save(folder, "unseen_label.npy", np.array([0, 50]))
    save(folder, "unseen_data.npy", FIVE)
    skipped: list[Skipped] = []
    clips = list(read_clips(tmp_path, skipped=skipped))
    assert [(clip.origin.dataset, clip.origin.code) for clip in clips] == [("pku_mmd", "1"), ("pku_mmd", "51")]
    assert [(item.name, item.reason) for item in skipped] == [("pku/split_7/unseen_label.npy", "no reader")]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_in_a_label_pickle_tell_everything(protocol: int, kind: type, tmp_path: Path) -> None:
    names = ["S001C002P003R002A013.skeleton", "S017C003P020R001A060.skeleton"]
    path = save(tmp_path, "train_position.npy", FIVE)
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps((kind(names), kind([12, 59])), protocol))
    first, second = read(path)
    origin = first.origin
    assert (origin.name, origin.dataset, origin.code) == ("S001C002P003R002A013", "ntu120", "A013")
    assert (origin.setup, origin.camera, origin.subject, origin.replication) == (1, 2, 3, 2)
    assert second.origin.code == "A060"


def test_without_labels_and_without_a_known_data_set(tmp_path: Path) -> None:
    path = save(tmp_path / "mine" / "a" / "b" / "c" / "d", "x.npy", FIVE)
    assert [(clip.origin.dataset, clip.origin.code) for clip in read(path)] == [("", ""), ("", "")]
    save(path.parent, "x_label.npy", np.array([7, 0]))
    assert [(clip.origin.dataset, clip.origin.code) for clip in read(path)] == [("", "7"), ("", "0")]
    assert [clip.origin.name for clip in read(path)] == ["x-000000", "x-000001"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([1, 2, 3]), "differ in number"),
        (np.array([1.5, 2]), "no whole numbers"),
        (np.array([-1, 2]), "out of range"),
        (np.array([np.nan, 2]), "no whole numbers"),
        (np.zeros((2, 3)), "neither class numbers nor one-hot"),
        (np.zeros((2, 3, 4)), "wrong shape"),
        (np.array([60, 120]), "no such class"),
    ],
)
def test_labels_that_do_not_fit(labels: np.ndarray, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "ntu120"
    save(folder, "train_label.npy", labels)
    with pytest.raises(UserError, match=message):
        read(save(folder, "train_data.npy", FIVE))


@pytest.mark.parametrize("labels", [np.array([[1], [2]]), np.eye(3)[[1, 2]], np.array([1.0, 2.0]), np.uint8([1, 2])])
def test_labels_in_other_forms(labels: np.ndarray, tmp_path: Path) -> None:
    save(tmp_path / "ntu", "train_label.npy", labels)
    assert [clip.origin.code for clip in read(save(tmp_path / "ntu", "train.npy", FIVE))] == ["A002", "A003"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((["a"], [1, 2]), "differ in number"),
        (([1, 2], [1, 2]), "no text"),
        ({"a": 1}, "no array"),
        (print, "more than data"),
    ],
    ids=str,
)
def test_label_pickles_that_do_not_fit(value: object, message: str, tmp_path: Path) -> None:
    path = save(tmp_path, "train_data.npy", FIVE)
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(UserError, match=message):
        read(path)


def test_two_label_files_are_told(tmp_path: Path) -> None:
    path = save(tmp_path, "train_data.npy", FIVE)
    save(tmp_path, "train_label.npy", np.array([0, 1]))
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps([0, 1]))
    with pytest.raises(UserError, match="several label files"):
        read(path)


@pytest.mark.parametrize(
    "array",
    [np.zeros(shape, np.float32) for shape in ((2, 256), (2, 3, 10, 18, 2), (2, 10, 151), (5,), (0, 5, 150))],
    ids=lambda array: str(array.shape),
)
def test_other_arrays_are_nobodys(array: np.ndarray) -> None:
    with pytest.raises(UserError, match="no reader"):
        detect(from_bytes("x.npy", npy(array)))
    with pytest.raises(UserError, match="another shape"):
        list(READER.clips(from_bytes("x.npy", npy(array))))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, "a.npy", np.random.default_rng(0).normal(size=(2000, 50, 150)).astype(np.float32))  # 60 MB
    tracemalloc.start()
    assert sum(1 for _ in read_clips(path)) == 2000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
