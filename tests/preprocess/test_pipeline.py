"""Every registered pipeline: finite results of the promised shape, history, and whole stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero.clips import Clip, Origin, layout_names, load_layout, write_store
from skelzero.errors import UserError
from skelzero.kinematics import measure_clips
from skelzero.preprocess import PIPELINES, default_pipeline, prepare, prepare_clips


def ntu_clip(seed: int = 0, frames: int = 40, persons: int = 2) -> Clip:
    """Two upright made-up bodies, of which the second is away for a while."""
    rng = np.random.default_rng(seed)
    body = rng.random((persons, 1, 25, 3)) * np.array([0.5, 1.7, 0.3])
    x = (body + 0.02 * rng.standard_normal((persons, frames, 25, 3)).cumsum(axis=1)).astype(np.float32)
    if persons > 1:
        x[1, :8] = np.nan
    x[0, 5, 7] = np.nan
    return Clip(x, load_layout("ntu25"), Origin(f"clip{seed}", "ntu120", "A061", subject=seed), fps=30)


@pytest.mark.parametrize("name", list(PIPELINES))
def test_every_pipeline_gives_finite_frames_and_a_history(name: str) -> None:
    pipeline = PIPELINES[name]
    out = pipeline.run(ntu_clip())
    assert out.positions.shape[1] == pipeline.frames and out.persons <= pipeline.max_persons
    assert np.isfinite(out.positions).all() and out.layout == pipeline.layout(load_layout("ntu25"))
    assert len(out.history) > len(pipeline.steps) - 2
    with pytest.raises(UserError, match="prepared already"):
        pipeline.run(out)


def test_an_absent_second_body_is_exactly_zero() -> None:
    x = ntu_clip().positions.copy()
    out = PIPELINES["ntu-64"].run(ntu_clip().with_step("x", x))
    assert (out.positions[1, 0] == 0).all() and (out.positions[1, -1] != 0).any()
    prepared = prepare_clips([ntu_clip(0), ntu_clip(1, persons=1)], PIPELINES["ntu-64"])
    assert prepared.data.shape == (2, 3, 64, 25, 2) and (prepared.data[1, ..., 1] == 0).all()


def test_a_store_is_prepared_once_and_read_back_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache"))
    zero = Clip(np.zeros((1, 12, 25, 3), dtype=np.float32), load_layout("ntu25"), Origin("nobody", "ntu120", "A062"))
    store = write_store(tmp_path / "s", [ntu_clip(0), zero, ntu_clip(2)], source="made-up")
    calls = []
    first = prepare(store, PIPELINES["ntu-64"], progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3) and [name for name, _ in first.skipped] == ["nobody"]
    calls.clear()
    second = prepare(store, PIPELINES["ntu-64"], progress=lambda done, total: calls.append((done, total)))
    assert not calls and second.key == first.key and second.skipped == first.skipped
    np.testing.assert_array_equal(first.data, second.data)
    assert second.names.tolist() == ["clip0", "clip2"] and second.layout == first.layout
    part = second.take(np.array([1]))
    assert part.names.tolist() == ["clip2"] and part.key != second.key


def picture(name: str, frames: int = 40) -> Clip:
    """A made-up body of some 2-D layout, hips below shoulders, with a gap and a joint that is never seen."""
    layout = load_layout(name)
    rng = np.random.default_rng(1)
    x = 100 * rng.random((1, 1, len(layout), 2)) + 2 * rng.standard_normal((1, frames, len(layout), 2)).cumsum(axis=1)
    x[:, :, [i for i, joint in enumerate(layout.joints) if "hip" in joint], 1] += 300
    x[0, 5:9, layout.common["left_wrist"][0]] = np.nan
    x[0, :, layout.common["right_ankle"][0]] = np.nan
    return Clip(x.astype(np.float32), layout, Origin("picture"), fps=30, unit="px")


FLAT = [name for name in layout_names() if load_layout(name).dims == 2]


@pytest.mark.parametrize("name", FLAT)
def test_pictures_are_prepared_in_two_dimensions(name: str) -> None:
    clip = picture(name)
    pipeline = default_pipeline(clip.layout)
    out = pipeline.run(clip)
    assert pipeline.name == "image-64" and out.layout == pipeline.layout(clip.layout) == load_layout("common20-image")
    assert out.positions.shape == (1, 64, 20, 2) and np.isfinite(out.positions).all() and out.unit == "relative"
    joint = {name: i for i, name in enumerate(out.layout.joints)}
    torso = out.positions[0, :, joint["shoulder_center"]] - out.positions[0, :, joint["hip_center"]]
    assert np.median(np.linalg.norm(torso, axis=-1)) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(out.positions[0, :, joint["right_ankle"]], out.positions[0, :, joint["right_knee"]])
    bigger = clip.with_step("bigger", clip.positions * 3 + 500)
    np.testing.assert_allclose(pipeline.run(bigger).positions, out.positions, atol=2e-3)


def test_what_image_64_leaves_out_is_what_cannot_be_measured() -> None:
    """So that one bad clip does not keep a store from being measured."""
    legless = picture("coco17").positions.copy()
    legless[:, :, 11:] = np.nan
    clip = picture("coco17").with_step("only the upper half", legless)
    for use in (PIPELINES["image-64"].run, lambda clip: measure_clips([clip])):
        with pytest.raises(UserError, match="torso has no length"):
            use(clip)


def test_the_fitting_pipeline_is_found() -> None:
    assert {default_pipeline(load_layout(name)).name for name in FLAT} == {"image-64"}
    assert default_pipeline(load_layout("ntu25")).name == "ntu-64"
    assert default_pipeline(load_layout("kinect20-utd")).name == "kinect-64"
    assert default_pipeline(load_layout("mediapipe33")).name == "common-64"
