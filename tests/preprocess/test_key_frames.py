"""Key frames against a loop, and clips in which there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skelzero.preprocess.key_frames import motion_attention, without_key_frames


def clips(n: int = 4, frames: int = 12, seed: int = 0) -> np.ndarray:
    """Two bodies, of which the second is there in the middle third of the odd clips only."""
    x = np.random.default_rng(seed).standard_normal((n, 3, frames, 5, 2)).astype(np.float32)
    x[::2, ..., 1] = 0
    x[:, :, : frames // 3, :, 1] = x[:, :, -(frames // 3) :, :, 1] = 0
    return x


def loop_motion(clip: np.ndarray) -> list[float]:
    """Number by number; clip (C, T, V, M)."""
    C, T, V, M = clip.shape
    motion = [0.0] * T
    for t in range(T - 1):
        for m in range(M):
            here, there = (any(clip[c, s, v, m] != 0 for c in range(C) for v in range(V)) for s in (t, t + 1))
            if here and there:
                for c in range(C):
                    for v in range(V):
                        motion[t] += (float(clip[c, t + 1, v, m]) - float(clip[c, t, v, m])) ** 2
    return motion


def test_attention_is_the_loops() -> None:
    x = clips()
    expected = [[v / sum(motion) for v in motion] for motion in map(loop_motion, x)]
    found = motion_attention(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found[:, -1] == 0).all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_frames_of_most_motion_are_zeros_and_the_others_stay(share: float) -> None:
    x = clips(frames=20)
    before = x.copy()
    found = without_key_frames(x, share)
    for clip, out in zip(x, found, strict=True):
        motion = loop_motion(clip)
        key = sorted(range(20), key=lambda t: -motion[t])[: round(share * 20)]
        for t in range(20):
            np.testing.assert_array_equal(out[:, t], 0 * clip[:, t] if t in key else clip[:, t])
    assert found.dtype == np.float32 and found.shape == x.shape
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(found[::2, ..., 1], 0)


@pytest.mark.parametrize(("frames", "masked"), [(50, 15), (10, 3), (11, 3), (3, 0), (1, 0)])
def test_the_share_is_rounded_down(frames: int, masked: int) -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, frames, 5, 1)).astype(np.float32)
    assert [(out == 0).all(axis=(0, 2, 3)).sum() for out in without_key_frames(x)] == [masked, masked]


def test_a_fast_moment_is_found() -> None:
    x = np.ones((1, 3, 20, 5, 1), dtype=np.float32)
    x[:, 0, 8:] = 5  # one jump, from frame 7 to 8
    np.testing.assert_array_equal(np.flatnonzero((without_key_frames(x)[0] == 0).all(axis=(0, 2, 3))), [7])


def test_of_equal_frames_the_earlier_goes_first() -> None:
    x = np.broadcast_to(np.arange(1, 21, dtype=np.float32)[:, None, None], (1, 3, 20, 5, 1))
    assert np.flatnonzero((without_key_frames(x)[0] == 0).all(axis=(0, 2, 3))).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_clip_that_stands_still_comes_back_as_it_is(value: float) -> None:
    x = np.full((2, 3, 10, 5, 2), value, dtype=np.float32)
    np.testing.assert_array_equal(motion_attention(x), 0)
    np.testing.assert_array_equal(without_key_frames(x), x)


def test_a_body_that_comes_is_no_motion() -> None:
    x = clips(2, frames=12)
    x[..., 0] = np.linspace(1, 2, 12, dtype=np.float32)[:, None]
    x[1, :, 4:8, :, 1] = 9
    np.testing.assert_allclose(motion_attention(x)[0], motion_attention(x)[1], atol=1e-6)


def test_each_clip_is_on_its_own() -> None:
    x = clips()
    alone = np.concatenate([without_key_frames(clip[None]) for clip in x])
    np.testing.assert_array_equal(without_key_frames(x), alone)
    assert math.isclose(float((alone == 0).all(axis=(1, 3, 4)).mean()), 0.25)  # 3 of 12
