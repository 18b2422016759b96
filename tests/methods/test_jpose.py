"""JPoSE: its loss by a loop and by finite differences, words that classes share, and what it learns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from skelzero.errors import UserError
from skelzero.methods import Jpose
from skelzero.methods.jpose import JposeNet, JposeSettings, Space, halves, shared
from skelzero.text import TextBank

N, K, D, W = 8, 5, 6, 4
Problem = tuple[np.ndarray, np.ndarray, TextBank]
Parts = Callable[[TextBank], TextBank]


def numbers(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clips, labels and texts; classes 1 and 3 share their verb, classes 0 and 4 their noun."""
    g = torch.Generator().manual_seed(seed)
    verb, noun = (torch.randn(K, W, generator=g, dtype=torch.float64) for _ in range(2))
    verb[3], noun[4] = verb[1], 2 * noun[0]
    x = torch.randn(N, D, generator=g, dtype=torch.float64)
    return x, torch.tensor([0, 1, 2, 3, 4, 1, 3, 0]), torch.cat([verb, noun], dim=1)


def small_net(**changes: float) -> JposeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return JposeNet(D, 2 * W, JposeSettings(part=3, joint=4, **changes)).double()


def layer(linear: torch.nn.Linear, v: list[float]) -> list[float]:
    """tanh(Wv + b), brought to length one."""
    out = [math.tanh(sum(w * a for w, a in zip(row, v, strict=True)) + b)
           for row, b in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)]  # fmt: skip
    return [a / math.dist(out, [0] * len(out)) for a in out]


def dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def loop_hinge(clips: list[list[float]], classes: list[list[float]], words: list[object], y: list[int],
               margin: float) -> float:  # fmt: skip
    total = 0.0
    for clip, own in zip(clips, y, strict=True):
        for c in range(K):
            if words[c] != words[own]:
                total += max(0.0, margin - dot(clip, classes[own]) + dot(clip, classes[c])) / N
    return total


def loop_triplets(clips: list[list[float]], words: list[object], y: list[int], margin: float) -> float:
    total = 0.0
    for i, clip in enumerate(clips):
        near = min(dot(clip, other) for j, other in enumerate(clips) if words[y[j]] == words[y[i]])
        far = max(dot(clip, other) for j, other in enumerate(clips) if words[y[j]] != words[y[i]])
        total += max(0.0, margin - near + far) / N
    return total


def loop_loss(net: JposeNet, x: torch.Tensor, y: torch.Tensor, texts: torch.Tensor) -> float:
    """Clip by clip and class by class; words are named here, not compared by their vectors."""
    s, labels, total = net.settings, y.tolist(), 0.0
    clip_parts, class_parts = [[] for _ in range(N)], [[] for _ in range(K)]
    for space, columns, words in ((net.verb, texts[:, :W], [0, 1, 2, 1, 4]), (net.noun, texts[:, W:], [0, 1, 2, 3, 0])):
        clips = [layer(space.clip, v) for v in x.tolist()]
        classes = [layer(space.text, [a / math.dist(t, [0] * W) for a in t]) for t in columns.tolist()]
        total += loop_hinge(clips, classes, words, labels, s.margin)
        total += s.within * loop_triplets(clips, words, labels, s.margin)
        for parts, found in ((clip_parts, clips), (class_parts, classes)):
            for one, more in zip(parts, found, strict=True):
                one += more
    joint = [layer(net.joint.clip, v) for v in clip_parts], [layer(net.joint.text, t) for t in class_parts]
    return total + loop_hinge(*joint, list(range(K)), labels, s.margin)


@pytest.mark.parametrize("changes", [{}, {"margin": 1.5, "within": 0.8}])
def test_loss_by_hand(changes: dict[str, float]) -> None:
    net, (x, y, texts) = small_net(**changes), numbers()
    assert net.loss(x, y, texts).item() == pytest.approx(loop_loss(net, x, y, texts), abs=1e-5)


def test_gradient_by_finite_differences() -> None:
    net, (x, y, texts) = small_net(margin=0.8, within=0.6), numbers()
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


def test_a_shared_word_is_found_whatever_its_length_and_last_digits() -> None:
    verb, noun = halves(numbers()[2].float())
    noise = 1e-6 * torch.randn(K, W, generator=torch.Generator().manual_seed(0))
    pairs = torch.eye(K, dtype=torch.bool)
    pairs[1, 3] = pairs[3, 1] = True
    assert torch.equal(shared(torch.nn.functional.normalize(verb + noise, dim=1)), pairs)
    assert shared(noun)[0, 4] and shared(noun).sum() == K + 2
    assert torch.equal(shared(torch.zeros(2, W)), torch.eye(2, dtype=torch.bool))


def test_one_verb_for_all_classes_leaves_the_nouns_to_tell_them_apart(problem: Problem, parts: Parts) -> None:
    x, y, bank = problem
    bank = parts(bank)
    one_verb = replace(bank, pooled=bank.pooled | {"verb": np.ones_like(bank.pooled["verb"])})
    method = Jpose().fit(x, y, one_verb)
    assert (method.predict(x, one_verb) == y).mean() > 0.9


def test_scores_are_cosines_of_the_joint_space() -> None:
    net, (x, _, texts) = small_net(), numbers()
    scores = net.scores(x, texts).detach()
    verb, noun = halves(texts)
    space: Space = net.joint
    for i in range(N):
        clip = layer(space.clip, [*layer(net.verb.clip, x[i].tolist()), *layer(net.noun.clip, x[i].tolist())])
        for k in range(K):
            words = [*layer(net.verb.text, verb[k].tolist()), *layer(net.noun.text, noun[k].tolist())]
            assert float(scores[i, k]) == pytest.approx(dot(clip, layer(space.text, words)), abs=1e-6)


def test_unseen_classes_are_understood(many_classes: Problem, parts: Parts) -> None:
    x, y, bank = many_classes
    bank, seen = parts(bank), y < 48
    method = Jpose().fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.3  # chance 0.083


@pytest.mark.parametrize("wrong", [{"part": 0}, {"joint": 0}, {"margin": 0}, {"within": -1}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"jpose: setting '{next(iter(wrong))}'"):
        Jpose(**wrong)
