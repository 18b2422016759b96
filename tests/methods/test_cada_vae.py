"""CADA-VAE: every term of its loss and the gradient of the whole against loops, its schedule, its classifier."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skelzero.errors import UserError
from skelzero.methods import CadaVae
from skelzero.methods.generative.classifier import softmax_gradient, train_classifier
from skelzero.methods.generative.losses import Gaussian, absolute_error, square_error, wasserstein
from skelzero.methods.generative.method import KEPT
from skelzero.methods.generative.model import AlignedVaes, Vae
from skelzero.methods.generative.schedule import cada_weights
from skelzero.methods.generative.settings import CadaVaeSettings
from skelzero.methods.generative.training import combine
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
N, K, D, E, Z = 5, 3, 6, 4, 3
ERRORS = {"absolute": absolute_error, "square": square_error}
WEIGHTS = {"reconstruction": 1.0, "kl_clips": 0.3, "kl_texts": 0.2, "cross": 1.7, "alignment": 2.5}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_net(error: str = "absolute") -> AlignedVaes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = AlignedVaes(D, (E,), CadaVaeSettings(latent=Z, hidden=5, text_hidden=4), ERRORS[error]).double()
        for parameter in net.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)  # biases start at 0, which would hide a wrong one
    return net


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    y = torch.tensor([0, 2, 2, 1, 0])
    return normal(N, D), y, normal(K, E, seed=1), (normal(N, Z, seed=2), normal(N, Z, seed=3))


def affine(linear: torch.nn.Module, v: list[float]) -> list[float]:
    assert isinstance(linear, torch.nn.Linear)
    rows = zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)
    return [sum(w * a for w, a in zip(row, v, strict=True)) + b for row, b in rows]


def bent(v: list[float]) -> list[float]:
    return [max(0.0, a) for a in v]


def loop_terms(net: AlignedVaes, error: str) -> dict[str, float]:
    """All terms, clip by clip and number by number, in plain Python."""
    x, y, texts, noise = (v.tolist() if isinstance(v, torch.Tensor) else [e.tolist() for e in v] for v in batch())
    total = dict.fromkeys(WEIGHTS, 0.0)

    def encode(vae: Vae, v: list[float], e: list[float]) -> tuple[list[float], list[float], list[float]]:
        h = bent(affine(vae.body[0], v))
        mean, deviation = affine(vae.mean, h), [math.exp(a / 2) for a in affine(vae.log_variance, h)]
        return mean, deviation, [m + s * n for m, s, n in zip(mean, deviation, e, strict=True)]

    def off(vae: Vae, z: list[float], wanted: list[float]) -> float:
        found = affine(vae.decoder[2], bent(affine(vae.decoder[0], z)))
        gaps = [a - b for a, b in zip(found, wanted, strict=True)]
        return sum(map(abs, gaps)) if error == "absolute" else sum(g * g for g in gaps) / len(gaps)

    def kl(mean: list[float], deviation: list[float]) -> float:
        return sum((s * s + m * m - 1) / 2 - math.log(s) for m, s in zip(mean, deviation, strict=True))

    clip, text = net.clip, net.parts[0]
    assert isinstance(text, Vae)
    for i in range(N):
        words = texts[y[i]]
        (m1, s1, z1), (m2, s2, z2) = encode(clip, x[i], noise[0][i]), encode(text, words, noise[1][i])
        total["reconstruction"] += (off(clip, z1, x[i]) + off(text, z2, words)) / N
        total["cross"] += (off(clip, z2, x[i]) + off(text, z1, words)) / N
        total["kl_clips"] += kl(m1, s1) / N
        total["kl_texts"] += kl(m2, s2) / N
        total["alignment"] += math.sqrt(math.dist(m1, m2) ** 2 + math.dist(s1, s2) ** 2) / N
    return total


@pytest.mark.parametrize("error", ["absolute", "square"])
def test_every_term_by_hand(error: str) -> None:
    net = small_net(error)
    found = {name: float(term.detach()) for name, term in net.terms(*batch()).items()}
    assert found == pytest.approx(loop_terms(net, error), abs=1e-5)
    assert float(combine(net.terms(*batch()), WEIGHTS).detach()) == pytest.approx(
        sum(WEIGHTS[name] * value for name, value in found.items()), abs=1e-5
    )


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_gradient_of_every_term_by_finite_differences(name: str) -> None:
    net = small_net()
    combine(net.terms(*batch()), {name: WEIGHTS[name]}).backward()
    step = 1e-6
    for parameter in net.parameters():
        flat = parameter.detach().view(-1)
        slopes = torch.zeros_like(flat) if parameter.grad is None else parameter.grad.view(-1)
        for i in range(len(flat)):
            start, sides = float(flat[i]), []
            for moved in (start + step, start - step):
                flat[i] = moved
                sides.append(WEIGHTS[name] * loop_terms(net, "absolute")[name])
            flat[i] = start
            assert float(slopes[i]) == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-5)


def test_the_distance_of_a_gaussian_to_itself_has_no_slope() -> None:
    mean, log_variance = normal(N, Z).requires_grad_(), normal(N, Z, seed=1)
    wasserstein(Gaussian(mean, log_variance), Gaussian(mean, log_variance)).sum().backward()
    assert torch.equal(mean.grad, torch.zeros(N, Z, dtype=torch.float64))


def test_errors_are_summed_as_their_authors_do() -> None:
    a, b = torch.tensor([[1.0, -2.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 4.0]])
    assert absolute_error(a, b).tolist() == [4.0, 4.0]
    assert square_error(a, b).tolist() == [5.0, 8.0]


@pytest.mark.parametrize(
    ("epoch", "beta", "cross", "alignment"),
    [(0, 0, 0, 0), (1, 0.0026, 0, 0), (6, 0.0156, 0, 0), (7, 0.0182, 0, 0.54), (14, 0.0364, 0, 4.32),
     (21, 0.0546, 0, 8.10), (22, 0.0572, 0.044, 8.64), (23, 0.0598, 0.088, 8.64), (48, 0.1248, 1.188, 8.64),
     (74, 0.1924, 2.332, 8.64), (75, 0.195, 2.376, 8.64), (89, 0.2314, 2.376, 8.64), (90, 0.234, 2.376, 8.64),
     (99, 0.234, 2.376, 8.64)],
)  # fmt: skip
def test_the_papers_warm_ups_by_epoch(epoch: int, beta: float, cross: float, alignment: float) -> None:
    expected = {"reconstruction": 1.0, "kl_clips": beta, "kl_texts": beta, "cross": cross, "alignment": alignment}
    assert cada_weights(epoch, 100, CadaVaeSettings()) == pytest.approx(expected, abs=1e-9)
    assert cada_weights(7 * epoch, 700, CadaVaeSettings()) == pytest.approx(expected, abs=1e-9)


def test_the_classifiers_gradient_and_training_are_autograds() -> None:
    latents = normal(4, 6, 3)
    points, target = latents.flatten(0, 1), torch.arange(4).repeat_interleave(6)
    layer = torch.nn.Linear(3, 4).double()
    F.cross_entropy(layer(points), target).backward()
    both = torch.cat([layer.weight.detach(), layer.bias.detach()[:, None]], dim=1)
    found = softmax_gradient(both, torch.cat([points, torch.ones(24, 1, dtype=torch.float64)], dim=1), target)
    torch.testing.assert_close(found[:, :3], layer.weight.grad, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, 3], layer.bias.grad, atol=1e-5, rtol=0)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(50):
        optimiser.zero_grad()
        F.cross_entropy(layer(points), target).backward()
        optimiser.step()
    weight, bias = train_classifier(latents, steps=50, rate=0.01)
    torch.testing.assert_close(weight, layer.weight.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(bias, layer.bias.detach(), atol=1e-5, rtol=0)


def test_classifiers_are_remembered_but_not_for_ever(problem: Problem, tmp_path: Path) -> None:
    x, y, bank = problem
    method = CadaVae(steps=5, hidden=8, classifier_steps=5).fit(x, y, bank)
    first = method.scores(x[:4], bank.take([0, 1]))
    for other in range(2, 12):
        method.scores(x[:4], bank.take([0, other]))
    assert len(method._classifiers) == KEPT
    np.testing.assert_array_equal(method.scores(x[:4], bank.take([0, 1])), first)
    kept = next(reversed(method._classifiers.values()))
    assert method.scores(x[:4], bank.take([1, 0])).shape == (4, 2)  # the same classes in another order
    assert next(reversed(method._classifiers.values())) is kept
    method.save(tmp_path / "m")
    np.testing.assert_array_equal(CadaVae.load(tmp_path / "m").scores(x[:4], bank.take([0, 1])), first)
    fresh = CadaVae(steps=5, hidden=8, classifier_steps=5).fit(x, y, bank, seed=1).scores(x[:4], bank.take([0, 1]))
    np.testing.assert_array_equal(method.fit(x, y, bank, seed=1).scores(x[:4], bank.take([0, 1])), fresh)
    assert not np.array_equal(fresh, first)


def test_unseen_classes_are_understood_and_the_fit_says_what_it_did(many_classes: Problem) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = CadaVae().fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.7  # chance 0.083
    history, sides = method.diagnostics_["history"], [method.diagnostics_[side] for side in ("clips", "texts")]
    assert history[-1]["step"] == 499 and set(WEIGHTS) <= set(history[-1])
    assert history[-1]["reconstruction"] < history[0]["reconstruction"]
    for side in sides:
        assert len(side["kl"]) == 64 and side["active"] == sum(v > 0.02 for v in side["kl"]) > 0
        assert side["kl_per_dim"] == pytest.approx(np.mean(side["kl"]), abs=1e-3) and not side["collapsed"]


def test_a_training_that_diverges_is_a_users_error(problem: Problem) -> None:
    x, y, bank = problem
    with pytest.raises(UserError, match="training diverged"):
        CadaVae(steps=40, rate=1e4).fit(x, y, bank)


@pytest.mark.parametrize("wrong", [{"hidden": -1}, {"latent": 0}, {"beta": -1}, {"alignment": -1}, {"samples": 0}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"cada-vae: setting '{next(iter(wrong))}'"):
        CadaVae(**wrong)
