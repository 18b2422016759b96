from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples import table, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, from_bytes, read_clips


def read(data: bytes, name: str = "a13_s09_e03_skeleton3D.txt") -> Clip:
    (clip,) = READERS["msr-action3d"].clips(from_bytes(name, data))
    assert isinstance(clip, Clip)
    return clip


def rows(values: np.ndarray, confidence: float = 1.0) -> np.ndarray:
    return np.concatenate([values, np.full((*values.shape[:2], 1), confidence)], axis=2).reshape(-1, 4)


def test_numbers_and_facts() -> None:
    values = walk(5, 20).round(6)
    clip = read(table(rows(values, 0.25)))
    np.testing.assert_array_equal(clip.positions[0], values.astype(np.float32))
    assert clip.confidence is not None
    assert (clip.confidence == 0.25).all()
    assert clip.fps == 15.0
    origin = clip.origin
    assert (origin.name, origin.code, origin.subject, origin.replication) == ("a13_s09_e03", "a13", 9, 3)


def test_frames_at_zero_are_missing() -> None:
    values = walk(5, 20)
    values[2] = 0
    positions = read(table(rows(values))).positions[0]
    np.testing.assert_array_equal(np.isnan(positions).all(axis=(1, 2)), [False, False, True, False, False])


def test_confidence_stays_within_bounds() -> None:
    assert read(table(rows(walk(2, 20), 7.5))).confidence.max() == 1.0  # type: ignore[union-attr]
    assert read(table(rows(walk(2, 20), -1.0))).confidence.min() == 0.0  # type: ignore[union-attr]
    assert read(table(rows(walk(2, 20), np.nan))).confidence.max() == 0.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (table(rows(walk(2, 20))[:-1]), "cut in the middle of a frame.*39 lines.*multiple of 20"),
        (table(rows(walk(2, 20)))[:-30], "wrong number of numbers.*line 40"),
        (table(rows(walk(2, 20))[:, :3]), "wrong number of numbers.*line 1.*got: 3"),
        (table(rows(walk(2, 20))).replace(b".", b"x", 1), "not a number"),
        (table(rows(np.full((2, 20, 3), np.inf))), "infinite or absurd"),
        (table(rows(np.zeros((5, 20, 3)))), "no joint was ever seen"),
        (b" \n \n", "empty"),
    ],
)
def test_broken_files(data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(data)


def test_recordings(recordings: Path) -> None:
    """One clip has no body in any frame; it is skipped by name."""
    skipped: list[Skipped] = []
    clips = list(read_clips(recordings / "msr_action3d.tar.xz", skipped=skipped))
    assert len(clips) == 566
    assert [item.name for item in skipped] == ["msr_action3d/a13_s09_e02_skeleton3D.txt"]
    assert "no joint was ever seen" in skipped[0].reason
    assert {clip.origin.code for clip in clips} == {f"a{i:02d}" for i in range(1, 21)}
    assert {clip.origin.subject for clip in clips} == set(range(1, 11))
    assert sum(int(np.isnan(clip.positions).all(axis=(0, 2, 3)).sum()) for clip in clips) == 335
