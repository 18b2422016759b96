"""Shift-GCN (Cheng et al., CVPR 2020): joints exchange channels by fixed shifts, frames by learned ones.

Written from the paper's equations; the parameters are those of the public weights under other names
(`public_weights.py` maps them).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.encoders.base import ENCODERS, Bodies, EncoderSpec, SkeletonEncoder
from skelzero.encoders.folded import FoldedShiftGcn
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.norms import ChannelNorm
from skelzero.encoders.shifts import TemporalShift, permute_columns, shift_in_index, shift_out_index


class Projection(nn.Module):
    """A 1 x 1 convolution and batch norm: the residual path where width or frame rate changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.linear = nn.Linear(inputs, outputs)
        self.norm = ChannelNorm(outputs)
        nn.init.kaiming_normal_(self.linear.weight, mode="fan_out")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        return self.norm(self.linear(x[:, :: self.stride] if self.stride > 1 else x))


class SpatialShiftUnit(nn.Module):
    """Non-local spatial shift: every joint receives channel j of the joint j places further, then a matrix, then back.

    Parameters
    ----------
    joints, inputs, outputs : int
        V, C_in, C_out.
    """

    index_in: Tensor
    index_out: Tensor
    inverse_in: Tensor
    inverse_out: Tensor

    def __init__(self, joints: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * outputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.mask = nn.Parameter(torch.zeros(joints, inputs))
        self.norm = ChannelNorm(joints * outputs)
        self.residual = Projection(inputs, outputs) if inputs != outputs else nn.Identity()
        # fmt: off
        orders = {"index_in": shift_in_index(joints, inputs), "index_out": shift_out_index(joints, outputs),
                  "inverse_in": shift_out_index(joints, inputs), "inverse_out": shift_in_index(joints, outputs)}
        # fmt: on
        for name, order in orders.items():
            self.register_buffer(name, torch.from_numpy(order), persistent=False)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T V D"]:
        B, T, V, C = x.shape
        gathered = permute_columns(x.reshape(B * T, V * C), self.index_in, self.inverse_in)
        weighed = gathered * (torch.tanh(self.mask) + 1).view(-1)
        y = torch.addmm(self.bias, weighed.view(-1, C), self.weight)
        y = permute_columns(y.view(B * T, -1), self.index_out, self.inverse_out)
        return F.relu(self.norm(y).view(B, T, V, -1) + self.residual(x))


class TemporalShiftUnit(nn.Module):
    """Norm, shift, matrix, ReLU, shift (with the stride), norm."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.norm_in = ChannelNorm(channels)
        self.shift_in = TemporalShift(channels)
        self.linear = nn.Linear(channels, channels)
        self.shift_out = TemporalShift(channels, stride)
        self.norm_out = ChannelNorm(channels)
        nn.init.kaiming_normal_(self.linear.weight, mode="fan_out")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V C"]:
        y = F.relu(self.linear(self.shift_in(self.norm_in(x))))
        return self.norm_out(self.shift_out(y))


class ShiftBlock(nn.Module):
    """Spatial unit, temporal unit, residual."""

    def __init__(self, joints: int, inputs: int, outputs: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.spatial = SpatialShiftUnit(joints, inputs, outputs)
        self.temporal = TemporalShiftUnit(outputs, stride)
        same = inputs == outputs and stride == 1
        self.residual = None if first else nn.Identity() if same else Projection(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        y = self.temporal(self.spatial(x))
        return F.relu(y if self.residual is None else y + self.residual(x))


class ShiftGcn(SkeletonEncoder):
    """Shift-GCN of any width.

    Parameters
    ----------
    graph, classes, persons, streams, norm_per_body
        As in `SkeletonEncoder`.
    widths : tuple of int
        Channels of each block.
    strides : tuple of int
        Temporal stride of each block.
    """

    frame_divisor = 4

    def __init__(
        self,
        graph: SkeletonGraph,
        classes: int,
        *,
        widths: tuple[int, ...] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: tuple[int, ...] = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1),
        persons: int = 2,
        streams: tuple[str, ...] = ("joint",),
        norm_per_body: bool = True,
    ) -> None:
        super().__init__(graph, classes, persons=persons, streams=streams, norm_per_body=norm_per_body)
        inputs = (self.channels, *widths[:-1])
        self.blocks = nn.ModuleList(
            ShiftBlock(graph.joints, c, d, s, first=i == 0)
            for i, (c, d, s) in enumerate(zip(inputs, widths, strides, strict=True))
        )
        self.add_head(widths[-1])

    def bodies(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        for block in self.blocks:
            x = block(x)
        return x

    def frozen_bodies(self) -> Bodies:
        return FoldedShiftGcn(self.eval())


ENCODERS.add("shift-gcn", EncoderSpec(
    ShiftGcn, training={"steps": 3000},
    summary="Shift-GCN in the published width, ten blocks of 64 to 256 channels",
))  # fmt: skip
ENCODERS.add("shift-gcn:small", EncoderSpec(
    ShiftGcn,
    size={"widths": (32, 64, 64, 128), "strides": (2, 2, 1, 1), "streams": ("joint", "velocity", "bone")},
    training={"rate": 1e-2, "batch": 16},
    summary="Shift-GCN of four blocks, 32 to 128 channels: a minute of training on one core",
))  # fmt: skip
