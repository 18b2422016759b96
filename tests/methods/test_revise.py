"""ReViSE: every term of its loss, and the gradient of the whole, against loops and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skelzero.errors import UserError
from skelzero.methods import Revise
from skelzero.methods.revise import ReviseNet, ReviseSettings, contraction, discrepancy
from skelzero.text import TextBank

N, K, D, E = 7, 4, 6, 5


def numbers(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    texts = torch.randn(K, E, generator=g, dtype=torch.float64)
    return (torch.randn(N, D, generator=g, dtype=torch.float64), torch.randint(0, K, (N,), generator=g),
            texts / texts.norm(dim=1, keepdim=True))  # fmt: skip


def small_net(**changes: float) -> ReviseNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return ReviseNet(D, E, ReviseSettings(hidden=4, code=3, **changes)).double()


def loop_discrepancy(a: torch.Tensor, b: torch.Tensor, kernel: float) -> torch.Tensor:
    """Pair by pair; the kernel's width is a number, not a function of the points."""
    points = [*a, *b]
    scale = sum(((p - q) ** 2).sum().item() for p in points for q in points) / len(points) ** 2

    def mean(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        pairs = [torch.exp(-((p - q) ** 2).sum() / (2 * kernel * scale)) for p in left for q in right]
        return sum(pairs) / len(pairs)

    return mean(a, a) + mean(b, b) - 2 * mean(a, b)


@pytest.mark.parametrize("kernel", [0.1, 1.0])
def test_discrepancy_and_gradient_by_hand(kernel: float) -> None:
    g = torch.Generator().manual_seed(0)
    a = torch.randn(5, 3, generator=g, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, 3, generator=g, dtype=torch.float64, requires_grad=True)
    found, expected = discrepancy(a, b, kernel), loop_discrepancy(a, b, kernel)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5) and found.item() > 0
    for left, right in zip(torch.autograd.grad(found, (a, b)), torch.autograd.grad(expected, (a, b)), strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=0)


def test_discrepancy_of_a_set_with_itself_is_none_and_scale_does_not_matter() -> None:
    a = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    b = a.flip(0) + 1
    assert float(discrepancy(a, a.flip(0), 0.5)) == pytest.approx(0, abs=1e-6)
    assert float(discrepancy(0.01 * a, 0.01 * b, 0.5)) == pytest.approx(float(discrepancy(a, b, 0.5)), abs=1e-5)
    assert math.isfinite(float(discrepancy(torch.zeros(2, 3), torch.zeros(2, 3), 0.5)))


def test_contraction_is_the_jacobians_norm() -> None:
    net, (x, _, _) = small_net(), numbers()
    norms = [torch.autograd.functional.jacobian(net.clip.code, clip[None]).square().sum() for clip in x]
    found = contraction(net.clip.code(x), net.clip.encode.weight)
    assert found.item() == pytest.approx(float(torch.stack(norms).mean()), abs=1e-5)


def loop_loss(net: ReviseNet, x: torch.Tensor, y: torch.Tensor, texts: torch.Tensor) -> float:
    """The whole loss, number by number, in plain Python."""

    def layer(linear: torch.nn.Linear, v: list[float], *, bend: bool) -> list[float]:
        out = [sum(w * a for w, a in zip(row, v, strict=True)) + b
               for row, b in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)]  # fmt: skip
        return [math.tanh(a) for a in out] if bend else out

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(p * q for p, q in zip(a, b, strict=True)) / math.dist(a, [0] * len(a)) / math.dist(b, [0] * len(b))

    def square(a: list[float], b: list[float]) -> float:
        return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))

    s, sides = net.settings, ((net.clip, x.tolist()), (net.text, texts.tolist()))
    (clips, classes) = ([layer(side.encode, v, bend=True) for v in rows] for side, rows in sides)
    (common, anchors) = ([layer(side.transform, h, bend=True) for h in codes]
                         for (side, _), codes in zip(sides, (clips, classes), strict=True))  # fmt: skip
    ranking = 0.0
    for i, own in enumerate(y.tolist()):
        for c in range(K):
            if c != own:
                ranking += max(0.0, s.margin - cosine(common[i], anchors[own]) + cosine(common[i], anchors[c])) / N
    errors = sum(square(layer(net.clip.decode, h, bend=False), v) for h, v in zip(clips, x.tolist(), strict=True))
    errors = errors / (N * D)
    errors += sum(square(layer(net.text.decode, h, bend=False), t)
                  for h, t in zip(classes, texts.tolist(), strict=True)) / K  # fmt: skip
    mmd = float(loop_discrepancy(torch.tensor(clips), torch.tensor([classes[k] for k in y.tolist()]), s.kernel))
    slopes = 0.0
    for h in clips:
        for value, row in zip(h, net.clip.encode.weight.tolist(), strict=True):
            slopes += (1 - value**2) ** 2 * sum(w * w for w in row) / N
    return ranking + s.reconstruction * errors + s.discrepancy * mmd + s.contraction * slopes


def test_loss_by_hand() -> None:
    net, (x, y, texts) = small_net(reconstruction=0.7, discrepancy=2.0, contraction=0.3, margin=0.6), numbers()
    assert net.loss(x, y, texts).item() == pytest.approx(loop_loss(net, x, y, texts), abs=1e-5)


@pytest.mark.parametrize("off", ["reconstruction", "discrepancy", "contraction"])
def test_a_weight_of_zero_leaves_its_term_out(off: str) -> None:
    net, (x, y, texts) = small_net(**{off: 0.0}), numbers()
    full = small_net()
    assert net.loss(x, y, texts).item() == pytest.approx(loop_loss(net, x, y, texts), abs=1e-5)
    assert net.loss(x, y, texts).item() < full.loss(x, y, texts).item() - 1e-6


def test_gradient_by_finite_differences() -> None:
    # The kernel's width has no gradient, so it would move under finite differences: MMD's own gradient is tested above.
    net, (x, y, texts) = small_net(discrepancy=0.0, contraction=0.3, margin=0.6), numbers()
    net.loss(x, y, texts).backward()
    step = 1e-6
    for parameter in net.parameters():
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            start = float(flat[i])
            sides = []
            for moved in (start + step, start - step):
                flat[i] = moved
                sides.append(loop_loss(net, x, y, texts))
            flat[i] = start
            slope = (sides[0] - sides[1]) / (2 * step)
            assert float(parameter.grad.view(-1)[i]) == pytest.approx(slope, abs=1e-5)


def test_unseen_classes_are_understood(many_classes: tuple[np.ndarray, np.ndarray, TextBank]) -> None:
    x, y, bank = many_classes
    seen = y < 48
    method = Revise().fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.3  # chance 0.083


@pytest.mark.parametrize(
    "wrong", [{"hidden": 0}, {"code": 0}, {"margin": 0}, {"kernel": 0}, {"discrepancy": -1}, {"contraction": -1}]
)
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"revise: setting '{next(iter(wrong))}'"):
        Revise(**wrong)
