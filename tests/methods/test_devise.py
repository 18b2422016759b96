"""DeViSE: its loss and gradient against a loop, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skelzero.errors import UserError
from skelzero.methods import METHODS, Devise
from skelzero.methods.devise import DeviseNet
from skelzero.methods.ranking import hardest_triplets, hinge
from skelzero.text import TextBank

N, K, D, E = 7, 4, 6, 5


def numbers(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    texts = torch.randn(K, E, generator=g, dtype=torch.float64)
    return (torch.randn(N, D, generator=g, dtype=torch.float64), torch.randint(0, K, (N,), generator=g),
            texts / texts.norm(dim=1, keepdim=True))  # fmt: skip


def by_hand(M: np.ndarray, x: np.ndarray, y: np.ndarray, t: np.ndarray, margin: float) -> tuple[float, np.ndarray]:
    """Loss and gradient one clip and one wrong class at a time: each violation pulls M by (t_c - t_y) x'."""
    loss, gradient = 0.0, np.zeros_like(M)
    for clip, own in zip(x, y, strict=True):
        for c in range(len(t)):
            short = margin - t[own] @ (M @ clip) + t[c] @ (M @ clip)
            if c != own and short > 0:
                loss += short / len(x)
                gradient += np.outer(t[c] - t[own], clip) / len(x)
    return loss, gradient


@pytest.mark.parametrize("margin", [0.1, 2.0])
def test_loss_and_gradient_by_hand(margin: float) -> None:
    x, y, texts = numbers()
    net = DeviseNet(D, E, margin).double()
    assert not net.map.weight.any()
    torch.nn.init.normal_(net.map.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    loss = net.loss(x, y, texts)
    loss.backward()
    expected, gradient = by_hand(net.map.weight.detach().numpy(), x.numpy(), y.numpy(), texts.numpy(), margin)
    assert loss.item() == pytest.approx(expected, abs=1e-5) and expected > 0
    np.testing.assert_allclose(net.map.weight.grad.numpy(), gradient, atol=1e-5)


def test_classes_that_count_as_one_are_no_wrong_answers() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    y = torch.tensor([0, 2])
    same = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    assert float(hinge(scores, y, 0.5)) == pytest.approx((1.5 + 2.5) / 2)
    assert float(hinge(scores, y, 0.5, same)) == pytest.approx(2.5 / 2)
    assert float(hinge(scores, y, 0.5, torch.ones(3, 3, dtype=torch.bool))) == 0


@pytest.mark.parametrize("seed", range(4))
def test_hardest_triplets_by_hand(seed: int) -> None:
    x, y, _ = numbers(seed)
    x.requires_grad_()
    loss = hardest_triplets(x @ x.T, y[:, None] == y[None], 0.7)
    (gradient,) = torch.autograd.grad(loss, x)
    total, slope, points = 0.0, np.zeros((N, D)), x.detach().numpy()
    for i in range(N):
        mates, others = [j for j in range(N) if y[j] == y[i]], [j for j in range(N) if y[j] != y[i]]
        p = min(mates, key=lambda j: points[i] @ points[j])
        n = max(others, key=lambda j: points[i] @ points[j])
        short = 0.7 - points[i] @ points[p] + points[i] @ points[n]
        if short > 0:
            total += short / N
            slope[i] += (points[n] - points[p]) / N
            slope[p] -= points[i] / N
            slope[n] += points[i] / N
    assert loss.item() == pytest.approx(total, abs=1e-5) and total > 0
    np.testing.assert_allclose(gradient.numpy(), slope, atol=1e-5)


def test_a_clip_without_negatives_costs_nothing() -> None:
    similarity = torch.eye(3, requires_grad=True)
    loss = hardest_triplets(similarity, torch.ones(3, 3, dtype=torch.bool), 0.5)
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(similarity.grad).all()


def test_unseen_classes_are_understood(many_classes: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = Devise().fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.4  # chance 0.083
    history = method.diagnostics_["history"]
    assert history[-1]["loss"] < 0.1 * history[0]["loss"] and method.diagnostics_["training_accuracy"] > 0.9


def test_progress_is_told_and_divergence_a_users_error(problem: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = problem
    told: list[tuple[int, int]] = []
    Devise(steps=5).fit(x, y, bank, progress=lambda done, total: told.append((done, total)))
    assert told == [(i, 5) for i in range(1, 6)]
    with pytest.raises(UserError, match="training diverged"):
        Devise(steps=5, rate=1e38).fit(x, y, bank)


def test_fitting_leaves_torchs_own_generator_alone(problem: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = problem
    before = torch.get_rng_state()
    for name in ("devise", "revise"):
        METHODS[name](steps=3).fit(x, y, bank)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("wrong", [{"margin": 0}, {"rate": -1}, {"steps": 0}, {"batch": 1}, {"weight_decay": -1}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"devise: setting '{next(iter(wrong))}'"):
        Devise(**wrong)


def test_every_candidate_is_valid_and_the_default_first() -> None:
    for name in ("devise", "conse", "revise", "jpose"):
        candidates = METHODS[name].candidates()
        assert candidates[0] == {} and all(METHODS[name](**c).settings for c in candidates)
