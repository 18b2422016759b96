"""Missing values: filled in time where a joint comes and goes, along the bones where it never came."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int

from skelzero.clips import JointLayout


def interpolate_gaps(x: Float32[np.ndarray, "T *rest"]) -> Float32[np.ndarray, "T *rest"]:
    """Fill NaN along the first axis: linearly between neighbours, with the nearest value at the ends.

    Columns without any finite value stay NaN.

    >>> interpolate_gaps(np.array([[np.nan], [1.0], [np.nan], [3.0]], np.float32)).ravel().tolist()
    [1.0, 1.0, 2.0, 3.0]
    """
    missing = np.isnan(x)
    if not missing.any():
        return x
    T = x.shape[0]
    frame = np.arange(T).reshape(-1, *[1] * (x.ndim - 1))
    before = np.maximum.accumulate(np.where(missing, -1, frame), axis=0)
    after = np.minimum.accumulate(np.where(missing, T, frame)[::-1], axis=0)[::-1]
    first, last = before < 0, after >= T
    before, after = np.where(first, after, before), np.where(last, before, after)
    low = np.take_along_axis(x, np.clip(before, 0, T - 1), axis=0)
    high = np.take_along_axis(x, np.clip(after, 0, T - 1), axis=0)
    weight = (frame - before) / np.maximum(after - before, 1)
    filled = np.where(weight <= 0, low, low + weight.astype(np.float32) * (high - low))
    return np.where(missing, filled, x).astype(np.float32)


def fill_from_neighbours(x: Float32[np.ndarray, "T V C"], layout: JointLayout) -> Float32[np.ndarray, "T V C"]:
    """Put joints that were never seen where their nearest seen joint along the bones is.

    A dropped hand lands on the wrist, a dropped head on the neck; distances over the tree decide.
    """
    never = np.isnan(x).any(axis=-1).all(axis=0)  # (V,)
    if not never.any() or never.all():
        return x
    return np.where(never[None, :, None], x[:, stand_ins(layout, never)], x)


def stand_ins(layout: JointLayout, never: Bool[np.ndarray, " V"]) -> Int[np.ndarray, " V"]:
    """For every joint the nearest one along the bones that is seen; its own number where it is seen itself."""
    steps = bone_distances(layout)
    steps[:, never] = np.inf
    return steps.argmin(axis=1)


def bone_distances(layout: JointLayout) -> Float32[np.ndarray, "V V"]:
    """Number of bones between every two joints; infinite between separate parts (Floyd-Warshall)."""
    V = len(layout)
    distance = np.full((V, V), np.inf, dtype=np.float32)
    np.fill_diagonal(distance, 0)
    for child, parent in layout.bones:
        distance[child, parent] = distance[parent, child] = 1
    for k in range(V):
        distance = np.minimum(distance, distance[:, k : k + 1] + distance[k : k + 1])
    return distance
