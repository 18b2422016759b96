"""Absent bodies counted, not computed: the same loss, gradients and running statistics as computing them all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, SkeletonEncoder, SkeletonGraph
from skelzero.encoders.norms import Census, ChannelNorm, counting, dropout_mask, take_census

NAMES = ["st-gcn", *(name for name in ENCODERS if name.endswith(":small"))]
ABSENT = [
    [(0, 1), (2, 1), (3, 1), (5, 1)],  # second bodies
    [(0, 1), (2, 1), (4, 0), (5, 0)],  # first ones, too
    [(0, 1), (1, 1), (1, 0), (5, 0), (5, 1)],  # whole clips
    [(n, m) for n in range(6) for m in range(2)],  # all
]


def build(name: str, dtype: torch.dtype = torch.float64) -> SkeletonEncoder:
    torch.manual_seed(0)
    model = ENCODERS[name].build(SkeletonGraph.from_layout(load_layout("kinect20-utd")), 5, persons=2)
    for module in model.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    return model.to(dtype).train()


def clips(absent: list[tuple[int, int]], dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    pose = torch.randn(6, 3, 1, 20, 2, generator=generator, dtype=torch.float64)
    x = pose + 0.3 * torch.randn(6, 3, 16, 20, 2, generator=generator, dtype=torch.float64)
    for n, m in absent:
        x[n, ..., m] = 0
    return x.to(dtype)


def plain(model: SkeletonEncoder, x: Tensor) -> Tensor:
    """Every body computed."""
    return model.head(model.feature_map(x).mean(dim=(2, 3, 4)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("absent", ABSENT)
def test_counting_equals_computing_all(name: str, absent: list[tuple[int, int]]) -> None:
    full, counted, x, y = build(name), build(name), clips(absent), torch.arange(6) % 5
    expected, got = (F.cross_entropy(out, y) for out in (plain(full, x), counted(x)))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)
    expected.backward()
    got.backward()
    for (key, p), q in zip(full.named_parameters(), counted.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-9, atol=1e-9, msg=lambda m, k=key: f"{k}: {m}")
    for (key, p), q in zip(full.named_buffers(), counted.named_buffers(), strict=True):
        torch.testing.assert_close(q[1], p, rtol=1e-9, atol=1e-9, msg=lambda m, k=key: f"{k}: {m}")


@pytest.mark.parametrize("name", NAMES)
def test_in_single_precision_too(name: str) -> None:
    full, counted, x = build(name, torch.float32), build(name, torch.float32), clips(ABSENT[0], torch.float32)
    torch.testing.assert_close(counted(x), plain(full, x), rtol=1e-4, atol=1e-4)
    for p, q in zip(full.buffers(), counted.buffers(), strict=True):
        torch.testing.assert_close(q, p, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("absent", [[], [(1, 1)]])
def test_where_nothing_is_saved_nothing_changes(name: str, absent: list[tuple[int, int]]) -> None:
    one, other, x = build(name, torch.float32), build(name, torch.float32), clips(absent, torch.float32)
    assert torch.equal(one(x), plain(other, x))
    assert all(torch.equal(p, q) for p, q in zip(one.buffers(), other.buffers(), strict=True))


def test_one_absent_body_is_computed_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = build("st-gcn"), []
    bodies = model.bodies
    monkeypatch.setattr(model, "bodies", lambda x: seen.append(len(x)) or bodies(x))
    model(clips(ABSENT[0]))
    model.eval()(clips(ABSENT[0]))
    assert seen == [8 + 1, 12], "in evaluation all are computed: FrozenEncoder is what saves there"
    assert all(m.census is None for m in model.modules() if isinstance(m, ChannelNorm))


def test_a_census_tells_places_apart_where_they_differ() -> None:
    here = torch.tensor([[True, False], [True, False], [False, False], [True, True]])
    found = take_census(here, slots_differ=True)
    assert found is not None
    census, rows, home = found
    assert census == Census(4, (1, 3)) and census.bodies == 8
    assert rows.tolist() == [0, 2, 6, 7, 4, 1] and home.tolist() == [[0, 5], [1, 5], [4, 5], [2, 3]]
    together = take_census(here, slots_differ=False)
    assert together is not None and together[0] == Census(4, (4,))
    assert take_census(torch.ones(3, 2, dtype=torch.bool), slots_differ=False) is None


@pytest.mark.parametrize("absent", [(), (3,), (2, 5)])
@pytest.mark.parametrize("joined", [True, False])
def test_norm_and_what_follows_equal_a_plain_batch(absent: tuple[int, ...], joined: bool) -> None:
    """The batch written out: each absent body as often as it is counted."""
    torch.manual_seed(2)
    census, norm = Census(4, absent), ChannelNorm(3).double().train()
    norm.weight.data.normal_()
    norm.bias.data.normal_()
    shape = (4 + len(absent), 5, 2, 3)
    x, g = torch.randn(shape, dtype=torch.float64, requires_grad=True), torch.randn(shape, dtype=torch.float64)
    rest = torch.randn(shape, dtype=torch.float64, requires_grad=True) if joined else None
    times = torch.tensor([1, 1, 1, 1, *absent])
    with counting(norm, census):
        got = norm.rectified(x, rest)
    parameters = [x, norm.weight, norm.bias, *([rest] if rest is not None else [])]
    found = torch.autograd.grad((got * g).sum(), parameters)
    reference = torch.nn.BatchNorm1d(3).double()
    reference.load_state_dict(ChannelNorm(3).double().state_dict())
    reference.weight, reference.bias = norm.weight, norm.bias
    y = reference(x.repeat_interleave(times, 0).view(-1, 3)).view(-1, *shape[1:])
    y = F.relu(y if rest is None else y + rest.repeat_interleave(times, 0))
    torch.testing.assert_close(got.repeat_interleave(times, 0), y)
    # What a row's gradient says is the sum over the bodies it stands for.
    shared = (g / times.view(-1, 1, 1, 1)).repeat_interleave(times, 0)
    for a, b in zip(found, torch.autograd.grad((y * shared).sum(), parameters), strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(norm.running_mean, reference.running_mean)
    torch.testing.assert_close(norm.running_var, reference.running_var)
    assert norm.num_batches_tracked == 1


def test_dropout_in_one_piece_equals_the_steps() -> None:
    norm, x = ChannelNorm(4).double().train(), torch.randn(6, 5, 4, dtype=torch.float64, requires_grad=True)
    rest = torch.randn_like(x, requires_grad=True)
    torch.manual_seed(3)
    got = norm.rectified(x, rest, dropout=0.5)
    torch.manual_seed(3)
    mask = dropout_mask(x, 0.5)
    assert mask is not None
    expected = F.relu(norm(x) * mask + rest)
    torch.testing.assert_close(got, expected)
    g = torch.randn_like(x)
    for a, b in zip(*(torch.autograd.grad((y * g).sum(), [x, rest]) for y in (got, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_dropout_masks_drop_their_share(share: float) -> None:
    like = torch.empty(1000, 1003)
    torch.manual_seed(4)
    mask = dropout_mask(like, share)
    torch.manual_seed(4)
    again = dropout_mask(like, share)
    assert mask is not None and again is not None and torch.equal(mask, again)
    assert mask.unique().tolist() == [0.0, pytest.approx(1 / (1 - share))]
    for axis in (0, 1):
        kept = (mask > 0).float().mean(dim=axis)
        assert float((kept - (1 - share)).abs().max()) < 0.08, "five standard deviations"
    neighbours = ((mask[:, 1:] > 0) == (mask[:, :-1] > 0)).float().mean()
    assert float(neighbours) == pytest.approx(share**2 + (1 - share) ** 2, abs=0.005)
    assert dropout_mask(like, 0.0) is None


def test_absent_bodies_train_in_half_precision() -> None:
    model, x = build("st-gcn", torch.float32), clips(ABSENT[0], torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(x), torch.arange(6) % 5)
    loss.backward()
    grads = [p.grad for p in model.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in grads)
    with torch.no_grad():
        full = F.cross_entropy(plain(build("st-gcn", torch.float32), x), torch.arange(6) % 5)
    assert float(loss.detach()) == pytest.approx(float(full), rel=0.1)
