"""A vocabulary of movements beside the words asked for: what a clip may show when it shows none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from skelzero.text.attributes.profiles import movements
from skelzero.text.bank import TextBank, build_bank
from skelzero.text.class_sets import READ, WRITTEN, ActionClass, ClassSet
from skelzero.text.encoders import TextEncoder

KINDS = ("label", "action", "motion", WRITTEN, READ)
"""Kinds of semantics that the described movements have."""


def vocabulary_bank(encoder: TextEncoder, kinds: Sequence[str]) -> TextBank | None:
    """The described movements of the package as classes, without token states; None where a kind is lacking.

    They belong to no class set, so a run never learned from clips of theirs.
    """
    if not set(kinds) <= set(KINDS):
        return None
    classes = tuple(
        ActionClass.model_validate({
            "code": f"m{i}", "label": label, "action": label, "motion": motion, "attributes": profile,
        })
        for i, (label, motion, profile) in enumerate(movements())
    )  # fmt: skip
    bank = build_bank(ClassSet(name="movements", classes=classes), encoder, kinds)
    return replace(bank, tokens={k: v[:, :0] for k, v in bank.tokens.items()},
                   mask={k: v[:, :0] for k, v in bank.mask.items()})  # fmt: skip
