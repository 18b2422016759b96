"""PGFA: what its encoder is trained by, and the nearest text."""

from __future__ import annotations

import numpy as np
import pytest

from skelzero.encoders import TrainSettings
from skelzero.errors import UserError
from skelzero.methods import METHODS, Pgfa
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
GIVEN = {"encoder": "shift-gcn:small", "steps": 300, "batch": 16, "accelerator": "cpu", "devices": 1,
         "precision": "32-true"}  # fmt: skip


def test_scores_are_cosines_with_centred_texts(problem: Problem) -> None:
    _, y, bank = problem
    vectors = bank.vectors()
    x = np.random.default_rng(0).standard_normal((len(y), vectors.shape[1])).astype(np.float32)
    found = Pgfa().fit(x, y, bank).scores(x[:5], bank.take([3, 1]))
    mean = vectors.mean(axis=0)
    for i in range(5):
        for k, row in enumerate((3, 1)):
            t = vectors[row] - mean
            assert found[i, k] == pytest.approx(x[i] @ t / np.linalg.norm(x[i]) / np.linalg.norm(t), abs=1e-5)


def test_the_mean_is_that_of_the_seen_classes_only(problem: Problem) -> None:
    bank = problem[2]
    seen = bank.take(range(8))
    x = np.random.default_rng(0).standard_normal((40, bank.vectors().shape[1])).astype(np.float32)
    method = Pgfa().fit(x, np.arange(40) % 8, seen)
    np.testing.assert_allclose(method.text_mean_, seen.vectors().mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(method.anchors(seen), method.embed(x, seen)[1], atol=1e-6)


def test_an_adapter_of_another_width_is_told(problem: Problem) -> None:
    x, y, bank = problem
    with pytest.raises(UserError, match="different widths"):
        Pgfa().fit(x, y, bank)


def test_the_encoder_shares_the_schedule_of_the_others() -> None:
    found = Pgfa(learn_scale=True, augment=False).training(GIVEN)
    settings = TrainSettings(**found)
    assert (settings.encoder, settings.steps, settings.batch) == ("shift-gcn:small", 300, 16)
    assert settings.contrast is not None and settings.contrast.learn_scale
    assert settings.contrast.scale == 5
    assert settings.augmentation.turn == 0 and settings.augmentation.crop == 1


def test_another_encoder_has_its_own_schedule() -> None:
    found = TrainSettings(**Pgfa(encoder="st-gcn", batch=128).training(GIVEN))
    assert (found.encoder, found.steps, found.batch) == ("st-gcn", 3000, 128)


def test_the_published_recipe() -> None:
    method = METHODS["pgfa-published"]()
    assert isinstance(method, Pgfa)
    how = TrainSettings(**method.training(GIVEN))
    assert (how.encoder, how.optimiser, how.rate, how.momentum, how.weight_decay) == ("st-gcn", "sgd", 0.05, 0.9, 5e-4)
    assert (how.batch, how.epochs) == (128, 50) and how.for_clips(1000).steps == 350
    assert how.contrast is not None and how.contrast.scale == pytest.approx(1 / 0.07)
    assert how.rate_at(0) == 0 and not method.settings.centre_text
    shorter = TrainSettings(**METHODS["pgfa-published"](steps=20).training(GIVEN))  # type: ignore[attr-defined]
    assert shorter.steps == 20 and shorter.epochs is None
