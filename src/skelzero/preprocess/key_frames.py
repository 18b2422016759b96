"""Clips without their key frames: the frames in which the body moves most are masked (SMIE, ACM MM 2023)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32

SHARE = 0.3
"""15 of 50 frames, as the authors' training masks by attention."""


def motion_attention(data: Float32[np.ndarray, "N C T V M"]) -> Float32[np.ndarray, "N T"]:
    """How much of a clip's motion begins in each frame; sums to 1 over a clip with motion, else is 0 everywhere.

    The motion of a frame is the squared displacement to the next one, summed over joints and bodies; that of the last
    frame is 0. A body that comes or goes is no motion: a body absent from either frame, all zeros, does not count.
    """
    present = np.any(data != 0, axis=(1, 3))  # (N, T, M)
    squared = np.square(np.diff(data, axis=2)).sum(axis=(1, 3), dtype=np.float64)  # (N, T - 1, M)
    motion = np.zeros(present.shape[:2])
    motion[:, :-1] = np.where(present[:, 1:] & present[:, :-1], squared, 0).sum(axis=2)
    total = motion.sum(axis=1, keepdims=True)
    return np.divide(motion, total, out=np.zeros_like(motion), where=total > 0).astype(np.float32)


def without_key_frames(
    data: Float32[np.ndarray, "N C T V M"], share: float = SHARE
) -> Float32[np.ndarray, "N C T V M"]:  # fmt: skip
    """Clips in which the frames of highest motion attention are zeros.

    Parameters
    ----------
    data : float32 (N, C, T, V, M)
        Prepared clips; zeros where a body is absent. Not changed.
    share : float
        Of the frames that are masked, `floor(share T)`; in (0, 1). Of equal frames the earlier goes first, and a frame
        without motion is never masked: a clip that stands still comes back as it is.

    Notes
    -----
    The authors' code takes the key frames out, and as many more at random, so that 20 of 50 frames remain; and it adds
    the displacement from the frame before. Here the clip keeps its length, since not every encoder takes a shorter one,
    and nothing is random, so that features can be kept.
    """
    assert 0 < share < 1, "a share of the frames"
    attention = motion_attention(data)
    count = math.floor(share * data.shape[2] + 1e-9)  # 0.3 of 50 is 15, whatever floats say
    order = np.argsort(-attention, axis=1, kind="stable")[:, :count]
    key = np.zeros(attention.shape, dtype=bool)
    np.put_along_axis(key, order, np.take_along_axis(attention, order, axis=1) > 0, axis=1)
    return np.where(key[:, None, :, None, None], np.float32(0), data)
