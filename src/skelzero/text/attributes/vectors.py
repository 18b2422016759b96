"""Profiles and measurements as vectors to be compared: typical movement at zero, like weights, unknown as zero."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float, Float32, Float64

from skelzero.text.attributes.files import read_yaml, shipped
from skelzero.text.attributes.schema import load_schema

FARTHEST = 3.0

Scale = tuple[Float64[np.ndarray, " A"], Float64[np.ndarray, " A"]]


@functools.cache
def typical() -> tuple[Scale, Scale]:
    """Centre and spread of each attribute, as profiles say it and as clips are measured.

    `typical.yaml` is made by `kinematics.typical` from the synthetic classes and their clips: a measurement that is
    always a little too high, or that scatters, does so on synthetic motion as well.
    """
    table = read_yaml(shipped("typical.yaml"))
    rows = np.array([table[name] for name in load_schema().names], dtype=np.float64)
    return (rows[:, 0], rows[:, 1]), (rows[:, 2], rows[:, 3])


def profile_vectors(values: Float[np.ndarray, "K A"]) -> Float32[np.ndarray, "K A"]:
    """Written or read attribute values in units of their spread about what is typical; 0 where unknown, only there."""
    return _scaled(values, typical()[0])


def clip_vectors(values: Float[np.ndarray, "N A"]) -> Float32[np.ndarray, "N A"]:
    """The same for measured values."""
    return _scaled(values, typical()[1])


def values_of(vectors: Float32[np.ndarray, "K E"]) -> Float64[np.ndarray, "K A"]:
    """Profile vectors back in the schema's units (clipped at `FARTHEST` spreads), NaN where unknown.

    Columns behind the schema's are padding.
    """
    return _unscaled(vectors, typical()[0])


def clip_values_of(vectors: Float32[np.ndarray, "N E"]) -> Float64[np.ndarray, "N A"]:
    """The same for vectors of measured values."""
    return _unscaled(vectors, typical()[1])


def _unscaled(vectors: Float32[np.ndarray, "K E"], scale: Scale) -> Float64[np.ndarray, "K A"]:
    centre, spread = scale
    own = np.asarray(vectors, dtype=np.float64)[:, : len(centre)]
    return np.where(own == 0, np.nan, own * spread + centre)


def _scaled(values: Float[np.ndarray, "K A"], scale: Scale) -> Float32[np.ndarray, "K A"]:
    centre, spread = scale
    scaled = np.clip((np.asarray(values, dtype=np.float64) - centre) / spread, -FARTHEST, FARTHEST).astype(np.float32)
    return np.where(np.isnan(scaled), 0.0, np.where(scaled == 0, 1e-6, scaled)).astype(np.float32)
