"""Small prepared clips whose classes can be told apart: each class swings another joint at another tempo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from skelzero.clips import load_layout
from skelzero.preprocess import Prepared

MakePrepared = Callable[..., Prepared]


@pytest.fixture
def make_prepared() -> MakePrepared:
    def make(
        classes: int = 3, clips: int = 8, *, frames: int = 16, layout: str = "kinect20-utd", persons: int = 1,
        seed: int = 0, dataset: str = "toy", pipeline: str = "kinect-64",
    ) -> Prepared:  # fmt: skip
        rng = np.random.default_rng(seed)
        joints = load_layout(layout)
        V, C, N = len(joints), joints.dims, classes * clips
        body = rng.normal(0, 0.3, (1, C, 1, V, 1)) + rng.normal(0, 0.02, (N, C, frames, V, persons))
        y = np.repeat(np.arange(classes), clips)
        phase = np.linspace(0, 2 * np.pi, frames)[None] * (1 + y[:, None] % 2)
        body[np.arange(N), 1, :, (3 * y + 4) % V, 0] += 0.5 * np.sin(phase + rng.uniform(0, 1, (N, 1)))
        minus = np.full(N, -1)
        return Prepared(
            body.astype(np.float32), names=np.array([f"c{i}" for i in range(N)]),
            codes=np.array([f"a{k + 1}" for k in y]), datasets=np.full(N, dataset), subjects=np.arange(N) % 4,
            cameras=minus, setups=minus, replications=minus, layout=joints, pipeline=pipeline,
            history=(f"resample-{frames}",), store_checksum=f"toy-{seed}",
        )  # fmt: skip

    return make
