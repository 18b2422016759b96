"""SMIE: its bound and constraint against loops, their gradient, the scores in chunks, and what it learns."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skelzero.errors import UserError
from skelzero.methods import METHODS, Smie, SmieSettings
from skelzero.methods import smie as module
from skelzero.methods.smie import KEYLESS, PUBLISHED, Discriminator, rate_share, smie_loss
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
N, K, D, E = 6, 4, 5, 3
FORMS = ["classes", "rolled"]


def numbers(seed: int = 0) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(seed)
    x, masked = torch.randn(2, N, D, generator=g, dtype=torch.float64)
    return x, torch.randint(0, K, (N,), generator=g), torch.randn(K, E, generator=g, dtype=torch.float64), masked


def small_net(width: int = D, text_width: int = E) -> Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = Discriminator(width, text_width, 7, 4).double()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter)
        return net


def constant_net(value: float) -> Discriminator:
    net = small_net()
    torch.nn.init.zeros_(net.last.weight)
    torch.nn.init.constant_(net.last.bias, value)
    return net


def loop_logit(net: Discriminator, clip: list[float], text: list[float]) -> float:
    """D of the two side by side, in plain Python."""
    values = clip + text
    for layer in (net.first, net.second, net.last):
        values = [sum(w * v for w, v in zip(row, values, strict=True)) + b
                  for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)]  # fmt: skip
        values = values if layer is net.last else [max(0.0, v) for v in values]
    return values[0]


def loop_loss(net: Discriminator, settings: SmieSettings, data: tuple[torch.Tensor, ...]) -> float:
    x, y, texts, masked = (part.tolist() for part in data)

    def softplus(a: float) -> float:
        return max(a, 0.0) + math.log1p(math.exp(-abs(a)))

    matched = sum(-softplus(-loop_logit(net, x[i], texts[y[i]])) for i in range(N)) / N
    rest = sum(-softplus(-loop_logit(net, masked[i], texts[y[i]])) for i in range(N)) / N
    if settings.mismatched == "classes":
        pairs = [(x[i], texts[c]) for i in range(N) for c in range(K) if c != y[i]]
    else:
        pairs = [(x[(i + 1) % N], texts[y[i]]) for i in range(N)]
    mismatched = sum(softplus(loop_logit(net, *pair)) for pair in pairs) / len(pairs)
    whole, less = matched - mismatched, rest - mismatched
    return -whole + settings.constraint * max(0.0, settings.margin - (whole - less))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.1, 3.0])
def test_loss_by_hand(form: str, margin: float) -> None:
    net, settings = small_net(), SmieSettings(mismatched=form, margin=margin)
    for seed in range(5):
        x, y, texts, masked = data = numbers(seed)
        found = smie_loss(net, x, y, texts, masked, settings).item()
        assert found == pytest.approx(loop_loss(net, settings, data), abs=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_gradient_by_finite_differences(form: str) -> None:
    net, settings, (x, y, texts, masked) = small_net(), SmieSettings(mismatched=form, margin=3.0), numbers()
    smie_loss(net, x, y, texts, masked, settings).backward()
    step = 1e-6
    for parameter in net.parameters():
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            start, sides = float(flat[i]), []
            for moved in (start + step, start - step):
                flat[i] = moved
                sides.append(loop_loss(net, settings, (x, y, texts, masked)))
            flat[i] = start
            slope = (sides[0] - sides[1]) / (2 * step)
            assert float(parameter.grad.view(-1)[i]) == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [0.0, 1.5, -2.0])
def test_the_bound_where_all_logits_are_alike(form: str, value: float) -> None:
    # softplus(v) + softplus(-v): 2 log 2 at 0, and more elsewhere.
    x, y, texts, _ = numbers()
    found = smie_loss(constant_net(value), x, y, texts, None, SmieSettings(mismatched=form)).item()
    assert found == pytest.approx(math.log1p(math.exp(value)) + math.log1p(math.exp(-value)), abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_the_constraint_costs_its_weight_times_the_margin_where_masking_changes_nothing(form: str) -> None:
    x, y, texts, masked = numbers()
    settings = SmieSettings(mismatched=form, constraint=0.7, margin=0.4)
    without = smie_loss(small_net(), x, y, texts, None, settings)
    assert (smie_loss(small_net(), x, y, texts, x, settings) - without).item() == pytest.approx(0.28, abs=1e-9)
    assert smie_loss(small_net(), x, y, texts, masked, SmieSettings(mismatched=form, constraint=0)) == without


def test_the_constraint_acts_only_below_its_margin() -> None:
    net, (x, y, texts, masked) = small_net(), numbers()

    def matched(clips: torch.Tensor) -> float:
        return -F.softplus(-net.judge(net.clips(clips) + net.texts(texts)[y])).mean().item()

    if matched(x) < matched(masked):
        x, masked = masked, x
    gap = matched(x) - matched(masked)
    assert gap > 0.01
    bare = smie_loss(net, x, y, texts, None, SmieSettings())
    slopes = torch.autograd.grad(bare, list(net.parameters()))
    for margin, active in ((0.0, False), (0.99 * gap, False), (1.01 * gap, True), (gap + 2, True)):
        loss = smie_loss(net, x, y, texts, masked, SmieSettings(margin=margin))
        assert (loss - bare).item() == pytest.approx(0.5 * max(0.0, margin - gap), abs=1e-9)
        moved = torch.autograd.grad(loss, list(net.parameters()))
        assert any((a - b).abs().max() > 1e-4 for a, b in zip(moved, slopes, strict=True)) == active


@pytest.mark.parametrize("pairs", [1, 9, 10_000])
def test_scores_in_chunks_are_those_of_plain_pairs(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAIRS", pairs)
    net, (x, _, texts, _) = small_net(), numbers()
    expected = [[loop_logit(net, clip, text) for text in texts.tolist()] for clip in x.tolist()]
    np.testing.assert_allclose(net.scores(x, texts).detach().numpy(), expected, atol=1e-9)


def test_no_more_pairs_than_allowed_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAIRS", 9)
    net, sizes, judge = small_net(), [], Discriminator.judge
    monkeypatch.setattr(Discriminator, "judge", lambda self, s: sizes.append(s[..., 0].numel()) or judge(self, s))
    x, _, texts, _ = numbers()
    net.scores(x, texts)
    assert max(sizes) <= 9 and sum(sizes) == N * K


def test_the_rate_rises_and_falls() -> None:
    shares = [rate_share(step, 100, 0.15) for step in range(100)]
    np.testing.assert_allclose(shares[:15], (np.arange(15) + 0.5) / 15, atol=1e-12)
    assert all(a > b > 0 for a, b in pairwise(shares[15:])) and shares[15] > 0.99
    assert rate_share(57, 100, 0.15) == pytest.approx(0.5, abs=1e-9) and shares[-1] < 1e-3
    assert rate_share(0, 1, 0.0) == pytest.approx(0.5)


def views(x: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Features that say less of the class: half of each, and noise."""
    noise = np.random.default_rng(seed).standard_normal(x.shape)
    return {KEYLESS: (0.5 * x + noise).astype(np.float32)}


def test_features_alone_are_learned_from_without_the_constraint(problem: Problem) -> None:
    x, y, bank = problem
    bare, whole = (Smie(steps=30).fit(x, y, bank, seed=1, views=v) for v in (None, views(x)))
    off = Smie(steps=30, constraint=0).fit(x, y, bank, seed=1, views=views(x))
    assert [m.diagnostics_["temporal_constraint"] for m in (bare, whole, off)] == [False, True, False]
    np.testing.assert_array_equal(bare.scores(x, bank), off.scores(x, bank))
    assert np.abs(bare.scores(x, bank) - whole.scores(x, bank)).max() > 1e-3


def test_the_constraint_lets_masked_clips_fall_behind(problem: Problem) -> None:
    x, y, bank = problem
    near = {KEYLESS: (0.95 * x).astype(np.float32)}

    def gap(constraint: float) -> float:
        method = Smie(constraint=constraint, margin=1.0).fit(x, y, bank, seed=1, views=near)
        whole, masked = (-np.logaddexp(0, -method.scores(c, bank)[np.arange(len(y)), y]) for c in (x, near[KEYLESS]))
        return float((whole - masked).mean())

    assert gap(2.0) > gap(0.0) + 0.05


@pytest.mark.parametrize("form", FORMS)
def test_unseen_classes_are_understood(form: str, many_classes: Problem) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = Smie(mismatched=form, steps=250).fit(x[seen], y[seen], bank.take(range(48)), views=views(x[seen]))
    assert method.diagnostics_["temporal_constraint"]
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.4  # chance 0.083


def test_the_published_form_is_the_authors(problem: Problem) -> None:
    x, y, bank = problem
    spec = METHODS["smie-published"]
    assert spec.fixed is PUBLISHED and spec.candidates() == [{}]
    steps: list[tuple[int, int]] = []
    method = spec(epochs=3, batch=100, hidden=8, second=4)
    method.fit(x, y, bank, progress=lambda done, total: steps.append((done, total)))
    assert len(x) == 240 and steps[-1] == (9, 9)  # batches of 100, 100 and 40
    clips = method._clips(x[:5])
    np.testing.assert_allclose(clips.mean(dim=1), 0, atol=1e-6)
    np.testing.assert_allclose(clips.var(dim=1, correction=0), 1, atol=1e-4)
    np.testing.assert_allclose(method._class_vectors(bank).norm(dim=1), 1, atol=1e-6)


def test_our_form_makes_both_halves_equally_long(problem: Problem) -> None:
    x, y, bank = problem
    method = Smie(steps=1).fit(x, y, bank)
    np.testing.assert_allclose(method._class_vectors(bank).norm(dim=1), math.sqrt(x.shape[1]), rtol=1e-5)
    assert float(method._clips(x).square().sum(dim=1).mean().sqrt()) == pytest.approx(math.sqrt(x.shape[1]), rel=0.02)


def test_a_training_that_runs_away_is_named(problem: Problem) -> None:
    x, y, bank = problem
    with pytest.raises(UserError, match="training diverged"):
        Smie(rate=1e30, warmup=0, steps=20).fit(x, y, bank)


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": 0}, {"second": 0}, {"mismatched": "all"}, {"constraint": -1}, {"margin": -1}, {"text_scale": -1},
     {"steps": 0}, {"epochs": -1}, {"batch": 1}, {"rate": 0}, {"weight_decay": -1}, {"warmup": 1}],
)  # fmt: skip
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"smie: setting '{next(iter(wrong))}'"):
        Smie(**wrong)


def test_candidates_start_with_the_default_and_are_settings() -> None:
    first, *others = Smie.candidates()
    assert first == {} and len(others) >= 1
    assert all(Smie(**other).settings != Smie().settings for other in others)
