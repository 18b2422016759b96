"""Artefacts appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero import cards
from skelzero.errors import UserError


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError), cards.staged_folder(tmp_path / "out") as stage:
        (stage / "half").write_text("x")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_replacing_is_refused_unless_asked(tmp_path: Path) -> None:
    with cards.staged_folder(tmp_path / "out") as stage:
        (stage / "a").write_text("1")
    with pytest.raises(UserError, match="exists already"), cards.staged_folder(tmp_path / "out"):
        pass
    with cards.staged_folder(tmp_path / "out", replace=True) as stage:
        (stage / "b").write_text("2")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b"] and len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_being_written_is_not_taken_for_another_one(tmp_path: Path) -> None:
    """A kill leaves it behind; whoever looks for all results must not find it."""
    with cards.replacing(tmp_path / "a.json") as new:
        assert new.is_file() and not list(tmp_path.glob("*.json"))
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.json"
    cards.write_json(path, {"a": 1})

    def full(self: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError):
        cards.write_json(path, {"a": 2})
    assert cards.read_json(path) == {"a": 1} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_broken_json_is_a_users_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="not valid JSON"):
        cards.read_json(tmp_path / "card.json")


def test_hashes_do_not_depend_on_key_order_but_on_everything_else() -> None:
    assert cards.sha256_of({"a": 1, "b": 2}) == cards.sha256_of({"b": 2, "a": 1})
    x = np.arange(6, dtype=np.float32)
    hashes = {cards.sha256_array(a) for a in (x, x.reshape(2, 3), x.astype(np.float64), x + 1)}
    assert len(hashes) == 4
