from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from skelzero import journal
from skelzero.cards import sha256_file
from skelzero.encoders import TrainedEncoder, TrainSettings, load_public_weights, train_encoder
from skelzero.errors import UserError
from skelzero.journal import Note


@pytest.fixture
def trained(make_prepared) -> TrainedEncoder:  # type: ignore[no-untyped-def]
    return train_encoder(make_prepared(), ["a1", "a2", "a3"], TrainSettings(steps=2, batch=8))


def test_save_and_load_give_the_same_features(trained: TrainedEncoder, make_prepared, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trained.save(tmp_path / "e")
    loaded = TrainedEncoder.load(tmp_path / "e")
    one, other = trained.encode(make_prepared(seed=2)), loaded.encode(make_prepared(seed=2))
    assert np.array_equal(one.features, other.features) and np.array_equal(one.logits, other.logits)
    assert loaded.card.weights_sha256 == sha256_file(tmp_path / "e" / "weights.safetensors")
    with pytest.raises(UserError, match="exists already"):
        trained.save(tmp_path / "e")


def test_features_are_the_models_own(trained: TrainedEncoder, make_prepared) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared(seed=3)
    with torch.no_grad():
        expected = trained.model.features(torch.from_numpy(prepared.data)).numpy()
    encoded = trained.encode(prepared, batch=5)
    np.testing.assert_allclose(encoded.features, expected, rtol=1e-4, atol=1e-5)
    assert encoded.names.tolist() == prepared.names.tolist() and encoded.card.encoder == trained.card


def test_damaged_weights_are_refused(trained: TrainedEncoder, tmp_path: Path) -> None:
    trained.save(tmp_path / "e")
    path = tmp_path / "e" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="do not fit their checksum"):
        TrainedEncoder.load(tmp_path / "e")


def test_weights_of_another_size_are_refused(trained: TrainedEncoder, tmp_path: Path) -> None:
    trained.save(tmp_path / "e")
    path, card = tmp_path / "e" / "weights.safetensors", tmp_path / "e" / "card.json"
    state = load_file(path)
    state["head.weight"] = state["head.weight"][:2]
    save_file(state, path)
    card.write_text(json.dumps({**json.loads(card.read_text()), "weights_sha256": sha256_file(path)}))
    with pytest.raises(UserError, match=r"(?s)do not fit shift-gcn:small.*head\.weight"):
        TrainedEncoder.load(tmp_path / "e")


@pytest.mark.parametrize("content", ["{}", "[1]", '{"encoder": 3}'])
def test_other_cards_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(UserError, match="no encoder that this version can read"):
        TrainedEncoder.load(tmp_path)


def test_clips_that_were_prepared_otherwise_are_refused(trained: TrainedEncoder, make_prepared) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=r"(?s)prepared otherwise.*common-64"):
        trained.encode(make_prepared(pipeline="common-64"))
    with pytest.raises(UserError, match=r"(?s)other joints.*ntu25"):
        trained.encode(make_prepared(layout="ntu25"))
    with pytest.raises(UserError, match="no clip"):
        trained.encode(make_prepared().take(np.array([], dtype=int)))


def test_holes_are_refused(trained: TrainedEncoder, make_prepared) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared()
    prepared.data[0] = np.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        trained.encode(prepared)


def test_public_weights_say_which_classes_they_know(recordings: Path) -> None:
    card = load_public_weights(recordings / "weights" / "ntu_ShiftGCN_joint_xview.pt").card
    assert len(card.classes) == 60 and card.classes[0] == "ntu120:A001" and card.classes[-1] == "ntu120:A060"
    assert card.source == "ntu_ShiftGCN_joint_xview.pt"


@pytest.mark.parametrize("content", [b"step,loss\n0,1\n", b"step,loss,rate\n0,one,1\n", b"\xff\xfe", b"x" * (2 << 20)])
def test_losses_that_cannot_be_read_are_told(trained: TrainedEncoder, tmp_path: Path, content: bytes) -> None:
    trained.save(tmp_path / "e")
    assert TrainedEncoder.load(tmp_path / "e").losses == trained.losses and len(trained.losses) == 2
    (tmp_path / "e" / "losses.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"(?s)losses of an encoder cannot be read.*delete this file"):
        TrainedEncoder.load(tmp_path / "e")
    (tmp_path / "e" / "losses.csv").unlink()
    assert TrainedEncoder.load(tmp_path / "e").losses == ()


@pytest.mark.slow
def test_of_several_processes_one_notes(make_prepared) -> None:  # type: ignore[no-untyped-def]
    notes: list[Note] = []
    with journal.listening(notes.append):
        chosen = TrainSettings(steps=5, batch=8, devices=2, accelerator="cpu", precision="64-true")
        shared = train_encoder(make_prepared(), ["a1", "a2", "a3"], chosen)
    alone = train_encoder(make_prepared(), ["a1", "a2", "a3"], chosen.model_copy(update={"devices": 1}))
    assert tuple(notes) == shared.losses and [note.step for note in notes] == list(range(5))
    pairs = [(a.values["loss"], b.values["loss"]) for a, b in zip(alone.losses, notes, strict=True)]
    assert all(b == pytest.approx(a, rel=1e-6) for a, b in pairs)
