from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from examples import walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, from_bytes, iter_sources, list_sources


def read(data: bytes, name: str = "a12_s06_e04_v03.json") -> Clip:
    (clip,) = READERS["nw-ucla"].clips(from_bytes(name, data))
    assert isinstance(clip, Clip)
    return clip


def packed(skeletons: object) -> bytes:
    return json.dumps({"file_name": "x", "skeletons": skeletons, "label": 10}).encode()


def test_numbers_and_facts() -> None:
    values = walk(5, 20)
    clip = read(packed(values.tolist()))
    np.testing.assert_array_equal(clip.positions[0], values.astype(np.float32))
    assert math.isnan(clip.fps)
    origin = clip.origin
    assert (origin.code, origin.subject, origin.replication, origin.camera) == ("a12", 6, 4, 3)


def test_the_label_in_the_file_is_not_the_class() -> None:
    assert read(packed(walk(5, 20).tolist()), "other.json").origin.code == ""


def test_zero_is_missing() -> None:
    values = walk(5, 20)
    values[2, 3] = 0
    assert np.isnan(read(packed(values.tolist())).positions).sum() == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed([]), "wrong shape"),
        (packed(walk(5, 25).tolist()), r"wrong shape.*\(5, 25, 3\)"),
        (packed([[[1, 2, 3]] * 20, [[1, 2, 3]] * 19]), "not a readable"),
        (packed([[["x", 2, 3]] * 20]), "not a readable"),
        (packed([[[{}, 2, 3]] * 20]), "not a readable"),
        (packed("skeletons"), "not a readable"),
        (packed(None), "wrong shape"),
        (b'{"other": []}', "not a readable.*KeyError"),
        (b"[1, 2]", "not a readable"),
        (b'{"skeletons": [[[1, 2', "not a readable.*JSONDecodeError"),
        (b'{"skeletons": ' + b"[" * 100_000, "not a readable.*RecursionError"),
        (packed([[[10**400, 2, 3]] * 20]), "not a readable"),
        (packed([[[math.inf, 2, 3]] * 20]), "infinite or absurd"),
        (packed([[[math.nan, math.nan, math.nan]] * 20]), "no joint was ever seen"),
        (b"\xff\xfe{", "not a readable"),
    ],
)
def test_broken_files(data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(data)


def test_recordings(recordings: Path) -> None:
    sources = list_sources(recordings / "nw_ucla.tar.xz")
    assert len(sources) == 1484
    clips = [read(source.read(), source.name) for source in iter_sources(recordings / "nw_ucla.tar.xz", sources[::7])]
    assert {clip.origin.code for clip in clips} == {f"a{i:02d}" for i in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)}
    assert {clip.origin.camera for clip in clips} == {1, 2, 3}
    assert {clip.origin.subject for clip in clips} == set(range(1, 11))
