from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skelzero.encoders import Augmentation, TrainedEncoder, TrainSettings, train_encoder
from skelzero.encoders.contrast import ContrastSettings
from skelzero.encoders.training import (
    Job,
    batch_rows,
    make_job,
    make_optimizer,
    new_model,
    step_seed,
    train_step,
)
from skelzero.errors import UserError


def settings(**changes: object) -> TrainSettings:
    return TrainSettings(**{"steps": 12, "batch": 8, "checkpoint_every": 5, "accelerator": "cpu", **changes})


def same_weights(a: TrainedEncoder, b: TrainedEncoder) -> bool:
    state = b.model.state_dict()
    return all(torch.equal(tensor, state[name]) for name, tensor in a.model.state_dict().items())


class KilledError(Exception):
    pass


@pytest.mark.parametrize("encoder", ["shift-gcn:small", "st-gcn"])
def test_a_killed_training_resumes_to_the_same_bits(make_prepared, tmp_path: Path, encoder: str) -> None:  # type: ignore[no-untyped-def]
    """The narrow ST-GCN has dropout, whose draws must be the same as well."""
    prepared, chosen = make_prepared(), settings(encoder=encoder, steps=12)
    codes = ["a1", "a2", "a3"]
    whole = train_encoder(prepared, codes, chosen)

    def kill(done: int, total: int) -> None:
        if done == 8:
            raise KilledError

    with pytest.raises(KilledError):
        train_encoder(prepared, codes, chosen, checkpoint_folder=tmp_path, progress=kill)
    resumed_from = []
    resumed = train_encoder(
        prepared, codes, chosen, checkpoint_folder=tmp_path, progress=lambda done, total: resumed_from.append(done)
    )
    assert resumed_from[0] == 6, "goes on after the checkpoint of step 5"
    assert same_weights(whole, resumed)


def test_seeds_decide(make_prepared) -> None:  # type: ignore[no-untyped-def]
    prepared, codes = make_prepared(), ["a1", "a2", "a3"]
    one = train_encoder(prepared, codes, settings(steps=3))
    torch.rand(7)  # The global generator plays no part.
    assert same_weights(one, train_encoder(prepared, codes, settings(steps=3)))
    assert not same_weights(one, train_encoder(prepared, codes, settings(steps=3, seed=1)))


def test_training_leaves_the_global_generator_alone(make_prepared) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_encoder(make_prepared(), ["a1", "a2"], settings(steps=2))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("encoder", ["shift-gcn:small", "st-gcn:small", "ctr-gcn:small"])
def test_it_learns_to_tell_classes_apart(make_prepared, encoder: str) -> None:  # type: ignore[no-untyped-def]
    chosen = settings(encoder=encoder, steps=150, rate=3e-3, augmentation=Augmentation(noise=0.01))
    trained = train_encoder(make_prepared(seed=1), ["a1", "a2", "a3"], chosen)
    assert (trained.encode(make_prepared(seed=1)).top1() or 0) > 0.9


def test_only_the_given_classes_are_learnt(make_prepared) -> None:  # type: ignore[no-untyped-def]
    """Clips of other classes change nothing, not even the order of the others."""
    prepared = make_prepared(classes=4)
    kept = prepared.take(np.flatnonzero(prepared.codes != "a2"))
    codes = ["a4", "a1", "a3"]
    one, other = (train_encoder(p, codes, settings(steps=3)) for p in (prepared, kept))
    assert same_weights(one, other)
    assert one.card.classes == ("toy:a4", "toy:a1", "toy:a3") and one.card.clips == 24


def test_the_card_says_how_it_was_made(make_prepared) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared()
    card = train_encoder(prepared, ["a1", "a2"], settings(steps=2, seed=4)).card
    assert (card.encoder, card.seed, card.steps, card.pipeline) == ("shift-gcn:small", 4, 2, "kinect-64")
    assert card.persons == 1 and card.layout_checksum == prepared.layout.checksum
    assert card.settings["rate"] == settings().rate and "torch" in card.versions


def test_classes_without_clips_are_told(make_prepared) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=r"(?s)without a training clip.*toy:a9"):
        train_encoder(make_prepared(), ["a1", "a9"], settings())


@pytest.mark.parametrize("codes", [[], ["a1"], ["a1", "a1"]])
def test_one_class_is_no_classification(make_prepared, codes: list[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="at least two different classes"):
        train_encoder(make_prepared(), codes, settings())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clips_with_holes_are_refused(make_prepared, bad: float) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared()
    prepared.data[1, 0, 3, 4, 0] = bad
    with pytest.raises(UserError, match=r"(?s)NaN or infinite.*1 of"):
        train_encoder(prepared, ["a1", "a2"], settings())


def test_clips_of_two_data_sets_need_full_names(make_prepared) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared()
    prepared.datasets[:8] = "oth"
    with pytest.raises(UserError, match="which class is whose"):
        make_job(prepared, ["a1", "a2"], settings())
    assert len(make_job(prepared, ["oth:a1", "toy:a2"], settings()).y) == 16


def test_too_few_frames_are_told_before_training(make_prepared) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="multiple of 4"):
        train_encoder(make_prepared(frames=10), ["a1", "a2"], settings())


def test_a_checkpoint_of_another_training_is_refused(make_prepared, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prepared = make_prepared()
    train_encoder(prepared, ["a1", "a2"], settings(steps=2), checkpoint_folder=tmp_path)
    with pytest.raises(UserError, match="another training"):
        train_encoder(prepared, ["a1", "a2"], settings(steps=2, seed=1), checkpoint_folder=tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(whole[: len(whole) // 2] + b"\xff\x00" + whole[len(whole) // 2 + 2 :])
    with pytest.raises(UserError, match=r"cannot be read(.|\n)*(checksum|CRC)"):
        train_encoder(prepared, ["a1", "a2"], settings(steps=2), checkpoint_folder=tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"cut")
    with pytest.raises(UserError, match="cannot be read"):
        train_encoder(prepared, ["a1", "a2"], settings(steps=2), checkpoint_folder=tmp_path)


def test_batches_cover_every_clip_once_an_epoch() -> None:
    rows = torch.cat([batch_rows(10, 4, 0, step) for step in range(5)])
    assert sorted(rows[:10].tolist()) == sorted(rows[10:].tolist()) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    assert len(batch_rows(3, 8, 0, 2)) == 8, "fewer clips than a batch holds"


def test_steps_have_seeds_of_their_own() -> None:
    seeds = {step_seed(seed, step) for seed in range(20) for step in range(50)}
    assert len(seeds) == 1000 and all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.slow
def test_two_processes_train_one_encoder(make_prepared, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Each takes half of every batch, and their norms see all of it: the features end up the same but for rounding."""
    codes, chosen = ["a1", "a2", "a3"], settings(steps=20, rate=3e-3, precision="64-true")
    shared = train_encoder(make_prepared(), codes, chosen.model_copy(update={"devices": 2}), checkpoint_folder=tmp_path)
    alone = train_encoder(make_prepared(), codes, chosen)
    expected = alone.encode(make_prepared()).features
    np.testing.assert_allclose(shared.encode(make_prepared()).features, expected, atol=1e-3 * np.abs(expected).max())


def record_losses(fabric: Any, job: Job, steps: int, out: Path) -> None:
    """What each process runs: some steps of training, and the loss of each."""
    model = new_model(job)
    wrapped, optimizer = fabric.setup(model, make_optimizer(model, job.settings))
    wrapped.train()
    losses = [float(train_step(fabric, wrapped, optimizer, job, job.x, job.y, s)) for s in range(steps)]
    if fabric.is_global_zero:
        np.save(out, losses)


@pytest.mark.slow
@pytest.mark.parametrize("contrast", [None, ContrastSettings()])
def test_two_processes_have_the_losses_of_one(make_prepared, tmp_path: Path, contrast: Any) -> None:  # type: ignore[no-untyped-def]
    """With the same whole batch; absent bodies are counted on either side."""
    from lightning_fabric import Fabric

    anchors = None if contrast is None else np.random.default_rng(0).standard_normal((3, 12)).astype(np.float32)
    clips = make_prepared(persons=2)
    clips.data[::3, ..., 1] = 0
    job = make_job(clips, ["a1", "a2", "a3"], settings(precision="64-true", contrast=contrast), anchors)
    assert (job.x[..., -1] == 0).all(dim=(1, 2, 3)).any(), "some clips have fewer bodies than others"
    found = []
    for devices, strategy in ((1, "auto"), (2, "ddp_spawn")):
        fabric: Any = Fabric(accelerator="cpu", devices=devices, strategy=strategy, precision="64-true")
        out = tmp_path / f"{devices}.npy"
        fabric.launch(partial(record_losses, job=job, steps=12, out=out))
        found.append(np.load(out))
    assert found[0][-1] != found[0][0]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused(make_prepared) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="shared evenly"):
        train_encoder(make_prepared(), ["a1", "a2", "a3"], settings(devices=3, steps=1))


@pytest.mark.slow
def test_half_precision_trains_too(make_prepared) -> None:  # type: ignore[no-untyped-def]
    trained = train_encoder(make_prepared(), ["a1", "a2", "a3"], settings(precision="bf16-mixed", steps=150, rate=3e-3))
    assert (trained.encode(make_prepared()).top1() or 0) > 0.8
