"""CTR-GCN's `.npz`: classes, padding, absent bodies, and files of any size in little memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from examples import npy, npz, padded, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.preprocess import PIPELINES
from skelzero.readers import READERS, Skipped, detect, from_bytes, read_clips

READER = READERS["ctr-gcn"]


def arrays(classes: int = 60, labels: tuple[int, ...] = (0, 59), **changes: np.ndarray) -> dict[str, np.ndarray]:
    x = padded([walk(6 + i, 25, i) for i in range(len(labels))])
    return {"x_train": x, "y_train": np.eye(classes)[list(labels)], **changes}


def read(data: bytes, name: str = "NTU60_CS.npz") -> list[Clip | Skipped]:
    return list(READER.clips(from_bytes(name, data)))


def clips(data: bytes) -> list[Clip]:
    found = read(data)
    assert all(isinstance(clip, Clip) for clip in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("packed", [False, True])
def test_positions_are_those_of_the_array(packed: bool) -> None:
    given = arrays()
    got = clips(npz(given, packed=packed))
    assert [clip.positions.shape for clip in got] == [(1, 6, 25, 3), (1, 7, 25, 3)]
    for clip, row in zip(got, given["x_train"], strict=True):
        np.testing.assert_array_equal(clip.positions[0].reshape(clip.frames, 75), row[: clip.frames, :75])
    assert (got[0].positions[0, 0, 1] == 0).all(), "the spine of the first frame is the origin, not a missing joint"
    assert got[0].fps == 30.0
    assert got[0].history == ("ctr-gcn-bodies", "centre-first-root")


@pytest.mark.parametrize(
    ("classes", "dataset", "codes"),
    [
        (60, "ntu120", ["A001", "A060"]),
        (120, "ntu120", ["A001", "A120"]),
        (51, "pku_mmd", ["1", "51"]),
        (7, "", ["0", "6"]),
    ],
)
def test_the_number_of_classes_tells_the_data_set(classes: int, dataset: str, codes: list[str]) -> None:
    got = clips(npz(arrays(classes, (0, classes - 1))))
    assert [clip.origin.code for clip in got] == codes
    assert {clip.origin.dataset for clip in got} == {dataset}


def test_names_tell_part_and_row() -> None:
    both = npz(arrays() | {"x_test": padded([walk(5, 25)]), "y_test": np.eye(60)[[3]]})
    assert [clip.origin.name for clip in clips(both)] == [
        "NTU60_CS-train-000000", "NTU60_CS-train-000001", "NTU60_CS-test-000000",
    ]  # fmt: skip
    assert len(clips(npz(arrays()))) == 2


def test_two_bodies_gaps_and_padding() -> None:
    x = np.zeros((3, 10, 150), np.float32)
    x[0, 0:6] = 1.0  # two bodies, the second leaves for two frames
    x[0, 2:4, 75:] = 0.0
    x[1, 3:8, 75:] = 2.0  # only the second place is taken, and late
    got = read(npz(arrays(labels=(0, 1, 2), x_train=x)))
    first, second, third = got
    assert isinstance(first, Clip)
    assert isinstance(second, Clip)
    assert first.positions.shape == (2, 6, 25, 3)
    assert np.isnan(first.positions[1, 2:4]).all()
    assert np.isfinite(first.positions[0]).all()
    assert second.positions.shape == (1, 8, 25, 3)
    assert np.isnan(second.positions[0, :3]).all()
    assert third == Skipped("NTU60_CS-train-000002", "no body in any frame")


def test_clips_of_one_body_place() -> None:
    x = padded([walk(6, 25), walk(6, 25)])[..., :75]
    assert clips(npz(arrays(x_train=x)))[0].positions.shape == (1, 6, 25, 3)


def test_one_broken_clip_does_not_end_the_reading() -> None:
    given = arrays()
    given["x_train"][0, 2, 5] = np.inf
    bad, good = read(npz(given))
    assert isinstance(bad, Skipped)
    assert "infinite" in bad.reason
    assert isinstance(good, Clip)


def test_clips_go_through_the_ntu_pipeline() -> None:
    assert PIPELINES["ntu-64"].run(clips(npz(arrays()))[1]).frames == 64


def test_missing_parts_and_wrong_shapes() -> None:
    given = arrays()
    cases = {
        "no clips in this .npz": {"a": np.zeros(3)},
        "labels of the wrong shape": given | {"y_train": np.array([0, 1])},
        "labels are not one-hot": given | {"y_train": np.ones((2, 60))},
        "clips of the wrong shape": given | {"x_train": given["x_train"][..., :149]},
        "clips and labels differ": given | {"x_train": given["x_train"][:1]},
        "column order": given | {"x_train": np.asfortranarray(given["x_train"])},
    }
    for message, case in cases.items():
        with pytest.raises(UserError, match=message):
            read(npz(case))
    objects = npz(given | {"y_train": np.array([None, {}], dtype=object)})
    with pytest.raises(UserError, match="array of type object"):
        read(objects)


def zipped(files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_an_array_that_declares_more_than_it_holds() -> None:
    labels = npy(np.eye(60)[[0]])
    lie = npy(padded([walk(6, 25)])).replace(b"(1, 12, 150)", b"(9, 99, 150)")
    with pytest.raises(UserError, match="the array is cut"):
        read(zipped({"x_train.npy": lie, "y_train.npy": labels}))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    rows = 400  # 72 MB of zeros in 70 kB
    file = io.BytesIO()
    np.savez_compressed(file, x_train=np.zeros((rows, 300, 150), np.float32), y_train=np.eye(60)[[0] * rows])
    tracemalloc.start()
    with pytest.raises(UserError, match="bomb"):
        read(file.getvalue())
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x_train=rng.normal(size=(300, 300, 150)).astype(np.float32), y_train=np.eye(60)[[1] * 300])  # 54 MB
    tracemalloc.start()
    assert sum(clip.frames for clip in read_clips(path)) == 300 * 300
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_another_npz_is_nobodys() -> None:
    with pytest.raises(UserError, match="no reader"):
        detect(from_bytes("weights.npz", npz({"weight": np.zeros(3)})))


def test_too_large_inside_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("NTU60_CS.npz", npz(arrays()))
    assert len(list(read_clips(path))) == 2
    monkeypatch.setattr(type(READER), "limit", 1000)
    with pytest.raises(UserError, match="unpack the archive"):
        list(read_clips(path))
