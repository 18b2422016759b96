"""SCALE's equations against loops written by hand, finite differences and torch.distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from skelzero.methods import METHODS
from skelzero.methods.scale import ScaleSettings, energy, losses
from skelzero.methods.scale.model import ClassTexts, Gaussian, ScaleNet
from skelzero.methods.scale.scale import _joined
from skelzero.text import TextBank

N, K, X, E, Z = 6, 5, 16, 12, 7


def small_net(seed: int = 0, **changes: object) -> ScaleNet:
    torch.manual_seed(seed)
    net = ScaleNet(X, E, ScaleSettings(latent=Z, hidden=20, code=14, dropout=0.0, **changes)).eval()
    for parameter in net.parameters():
        # FiLM starts at zero: with random values everywhere every path counts.
        torch.nn.init.normal_(parameter, std=0.3)
    return net


def small_texts(seed: int = 1, tokens: int = 4) -> ClassTexts:
    g = torch.Generator().manual_seed(seed)
    mask = torch.arange(tokens)[None] < torch.randint(1, tokens + 1, (K, 1), generator=g)
    states = torch.randn(K, tokens, E, generator=g) * mask[..., None]
    return ClassTexts(torch.randn(K, E, generator=g), F.layer_norm(states, (E,)), mask)


def gaussian(rows: int, seed: int) -> Gaussian:
    g = torch.Generator().manual_seed(seed)
    return Gaussian(torch.randn(rows, Z, generator=g), torch.randn(rows, Z, generator=g))


@torch.no_grad()
def test_text_module_by_hand() -> None:
    net, texts = small_net(), small_texts()
    t = net.text
    codes = t(texts).detach()
    for k in range(K):
        g = t.pooled_map(F.layer_norm(texts.pooled[k], (E,), t.pooled_norm.weight, t.pooled_norm.bias))
        rows = [t.token_map(n * t.token_norm.weight + t.token_norm.bias)
                for n, real in zip(texts.tokens[k], texts.mask[k], strict=True) if real]  # fmt: skip
        logits = [float(g @ row) / math.sqrt(len(g)) for row in rows]
        weights = np.exp(np.array(logits) - max(logits))
        h = g + sum(w * row for w, row in zip(weights / weights.sum(), rows, strict=True))
        torch.testing.assert_close(codes[k], t.norm(h + t.mlp(h)), atol=1e-5, rtol=1e-4)


def test_kl_terms_are_those_of_torch_distributions() -> None:
    q, p = gaussian(N, 0), gaussian(N, 1)
    expected = kl_divergence(Normal(q.mean, (q.log_variance / 2).exp()), Normal(p.mean, (p.log_variance / 2).exp()))
    torch.testing.assert_close(energy.kl_terms(q, p), expected, atol=1e-5, rtol=1e-4)


def test_kl_matrix_is_every_pair_by_hand() -> None:
    q, p = gaussian(N, 0), gaussian(K, 1)
    matrix = energy.kl_matrix(q, p)
    for i in range(N):
        for k in range(K):
            pair = energy.kl_terms(Gaussian(q.mean[i : i + 1], q.log_variance[i : i + 1]),
                                   Gaussian(p.mean[k : k + 1], p.log_variance[k : k + 1]))  # fmt: skip
            assert float(matrix[i, k]) == pytest.approx(float(pair.mean()), rel=1e-4)


def hand_energy(net: ScaleNet, x: torch.Tensor, texts: ClassTexts, lambda_k: float) -> np.ndarray:
    """E(x, c) with one clip and one class at a time, straight from the definitions."""
    codes = net.text(texts)
    out = np.zeros((len(x), K))
    for i, clip in enumerate(x):
        q = net.posterior_of(clip[None])
        for k in range(K):
            p = net.prior_of(codes[k : k + 1])
            gamma, beta = net.film(codes[k]).chunk(2)
            u = net.latent_norm(net.latent_map(q.mean[0]))
            xhat = net.decoder(F.gelu(u * (1 + gamma) + beta))
            kl = sum(
                0.5 * (float(pv - qv) + (math.exp(qv) + float(qm - pm) ** 2) / math.exp(pv) - 1)
                for qm, qv, pm, pv in zip(q.mean[0], q.log_variance[0], p.mean[0], p.log_variance[0], strict=True)
            )
            out[i, k] = float(((clip - xhat) ** 2).sum()) / (2 * X) + lambda_k * kl / Z
    return out


@torch.no_grad()
def test_energy_of_every_pair_by_hand() -> None:
    net, texts = small_net(), small_texts()
    x = torch.randn(N, X, generator=torch.Generator().manual_seed(2))
    side, q = energy.class_side(net, net.text(texts)), net.posterior_of(x)
    reconstruction = energy.reconstruction_matrix(net, x, q.mean, side)
    total = energy.combine(reconstruction, energy.kl_matrix(q, side.prior), 0.5, "full")
    np.testing.assert_allclose(total.numpy(), hand_energy(net, x, texts, 0.5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 4, 4096])
def test_fast_reconstruction_is_the_plain_one_whatever_the_block(rows: int) -> None:
    net = small_net()
    x = torch.randn(N, X, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        side, mean = energy.class_side(net, net.text(small_texts())), net.posterior_of(x).mean
        plain = energy.reconstruction_matrix(net, x, mean, side)
    torch.testing.assert_close(energy.fast_reconstruction(net, x, mean, side, rows=rows), plain, atol=1e-5, rtol=1e-4)


@given(st.integers(2, 40), st.floats(0, 1), st.floats(0.02, 2))
@settings(max_examples=40, deadline=None)
def test_hardness_weights_average_one(classes: int, a: float, temperature: float) -> None:
    texts = torch.randn(classes, 8, generator=torch.Generator().manual_seed(classes))
    weights = losses.hardness_weights(texts, a, temperature)
    off = weights.sum(dim=1) - 1
    torch.testing.assert_close(off / (classes - 1), torch.ones(classes), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(weights.diagonal(), torch.ones(classes))


def test_hardness_weights_by_hand() -> None:
    texts = torch.randn(4, 8, generator=torch.Generator().manual_seed(0)).double()
    weights = losses.hardness_weights(texts, 0.5, 0.1)
    t = texts.numpy() - texts.numpy().mean(0)
    t /= np.linalg.norm(t, axis=1, keepdims=True)
    for y in range(4):
        others = [c for c in range(4) if c != y]
        near = np.exp([t[y] @ t[c] / 0.1 for c in others])
        for c, share in zip(others, near / near.sum(), strict=True):
            assert float(weights[y, c]) == pytest.approx(0.5 + 0.5 * 3 * share)


def test_confidence_by_hand_and_without_gradient() -> None:
    log_variance = torch.randn(N, Z, requires_grad=True)
    kappa = losses.confidence(log_variance)
    m = log_variance.detach().numpy().mean(1)
    np.testing.assert_allclose(kappa.numpy(), 1 / (1 + np.exp((m - m.mean()) / m.std())), rtol=1e-4)
    assert not kappa.requires_grad


def test_listwise_by_hand() -> None:
    g = torch.Generator().manual_seed(0)
    energies, kappa = torch.rand(N, K, generator=g), torch.rand(N, generator=g)
    weights = losses.hardness_weights(torch.randn(K, 8, generator=g), 0.5, 0.1)
    y = torch.tensor([0, 1, 2, 3, 4, 0])
    value = losses.listwise(energies, y, weights, kappa, margin=0.05, temperature=0.1)
    total, sample = 0.0, [0.5 + float(k) for k in kappa]
    for i in range(N):
        terms = []
        for c in range(K):
            own = c == int(y[i])
            e = float(energies[i, c]) + (0.05 * float(kappa[i]) if own else 0)
            terms.append(math.exp(-e / 0.1) * (1 if own else float(weights[y[i], c])))
        total += -math.log(terms[int(y[i])] / sum(terms)) * sample[i] / np.mean(sample)
    assert float(value) == pytest.approx(total / N, rel=1e-4)


def test_prototype_contrast_by_hand() -> None:
    q, p = gaussian(N, 0), gaussian(K, 1)
    y = torch.tensor([0, 1, 2, 3, 4, 0])
    total = 0.0
    for i in range(N):
        cosines = [float(q.mean[i] @ m / q.mean[i].norm() / m.norm()) / 0.1 for m in p.mean]
        total += -cosines[int(y[i])] + math.log(sum(math.exp(c) for c in cosines))
    assert float(losses.prototype_contrast(q.mean, p.mean, y, 0.1)) == pytest.approx(total / N, rel=1e-4)


def test_free_bits_cost_nothing_below_the_floor() -> None:
    kl = torch.tensor([[0.01, 0.5], [0.03, 0.3]])
    assert float(losses.free_bits(kl, 0.05)) == pytest.approx((0.05 + 0.4) / 2)


def test_warm_up_grows_to_one_over_its_share() -> None:
    factors = [losses.warm_up(step, 100, 0.2) for step in range(100)]
    assert factors[0] == 0 and factors[10] == pytest.approx(0.5) and factors[20] == factors[99] == 1
    assert losses.warm_up(0, 100, 0.0) == 1


def test_gradients_are_those_of_finite_differences() -> None:
    net = small_net().double()
    texts = small_texts()
    texts = ClassTexts(texts.pooled.double(), texts.tokens.double(), texts.mask)
    x, y = torch.randn(N, X, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    weights = losses.hardness_weights(texts.pooled, 0.5, 0.1)

    def loss() -> torch.Tensor:
        side, q = energy.class_side(net, net.text(texts)), net.posterior_of(x)
        energies = energy.combine(energy.reconstruction_matrix(net, x, q.mean, side),
                                  energy.kl_matrix(q, side.prior), 0.5, "full")  # fmt: skip
        kappa = torch.full((N,), 0.5, dtype=torch.float64)
        return losses.listwise(energies, y, weights, kappa, margin=0.05, temperature=0.1)

    loss().backward()
    for name, parameter in net.named_parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)  # type: ignore[union-attr]
        i, step = int(gradient.abs().argmax()), 1e-5
        flat[i] += step
        up = float(loss().detach())
        flat[i] -= 2 * step
        down = float(loss().detach())
        flat[i] += step
        assert (up - down) / (2 * step) == pytest.approx(float(gradient[i]), rel=1e-3, abs=1e-7), name


def test_the_published_widths_have_the_published_cost() -> None:
    net = ScaleNet(256, 768, ScaleSettings())
    shared = sum(m.weight.numel() for m in (net.posterior[0], net.posterior[4], net.latent_map))
    per_class = sum(m.weight.numel() for m in (net.decoder[0], net.decoder[2]))
    assert shared == 294_912 and per_class == 131_072


def test_ablations_change_what_they_claim(problem: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = problem
    base = METHODS["scale"](steps=15).fit(x, y, bank, seed=1).scores(x, bank)
    for name in METHODS:
        if name.startswith("scale:"):
            method = METHODS[name](steps=15).fit(x, y, bank, seed=1)
            assert not np.allclose(method.scores(x, bank), base), name
    only_kl = METHODS["scale:no-recon"](steps=15, reference=0).fit(x, y, bank, seed=1)
    q = only_kl.net_.posterior_of(torch.from_numpy(only_kl.standardizer_(x)))
    prior = only_kl.net_.prior_of(only_kl.net_.text(only_kl._class_texts(bank)))
    np.testing.assert_allclose(-only_kl.scores(x, bank), energy.kl_matrix(q, prior).detach().numpy(), atol=1e-5)


def test_every_class_has_its_zero_at_the_mean_of_the_reference_clips(
    problem: tuple[np.ndarray, np.ndarray, TextBank],
) -> None:
    x, y, bank = problem
    method = METHODS["scale"](steps=15, reference=10 * len(x)).fit(x, y, bank, seed=1)
    assert len(method.reference_) == len(x)
    np.testing.assert_allclose(method.scores(x, bank).mean(axis=0), 0, atol=1e-5)
    plain = METHODS["scale"](steps=15, reference=0).fit(x, y, bank, seed=1).scores(x, bank)
    np.testing.assert_allclose(method.scores(x, bank), plain - plain.mean(axis=0), atol=1e-5)
    few = METHODS["scale"](steps=15, reference=len(bank)).fit(x, y, bank, seed=1)
    assert len(few.reference_) == len(bank)


def test_a_text_encoder_without_tokens_is_legal(problem: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    from dataclasses import replace

    x, y, bank = problem
    single = replace(bank, tokens={k: v[:, None] for k, v in bank.pooled.items()},
                     mask={k: np.ones((len(bank), 1), dtype=bool) for k in bank.kinds})  # fmt: skip
    assert np.isfinite(METHODS["scale"](steps=10).fit(x, y, single).scores(x, single)).all()


def test_texts_of_two_kinds_are_joined_as_the_publication_does(
    problem: tuple[np.ndarray, np.ndarray, TextBank],
) -> None:
    bank = problem[2]
    joined = _joined(bank)
    assert joined.tokens.shape[1] == sum(bank.tokens[k].shape[1] for k in bank.kinds)
    np.testing.assert_allclose(joined.pooled.numpy(), (bank.pooled["action"] + bank.pooled["motion"]) / 2, rtol=1e-6)


def test_a_collapsed_latent_says_so(problem: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = problem
    report = METHODS["scale"](steps=30, free_bits=50.0).fit(x, y, bank).diagnostics_
    assert report["collapsed"] and report["active"] == 0
    assert [h["step"] for h in report["history"]] == sorted(h["step"] for h in report["history"])
