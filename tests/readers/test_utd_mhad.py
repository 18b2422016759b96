from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from examples import mat_file, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, from_bytes, list_sources, read_clips


def read(values: np.ndarray, name: str = "a9_s8_t4_skeleton.mat") -> Clip:
    (clip,) = READERS["utd-mhad"].clips(from_bytes(name, mat_file("d_skel", values)))
    assert isinstance(clip, Clip)
    return clip


def test_axes_and_facts() -> None:
    values = walk(7, 20)
    clip = read(values.transpose(1, 2, 0))
    np.testing.assert_array_equal(clip.positions[0], values.astype(np.float32))
    assert (clip.fps, clip.unit, clip.layout.name) == (30.0, "m", "kinect20-utd")
    origin = clip.origin
    assert (origin.name, origin.code, origin.subject, origin.replication) == ("a9_s8_t4", "a9", 8, 4)


def test_other_names_have_no_facts() -> None:
    origin = read(walk(3, 20).transpose(1, 2, 0), "mine.mat").origin
    assert (origin.name, origin.code, origin.subject) == ("mine", "", -1)


def test_zero_and_nan_are_missing() -> None:
    values = walk(3, 20)
    values[0, 4] = 0
    values[1, 5, 2] = np.nan
    positions = read(values.transpose(1, 2, 0)).positions[0]
    assert np.isnan(positions).sum() == 4


@pytest.mark.parametrize("shape", [(20, 3), (3, 20, 6), (21, 3, 6), (20, 2, 6)])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"(?s)d_skel has the wrong shape.*expected: \(20 joints, 3, frames\)"):
        read(np.ones(shape))


@pytest.mark.parametrize(("value", "message"), [(np.inf, "infinite or absurd"), (1e9, "infinite or absurd")])
def test_absurd_numbers(value: float, message: str) -> None:
    values = walk(3, 20).transpose(1, 2, 0)
    values[1, 1, 1] = value
    with pytest.raises(UserError, match=message):
        read(values)


def test_nothing_seen() -> None:
    with pytest.raises(UserError, match="no joint was ever seen"):
        read(np.zeros((20, 3, 5)))


def test_another_variable() -> None:
    with pytest.raises(UserError, match=r"(?s)no variable 'd_skel'.*got: d_iner"):
        list(READERS["utd-mhad"].clips(from_bytes("a1_s1_t1_inertial.mat", mat_file("d_iner", np.eye(3)))))


def test_recordings(recordings: Path) -> None:
    skipped: list[Skipped] = []
    clips = {clip.origin.file: clip for clip in read_clips(recordings / "utd_mhad.zip", skipped=skipped)}
    assert len(clips) == 861
    assert [(item.name, item.reason) for item in skipped] == [("utd_mhad/Skeleton_joint_order.txt", "no reader")]
    assert {clip.origin.code for clip in clips.values()} == {f"a{i}" for i in range(1, 28)}
    assert {clip.origin.subject for clip in clips.values()} == set(range(1, 9))
    for source in list_sources(recordings / "utd_mhad.zip")[1::100]:
        values = scipy.io.loadmat(io.BytesIO(source.read()))["d_skel"]
        np.testing.assert_array_equal(clips[source.name].positions[0], values.transpose(2, 0, 1).astype(np.float32))
