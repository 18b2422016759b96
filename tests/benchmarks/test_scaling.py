"""Growth is measured rightly, and what was mended so that it grows linearly gives what it gave before."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from skelzero.encoders.training import batch_rows
from skelzero.methods import sampled
from skelzero.methods.generative.classifier import train_classifier
from skelzero.methods.msf import latents
from skelzero.methods.msf.settings import MsfSettings
from skelzero.methods.scale import losses
from skelzero.methods.scaling import rows_by_class

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scaling() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("scaling", BENCHMARKS / "scaling.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_read_from_the_upper_half(scaling: ModuleType, power: float) -> None:
    sizes = [10, 30, 100, 300, 1000, 3000, 10_000]
    rng = np.random.default_rng(0)
    # At the lower sizes a constant hides the growth.
    repeats = [list((5.0 + (n**power if n >= 300 else 0)) * rng.uniform(0.999, 1.001, 3)) for n in sizes]
    pure = [list(n**power * rng.uniform(0.99, 1.01, 3)) for n in sizes]
    value, low, high = scaling.exponent(sizes, pure)
    assert value == pytest.approx(power, abs=0.02) and low <= value <= high and high - low < 0.03
    assert scaling.upper_half(sizes) == [3, 4, 5, 6] and scaling.upper_half(sizes[:3]) == [1, 2]
    assert scaling.exponent(sizes, repeats)[0] == pytest.approx(power, abs=0.05 if power >= 1 else 0.2)


def test_memory_and_time_of_an_operation_are_its_own(scaling: ModuleType, tmp_path: Path) -> None:
    operation = scaling.Operation("fill", "bytes", (1 << 20,), lambda size, folder: lambda: np.ones(size, np.uint8))
    found = scaling.measure_apart(operation, 200 << 20, 2)
    assert all(0.95 * (200 << 20) < value < 1.2 * (200 << 20) for value in found["bytes"])
    assert all(0 < value < 20 for value in found["processor"]) and len(found["seconds"]) == 2


def test_every_operation_runs_at_its_smallest(scaling: ModuleType, tmp_path: Path) -> None:
    for i, operation in enumerate(scaling.OPERATIONS):
        if operation.axis != "clips" or "scale" in operation.name:
            folder = tmp_path / str(i)
            folder.mkdir()
            assert operation.prepare(operation.sizes[0], folder)() is not None, operation.name


def test_rows_of_classes_are_those_that_a_mask_finds() -> None:
    y = np.random.default_rng(0).integers(0, 9, 200) * 3
    found = rows_by_class(y)
    assert [rows.tolist() for rows in found] == [np.flatnonzero(y == k).tolist() for k in np.unique(y)]


@pytest.mark.parametrize("steps_an_epoch", [None, 3])
def test_the_kept_order_is_that_of_a_fresh_draw(steps_an_epoch: int | None) -> None:
    order = [np.random.default_rng([5, epoch]).permutation(10) for epoch in range(2)]
    rows = torch.cat([batch_rows(10, 3, 5, step, steps_an_epoch) for step in range(6)]).tolist()
    expected = np.concatenate(order)[:18] if steps_an_epoch is None else np.concatenate([o[:9] for o in order])
    assert rows == expected.tolist()


def test_hardness_of_many_classes_is_that_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, y = torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 3, 0, 39])
    whole = losses.Hardness(texts, 0.5, 0.1)[y]
    assert torch.equal(whole, losses.hardness_weights(texts, 0.5, 0.1)[y])
    monkeypatch.setattr(losses, "AT_ONCE", 10)
    torch.testing.assert_close(losses.Hardness(texts, 0.5, 0.1)[y], whole)


@pytest.mark.parametrize("kind", ["msf", "generative"])
def test_a_latent_classifier_of_many_classes_tells_them_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeing a part of the samples in each step, it is nearly as good as one that sees all."""
    rng, settings = np.random.default_rng(0), MsfSettings(samples=40, latent=12)
    texts = rng.normal(size=(60, 5)).astype(np.float32)
    mean = torch.from_numpy(rng.normal(size=(60, 12)).astype(np.float32))
    log_variance = torch.full((60, 12), -1.0)
    clips = mean.repeat(20, 1) + torch.from_numpy(rng.normal(size=(1200, 12)).astype(np.float32)) * 0.6
    right = []
    for limit in (sampled.SAMPLES, 300):
        monkeypatch.setattr(sampled, "SAMPLES", limit)
        noise, rows = latents.class_draws(texts, 12, settings)
        if kind == "msf":
            logits = latents.train_classifier(mean, log_variance, noise, rows, settings).logits(clips)
        else:
            points = mean[:, None] + (0.5 * log_variance).exp()[:, None] * noise
            weight, bias = train_classifier(points, steps=300, rate=settings.classifier_rate)
            logits = clips @ weight.T + bias
        right.append(float((logits.argmax(dim=1) == torch.arange(60).repeat(20)).float().mean()))
    assert right[0] > 0.6 and right[1] > right[0] - 0.03, right


@pytest.mark.parametrize(("classes", "samples", "seen"), [
    (4, 5, None), (8, 4, None), (9, 4, 32), (40, 4, 25), (500, 2, 2), (2_000, 1, 1),
])  # fmt: skip
def test_steps_see_all_samples_or_a_bounded_part(
    classes: int, samples: int, seen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled, "SAMPLES", 32)
    monkeypatch.setattr(sampled, "LOGITS", 1000)
    steps = list(sampled.rows_of_steps(classes, samples, 30))
    assert len(steps) == 30 and [None if rows is None else len(rows) for rows in steps] == [seen] * 30
    if seen is not None:
        first = torch.cat(steps[: classes * samples // seen])  # type: ignore[arg-type]
        assert len(set(first.tolist())) == len(first), "no sample twice before all were seen"
        assert int(first.max()) < classes * samples
        assert sampled.samples_of_a_class(classes, 1000, 30) == -(-30 * seen // classes)
