"""The BVH reader: units, upright axis, layout, and the CMU recordings."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from examples import BODY, bvh_file, bvh_header, table
from skelzero.clips import Clip
from skelzero.preprocess import PIPELINES
from skelzero.readers import READERS, from_bytes, iter_sources, list_sources
from skelzero.readers.bvh import BLEND, UNITS, calibration_frames, parse_bvh


def read(data: bytes, name: str = "walk.bvh") -> Clip:
    [clip] = READERS["bvh"].clips(from_bytes(name, data))
    assert isinstance(clip, Clip)
    return clip


@pytest.mark.parametrize("unit", UNITS)
def test_any_unit_comes_out_in_metres(unit: str) -> None:
    expected = read(bvh_file())
    clip = read(bvh_file(scale=0.01 / UNITS[unit]))
    assert clip.unit == "m"
    assert clip.history == (f"bvh-metres-x{UNITS[unit]:.6g}",)
    np.testing.assert_allclose(clip.positions, expected.positions, atol=2e-3)
    assert clip.layout == expected.layout


def test_units_cannot_be_taken_for_each_other() -> None:
    factors = sorted(UNITS.values())
    assert min(b / a for a, b in itertools.pairwise(factors)) > 2.0 / 1.15


def test_a_body_of_no_known_unit_is_made_a_middling_one() -> None:
    clip = read(bvh_file(scale=2.05))
    assert clip.history == ("bvh-body-to-1.5m",)
    x = dict(zip(clip.layout.joints, clip.positions[0, 0], strict=True))
    ways = [("head", "neck"), ("neck", "abdomen"), ("abdomen", "hip"), ("lFoot", "lShin"), ("lShin", "lThigh")]
    assert sum(np.linalg.norm(x[a] - x[b]) for a, b in ways) == pytest.approx(1.5, rel=1e-4)


def test_joints_without_telling_names_keep_their_numbers() -> None:
    body = "a - 0 0 0\nb a 0 3 0\nc b 0 2 0\nc_end c 0 1 0"
    clip = read(bvh_file(body=body))
    assert (clip.unit, clip.history, clip.layout.common, clip.layout.root) == ("relative", (), {}, 0)
    assert np.linalg.norm(clip.positions[0, :, 1] - clip.positions[0, :, 0], axis=-1) == pytest.approx(3, rel=1e-5)


def still(body: str, turn: tuple[float, float, float] = (0, 0, 0), frames: int = 3) -> bytes:
    """A body at rest, its root turned about z, x and y."""
    header, columns = bvh_header(body)
    motion = np.zeros((frames, columns))
    motion[:, 3:6] = turn
    return f"{header}\nMOTION\nFrames: {frames}\nFrame Time: 0.04\n".encode() + table(motion)


def with_z_up(body: str) -> str:
    rows = [line.split() for line in body.strip().splitlines()]
    return "\n".join(f"{n} {p} {x} {-float(z):g} {y}" for n, p, x, y, z in rows)


def test_heights_along_z_are_turned_to_y() -> None:
    expected, clip = read(still(BODY)), read(still(with_z_up(BODY)))
    assert clip.history == ("bvh-metres-x0.01", "z-up-to-y-up")
    np.testing.assert_allclose(clip.positions, expected.positions, atol=1e-6)


def test_someone_lying_down_is_left_lying() -> None:
    clip = read(still(BODY, turn=(0, 90, 0)))
    assert clip.history == ("bvh-metres-x0.01",)
    height = clip.positions[0, 0, :, 1]
    assert height.max() - height.min() < 0.5


def test_an_upright_body_whose_rest_pose_lies_is_left_upright() -> None:
    clip = read(still(with_z_up(BODY), turn=(0, -90, 0)))
    assert clip.history == ("bvh-metres-x0.01",)
    height = clip.positions[0, 0, :, 1]
    assert height.max() - height.min() > 1.5


def test_layout_follows_names_and_nesting_only() -> None:
    same = [read(bvh_file(seed=seed, frames=seed + 1)).layout for seed in range(2)]
    assert same[0] == same[1]
    assert read(bvh_file(scale=1.02)).layout.name == same[0].name
    assert read(bvh_file(body=BODY.replace("lShin", "lCalf"))).layout.name != same[0].name
    assert len(same[0].mirror) == 9
    assert same[0].joints[same[0].root] == "hip"


def test_names_of_the_cmu_set() -> None:
    clip = read(bvh_file(), "cmu/07_12.bvh")
    assert (clip.origin.dataset, clip.origin.subject, clip.origin.replication) == ("cmu_bvh", 7, 12)
    assert read(bvh_file(), "dance.bvh").origin.dataset == ""


@pytest.fixture(scope="module")
def some_of_cmu(recordings: Path) -> list[Clip]:
    path = recordings / "cmu_bvh.tar.xz"
    chosen = [s for s in list_sources(path) if s.stem in ("01_01", "02_04", "09_03", "13_11")]
    return [clip for s in iter_sources(path, chosen) for clip in READERS["bvh"].clips(s) if isinstance(clip, Clip)]


@pytest.mark.slow
def test_cmu_recordings_are_people(some_of_cmu: list[Clip]) -> None:
    assert {clip.origin.name for clip in some_of_cmu} == {"01_01", "02_04", "09_03", "13_11"}
    for clip in some_of_cmu:
        assert (clip.fps, clip.history[0], clip.unit) == (120.0, "bvh-metres-x0.01", "m")
        x, ids = clip.positions[0], {name: i for i, name in enumerate(clip.layout.joints)}
        tall = np.median(x[..., 1].max(axis=1) - x[..., 1].min(axis=1))
        assert 1.3 < tall < 2.2
        assert -0.2 < x[..., 1].min() < 0.6, "feet near the floor"
        for child, parent in clip.layout.bones:
            length = np.linalg.norm(x[:, child] - x[:, parent], axis=-1)
            np.testing.assert_allclose(length, length[0], atol=1e-5)
        left, right = x[:, ids["lShldr"]], x[:, ids["rShldr"]]
        assert 0.2 < np.linalg.norm(left - right, axis=-1).mean() < 0.5
        up = x[:, ids["head"]] - x[:, ids["hip"]]
        forward = np.cross((left - right)[0], up[0])  # y up, left along x: forward is z
        toes = x[0, [ids["lFoot_end"], ids["rFoot_end"]]] - x[0, [ids["lFoot"], ids["rFoot"]]]
        assert (toes @ forward > 0).all(), "feet point the way the chest does"


@pytest.mark.slow
def test_cmu_recordings_reach_the_common_body(some_of_cmu: list[Clip]) -> None:
    assert len({clip.layout.name for clip in some_of_cmu}) == 1
    for clip in some_of_cmu:
        done = PIPELINES["common-64"].run(clip)
        assert done.positions.shape == (1, 64, 20, 3)
        x = done.positions[0]
        assert (x[:, 3, 1] - x[:, 0, 1]).mean() > 0.4, "head above hips"
        assert (x[0, 4, 0] - x[0, 8, 0]) > 0.25, "left shoulder along +x"


def test_the_parser_is_reached_through_the_reader() -> None:
    assert len(parse_bvh(bvh_file(), "x").joints) == len(read(bvh_file()).layout)


def test_a_calibration_pose_in_front_is_dropped() -> None:
    """A T-pose from which the motion is reached within a few frames goes; motion that begins at once stays."""
    rng = np.random.default_rng(5)
    motion = np.cumsum(0.01 * rng.standard_normal((120, 20, 3)), axis=0).astype(np.float32)
    assert calibration_frames(motion) == 0
    pose = motion[:1] + rng.uniform(0.5, 1.0, (1, 20, 3)).astype(np.float32)
    blend = pose + (motion[:1] - pose) * np.array([0, 0.2, 0.7, 1], dtype=np.float32)[:, None, None]
    begun = np.concatenate([blend, motion[1:]])
    assert calibration_frames(begun) == 3
    np.testing.assert_allclose(begun[3:], motion, atol=1e-6)
    assert calibration_frames(begun[:20]) == 0, "too short to tell"


def test_cmu_recordings_begin_with_motion(some_of_cmu: list[Clip]) -> None:
    dropped = [clip.origin.start_frame for clip in some_of_cmu]
    assert max(dropped) <= BLEND and np.mean([d > 0 for d in dropped]) > 0.5
    for clip in some_of_cmu:
        assert ("calibration-pose-dropped" in clip.history) == (clip.origin.start_frame > 0)
