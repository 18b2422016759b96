"""What methods of motion attributes read: profiles of classes from a bank, measured attributes from features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32

from skelzero.errors import UserError
from skelzero.kinematics import ATTRIBUTES
from skelzero.methods.base import ZeroShotMethod
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema
from skelzero.text.bank import unit
from skelzero.text.class_sets import READ, WRITTEN


class DescribedMethod(ZeroShotMethod):
    """A method that compares measured with described attributes, and can say what each of them added."""

    described = True

    @property
    def columns(self) -> tuple[int, int]:
        """Where the measured attributes are among the features."""
        raise NotImplementedError

    def contributions(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K A"]:
        """What each measured attribute adds to the scores; predictions and texts, if there are any, are not counted."""
        return agreement_by_attribute(*self._sides(x, bank))

    def _sides(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N A"], Float32[np.ndarray, "K A"], Float32[np.ndarray, " A"]]:
        """Measured attributes, described ones, and weights."""
        raise NotImplementedError

    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N A"], Float32[np.ndarray, "K A"]]:  # fmt: skip
        """Measured and described attributes, weighted as they are compared."""
        measured, profiles, weights = self._sides(x, bank)
        return unit(measured * np.sqrt(weights)), unit(profiles * np.sqrt(weights))


def described(bank: TextBank) -> Float32[np.ndarray, "K A"]:
    """Profiles of a bank's classes as vectors, 0 where unknown: the written ones, or those read from texts.

    Raises
    ------
    UserError
        The bank has no attributes.
    """
    for kind in (WRITTEN, READ):
        if kind in bank.kinds:
            return bank.pooled[kind][:, : len(load_schema())]
    raise UserError("the classes have no motion attributes", got=", ".join(bank.kinds),
                    expected=f"{WRITTEN} or {READ}", next_step=f"add {WRITTEN} to --semantics")  # fmt: skip


def measured_columns(blocks: Mapping[str, tuple[int, int]], method: str) -> tuple[int, int]:
    """Where the measured attributes are among the features.

    Raises
    ------
    UserError
        They are not there.
    """
    if ATTRIBUTES not in blocks:
        raise UserError(
            f"{method} needs measured motion attributes among the features", got=", ".join(blocks) or "none",
            next_step="name the clip store, not its features; the encoders kinematics and ENCODER+kinematics have them",
        )  # fmt: skip
    return blocks[ATTRIBUTES]


def likeness(bank: TextBank, vocabulary: TextBank) -> Float32[np.ndarray, "K V"]:
    """Cosine of profiles, less what is common to the vocabulary; over what both sides know."""
    others = described(vocabulary)
    known = others != 0
    middle = others.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    a, b = (np.where(side != 0, side - middle, 0).astype(np.float32) for side in (described(bank), others))
    return agreement(a, b, np.ones(a.shape[1], dtype=np.float32))


def agreement(
    measured: Float32[np.ndarray, "N A"], profiles: Float32[np.ndarray, "K A"], weights: Float32[np.ndarray, " A"]
) -> Float32[np.ndarray, "N K"]:
    """Weighted cosine between what was measured and what is described, over what both sides know.

    Attributes that are 0 (unknown) on one side do not count in the length of the other side either.
    """
    a, b = measured * np.sqrt(weights), profiles * np.sqrt(weights)
    return (a @ b.T / _lengths(a, b)).astype(np.float32)


def agreement_by_attribute(
    measured: Float32[np.ndarray, "N A"], profiles: Float32[np.ndarray, "K A"], weights: Float32[np.ndarray, " A"]
) -> Float32[np.ndarray, "N K A"]:
    """What each attribute adds to `agreement`; the sum over attributes is the agreement itself."""
    a, b = measured * np.sqrt(weights), profiles * np.sqrt(weights)
    return (a[:, None] * b / _lengths(a, b)[..., None]).astype(np.float32)


def _lengths(a: Float32[np.ndarray, "N A"], b: Float32[np.ndarray, "K A"]) -> Float32[np.ndarray, "N K"]:
    """Products of both sides' lengths over what both know."""
    a_known, b_known = (a != 0).astype(np.float32), (b != 0).astype(np.float32)
    return np.maximum(np.sqrt((a**2 @ b_known.T) * (a_known @ (b**2).T)), 1e-9)
