"""ST-GCN's layers against slow second opinions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, SkeletonGraph
from skelzero.encoders.spectral import convolve, worthwhile
from skelzero.encoders.st_gcn import GraphConvolution, SpectralTimeConvolution, TimeConvolution


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 5), (3, 3), (5, 2)])
def test_graph_convolution_equals_a_hand_loop(inputs: int, outputs: int) -> None:
    """Whether joints mix first or channels do."""
    K, V, T = 2, 4, 3
    torch.manual_seed(0)
    unit = GraphConvolution(inputs, outputs, torch.rand(K, V, V)).double()
    unit.importance.data.uniform_(0.5, 1.5)
    x = torch.randn(2, T, V, inputs, dtype=torch.float64, requires_grad=True)
    weight, bias = unit.linear.weight.view(K, outputs, inputs), unit.linear.bias.view(K, outputs)
    rows: list[Tensor] = []
    for n in range(2):
        for t in range(T):
            for w in range(V):
                parts = [
                    unit.adjacency[k, v, w] * unit.importance[k, v, w] * (weight[k] @ x[n, t, v] + bias[k])
                    for k in range(K) for v in range(V)
                ]  # fmt: skip
                rows.append(torch.stack(parts).sum(dim=0))
    expected, got = torch.stack(rows).view(2, T, V, outputs), unit(x)
    torch.testing.assert_close(got, expected)
    g = torch.randn_like(expected)
    wanted = [x, *unit.parameters()]
    for a, b in zip(*(torch.autograd.grad((y * g).sum(), wanted) for y in (got, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("frames", [1, 2, 4, 7, 13, 50])
@pytest.mark.parametrize("kernel", [5, 9])
def test_spectral_filters_equal_the_library(frames: int, kernel: int) -> None:
    torch.manual_seed(0)
    plain = TimeConvolution(3, 4, kernel).double()
    x = torch.randn(2, frames, 5, 3, dtype=torch.float64, requires_grad=True)
    assert plain.bias is not None
    expected, got = plain(x), convolve(x, plain.weight, plain.bias)
    torch.testing.assert_close(got, expected)
    g, wanted = torch.randn_like(expected), [x, plain.weight, plain.bias]
    for a, b in zip(*(torch.autograd.grad((y * g).sum(), wanted) for y in (got, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("channels", "frames"), [(256, 13), (64, 13), (32, 25)])
def test_spectral_filters_keep_single_precision(channels: int, frames: int) -> None:
    assert worthwhile(frames, 9, channels, channels)
    torch.manual_seed(0)
    unit = SpectralTimeConvolution(channels, channels, 9).train()
    x = torch.randn(4, frames, 5, channels)
    expected = F.conv2d(x.permute(0, 3, 1, 2).double(), unit.weight.double(), unit.bias.double(), padding=(4, 0))
    torch.testing.assert_close(unit(x).double(), expected.permute(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


def test_narrow_filters_are_left_to_the_library() -> None:
    assert not worthwhile(50, 9, 16, 16) and not worthwhile(50, 9, 3, 16)


def test_training_and_evaluation_see_one_network() -> None:
    """With momentum 1 the running statistics are those of the batch, but for the unbiased variance."""
    torch.manual_seed(0)
    model = ENCODERS["st-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), 5, persons=1).double()
    for module in model.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    x = torch.randn(32, 3, 48, 25, 1, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model.train().features(x), model.eval().features(x), rtol=1e-2, atol=1e-3)


def test_weights_keep_their_public_names() -> None:
    state = ENCODERS["st-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), 5, persons=2).state_dict()
    block = {"graph.importance": (3, 25, 25), "graph.linear.weight": (768, 64), "graph.linear.bias": (768,),
             "time.weight": (256, 256, 9, 1), "time.bias": (256,),
             "residual.0.weight": (256, 64, 1, 1), "residual.0.bias": (256,)}  # fmt: skip
    norms = {f"{norm}.{part}" for norm in ("norm_in", "norm_out", "residual.1")
             for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}  # fmt: skip
    last = {k.removeprefix("blocks.9."): tuple(v.shape) for k, v in state.items() if k.startswith("blocks.9.")}
    assert set(last) == set(block) | norms and {k: last[k] for k in block} == block
