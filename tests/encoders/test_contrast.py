"""The symmetric contrast, and training an encoder by it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from skelzero.encoders import TrainedEncoder, TrainSettings, train_encoder
from skelzero.encoders.contrast import ContrastSettings, contrast, symmetric_kl
from skelzero.encoders.objective import backward, batch_loss
from skelzero.errors import UserError
from skelzero.preprocess import Prepared

SHORT = {"encoder": "shift-gcn:small", "steps": 4, "batch": 8, "contrast": {}}


def by_hand(logits: np.ndarray, y: np.ndarray, sharpness: float) -> float:
    """Loops over pairs, as the spec reads."""
    n, total = len(y), 0.0
    for rows in (logits, logits.T):
        for i in range(n):
            target = [math.exp(sharpness * (y[i] == y[j])) for j in range(n)]
            target = [t / sum(target) for t in target]
            norm = math.log(sum(math.exp(v) for v in rows[i]))
            total += sum(t * (math.log(t) - (rows[i][j] - norm)) for j, t in enumerate(target)) / n
    return total / 2


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 7), seed=st.integers(0, 99), sharpness=st.sampled_from([1.0, 10.0]))
def test_the_loss_is_the_loop(n: int, seed: int, sharpness: float) -> None:
    rng = np.random.default_rng(seed)
    logits, y = rng.normal(size=(n, n)) * 3, rng.integers(0, 3, n)
    found = symmetric_kl(torch.tensor(logits), torch.tensor(y), sharpness=sharpness)
    assert float(found) == pytest.approx(by_hand(logits, y, sharpness), abs=1e-9)


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    logits, y = torch.tensor(rng.normal(size=(5, 5)), requires_grad=True), torch.tensor([0, 1, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda a: symmetric_kl(a, y), (logits,), atol=1e-6)


def test_class_scores_stand_for_pairs_of_clips() -> None:
    scores, y = torch.randn(6, 3), torch.tensor([0, 2, 1, 1, 0, 2])
    pairs = torch.stack([torch.stack([scores[i, y[j]] for j in range(6)]) for i in range(6)])
    torch.testing.assert_close(contrast(scores, y, ContrastSettings()), symmetric_kl(pairs, y))


class Alone:
    """One device."""

    world_size = 1

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def no_backward_sync(self, model: nn.Module, enabled: bool = True) -> Any:
        import contextlib

        return contextlib.nullcontext()


@pytest.mark.parametrize("objective", [None, ContrastSettings()])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(objective: ContrastSettings | None) -> None:
    whole = TrainSettings(batch=12, contrast=objective)
    parts = TrainSettings(batch=12, accumulate=3, contrast=objective)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 4))
    x, y = torch.randn(12, 5), torch.randint(0, 4, (12,))
    gradients, losses = [], []
    for how in (whole, parts):
        model.zero_grad()
        losses.append(float(backward(Alone(), model, x, y, how, seed=1)))
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_parts_see_the_same_dropout_twice_and_statistics_once() -> None:
    how = TrainSettings(batch=8, accumulate=2, contrast=ContrastSettings())
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    x, y = torch.randn(8, 5), torch.randint(0, 3, (8,))
    once = nn.BatchNorm1d(8)
    for part in x.chunk(2):
        once(model[0](part))
    backward(Alone(), model, x, y, how, seed=1)
    torch.testing.assert_close(model[1].running_mean, once.running_mean)
    assert model[1].momentum == 0.1


def _of_two(fabric: Any, weight: Tensor, x: Tensor, y: Tensor, out: Path) -> None:
    """What each of two processes does with its half of a batch."""
    model = nn.Linear(4, 3, bias=False)
    model.weight.data.copy_(weight)
    bare = fabric.setup_module(model)
    share = slice(fabric.global_rank, None, 2)
    loss = batch_loss(fabric, bare(x[share]), y[share], TrainSettings(contrast=ContrastSettings()))
    fabric.backward(loss)
    if fabric.is_global_zero:
        np.save(out, np.concatenate([model.weight.grad.numpy().ravel(), [float(loss.detach())]]))


def test_two_processes_contrast_within_the_batch_of_both(tmp_path: Path) -> None:
    from lightning_fabric import Fabric

    torch.manual_seed(0)
    weight, x, y = torch.randn(3, 4), torch.randn(10, 4), torch.randint(0, 3, (10,))
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    fabric.launch(partial(_of_two, weight=weight, x=x, y=y, out=tmp_path / "g.npy"))
    own = weight.clone().requires_grad_()
    loss = contrast(x @ own.T, y, ContrastSettings())
    loss.backward()
    assert own.grad is not None
    found = np.load(tmp_path / "g.npy")
    np.testing.assert_allclose(found[:-1].reshape(3, 4), own.grad.numpy(), atol=1e-6)
    assert found[-1] == pytest.approx(float(loss.detach()), rel=1e-6)


@pytest.fixture
def prepared(make_prepared: Callable[..., Prepared]) -> Prepared:
    return make_prepared()


@pytest.fixture(scope="module")
def anchors() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, 12)).astype(np.float32)


def test_an_aligned_encoder_gives_vectors_and_classes_by_cosine(
    prepared: Prepared, anchors: np.ndarray, tmp_path: Path
) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    trained = train_encoder(prepared, codes, TrainSettings(**SHORT), anchors=anchors)
    found = trained.encode(prepared)
    assert found.features.shape == (len(prepared), 12) and trained.card.adapter == 12
    unit = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in (found.features, anchors)]
    assert found.logits is not None
    np.testing.assert_allclose(found.logits, unit[0] @ unit[1].T / 0.07, rtol=1e-4, atol=1e-4)
    trained.save(tmp_path / "e")
    loaded = TrainedEncoder.load(tmp_path / "e")
    np.testing.assert_array_equal(loaded.encode(prepared).logits, found.logits)


def test_the_scale_is_learned_only_when_asked(prepared: Prepared, anchors: np.ndarray) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    for learn in (False, True):
        how = TrainSettings(**{**SHORT, "contrast": {"learn_scale": learn}})
        scale = float(train_encoder(prepared, codes, how, anchors=anchors).model.log_scale.detach().exp())
        assert (scale == pytest.approx(1 / 0.07, rel=1e-6)) is not learn


def test_killed_and_gone_on_is_the_same(prepared: Prepared, anchors: np.ndarray, tmp_path: Path) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    how = TrainSettings(**{**SHORT, "optimiser": "sgd", "rate": 0.05, "checkpoint_every": 2, "accumulate": 2})
    whole = train_encoder(prepared, codes, how, anchors=anchors)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_encoder(prepared, codes, how, anchors=anchors, checkpoint_folder=tmp_path, progress=stop)
    again = train_encoder(prepared, codes, how, anchors=anchors, checkpoint_folder=tmp_path)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_published_epochs_become_steps_and_rates() -> None:
    how = TrainSettings(batch=128, epochs=50, rate=0.05, epoch_rates={"warmup": 5, "drops": [30]})
    own = how.for_clips(400)  # three whole batches an epoch
    assert own.steps == 150
    rates = [own.rate_at(step) for step in (0, 3, 15, 89, 90)]
    np.testing.assert_allclose(rates, [0, 0.01, 0.05, 0.05, 0.005])
    assert how.for_clips(100).steps == 50


def test_mistakes_are_told(prepared: Prepared, anchors: np.ndarray) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    with pytest.raises(UserError, match="without a finite vector for each class"):
        train_encoder(prepared, codes, TrainSettings(**SHORT), anchors=anchors[:1])
    with pytest.raises(UserError, match="without a finite vector"):
        train_encoder(prepared, codes, TrainSettings(**SHORT))
    with pytest.raises(ValueError, match="epoch_rates needs epochs"):
        TrainSettings(epoch_rates={})
    with pytest.raises(ValueError, match="accumulate must divide"):
        TrainSettings(batch=10, accumulate=3)


@pytest.mark.parametrize("how", [{"precision": "bf16-mixed"}, {"devices": 2}])
def test_other_precision_and_devices_train_to_about_the_same(
    prepared: Prepared, anchors: np.ndarray, how: dict[str, Any]
) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    settings = {**SHORT, "accelerator": "cpu", "steps": 2}
    plain, other = (
        train_encoder(prepared, codes, TrainSettings(**{**settings, **more}), anchors=anchors) for more in ({}, how)
    )
    a, b = (t.model.state_dict()["head.weight"] for t in (plain, other))
    assert torch.isfinite(b).all() and not torch.equal(a, b)
    assert float((a - b).norm() / a.norm()) < 0.15


def test_cosines_are_exact_in_mixed_precision(prepared: Prepared, anchors: np.ndarray) -> None:
    codes = sorted(set(prepared.codes.tolist()))[:2]
    model = train_encoder(prepared, codes, TrainSettings(**{**SHORT, "steps": 1}), anchors=anchors).model
    out = torch.randn(6, 12)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.class_scores(out)
    torch.testing.assert_close(mixed, model.class_scores(out))
    assert mixed.dtype == torch.float32
