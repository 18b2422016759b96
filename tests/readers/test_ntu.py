"""NTU RGB+D text: bodies, missing joints, and every way in which a file can be broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples import skeleton_text, walk
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, from_bytes, read_clip, read_clips
from skelzero.readers.base import Skipped

NAME = "S012C003P045R002A107.skeleton"


def read(data: bytes, name: str = NAME) -> Clip:
    (clip,) = READERS["ntu"].clips(from_bytes(name, data))
    assert isinstance(clip, Clip)
    return clip


def read_slowly(data: bytes) -> tuple[dict[int, int], np.ndarray]:
    """Second opinion: line by line with `float()`; ids and (P, T, V, 12)."""
    lines = iter(data.decode().split("\n"))
    frames = int(next(lines))
    values = np.full((8, frames, 25, 12), np.nan)
    persons: dict[int, int] = {}
    for frame in range(frames):
        for _ in range(int(next(lines))):
            person = persons.setdefault(int(next(lines).split()[0]), len(persons))
            for joint in range(int(next(lines))):
                values[person, frame, joint] = [float(word) for word in next(lines).split()]
    return persons, values[: len(persons)]


def test_facts_from_the_name() -> None:
    origin = read(skeleton_text([{7: joints} for joints in walk(3, 25)])).origin
    assert (origin.name, origin.code, origin.dataset) == (NAME.removesuffix(".skeleton"), "A107", "ntu120")
    assert (origin.setup, origin.camera, origin.subject, origin.replication) == (12, 3, 45, 2)


def test_other_names_have_no_facts() -> None:
    origin = read(skeleton_text([{7: joints} for joints in walk(3, 25)]), "mine.skeleton").origin
    assert (origin.name, origin.code, origin.subject) == ("mine", "", -1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_equal_to_a_line_by_line_reader(end: str) -> None:
    rng = np.random.default_rng(1)
    ids = [72057594037930000, 3, 72057594037930001, 11]
    frames = [{i: rng.normal(size=(25, 3)) * 4 for i in rng.permutation(ids)[: rng.integers(0, 4)]} for _ in range(40)]
    data = skeleton_text(frames, end=end)
    clip = read(data)
    persons, values = read_slowly(data)
    assert clip.persons == len(persons)
    np.testing.assert_array_equal(clip.positions, values[..., :3].astype(np.float32))
    np.testing.assert_array_equal(clip.confidence, np.nan_to_num(values[..., 11]) / 2)
    assert clip.fps == 30.0


def test_ids_that_a_float_would_mix_up_stay_two_people() -> None:
    first, second = 72057594037930001, 72057594037930002
    assert float(first) == float(second)
    clip = read(skeleton_text([{first: body} if t % 2 else {second: body} for t, body in enumerate(walk(6, 25))]))
    assert clip.persons == 2
    present = np.isfinite(clip.positions).all(axis=(2, 3))
    np.testing.assert_array_equal(present, [[True, False] * 3, [False, True] * 3])
    assert clip.confidence is not None
    np.testing.assert_array_equal(clip.confidence[..., 0], present)


def test_one_id_twice_in_a_frame_is_two_people() -> None:
    data = skeleton_text([{7: body, 8: body + 1} for body in walk(3, 25)]).replace(b"\r\n8 0", b"\r\n7 0")
    clip = read(data)
    assert clip.persons == 2
    np.testing.assert_allclose(clip.positions[1] - clip.positions[0], 1, atol=1e-5)


@pytest.mark.parametrize(("state", "confidence"), [(0, 0.0), (1, 0.5), (2, 1.0)])
def test_confidence_from_the_tracking_state(state: int, confidence: float) -> None:
    clip = read(skeleton_text([{7: walk(1, 25)[0]}], states=state))
    assert clip.confidence is not None
    assert (clip.confidence == np.float32(confidence)).all()


def test_joints_at_zero_and_nan_are_missing() -> None:
    body = walk(2, 25)
    body[0, 3] = 0
    data = skeleton_text([{7: joints} for joints in body]).replace(f"{body[1, 5, 0]:.7g}".encode(), b"NaN")
    positions = read(data).positions[0]
    assert np.isnan(positions[0, 3]).all()
    assert np.isnan(positions[1, 5, 0])
    assert np.isfinite(positions).sum() == positions.size - 4


def test_frames_without_a_body_stay() -> None:
    body = walk(4, 25)
    clip = read(skeleton_text([{}, {7: body[1]}, {}, {7: body[3]}]))
    assert clip.frames == 4
    np.testing.assert_array_equal(np.isnan(clip.positions[0]).all(axis=(1, 2)), [True, False, True, False])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b" ", b"  "),
        lambda data: data.replace(b"\r\n", b" \r\n"),
        lambda data: data.replace(b"\r\n", b"\n\n"),
        lambda data: data.replace(b"\r\n", b"\n", 5),
        lambda data: data.replace(b"\r\n", b"\r"),
        lambda data: data.replace(b" ", b"\t"),
        lambda data: data.rstrip(),
        lambda data: data + b"\r\n \r\n",
        lambda data: b" " + data,
    ],
    ids=["double", "trailing", "empty-lines", "mixed-ends", "cr", "tabs", "no-end", "more-ends", "leading"],
)
def test_blanks_do_not_matter(change: object) -> None:
    data = skeleton_text([{7: joints} for joints in walk(3, 25)])
    np.testing.assert_array_equal(read(change(data)).positions, read(data).positions)  # type: ignore[operator]


def lines_of(frames: int = 3) -> list[bytes]:
    return skeleton_text([{7: joints} for joints in walk(frames, 25)], end="\n").rstrip().split(b"\n")


def broken(line: int, text: bytes | None) -> bytes:
    lines = lines_of()
    lines[line : line + 1] = [] if text is None else [text]
    return b"\n".join(lines) + b"\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\n".join(lines_of()[:40]), r"cut in the middle of a frame.*line 40.*frame 2 of 3"),
        (b"\n".join(lines_of()) [:-40], r"cut in the middle of a frame.*line 85.*frame 3 of 3"),
        (b"\n".join(lines_of()[:29]), r"cut short.*line 29.*frame 2 of 3 is missing"),
        (b"\n".join(lines_of()[:57]), r"cut short.*line 57.*frame 3 of 3 is missing"),
        (broken(0, b"1000000"), r"cut short.*1000000 frames declared, 84 lines follow"),
        (broken(0, b"2"), r"lines are left after the last frame.*line 58.*28 lines"),
        (broken(0, b"x"), r"number of frames cannot be read.*line 1.*'x'"),
        (broken(0, b"-3"), r"number of frames cannot be read"),
        (broken(0, b"9" * 5000), r"number of frames cannot be read"),
        (broken(1, b"1000000"), r"more bodies than a sensor can see.*line 2.*1000000"),
        (broken(1, b"2"), r"line of a body cannot be read.*line 30"),
        (broken(1, b"0"), r"number of bodies cannot be read.*line 3"),
        (broken(3, b"20"), r"wrong number of joints.*line 4.*20.*expected: 25"),
        (broken(3, b"10000000"), r"wrong number of joints"),
        (broken(2, b"1.5 0 1 1 1 1 0 0 0 2"), r"line of a body cannot be read.*line 3"),
        (broken(2, b"7 0 1"), r"line of a body cannot be read.*line 3.*expected: 10 numbers"),
        (broken(10, b"1 2 3"), r"line of a body cannot be read .frame 1 of 3.*line 11.*3 words.*expected: 12 numbers"),
        (broken(10, b"a b c 4 5 6 7 8 9 10 11 2"), r"coordinate is not a number"),
        (broken(10, b"inf 1 2 4 5 6 7 8 9 10 11 2"), r"infinite or absurd"),
        (broken(10, b"1e30 1 2 4 5 6 7 8 9 10 11 2"), r"infinite or absurd"),
        (broken(10, b"1e300 1 2 4 5 6 7 8 9 10 11 2"), r"infinite or absurd"),
        (b"\n".join([b"1", *lines_of(1)[2:], b"0"]), r"number of bodies cannot be read.*line 2"),
        (broken(10, None), r"line of a body cannot be read.*line 29"),
        (skeleton_text([{}] * 5), r"no body in any frame.*5 frames"),
        (skeleton_text([{7: np.zeros((25, 3))}] * 5), r"no joint was ever seen"),
        (skeleton_text([{i: walk(1, 25)[0]} for i in range(65)]), r"too many bodies.*65"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, r"number of frames cannot be read"),
    ],
)  # fmt: skip
def test_broken_files(data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        read(data)


def test_declared_frames_do_not_reserve_memory() -> None:
    """Half a million empty frames with a few dozen ids would be tens of gigabytes."""
    bodies = [{i: walk(1, 25)[0]} for i in range(60)] + [{}] * 100_000
    with pytest.raises(UserError, match="too many bodies"):
        read(skeleton_text(bodies))


def test_recordings(recordings: Path) -> None:
    """All whole files are read, the two cut ones are named, and nothing else is skipped."""
    skipped: list[Skipped] = []
    clips = list(read_clips(recordings / "ntu_rgbd.tar.xz", skipped=skipped))
    assert len(clips) == 141
    assert sum(clip.origin.file.startswith("ntu_rgbd/ntu120/") for clip in clips) == 120
    assert {clip.origin.subject for clip in clips if "ntu120" in clip.origin.file} == {8, 45}
    assert {clip.layout.name for clip in clips} == {"ntu25"}
    assert sorted(item.name for item in skipped) == [
        "ntu_rgbd/truncated/S005C002P013R002A056.skeleton",
        "ntu_rgbd/truncated/S012C001P008R002A030.skeleton",
    ]
    assert all("cut in the middle of a frame" in item.reason for item in skipped)


def test_recordings_equal_to_a_line_by_line_reader(recordings: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(recordings / "ntu_rgbd.tar.xz") as archive:
        members = [member for member in archive if member.isfile() and "truncated" not in member.name]
        for member in members[::24]:  # in the archive's order: a compressed one cannot go back
            name, file = member.name, archive.extractfile(member)
            assert file is not None
            data = file.read()
            path = tmp_path / Path(name).name
            path.write_bytes(data)
            _, values = read_slowly(data.replace(b"\r", b""))
            expected = values[..., :3].astype(np.float32)
            expected[(expected == 0).all(-1)] = np.nan
            clip = read_clip(path)
            np.testing.assert_array_equal(clip.positions, expected)
            np.testing.assert_array_equal(clip.confidence, np.nan_to_num(values[..., 11]) / 2)
