"""Streams as they come in practice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skelzero.protocol.streams import draw_stream, guard_streams

TRUTH = np.repeat([0, 1, 2, 3, -1], 40)


@given(
    st.integers(0, 99), st.sampled_from([0.0, 0.2, 0.5, 0.8]), st.sampled_from([1.0, 3.0, 50.0]), st.integers(0, 300)
)  # fmt: skip
def test_rows_are_drawn_once_and_some_are_of_the_classes(seed: int, foreign: float, ratio: float, length: int) -> None:
    rows = draw_stream(TRUTH, np.random.default_rng(seed), foreign=foreign, imbalance=ratio, length=length)
    assert len(set(rows.tolist())) == len(rows) and (TRUTH[rows] >= 0).any()
    assert not length or len(rows) <= length


def test_the_share_of_foreign_clips_is_that_asked_for() -> None:
    for share in (0.0, 0.2, 0.4, 0.6, 0.8):
        rows = draw_stream(TRUTH, np.random.default_rng(0), foreign=share)
        assert abs((TRUTH[rows] < 0).mean() - share) < 0.01


def test_the_imbalance_is_that_asked_for() -> None:
    counts = np.zeros(4)
    for seed in range(60):
        rows = draw_stream(TRUTH, np.random.default_rng(seed), imbalance=8.0)
        counts += np.sort(np.bincount(TRUTH[rows], minlength=4))[::-1] if (TRUTH[rows] >= 0).all() else 0
    np.testing.assert_allclose(counts / 60, [40, 20, 10, 5], rtol=0.1)


def test_a_stream_of_no_damage_is_every_clip_of_the_classes() -> None:
    assert sorted(draw_stream(TRUTH, np.random.default_rng(1)).tolist()) == list(range(160))


def test_the_guard_sees_each_kind_of_damage() -> None:
    streams = list(guard_streams(TRUTH, np.random.default_rng(2)))
    shares = {round(float((TRUTH[rows] < 0).mean()), 1) for rows in streams}
    assert {0.0, 0.2, 0.4, 0.6, 0.8} <= shares and min(map(len, streams)) == 1
