"""Shift-GCN with its batch norms folded into the neighbouring matrices and filters, for inference.

Per block: two gathers, two matrix products, two depthwise filters and three elementwise sweeps. Equal to the trained
network to float rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from skelzero.encoders.shifts import depthwise_in_time, tent_kernel

if TYPE_CHECKING:
    from skelzero.encoders.shift_gcn import Projection, ShiftBlock, ShiftGcn, SpatialShiftUnit, TemporalShiftUnit


def affine_of(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Scale and offset that a batch norm applies once its statistics are fixed."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale.detach(), (norm.bias - norm.running_mean * scale).detach()


class FoldedProjection:
    """Residual path: one matrix."""

    def __init__(self, projection: Projection) -> None:
        scale, offset = affine_of(projection.norm)
        self.stride = projection.stride
        self.weight = (projection.linear.weight.detach() * scale[:, None]).t().contiguous()
        self.bias = projection.linear.bias.detach() * scale + offset

    def __call__(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        x = x[:, :: self.stride]
        return torch.addmm(self.bias, x.reshape(-1, x.shape[3]), self.weight).view(*x.shape[:3], -1)


class FoldedSpatial:
    """Gather, weigh, matrix, gather back; norm and biases in one scale and one offset."""

    def __init__(self, unit: SpatialShiftUnit) -> None:
        self.index_in, self.index_out = unit.index_in, unit.index_out
        self.mask = (torch.tanh(unit.mask.detach()) + 1).view(-1)
        self.weight = unit.weight.detach()
        self.scale, offset = affine_of(unit.norm)
        # Shifting moves joints, not channels, and the bias is the same at every joint: it may wait for the norm.
        self.offset = offset + self.scale * unit.bias.detach().repeat(unit.mask.shape[0])
        self.residual = None if isinstance(unit.residual, nn.Identity) else FoldedProjection(unit.residual)

    def __call__(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T V D"]:
        B, T, V, C = x.shape
        weighed = x.reshape(B * T, V * C).index_select(1, self.index_in).mul_(self.mask)
        y = torch.mm(weighed.view(-1, C), self.weight)
        y = y.view(B * T, -1).index_select(1, self.index_out)
        kept = x if self.residual is None else self.residual(x)
        out = torch.addcmul(kept.reshape(B * T, -1), y, self.scale, out=y).add_(self.offset).relu_()
        return out.view(B, T, V, -1)


class FoldedTemporal:
    """Filter, matrix, ReLU, filter; the first norm lies in the matrix, the second in the second filter."""

    def __init__(self, unit: TemporalShiftUnit) -> None:
        scale_in, self.offset_in = affine_of(unit.norm_in)
        scale_out, self.offset = affine_of(unit.norm_out)
        self.kernel_in = tent_kernel(unit.shift_in.shift.detach())
        self.kernel_out = tent_kernel(unit.shift_out.shift.detach()) * scale_out[:, None, None, None]
        self.stride = unit.shift_out.stride
        self.unscaled = unit.linear.weight.detach().t().contiguous()
        self.weight = self.unscaled * scale_in[:, None]
        self.bias = unit.linear.bias.detach() + self.offset_in @ self.unscaled
        self._edges: dict[int, Tensor] = {}

    def __call__(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V C"]:
        B, T, V, C = x.shape
        shifted = depthwise_in_time(x, self.kernel_in)
        y = torch.addmm(self.bias, shifted.reshape(-1, C), self.weight).view(B, T, V, C)
        reach = self.kernel_in.shape[2] // 2
        if 2 * reach >= T:
            y += self._edge(T)
        else:
            y[:, :reach] += self._edge(T)[:reach]
            y[:, -reach:] += self._edge(T)[-reach:]
        return depthwise_in_time(y.relu_(), self.kernel_out, self.offset, self.stride)

    def _edge(self, frames: int) -> Float[Tensor, "T 1 C"]:
        """What the first norm's offset lacks near the ends, where a shift reads zeros from outside the clip."""
        if frames not in self._edges:
            constant = self.offset_in.expand(1, frames, 1, -1)
            lacking = depthwise_in_time(constant, self.kernel_in) - constant
            self._edges[frames] = lacking[0] @ self.unscaled
        return self._edges[frames]


class FoldedShiftGcn:
    """`ShiftGcn.bodies` with fixed weights."""

    def __init__(self, encoder: ShiftGcn) -> None:
        blocks = cast("list[ShiftBlock]", list(encoder.blocks))
        self.blocks = [(FoldedSpatial(b.spatial), FoldedTemporal(b.temporal), _residual(b)) for b in blocks]

    def __call__(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        for spatial, temporal, residual in self.blocks:
            y = temporal(spatial(x))
            x = (y if residual is None else y.add_(residual(x))).relu_()
        return x


def _residual(block: ShiftBlock) -> Callable[[Tensor], Tensor] | None:
    if block.residual is None or isinstance(block.residual, nn.Identity):
        return block.residual
    return FoldedProjection(block.residual)
