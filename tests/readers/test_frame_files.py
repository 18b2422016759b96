"""One file a frame: which files make a recording, and in which order it is read out of whatever holds them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from packing import pack

from skelzero.readers import from_bytes, iter_sources, list_sources
from skelzero.readers.frame_files import FrameFiles, join_frames


def names(*given: str) -> list[str]:
    return [source.name for source in join_frames([from_bytes(name, b"{}") for name in given])]


def test_which_files_are_a_recording() -> None:
    assert names("a/x_00000_keypoints.json", "a/x_00001_keypoints.json", "b/x_00000_keypoints.json", "c.txt") == [
        "a/x_keypoints.json", "b/x_00000_keypoints.json", "c.txt",
    ]  # fmt: skip
    assert names("000001_keypoints.json", "000002_keypoints.json") == ["keypoints.json"]
    for apart in (
        ("x_1_keypoints.json", "x_2_keypoints.json"),  # subjects or trials, not frames
        ("x_00001.json", "x_00002.json"),
        ("x_00001_keypoints.json", "x_000001_keypoints.json"),  # two files of one frame
        ("x_00001_keypoints.json", "x_00002_keypoints.json", "x_keypoints.json"),  # the name is taken
    ):
        assert names(*apart) == list(apart)


def test_order_holes_and_size() -> None:
    (source,) = join_frames([from_bytes(f"x_{i:012d}_keypoints.json", str(i).encode()) for i in (12, 4, 6, 5, 8)])
    assert json.loads(source.read()) == [4, 5, 6, None, 8, None, None, None, 12]
    assert source.size == len(source.read())
    with source.open() as file:
        assert file.read() == source.read()
    assert source.read().startswith(source.head(7)) and len(source.head(7)) == 7


def test_long_recordings_take_no_longer_a_frame() -> None:
    def seconds(frames: int) -> float:
        files = [from_bytes(f"x_{i:012d}_keypoints.json", b"{}") for i in range(frames)]
        begin = time.perf_counter()
        (source,) = join_frames(files)
        assert len(source.read()) == 3 * frames + 1
        return time.perf_counter() - begin

    quickest = {frames: min(seconds(frames) for _ in range(3)) for frames in (1000, 20_000)}
    assert quickest[20_000] < 100 * max(quickest[1000], 1e-3)


def test_numbers_far_apart_make_no_bomb() -> None:
    (source,) = join_frames([from_bytes(f"x_{i:018d}_keypoints.json", b"1") for i in (0, 1, 10**17)])
    assert source.read() == b"[1,1,1]"


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_out_of_whatever_holds_them(kind: str, tmp_path: Path) -> None:
    files = {f"{walk}_{i:012d}_keypoints.json": f'"{walk}{i}"'.encode() for i in range(3) for walk in "ba"}
    files["note.txt"] = b"hello"
    path = pack(kind, files, tmp_path)
    listed = list_sources(path)
    assert [source.name for source in listed] == ["a_keypoints.json", "b_keypoints.json", "note.txt"]
    assert all(source.path.exists() for source in listed)
    found = {source.name: source.read() for source in iter_sources(path, listed)}
    assert found == {"a_keypoints.json": b'["a0","a1","a2"]', "b_keypoints.json": b'["b0","b1","b2"]',
                     "note.txt": b"hello"}  # fmt: skip
    only = [source for source in listed if isinstance(source, FrameFiles)][:1]
    assert [source.name for source in iter_sources(path, only)] == ["a_keypoints.json"]
