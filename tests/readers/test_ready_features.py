"""Features computed elsewhere: what is read, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.readers.class_codes import class_code, dataset_of_path
from skelzero.readers.ready_features import load_feature_table

FEATURES = np.random.default_rng(0).normal(size=(5, 256)).astype(np.float32)
LABELS = np.array([10, 10, 56, 0, 11])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ntu_results" / "shift_5_r"
    path.mkdir(parents=True)
    np.save(path / "ztest.npy", FEATURES)
    np.save(path / "z_label.npy", LABELS)
    return path


def test_features_with_the_labels_beside_them(folder: Path) -> None:
    table = load_feature_table(folder / "ztest.npy")
    np.testing.assert_array_equal(table.features, FEATURES)
    assert table.features.dtype == np.float32
    np.testing.assert_array_equal(table.labels, LABELS)
    assert table.dataset == "ntu120"
    assert table.codes.tolist() == ["A011", "A011", "A057", "A001", "A012"]
    assert table.names.tolist() == [f"ztest-{i:06d}" for i in range(5)]
    assert len(table) == 5


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int32])
def test_other_number_types_become_float32(folder: Path, kind: type) -> None:
    np.save(folder / "ztest.npy", FEATURES.astype(kind))
    got = load_feature_table(folder / "ztest.npy").features
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, FEATURES.astype(kind).astype(np.float32))


def test_labels_and_data_set_named_by_the_user(folder: Path) -> None:
    with (folder / "mine.pkl").open("wb") as file:
        pickle.dump((["a", "b", "c", "d", "e"], [0, 1, 2, 3, 50]), file)
    table = load_feature_table(folder / "ztest.npy", folder / "mine.pkl", dataset="pku_mmd")
    assert table.codes.tolist() == ["1", "2", "3", "4", "51"]
    assert table.names.tolist() == ["a", "b", "c", "d", "e"]
    assert load_feature_table(folder / "ztest.npy", dataset="").codes.tolist() == ["10", "10", "56", "0", "11"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 256, 2)), "not a table"),
        (np.zeros(5), "not a table"),
        (np.zeros((0, 256)), "not a table"),
        (np.full((5, 2), np.nan), "not finite"),
        (np.full((5, 2), 1e300), "not finite"),
        (np.zeros((4, 256)), "differ in number"),
        (np.zeros((5, 70000)), "not a table"),
        (np.zeros((5, 2), complex), "type complex128"),
    ],
)
def test_features_that_cannot_be_used(folder: Path, array: np.ndarray, message: str) -> None:
    np.save(folder / "ztest.npy", array)
    with pytest.raises(UserError, match=message) as caught:
        load_feature_table(folder / "ztest.npy")
    assert str(folder) in str(caught.value)


def test_files_that_are_missing(folder: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_feature_table(folder / "nothing.npy")
    with pytest.raises(UserError, match="no such file"):
        load_feature_table(folder / "ztest.npy", folder / "nothing.npy")
    (folder / "z_label.npy").unlink()
    with pytest.raises(UserError, match="no label file"):
        load_feature_table(folder / "ztest.npy")


def test_class_numbers_out_of_range(folder: Path) -> None:
    with pytest.raises(UserError, match="no such class") as caught:
        load_feature_table(folder / "ztest.npy", dataset="pku_mmd")
    assert "56" in str(caught.value)


def test_arrays_of_objects_are_refused(folder: Path) -> None:
    np.save(folder / "ztest.npy", np.array([{}, print], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="type object"):
        load_feature_table(folder / "ztest.npy")


@pytest.mark.parametrize(
    ("path", "dataset"),
    [
        ("data/zeroshot/ntu60/split_1/x.npy", "ntu120"),
        ("data/NTU_120/x.npy", "ntu120"),
        ("data/pku_part1/xsub/x.npy", "pku_mmd"),
        ("ntu/pku/x.npy", "pku_mmd"),
        ("country/x.npy", ""),
        ("ntu/a/b/c/d/x.npy", ""),
        ("ntu_and_pku/x.npy", ""),
        ("x/pku_features.npy", "pku_mmd"),
    ],
)
def test_data_sets_told_by_paths(path: str, dataset: str) -> None:
    assert dataset_of_path(Path(path)) == dataset


def test_codes_agree_with_the_owners_lists(recordings: Path) -> None:
    rows = [line.split(",")[:2] for line in (recordings / "classes.csv").read_text().splitlines()[1:]]
    for dataset, count in (("ntu120", 120), ("pku_mmd", 51)):
        assert [class_code(dataset, i) for i in range(count)] == [code for name, code in rows if name == dataset]
