"""SynSE: its terms and their gradient against loops, the published cycles, verbs and nouns each in their half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from skelzero.errors import UserError
from skelzero.methods import Synse
from skelzero.methods.generative.losses import square_error
from skelzero.methods.generative.model import AlignedVaes
from skelzero.methods.generative.schedule import synse_weights
from skelzero.methods.generative.settings import SynseSettings
from skelzero.methods.generative.training import combine
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
N, D, E, Z = 5, 6, 4, 4
WEIGHTS = {"reconstruction": 1.0, "kl_clips": 0.3, "kl_texts": 0.2, "cross": 1.7}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_net() -> AlignedVaes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = AlignedVaes(D, (E, E), SynseSettings(latent=Z, hidden=0, text_hidden=0), square_error).double()
        for parameter in net.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return net


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    y = torch.tensor([0, 2, 2, 1, 0])
    return normal(N, D), y, normal(3, 2 * E, seed=1), (normal(N, Z, seed=2), normal(N, Z, seed=3))


def loop_loss(net: AlignedVaes, w: dict[str, float]) -> torch.Tensor:
    """The loss clip by clip, verb and noun written out, decoders and encoders as bare matrices."""
    p = dict(net.named_parameters())
    x, y, texts, (e_clip, e_text) = batch()

    def line(name: str, v: torch.Tensor) -> torch.Tensor:
        return p[f"{name}.weight"] @ v + p[f"{name}.bias"]

    def latent(name: str, v: torch.Tensor, e: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = line(f"{name}.mean", v), line(f"{name}.log_variance", v)
        kl = sum((lv.exp() + m**2 - 1 - lv) / 2 for m, lv in zip(mean, log_variance, strict=True))
        return mean + torch.sqrt(log_variance.exp()) * e, kl

    def off(name: str, z: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return sum((a - b) ** 2 for a, b in zip(line(f"{name}.decoder", z), wanted, strict=True)) / len(wanted)

    total = torch.zeros((), dtype=torch.float64)
    for i in range(N):
        verb, noun = texts[y[i], :E], texts[y[i], E:]
        z, kl = latent("clip", x[i], e_clip[i])
        z_verb, kl_verb = latent("parts.0", verb, e_text[i, : Z // 2])
        z_noun, kl_noun = latent("parts.1", noun, e_text[i, Z // 2 :])
        own = off("clip", z, x[i]) + off("parts.0", z_verb, verb) + off("parts.1", z_noun, noun)
        cross = off("clip", torch.cat([z_verb, z_noun]), x[i])
        cross = cross + off("parts.0", z[: Z // 2], verb) + off("parts.1", z[Z // 2 :], noun)
        total = (
            total
            + (
                w["reconstruction"] * own
                + w["cross"] * cross
                + w["kl_clips"] * kl
                + w["kl_texts"] * (kl_verb + kl_noun)
            )
            / N
        )
    return total


@pytest.mark.parametrize("off", [None, *WEIGHTS])
def test_loss_and_gradient_by_hand(off: str | None) -> None:
    net, weights = small_net(), {name: 0.0 if name == off else w for name, w in WEIGHTS.items()}
    found, expected = combine(net.terms(*batch()), weights), loop_loss(net, weights)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    parameters = list(net.parameters())
    gradients = (torch.autograd.grad(loss, parameters, allow_unused=True) for loss in (found, expected))
    for parameter, left, right in zip(parameters, *gradients, strict=True):
        assert (left is None) or left.shape == parameter.shape
        blank = torch.zeros_like(parameter)
        torch.testing.assert_close(
            blank if left is None else left, blank if right is None else right, atol=1e-5, rtol=0
        )


@pytest.mark.parametrize(
    ("cycle", "step", "clips", "texts", "cross"),
    [(0, 0, 0, 0, 0), (0, 1000, 0, 0, 0), (0, 1001, 0.1 / 3000, 0, 0), (0, 1400, 0.04 / 3, 0, 0),
     (0, 1401, 40.1 / 3000, 0, 1), (0, 1699, 69.9 / 3000, 0, 1), (1, 0, 0, 0, 0), (1, 1699, 69.9 / 3000, 0, 1),
     (2, 1400, 0.04 / 3, 0, 0), (2, 1401, 40.1 / 3000, 0.1 / 3000, 1), (9, 1699, 69.9 / 3000, 29.9 / 3000, 1)],
)  # fmt: skip
def test_the_published_cycles_by_step(cycle: int, step: int, clips: float, texts: float, cross: float) -> None:
    expected = {"reconstruction": 1.0, "kl_clips": clips, "kl_texts": texts, "cross": cross}
    assert synse_weights(1700 * cycle + step, 17000, SynseSettings(cycles=10)) == pytest.approx(expected, abs=1e-12)


def test_a_short_training_goes_through_as_many_cycles() -> None:
    crosses = [synse_weights(step, 170, SynseSettings(cycles=10))["cross"] for step in range(170)]
    assert crosses == [float(step % 17 > 14) for step in range(170)]


def test_a_half_of_the_latent_knows_only_its_own_word() -> None:
    net, (_, _, texts, _) = small_net(), batch()
    first = net.texts(texts)
    texts[:, :E] += 1.0
    second = net.texts(texts)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a[:, Z // 2 :], b[:, Z // 2 :])
        assert ((a - b)[:, : Z // 2].abs() > 1e-6).all()


def test_unseen_pairs_of_known_words_are_understood() -> None:
    """8 verbs and 8 nouns make 64 classes; a clip is the sum of an image of its verb and one of its noun."""
    rng = np.random.default_rng(0)
    verbs, nouns = (rng.standard_normal((8, 24)).astype(np.float32) for _ in range(2))
    first, second = (index.ravel() for index in np.divmod(np.arange(64), 8))
    pooled = {"verb": verbs[first], "noun": nouns[second]}
    names = tuple(f"made-up:c{i}" for i in range(64))
    tokens, mask = {k: v[:, None] for k, v in pooled.items()}, {k: np.ones((64, 1), bool) for k in pooled}
    bank = TextBank(names, names, ("verb", "noun"), pooled, tokens, mask, "made-up", "0" * 64)
    y = np.repeat(np.arange(64), 10)
    images = rng.standard_normal((2, 24, 32))
    x = (pooled["verb"] @ images[0] + pooled["noun"] @ images[1])[y] + rng.standard_normal((640, 32))
    order = rng.permutation(64)
    unseen, seen = np.sort(order[:12]), np.sort(order[12:])
    trained, asked = np.isin(y, seen), np.isin(y, unseen)
    x = x.astype(np.float32)
    method = Synse().fit(x[trained], np.searchsorted(seen, y[trained]), bank.take(seen))
    right = method.predict(x[asked], bank.take(unseen)) == np.searchsorted(unseen, y[asked])
    assert right.mean() > 0.7  # chance 0.083
    assert method.diagnostics_["texts"]["active"] > 0 and method.diagnostics_["history"][-1]["cross"] > 0


def test_classes_with_the_same_words_score_alike(problem: Problem, parts: Callable[[TextBank], TextBank]) -> None:
    x, y, bank = problem
    bank = parts(bank)
    twins = replace(bank, pooled={k: np.concatenate([v[:1], v[:-1]]) for k, v in bank.pooled.items()})
    method = Synse(steps=20).fit(x, y, bank, seed=1)
    scores = method.scores(x, twins)
    # Adam makes small steps even of slopes that are nothing but rounding, so not to the last digit.
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], atol=1e-3)
    assert np.abs(scores[:, 1:2] - scores[:, 2:]).max(axis=0).min() > 0.05


@pytest.mark.parametrize("wrong", [{"cycles": 0}, {"kl": -1}, {"cross": -1}, {"text_hidden": -1}, {"beta": 1}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"synse: setting '{next(iter(wrong))}'"):
        Synse(**wrong)
