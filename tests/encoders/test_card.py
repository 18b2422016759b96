from __future__ import annotations

import pytest

from skelzero.encoders import EncoderCard, FeatureCard, SkeletonGraph, check_leak
from skelzero.errors import UserError

CARD = EncoderCard(
    encoder="shift-gcn", graph=SkeletonGraph("line", 2, ((1, 0),), 0), layout_checksum="l", pipeline="ntu-64",
    persons=2, classes=("ntu120:A001", "ntu120:A002"), source="w.pt",
)  # fmt: skip


def test_a_card_survives_json() -> None:
    assert EncoderCard.model_validate_json(CARD.model_dump_json()) == CARD


def test_an_encoder_that_knows_unseen_classes_is_refused_unless_allowed() -> None:
    unseen = ["ntu120:A002", "ntu120:A090"]
    with pytest.raises(UserError, match=r"(?s)trained on unseen classes.*w\.pt.*A002.*--allow-leaky-encoder"):
        check_leak(CARD, unseen)
    assert check_leak(CARD, unseen, allow=True) is True


def test_an_honest_encoder_passes() -> None:
    assert check_leak(CARD, ["ntu120:A003", "utd_mhad:A001"]) is False


def test_features_are_judged_by_their_encoder() -> None:
    features = FeatureCard(encoder=CARD, store_checksum="s", pipeline="ntu-64", history=())
    with pytest.raises(UserError, match="trained on unseen classes"):
        check_leak(features, ["ntu120:A001"])
