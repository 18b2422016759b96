"""`match` compares and learns nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.methods import METHODS, Match, load_method
from skelzero.methods.described import agreement
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

Problem = tuple[np.ndarray, np.ndarray, TextBank]
A = len(load_schema())
BLOCKS = {"attributes": (0, A), "courses": (A, A + 3)}


@pytest.fixture(scope="module")
def own(problem: Problem, describe: Callable[..., TextBank], measure: Callable[..., np.ndarray]) -> Problem:
    """Measured attributes and three columns more."""
    _, y, bank = problem
    bank = describe(bank)
    courses = np.random.default_rng(0).standard_normal((len(y), 3)).astype(np.float32)
    return np.concatenate([measure(bank, y), courses], axis=1), y, bank


def test_scores_are_the_agreement_of_the_attributes_alone(own: Problem) -> None:
    x, y, bank = own
    method = Match().fit(x, y, bank, blocks=BLOCKS)
    expected = agreement(x[:, :A], bank.pooled["attributes"][:, :A], np.ones(A, dtype=np.float32))
    np.testing.assert_array_equal(method.scores(x, bank), expected)
    assert (method.predict(x, bank) == y).mean() > 0.9
    assert method.embed(x, bank) is None and method.stages() == [{}] and method.candidates() == [{}]


def test_nothing_is_learned_from_clips_labels_or_seen_classes(own: Problem) -> None:
    x, y, bank = own
    first = Match().fit(x, y, bank, blocks=BLOCKS).scores(x, bank)
    rng = np.random.default_rng(1)
    others = rng.standard_normal((10, A + 3)).astype(np.float32)
    for clips, labels, seen in [
        (x, rng.permutation(y), bank),
        (others, np.arange(10) % 2, bank.take([7, 3])),
        (np.zeros_like(others), np.arange(10) % 3, bank.take([0, 1, 2])),
    ]:
        np.testing.assert_array_equal(Match().fit(clips, labels, seen, blocks=BLOCKS).scores(x, bank), first)


def test_it_knows_where_the_attributes_are_after_loading(own: Problem, tmp_path: Path) -> None:
    x, y, bank = own
    behind = {"network": (0, 3), "attributes": (3, A + 3)}
    moved = np.concatenate([x[:, A:], x[:, :A]], axis=1)
    method = Match().fit(moved, y, bank, blocks=behind)
    np.testing.assert_array_equal(method.scores(moved, bank), Match().fit(x, y, bank, blocks=BLOCKS).scores(x, bank))
    method.save(tmp_path / "match")
    loaded = load_method(tmp_path / "match")
    np.testing.assert_array_equal(loaded.scores(moved, bank), method.scores(moved, bank))


def test_texts_are_not_read(own: Problem, problem: Problem) -> None:
    x, y, bank = own
    scores = Match().fit(x, y, bank, blocks=BLOCKS).scores(x, bank)
    alone = bank.only(["attributes"])
    np.testing.assert_array_equal(Match().fit(x, y, alone, blocks=BLOCKS).scores(x, alone), scores)


def test_what_it_needs_is_asked_for(own: Problem) -> None:
    x, y, bank = own
    with pytest.raises(UserError, match=r"match needs measured motion attributes(.|\n)*next step"):
        Match().fit(x, y, bank)
    with pytest.raises(UserError, match=r"no motion attributes(.|\n)*next step"):
        Match(kinds=("action",)).fit(x, y, bank, blocks=BLOCKS)
    assert METHODS["match"].method.described and METHODS["match"].method.encoder == "kinematics"
