"""Annotation pickles: COCO and Kinect joints, names, what is skipped, and that nothing runs."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from examples import annotation, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, detect, from_bytes, read_clips

READER = READERS["pyskl"]


def read(annotations: object, protocol: int = 2, name: str = "ntu60.pkl") -> list[Clip | Skipped]:
    value = {"split": {"xsub_train": []}, "annotations": annotations}
    return list(READER.clips(from_bytes(name, pickle.dumps(value, protocol))))


def one(entry: dict[str, object], protocol: int = 2) -> Clip:
    [clip] = read([entry], protocol)
    assert isinstance(clip, Clip), clip
    return clip


def kinect(name: str = "S001C002P003R002A013", persons: int = 2) -> dict[str, object]:
    keypoint = np.stack([walk(5, 25, person) for person in range(persons)]).astype(np.float32)
    return {"frame_dir": name, "label": 12, "total_frames": 5, "keypoint": keypoint}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_coco_points(protocol: int) -> None:
    entry = annotation("v_run_g01", 7, 6)
    clip = one(entry, protocol)
    assert (clip.layout.name, clip.unit, clip.history) == ("coco17", "px", ())
    np.testing.assert_array_equal(clip.positions, np.float32(entry["keypoint"]))  # type: ignore[arg-type]
    assert clip.confidence is not None
    assert (clip.confidence == 0.75).all()
    assert (clip.origin.name, clip.origin.dataset, clip.origin.code) == ("v_run_g01", "", "7")
    assert np.isnan(clip.fps)


def test_kinect_joints_with_an_ntu_name() -> None:
    entry = kinect()
    clip = one(entry)
    assert (clip.layout.name, clip.unit, clip.confidence, clip.fps) == ("ntu25", "m", None, 30.0)
    np.testing.assert_array_equal(clip.positions, entry["keypoint"])  # type: ignore[arg-type]
    origin = clip.origin
    assert (origin.dataset, origin.code, origin.subject, origin.camera) == ("ntu120", "A013", 3, 2)
    assert (origin.setup, origin.replication) == (1, 2)


def test_absent_people_and_unseen_joints() -> None:
    entry = annotation("a", 0, 6)
    keypoint = np.concatenate([entry["keypoint"], np.zeros((2, 6, 17, 2))]).astype(np.float16)  # type: ignore[list-item]
    keypoint[0, 2, 4] = 0
    keypoint[2, 1] = 300
    clip = one(entry | {"keypoint": keypoint, "keypoint_score": np.ones((3, 6, 17), np.float16) * 2})
    assert clip.positions.shape == (2, 6, 17, 2)
    assert np.isnan(clip.positions[0, 2, 4]).all()
    assert np.isnan(clip.positions[1, 0]).all()
    assert (clip.positions[1, 1] == 300).all()
    assert clip.confidence is not None
    assert clip.confidence.shape == (2, 6, 17)
    assert clip.confidence.max() == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoint": np.zeros((1, 6, 18, 2))}, "no layout fits"),
        ({"keypoint": np.zeros((1, 6, 17, 3))}, "no layout fits"),
        ({"keypoint": np.zeros((1, 6, 17, 2))}, "nobody"),
        ({"keypoint": np.full((1, 6, 17, 2), np.inf)}, "infinite"),
        ({"keypoint": np.ones((6, 17, 2))}, "wrong shape"),
        ({"keypoint": np.full((1, 6, 17, 2), "x")}, "wrong shape"),
        ({"keypoint": None}, "no array"),
        ({"keypoint": np.ones((0, 6, 17, 2))}, "nobody"),
        ({"keypoint": np.ones((65, 6, 17, 2)), "keypoint_score": None}, "too many"),
        ({"keypoint_score": np.ones((1, 6, 16))}, "does not fit"),
        ({"keypoint_score": np.ones((1, 6, 17, 1))}, "wrong shape"),
        ({"total_frames": 7}, "not of every frame"),
    ],
)
def test_what_cannot_be_used_is_skipped_by_name(changes: dict[str, object], message: str) -> None:
    bad, good = read([annotation("bad one", 0, 6) | changes, annotation("good", 1, 6)])
    assert isinstance(bad, Skipped)
    assert bad.name == "bad one"
    assert message in bad.reason
    assert isinstance(good, Clip)


def test_entries_that_are_no_annotations_and_names_that_are_missing() -> None:
    unnamed = annotation("x", 3, 6)
    del unnamed["frame_dir"], unnamed["label"]
    got = read([5, unnamed, annotation("folder/clip", 2, 4)])
    assert got[0] == Skipped("ntu60-000000", "no annotation: int")
    assert [item.origin.name for item in got[1:] if isinstance(item, Clip)] == ["ntu60-000001", "clip"]
    assert [item.origin.code for item in got[1:] if isinstance(item, Clip)] == ["", "2"]


@pytest.mark.parametrize("value", [{}, [], {"annotations": {}}, {"annotations": []}, 5, "annotations", None], ids=repr)
def test_no_annotations(value: object) -> None:
    with pytest.raises(UserError, match="no annotations"):
        list(READER.clips(from_bytes("x.pkl", pickle.dumps(value))))


def test_the_bare_list_of_older_files() -> None:
    data = pickle.dumps([annotation("a", 0, 6), annotation("b", 1, 6)], 4)
    assert detect(from_bytes("x", data)).name == "pyskl"
    assert len(list(READER.clips(from_bytes("x.pkl", data)))) == 2


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.mark}",)


def test_code_in_a_pickle_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"annotations": [annotation("a", 0, 6) | {"keypoint": Evil(mark)}]}))
    with pytest.raises(UserError, match=r"posix\.system") as caught:
        list(read_clips(path))
    assert "more than data" in str(caught.value)
    assert str(path) in str(caught.value)
    assert not mark.exists()


def test_one_array_for_a_million_clips_is_a_bomb() -> None:
    keypoint = np.ones((1, 5000, 17, 2), np.float32)
    entry = {"frame_dir": "a", "label": 0, "keypoint": keypoint}
    with pytest.raises(UserError, match="bomb"):
        read([dict(entry) for _ in range(200)])


def test_files_on_disk_are_read_clip_by_clip(tmp_path: Path) -> None:
    path = tmp_path / "large.pkl"
    entries = [annotation(f"clip{i}", 0, 5000, i) for i in range(60)]  # 30 MB
    path.write_bytes(pickle.dumps({"split": {}, "annotations": entries}, 4))
    tracemalloc.start()
    assert sum(clip.frames for clip in read_clips(path)) == 60 * 5000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20


def test_within_an_archive(tmp_path: Path) -> None:
    data = pickle.dumps({"split": {}, "annotations": [annotation("a", 0, 6)]}, 2)
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("sub/gym.pkl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    [clip] = read_clips(tmp_path / "all.tar.gz")
    assert clip.origin.file == "sub/gym.pkl"


def test_other_pickles_are_nobodys() -> None:
    with pytest.raises(UserError, match="no reader"):
        detect(from_bytes("train_label.pkl", pickle.dumps((["a.skeleton"], [3]))))
