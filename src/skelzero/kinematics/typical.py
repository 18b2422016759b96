"""What is typical of each attribute, in profiles and in clips: the scales on which both are compared.

Run `python -m skelzero.kinematics.typical` after a change of the schema, the profiles or the measurements.
"""

from __future__ import annotations

import sys

import numpy as np

from skelzero.kinematics.attributes import measure_clips
from skelzero.synthetic import generate
from skelzero.text.attributes.profiles import movements, read_profile, shipped_profiles
from skelzero.text.attributes.schema import load_schema

SUBJECTS, REPLICATIONS, SEED = 6, 3, 11
LEAST_SPREAD = 0.15
"""Share of an attribute's range that counts as its spread at least: rare attributes would otherwise outweigh others."""
SCATTER = 0.3
"""Spreads of the profiles that are added to the spread of the measured: no measurement is better than that."""
FURTHER = ("ntu120",)
"""Class sets that say how far profiles spread, beside the synthetic one; none that figures are reported on."""


def measure_typical() -> dict[str, list[float]]:
    """Profile centre, profile spread, measured centre, measured spread of every attribute."""
    schema = load_schema()
    synthetic = _values("synthetic")
    wide = np.concatenate([synthetic, *map(_values, FURTHER), [read_profile(p) for _, _, p in movements()]])
    spread = np.maximum(np.nanstd(wide, axis=0), LEAST_SPREAD * (schema.high - schema.low))
    measured = measure_clips(list(generate(subjects=SUBJECTS, replications=REPLICATIONS, seed=SEED)))
    told = np.isfinite(measured).any(axis=0)
    centre = np.nan_to_num(np.nanmean(synthetic, axis=0))
    middle = np.where(told, np.nanmean(np.where(told, measured, 0.0), axis=0), centre)
    scatter = np.where(told, np.nanstd(np.where(told, measured, 0.0), axis=0), 0.0) + SCATTER * spread
    rows = np.stack([centre, spread, middle, scatter], axis=1).round(4)
    return dict(zip(schema.names, rows.tolist(), strict=True))


def _values(class_set: str) -> np.ndarray:
    return np.stack([read_profile(profile) for profile in shipped_profiles(class_set).values()])


if __name__ == "__main__":
    sys.stdout.write("# Made by `python -m skelzero.kinematics.typical`: centre and spread of each attribute, first\n"
                     "# as profiles say it, then as synthetic clips are measured.\n")  # fmt: skip
    for name, row in measure_typical().items():
        sys.stdout.write(f"{name}: {row}\n")
