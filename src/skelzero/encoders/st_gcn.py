"""ST-GCN (Yan, Xiong, Lin, AAAI 2018) in the narrow form that SMIE and PGFA use, and of other widths."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.encoders.base import ENCODERS, ChannelNorm, EncoderSpec, SkeletonEncoder
from skelzero.encoders.graph import SkeletonGraph


class TimeConvolution(nn.Conv2d):
    """A convolution over frames for tensors that lie as (body, frame, joint, channel)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = (kernel // 2 * dilation, 0)
        super().__init__(inputs, outputs, (kernel, 1), (stride, 1), padding, (dilation, 1))

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


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
        B, T, V, _ = x.shape
        weights = self.adjacency * self.importance  # (K, V, W)
        K = len(weights)
        mixed = self.linear(x).view(B * T, V * K, -1)  # joint and partition together
        return torch.matmul(weights.permute(2, 1, 0).reshape(V, V * K), mixed).view(B, T, V, -1)


class StBlock(nn.Module):
    """Graph convolution, then norm, ReLU, convolution over frames, norm, dropout; plus residual."""

    def __init__(
        self, inputs: int, outputs: int, adjacency: Tensor, *, stride: int, kernel: int, dropout: float, first: bool
    ) -> None:
        super().__init__()
        self.graph = GraphConvolution(inputs, outputs, adjacency)
        self.norm_in = ChannelNorm(outputs)
        self.time = TimeConvolution(outputs, outputs, kernel, stride)
        self.norm_out = ChannelNorm(outputs)
        self.dropout = 0.0 if first else dropout
        self.residual = residual(inputs, outputs, stride, first=first)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        y = self.norm_out(self.time(F.relu(self.norm_in(self.graph(x)))))
        y = F.dropout(y, self.dropout, self.training)
        return F.relu(y if self.residual is None else y + self.residual(x))


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
    summary="ST-GCN in the narrow width of SMIE and PGFA, ten blocks of 16 to 256 channels",
))  # fmt: skip
ENCODERS.add("st-gcn:small", EncoderSpec(
    StGcn,
    size={"widths": (32, 64, 64, 128), "strides": (2, 2, 1, 1), "dropout": 0.0, "kernel": 5,
          "streams": ("joint", "velocity", "bone")},
    summary="ST-GCN of four blocks, 32 to 128 channels",
))  # fmt: skip
