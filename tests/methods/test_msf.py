"""MSF: losses, gradients and schedule by hand, one model alone or among others, killed and resumed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skelzero.errors import UserError
from skelzero.methods import METHODS, Msf, MsfSettings
from skelzero.methods.base import Fitting
from skelzero.methods.msf import training
from skelzero.methods.msf.latents import canonical_order, class_draws, train_classifier
from skelzero.methods.msf.layers import Sizes, initial
from skelzero.methods.msf.schedule import Weights, weights_at
from skelzero.methods.msf.settings import PUBLISHED
from skelzero.methods.msf.training import BLOCK, Draws, train
from skelzero.methods.msf.vae import TwinVae
from skelzero.text import TextBank

Problem = tuple[np.ndarray, np.ndarray, TextBank]
SIZES = Sizes(clip=5, text=7, latent=3)


def make(seed: int, *, models: int, batch: int, classes: int, width: int, relu: bool) -> tuple[TwinVae, Any]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    buffer = 0.5 * draw(models, SIZES.parameters)
    vae = TwinVae(buffer, SIZES, draw(classes, SIZES.text), decoder_relu=relu)
    y = torch.randint(classes, (models, batch), generator=generator)
    return vae, (draw(models, batch, SIZES.clip), y, draw(models, batch, width), draw(models, batch, width))


def by_loop(vae: TwinVae, model: int, x: Any, y: Any, clip_noise: Any, text_noise: Any, relu: bool) -> dict[str, Any]:
    """The loss parts of one model, clip by clip and number by number, as msf.md writes them."""
    layers = [layer[model] for layer in vae.layers[:4]]
    for decoder in vae.layers[4:]:  # weights (out, in), then biases
        layers += [decoder[model, :-1].T, decoder[model, -1]]
    Z, B = SIZES.latent, len(x[model])
    parts: dict[str, Any] = dict.fromkeys(("clip", "text", "cross_clip", "cross_text", "clip_kl", "text_kl"), 0.0)

    def encode(row: Any, weight: Any, bias: Any, noise: Any) -> tuple[list[Any], Any]:
        h = [sum(weight[o, i] * row[i] for i in range(len(row))) + bias[o] for o in range(2 * Z)]
        z = [h[d] + torch.exp(h[Z + d] / 2) * noise[d if len(noise) > 1 else 0] for d in range(Z)]
        return z, sum(0.5 * (h[d] ** 2 + torch.exp(h[Z + d]) - 1 - h[Z + d]) for d in range(Z))

    def error(z: list[Any], weight: Any, bias: Any, target: Any) -> Any:
        total = 0.0
        for o in range(len(target)):
            value = sum(weight[o, d] * z[d] for d in range(Z)) + bias[o]
            total = total + ((value.clamp_min(0) if relu else value) - target[o]) ** 2
        return total / (B * len(target))

    for b in range(B):
        row, text = x[model, b], vae.texts[y[model, b]]
        z_x, kl_x = encode(row, layers[0], layers[1], clip_noise[model, b])
        z_t, kl_t = encode(text, layers[2], layers[3], text_noise[model, b])
        parts["clip"] += error(z_x, layers[4], layers[5], row)
        parts["text"] += error(z_t, layers[6], layers[7], text)
        parts["cross_clip"] += error(z_t, layers[4], layers[5], row)
        parts["cross_text"] += error(z_x, layers[6], layers[7], text)
        parts["clip_kl"] += kl_x / B
        parts["text_kl"] += kl_t / B
    return parts


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("width", [1, 3], ids=["shared", "per-dimension"])
@pytest.mark.parametrize("classes", [3, 9], ids=["fewer classes than clips", "more"])
@pytest.mark.parametrize("cross", [0.0, 1.0, 0.7])
def test_losses_and_gradients_by_a_loop(relu: bool, width: int, classes: int, cross: float) -> None:
    vae, batch = make(3, models=2, batch=4, classes=classes, width=width, relu=relu)
    weights = Weights(cross, 0.3, 0.2)
    losses = vae.losses(*batch)
    vae.step(*batch, weights)
    vae.buffer.requires_grad_()
    vae.layers = SIZES.layers(vae.buffer)
    for model in range(2):
        parts = by_loop(vae, model, *batch, relu)
        for name, value in parts.items():
            assert float(getattr(losses, name)[model]) == pytest.approx(float(value), abs=1e-9), name
        crossed = cross * (parts["cross_clip"] + parts["cross_text"])
        total = parts["clip"] + parts["text"] + crossed + 0.3 * parts["clip_kl"] + 0.2 * parts["text_kl"]
        assert float(losses.total(weights)[model]) == pytest.approx(float(total), abs=1e-9)
        (expected,) = torch.autograd.grad(total, vae.buffer)
        torch.testing.assert_close(vae.gradient[model], expected[model], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(
    ("cycle", "i", "expected"),
    [
        (1, 0, (0, 0, 0)), (1, 1000, (0, 0, 0)), (1, 1001, (0, 0.1 / 3000, 0)), (1, 1400, (0, 40 / 3000, 0)),
        (1, 1401, (1, 40.1 / 3000, 0)), (1, 1699, (1, 69.9 / 3000, 0)), (2, 0, (0, 0, 0)),
        (2, 1699, (1, 69.9 / 3000, 0)), (3, 1400, (0, 40 / 3000, 0)), (3, 1401, (1, 40.1 / 3000, 0.1 / 3000)),
        (3, 1699, (1, 69.9 / 3000, 29.9 / 3000)), (10, 1500, (1, 50 / 3000, 10 / 3000)),
        (10, 1699, (1, 69.9 / 3000, 29.9 / 3000)),
    ],
)  # fmt: skip
def test_published_schedule(cycle: int, i: int, expected: tuple[float, ...]) -> None:
    published = MsfSettings(**PUBLISHED)
    assert weights_at((cycle - 1) * 1700 + i, published) == pytest.approx(expected, abs=1e-12)


@given(st.integers(2, 120), st.integers(1, 4))
def test_a_shorter_training_has_the_same_schedule(stretch: int, cycles: int) -> None:
    """Every n-th step of the full schedule, whatever n."""
    full = MsfSettings(cycles=cycles, steps=0)
    short = MsfSettings(cycles=cycles, steps=cycles * stretch)
    assert short.steps_a_cycle == stretch
    for step in range(cycles * stretch):
        cycle, within = divmod(step, stretch)
        place = within * 1700 / stretch
        below, above = (weights_at(cycle * 1700 + f(place), full) for f in (math.floor, math.ceil))
        got = weights_at(step, short)
        assert below.clip - 1e-9 <= got.clip <= above.clip + 1e-9 and below.cross <= got.cross <= above.cross
        assert below.text - 1e-9 <= got.text <= above.text + 1e-9


def test_initial_weights_are_xaviers() -> None:
    layers = Sizes(40, 30, 20).layers(initial(Sizes(40, 30, 20), 0)[None])
    for weight, out, into in ((layers.clip_encoder, 20, 40), (layers.text_decoder[:, :-1], 30, 20)):
        bound = 0.5 * math.sqrt(6 / (out + into))
        assert 0.9 * bound < float(weight.abs().max()) <= bound
    biases = layers[1], layers[3], layers.clip_decoder[:, -1], layers.text_decoder[:, -1]
    assert all(float(bias.abs().max()) == 0 for bias in biases)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.integers(3, 200))
def test_draws_are_distinct_clips_and_belong_to_the_seed(block: int, clips: int) -> None:
    chosen = MsfSettings(batch=64, latent=4)
    both, alone = Draws.of([3, 8], block, clips, chosen), Draws.of([8], block, clips, chosen)
    assert both.rows.shape == (BLOCK, 2, min(64, clips)) and both.clip_noise.shape[-1] == 4
    assert all(len(set(row.tolist())) == len(row) for row in both.rows.flatten(0, 1))
    assert torch.equal(both.rows[:, 1:], alone.rows) and torch.equal(both.text_noise[:, 1:], alone.text_noise)
    assert Draws.of([3], block, clips, MsfSettings(noise="shared")).clip_noise.shape[-1] == 1


QUICK = {"steps": 60, "cycles": 3, "batch": 32, "latent": 8}


def test_five_together_are_five_alone(problem: Problem) -> None:
    x, y, bank = problem
    together = METHODS["msf"](seeds=5, **QUICK).fit(x, y, bank, seed=7)
    assert isinstance(together, Msf) and len(together.members_) == 5
    probabilities = []
    for i, member in enumerate(together.members_):
        alone = METHODS["msf"](**QUICK).fit(x, y, bank, seed=7 + i)
        torch.testing.assert_close(member.cycles_[-1], alone.cycles_[-1], atol=1e-5, rtol=0)  # type: ignore[attr-defined]
        np.testing.assert_allclose(member.scores(x, bank), alone.scores(x, bank), atol=1e-3)
        probabilities.append(torch.from_numpy(member.scores(x, bank)).softmax(dim=1).numpy())
    np.testing.assert_allclose(np.exp(together.scores(x, bank)), np.mean(probabilities, axis=0), atol=1e-5)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("moment", [1, 40, 120, 179])
def test_killed_and_resumed_to_the_same_bits(
    problem: Problem, tmp_path: Path, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "BLOCKS_A_CHECKPOINT", 1)
    x, y, bank = problem
    chosen = {**QUICK, "steps": 180}

    def kill(done: int, total: int) -> None:
        assert total == 180
        if done == moment:
            raise KilledError

    whole = METHODS["msf"](**chosen).fit(x, y, bank, seed=2)
    with pytest.raises(KilledError):
        METHODS["msf"](**chosen).fit(x, y, bank, seed=2, folder=tmp_path, progress=kill)
    steps: list[int] = []
    again = METHODS["msf"](**chosen).fit(
        x, y, bank, seed=2, folder=tmp_path, progress=lambda done, total: steps.append(done)
    )
    assert steps[0] == moment // BLOCK * BLOCK + 1
    assert isinstance(whole, Msf) and isinstance(again, Msf) and len(again.cycles_) == 3
    assert all(torch.equal(a, b) for a, b in zip(whole.cycles_, again.cycles_, strict=True))
    assert whole.diagnostics_ == again.diagnostics_


def test_anothers_checkpoint_is_refused(problem: Problem, tmp_path: Path) -> None:
    x, y, bank = problem
    chosen = {**QUICK, "steps": 1050}
    METHODS["msf"](**chosen).fit(x, y, bank, folder=tmp_path)
    with pytest.raises(UserError, match="another training"):
        METHODS["msf"](**chosen).fit(x, y, bank, seed=1, folder=tmp_path)
    (tmp_path / training.CHECKPOINT).write_bytes(b"cut")
    with pytest.raises(UserError, match="cannot be read"):
        METHODS["msf"](**chosen).fit(x, y, bank, folder=tmp_path)


def test_stages_are_the_cycles(problem: Problem, tmp_path: Path) -> None:
    x, y, bank = problem
    whole = METHODS["msf"](**QUICK).fit(x, y, bank, seed=1)
    assert whole.stages() == [{"cycle": 1}, {"cycle": 2}, {"cycle": 3}]
    second = whole.at({"cycle": 2})
    stopped = METHODS["msf"](**QUICK, cycle=2).fit(x, y, bank, seed=1)
    np.testing.assert_array_equal(second.scores(x, bank), stopped.scores(x, bank))
    assert not np.array_equal(second.scores(x, bank), whole.scores(x, bank))
    assert stopped.stages() == [{}] and stopped.at({}) is stopped
    second.save(tmp_path / "m")
    loaded = Msf.load(tmp_path / "m")
    assert loaded.settings.cycle == 2 and loaded.stages() == [{}]
    np.testing.assert_array_equal(loaded.scores(x, bank), second.scores(x, bank))


@pytest.mark.parametrize("relu", [False, True])
def test_latent_classifier_is_torchs(relu: bool) -> None:
    """The same start, the same latents, trained by autograd and an ordinary optimiser."""
    chosen = MsfSettings(latent=6, samples=20, classifier_steps=50, relu=relu)
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(4, 9)).astype(np.float32)
    mean, log_variance = (torch.from_numpy(rng.normal(size=(4, 6)).astype(np.float32)) for _ in range(2))
    noise, rows = class_draws(texts, 6, chosen)
    found = train_classifier(mean, log_variance, noise, rows, chosen)
    layer = torch.nn.Linear(6, 4)
    with torch.no_grad():
        layer.weight.copy_(rows[:, :-1])
        layer.bias.copy_(rows[:, -1])
    z = (mean[:, None] + (log_variance / 2).exp()[:, None] * noise).flatten(0, 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=chosen.classifier_rate)
    for _ in range(50):
        optimiser.zero_grad()
        logits = layer(z).relu() if relu else layer(z)
        F.cross_entropy(logits, torch.arange(4).repeat_interleave(20)).backward()
        optimiser.step()
    torch.testing.assert_close(found.weight, layer.weight.detach(), atol=1e-5, rtol=1e-4)
    expected = layer(z).relu() if relu else layer(z)
    torch.testing.assert_close(found.logits(z), expected.detach(), atol=1e-4, rtol=1e-4)


def test_draws_of_a_class_follow_from_its_text() -> None:
    texts, chosen = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), MsfSettings(samples=3)
    order = [3, 1, 4, 0, 2]
    for a, b in zip(class_draws(texts, 8, chosen), class_draws(texts[order], 8, chosen), strict=True):
        assert torch.equal(a[order], b)
    assert [order[i] for i in canonical_order(texts[order])] == canonical_order(texts).tolist()


@pytest.mark.parametrize("changes", [{}, {"noise": "shared"}, {"relu": True, "classifier_rate": 1e-3}])
def test_unseen_classes_are_understood(many_classes: Problem, changes: dict[str, Any]) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = METHODS["msf"](**changes).fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.3  # chance 0.083


def test_published_form_reads_features_and_texts_as_they_are(problem: Problem) -> None:
    x, y, bank = problem
    method = METHODS["msf-published"](steps=20).fit(x, y, bank)
    assert isinstance(method, Msf)
    np.testing.assert_array_equal(method._clips(x).numpy(), x)
    raw = np.concatenate([bank.pooled[kind] for kind in bank.kinds], axis=1)
    np.testing.assert_allclose(method._texts_of(bank), raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cross_after": 1700}, "never meet"), ({"cycle": 11}, "only 10 cycles"), ({"noise": "none"}, "noise"),
        ({"seeds": 0}, "seeds"), ({"stepz": 3}, "stepz"),
    ],
)  # fmt: skip
def test_wrong_settings_are_told(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        METHODS["msf"](**wrong)


def test_kinds_are_chosen_and_missing_ones_told(problem: Problem) -> None:
    x, y, bank = problem
    one = METHODS["msf"](kinds=("action",), **QUICK).fit(x, y, bank)
    assert len(one.text_mean_) == bank.width  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="label"):
        METHODS["msf"](kinds=("label",), **QUICK).fit(x, y, bank)


def test_divergence_is_told(problem: Problem) -> None:
    x, y, bank = problem
    with pytest.raises(UserError, match="diverged"):
        train(np.full_like(x, 1e30), y, bank.vectors(), MsfSettings(steps=20), [0], Fitting())
