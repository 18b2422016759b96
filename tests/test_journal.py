"""Notes of trainings: heard by who listens, the same however a training went, and nothing for nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skelzero import journal
from skelzero.journal import Note
from skelzero.methods import METHODS
from skelzero.text import TextBank


def heard(method: str, folder: Path | None = None, kill_at: int = 0, **settings: object) -> list[Note]:
    """What a method notes while it is fitted on 24 made-up clips of four classes."""
    rng = np.random.default_rng(0)
    kinds = METHODS[method].method.requires or ("action",)
    texts = {kind: rng.normal(size=(4, 8)).astype(np.float32) for kind in kinds}
    codes = tuple("abcd")
    bank = TextBank(
        classes=codes, labels=codes, kinds=kinds, pooled=texts, tokens={k: t[:, None] for k, t in texts.items()},
        mask={k: np.ones((4, 1), dtype=bool) for k in kinds}, encoder="the tests", text_sha256="made-up",
    )  # fmt: skip
    x, y = rng.normal(size=(24, 6)).astype(np.float32), np.repeat(np.arange(4), 6)

    def stop(done: int, total: int) -> None:
        if done == kill_at:
            raise KeyboardInterrupt

    notes: list[Note] = []
    with journal.listening(notes.append):
        METHODS[method](**settings).fit(x, y, bank, seed=1, folder=folder, progress=stop if kill_at else None)
    return notes


@pytest.mark.parametrize("method", ["scale", "devise", "jpose", "revise", "smie", "cada-vae", "synse"])
def test_methods_note_losses_and_rates(method: str) -> None:
    notes = heard(method, steps=12)
    assert [len(training) for training in journal.trainings(notes, "method")] == [12]
    assert [note.step for note in notes] == list(range(12))
    for note in notes:
        assert note.part == "method" and {"loss", "rate"} <= set(note.values) and note.values["rate"] >= 0
        assert all(type(value) is float and np.isfinite(value) for value in note.values.values())
    assert len({note.values["loss"] for note in notes}) == 12, "every step has its own loss"


def test_a_resumed_fit_notes_what_an_undisturbed_one_does(tmp_path: Path) -> None:
    whole = heard("msf", steps=1300, cycle=10)
    assert len(whole) == 10 and whole[-1].step == 1299
    with pytest.raises(KeyboardInterrupt):
        heard("msf", tmp_path, kill_at=1150, steps=1300, cycle=10)
    assert list(tmp_path.iterdir()), "a checkpoint was kept"
    assert heard("msf", tmp_path, steps=1300, cycle=10) == whole


def test_nobody_listens() -> None:
    assert not journal.due(0, 10)
    journal.note("method", 0, {"loss": 1.0})
    notes: list[Note] = []
    with journal.listening(notes.append):
        assert journal.due(0, 10)
        with journal.listening(lambda note: None):
            journal.note("method", 0, {"loss": 1})
        journal.note("method", 1, {"loss": np.float32(0.5)})
    journal.note("method", 2, {"loss": 1})
    assert notes == [Note("method", 1, {"loss": 0.5})]


@pytest.mark.parametrize("steps", [1, 7, 199, 200, 399, 1000, 12345])
def test_few_steps_of_a_long_training_are_noted(steps: int) -> None:
    chosen = [step for step in range(steps) if journal.worth_noting(step, steps)]
    assert chosen[0] == 0 and chosen[-1] == steps - 1 and len(chosen) <= 2 * journal.POINTS
    assert len(chosen) >= min(steps, journal.POINTS)


def test_trainings_are_told_apart() -> None:
    notes = [Note(part, step, {}) for part, step in [("a", 0), ("b", 0), ("a", 3), ("a", 0), ("b", 1), ("a", 0)]]
    assert [[n.step for n in training] for training in journal.trainings(notes, "a")] == [[0, 3], [0], [0]]
    assert [[n.step for n in training] for training in journal.trainings(notes, "b")] == [[0, 1]]
    assert journal.trainings(notes, "c") == []


def test_importing_loads_no_logger() -> None:
    program = (
        "import sys, skelzero.journal, skelzero.cli; "
        "bad = {'torch', 'mlflow', 'tensorboardX', 'lightning_fabric'} & set(sys.modules); "
        "sys.exit(', '.join(bad) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
