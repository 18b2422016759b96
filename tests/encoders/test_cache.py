from __future__ import annotations

import numpy as np
import pytest

from skelzero import journal
from skelzero.encoders import TrainSettings, cache, cached_encoder, train_encoder
from skelzero.journal import Note
from skelzero.preprocess.cache import cache_folder


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Counts how often an encoder is trained."""
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path_factory.mktemp("cache")))
    counted: list[int] = []
    train = cache.train_encoder
    monkeypatch.setattr(cache, "train_encoder", lambda *a, **k: counted.append(1) or train(*a, **k))
    return counted


def test_the_same_training_is_done_once(make_prepared, trainings: list[int]) -> None:  # type: ignore[no-untyped-def]
    settings = TrainSettings(steps=2, batch=8)
    one = cached_encoder(make_prepared(), ["a1", "a2"], settings)
    other = cached_encoder(make_prepared(), ["a1", "a2"], settings)
    assert len(trainings) == 1 and one.card == other.card
    assert np.array_equal(one.encode(make_prepared()).features, other.encode(make_prepared()).features)
    assert not list(cache_folder("encoders-unfinished").glob("*"))


def test_whatever_matters_is_trained_anew(make_prepared, trainings: list[int]) -> None:  # type: ignore[no-untyped-def]
    prepared, settings = make_prepared(), TrainSettings(steps=1, batch=8)
    cached_encoder(prepared, ["a1", "a2"], settings)
    cached_encoder(prepared, ["a2", "a1"], settings)
    cached_encoder(prepared, ["a1", "a3"], settings)
    cached_encoder(prepared, ["a1", "a2"], settings.model_copy(update={"seed": 1}))
    cached_encoder(prepared.take(np.arange(2, 24)), ["a1", "a2"], settings)
    cached_encoder(make_prepared(seed=1), ["a1", "a2"], settings)
    assert len(trainings) == 6


def test_a_killed_training_goes_on(make_prepared, trainings: list[int]) -> None:  # type: ignore[no-untyped-def]
    settings = TrainSettings(steps=4, batch=8, checkpoint_every=2)
    whole = cached_encoder(make_prepared(), ["a1", "a2"], settings)

    def kill(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    seeded = settings.model_copy(update={"rate": 0.02})
    with pytest.raises(KeyboardInterrupt):
        cached_encoder(make_prepared(), ["a1", "a2"], seeded, progress=kill)
    done: list[int] = []
    cached_encoder(make_prepared(), ["a1", "a2"], seeded, progress=lambda step, total: done.append(step))
    assert done == [3, 4] and whole.card.steps == 4


def test_losses_are_the_same_however_an_encoder_came_about(make_prepared, trainings: list[int]) -> None:  # type: ignore[no-untyped-def]
    """Trained in one go; killed and gone on with, from the checkpoint; found in the cache."""
    settings = TrainSettings(steps=6, batch=8, checkpoint_every=2)
    codes = ["a1", "a2"]

    def kill(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    def heard(progress: object = None) -> list[Note]:
        notes: list[Note] = []
        with journal.listening(notes.append):
            trained = cached_encoder(make_prepared(), codes, settings, progress=progress)  # type: ignore[arg-type]
        assert trained.losses == tuple(notes)
        return notes

    with pytest.raises(KeyboardInterrupt):
        heard(kill)
    resumed, cached = heard(), heard()
    assert len(trainings) == 2 and resumed == cached
    whole: list[Note] = []
    with journal.listening(whole.append):
        train_encoder(make_prepared(), codes, settings)
    assert resumed == whole and [note.step for note in whole] == list(range(6))
    assert [note.values["rate"] for note in whole] == [settings.rate_at(step) for step in range(6)]
