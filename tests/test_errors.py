"""Errors keep their parts across processes and say what to do."""

from __future__ import annotations

import pickle

from skelzero.errors import UserError, unknown_choice


def test_the_message_has_all_parts_in_order() -> None:
    error = UserError("wrong width", where="a.npy", got=3, expected=4, next_step="export it again")
    assert str(error).splitlines() == [
        "wrong width", "  where: a.npy", "  got: 3", "  expected: 4", "  next step: export it again",
    ]  # fmt: skip
    assert "\n" not in error.one_line()


def test_errors_survive_pickling() -> None:
    error = UserError("wrong width", where="a.npy", got=3)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    assert "did you mean 'scale'" in str(unknown_choice("method", "scael", ["scale", "ridge"]))
