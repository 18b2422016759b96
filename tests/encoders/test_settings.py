from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from skelzero.encoders import ENCODERS, TrainSettings
from skelzero.errors import UserError


def test_encoders_bring_defaults_that_can_be_overruled() -> None:
    assert TrainSettings(encoder="shift-gcn").steps == ENCODERS["shift-gcn"].training["steps"]
    assert TrainSettings(encoder="shift-gcn", steps=7).steps == 7


def test_an_unknown_encoder_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"(?s)unknown encoder.*did you mean 'shift-gcn'"):
        TrainSettings(encoder="shift-gnc")


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 1}, {"rate": -1}, {"precision": "8"}, {"typo": 1}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(**wrong)


def test_the_key_tells_what_matters() -> None:
    base = TrainSettings()
    assert base.key == TrainSettings(checkpoint_every=7, accelerator="cpu").key
    assert base.key != TrainSettings(seed=1).key
    assert base.key != TrainSettings(augmentation={"turn": 1}).key


def test_the_rate_rises_then_falls_to_nothing() -> None:
    settings = TrainSettings(steps=100, warmup=0.2, rate=1.0)
    rates = [settings.rate_at(step) for step in range(100)]
    top = rates.index(max(rates))
    assert top == 20 and rates[top] == 1.0
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[0] < 0.06 and 0 < rates[-1] < 0.001
    assert TrainSettings(steps=1).rate_at(0) > 0


def test_an_encoder_that_gives_other_weights_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TrainSettings(encoder="ctr-gcn").key
    monkeypatch.setitem(ENCODERS._entries, "ctr-gcn", replace(ENCODERS["ctr-gcn"], version=7))
    assert TrainSettings(encoder="ctr-gcn").key != before


def test_settings_that_came_later_leave_older_keys_alone() -> None:
    plain = TrainSettings()
    assert TrainSettings(accumulate=1, optimiser="adamw", epochs=None).key == plain.key
    for used in ({"accumulate": 2}, {"optimiser": "sgd"}, {"epochs": 3}, {"contrast": {}}):
        assert TrainSettings(**used).key != plain.key
