"""ST-GCN (Yan, Xiong, Lin, AAAI 2018) in the narrow form that SMIE and PGFA use, and of other widths."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from skelzero.encoders.base import ENCODERS, EncoderSpec, SkeletonEncoder
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.norms import ChannelNorm
from skelzero.encoders.spectral import convolve, worthwhile


class TimeConvolution(nn.Conv2d):
    """A convolution over frames for tensors that lie as (body, frame, joint, channel)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = (kernel // 2 * dilation, 0)
        super().__init__(inputs, outputs, (kernel, 1), (stride, 1), padding, (dilation, 1))

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SpectralTimeConvolution(TimeConvolution):
    """The same convolution; in training on the processor through frequencies, where that is cheaper."""

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        plain = self.stride[0] == self.dilation[0] == 1 and x.dtype in (torch.float32, torch.float64)
        sizes = x.shape[1], self.kernel_size[0], self.in_channels, self.out_channels
        if self.training and x.device.type == "cpu" and plain and worthwhile(*sizes):
            assert self.bias is not None
            return convolve(x, self.weight, self.bias)
        return super().forward(x)


class _Mix(torch.autograd.Function):
    """One small matrix from the left on each of many: `matmul` would turn them all about in memory to make it one."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(weights, x)
        return torch.bmm(weights.expand(x.shape[0], -1, -1), x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        weights, x = ctx.saved_tensors
        by_x = torch.bmm(weights.t().expand(len(x), -1, -1), grad)
        # One long product; a sum of many small ones would first write them all to memory.
        wide = grad.transpose(0, 1).reshape(len(weights), -1), x.transpose(0, 1).reshape(weights.shape[1], -1)
        return wide[0] @ wide[1].t(), by_x


def mix(weights: Float[Tensor, "W V"], x: Float[Tensor, "S V C"]) -> Float[Tensor, "S W C"]:
    """`weights @ x`, on the processor without copies."""
    if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        return _Mix.apply(weights, x)  # type: ignore[no-any-return, no-untyped-call]
    return torch.matmul(weights, x)


class GraphConvolution(nn.Module):
    """One matrix a partition, then the mean over neighbours, each edge with a learned importance.

    Parameters
    ----------
    adjacency : (K, V, V)
        Entry (k, v, w) weighs what joint w takes from joint v in partition k.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Float[Tensor, "K V V"]) -> None:
        super().__init__()
        self.adjacency: Tensor
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.importance = nn.Parameter(torch.ones_like(adjacency))
        self.linear = nn.Linear(inputs, outputs * len(adjacency))

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T V D"]:
        B, T, V, C = x.shape
        weights = self.adjacency * self.importance  # (K, V, W)
        K = len(weights)
        outputs = self.linear.out_features // K
        if outputs <= C:
            mixed = self.linear(x).view(B * T, V * K, -1)  # joint and partition together
            return mix(weights.permute(2, 1, 0).reshape(V, V * K), mixed).view(B, T, V, -1)
        # Where the matrices widen, joints mix first, while there is less to mix.
        mixed = mix(weights.permute(2, 0, 1).reshape(V * K, V), x.reshape(B * T, V, C))
        matrix = self.linear.weight.view(K, outputs, C).transpose(1, 2).reshape(K * C, outputs)
        bias = weights.sum(dim=1).T @ self.linear.bias.view(K, outputs)  # (W, D)
        return torch.matmul(mixed.view(B * T * V, K * C), matrix).view(B, T, V, -1) + bias


class StBlock(nn.Module):
    """Graph convolution, then norm, ReLU, convolution over frames, norm, dropout; plus residual."""

    def __init__(
        self, inputs: int, outputs: int, adjacency: Tensor, *, stride: int, kernel: int, dropout: float, first: bool
    ) -> None:
        super().__init__()
        self.graph = GraphConvolution(inputs, outputs, adjacency)
        self.norm_in = ChannelNorm(outputs)
        self.time = SpectralTimeConvolution(outputs, outputs, kernel, stride)
        self.norm_out = ChannelNorm(outputs)
        self.dropout = 0.0 if first else dropout
        self.residual = residual(inputs, outputs, stride, first=first)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        y = self.time(self.norm_in.rectified(self.graph(x)))
        kept = None if self.residual is None else self.residual(x)
        return self.norm_out.rectified(y, kept, self.dropout)


def residual(inputs: int, outputs: int, stride: int, *, first: bool = False) -> nn.Module | None:
    """The usual residual path: none in the first block, identity where shapes agree, else a projection."""
    if first:
        return None
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(TimeConvolution(inputs, outputs, 1, stride), ChannelNorm(outputs))


class StGcn(SkeletonEncoder):
    """ST-GCN of any width.

    Parameters
    ----------
    graph, classes, persons, streams
        As in `SkeletonEncoder`; bodies share the input normalisation.
    widths, strides : tuple of int
        Of each block.
    kernel : int
        Frames of the temporal convolution.
    dropout : float
        In all blocks but the first.
    """

    def __init__(
        self,
        graph: SkeletonGraph,
        classes: int,
        *,
        widths: tuple[int, ...] = (16, 16, 16, 16, 32, 32, 32, 64, 64, 256),
        strides: tuple[int, ...] = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1),
        kernel: int = 9,
        dropout: float = 0.5,
        persons: int = 2,
        streams: tuple[str, ...] = ("joint",),
    ) -> None:
        super().__init__(graph, classes, persons=persons, streams=streams, norm_per_body=False)
        block = partial(
            StBlock, adjacency=torch.from_numpy(graph.partitions()), kernel=kernel, dropout=dropout
        )  # fmt: skip
        inputs = (self.channels, *widths[:-1])
        self.blocks = nn.ModuleList(
            block(c, d, stride=s, first=i == 0) for i, (c, d, s) in enumerate(zip(inputs, widths, strides, strict=True))
        )
        self.add_head(widths[-1])

    def bodies(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        for block in self.blocks:
            x = block(x)
        return x


ENCODERS.add("st-gcn", EncoderSpec(
    StGcn, training={"steps": 3000, "rate": 3e-3},
    summary="ST-GCN in the narrow width of SMIE and PGFA, ten blocks of 16 to 256 channels", version=2,
))  # fmt: skip
ENCODERS.add("st-gcn:small", EncoderSpec(
    StGcn,
    size={"widths": (32, 64, 64, 128), "strides": (2, 2, 1, 1), "dropout": 0.0, "kernel": 5,
          "streams": ("joint", "velocity", "bone")},
    summary="ST-GCN of four blocks, 32 to 128 channels", version=2,
))  # fmt: skip
