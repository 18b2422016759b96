"""The two shifts of Shift-GCN as plain tensor operations, differentiable and free of custom kernels."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F


def shift_in_index(joints: int, channels: int) -> Int[np.ndarray, " VC"]:
    """Where position i C + j of the shifted (joint, channel) axis reads from: (i C + j + j C) mod V C."""
    i, j = np.divmod(np.arange(joints * channels), channels)
    return (i * channels + j + j * channels) % (joints * channels)


def shift_out_index(joints: int, channels: int) -> Int[np.ndarray, " VC"]:
    """The way back: (i C + j - j C) mod V C, the inverse permutation of `shift_in_index`."""
    i, j = np.divmod(np.arange(joints * channels), channels)
    return (i * channels + j - j * channels) % (joints * channels)


class _Permute(torch.autograd.Function):
    """Columns in another order. Backward gathers too, where autograd's own would scatter-add many times slower."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return x.index_select(1, index)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (inverse,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return grad.index_select(1, inverse), None, None


def permute_columns(x: Float[Tensor, "S VC"], index: Tensor, inverse: Tensor) -> Float[Tensor, "S VC"]:
    """`x[:, index]`, whose gradient needs the inverse permutation."""
    return _Permute.apply(x, index, inverse)  # type: ignore[no-untyped-call]


def tent_kernel(shift: Float[Tensor, " C"], reach: int | None = None) -> Float[Tensor, "C 1 W 1"]:
    """Weights w_k = max(0, 1 - |y - k|) for k in -reach..reach: linear interpolation between two frames.

    Parameters
    ----------
    shift : (C,)
        Frames y by which each channel is shifted; channel c of output frame t reads frame t + y_c.
    reach : int, optional
        Half width; by default the smallest that holds every shift.
    """
    if reach is None:
        reach = tent_reach(shift)
    taps = torch.arange(-reach, reach + 1, device=shift.device, dtype=shift.dtype)
    return (1 - (shift[:, None] - taps).abs()).clamp(min=0)[:, None, :, None]


def tent_reach(shift: Float[Tensor, " C"]) -> int:
    """Frames that the furthest shift looks away."""
    return max(1, math.ceil(float(shift.detach().abs().max())))


def depthwise_in_time(
    x: Float[Tensor, "B T V C"], kernel: Float[Tensor, "C 1 W 1"], bias: Tensor | None = None, stride: int = 1
) -> Float[Tensor, "B T2 V C"]:
    """Each channel's own filter over frames, zeros outside; channels stay the innermost axis in memory."""
    half = kernel.shape[2] // 2
    # (B, C, T, V) with the strides of channels-last: the library's depthwise kernels read it without a copy.
    out = F.conv2d(x.permute(0, 3, 1, 2), kernel, bias, (stride, 1), (half, 0), groups=x.shape[-1])
    return out.permute(0, 2, 3, 1)


class _TentShift(torch.autograd.Function):
    """Shift in time whose backward is again depthwise filters on channels-last memory.

    d out / d x is the mirrored tent; d out[t] / d y_c is the step between the two frames that out[t] lies between.
    The library's own backward for such filters is several times slower and leaves the channels-last layout.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, shift: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, shift)
        ctx.stride = stride  # type: ignore[attr-defined]
        # Under autocast activations come in half precision, the shifts do not.
        return depthwise_in_time(x, tent_kernel(shift).to(x.dtype), stride=stride)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # type: ignore[override]
        x, shift = ctx.saved_tensors  # type: ignore[attr-defined]
        stride: int = ctx.stride  # type: ignore[attr-defined]
        grad, C = grad.contiguous(), grad.shape[-1]
        step = depthwise_in_time(x, step_kernel(shift).to(x.dtype), stride=stride)
        grad_shift = (grad * step).view(-1, C).sum(0).to(shift.dtype)
        if stride > 1:
            spread = grad.new_zeros(x.shape)
            spread[:, ::stride] = grad
            grad = spread
        return depthwise_in_time(grad, tent_kernel(shift).to(grad.dtype).flip(2)), grad_shift, None


def step_kernel(shift: Float[Tensor, " C"]) -> Float[Tensor, "C 1 W 1"]:
    """The derivative of `tent_kernel` by the shift: +1 at the frame above, -1 at the frame below."""
    reach = tent_reach(shift)
    taps = torch.arange(-reach, reach + 1, device=shift.device, dtype=shift.dtype)
    # A shift of exactly `reach` takes the step on its inner side, so that both frames lie in the window.
    low = shift.floor().clamp(max=reach - 1)[:, None]
    return ((taps == low + 1).to(shift.dtype) - (taps == low).to(shift.dtype))[:, None, :, None]


class TemporalShift(nn.Module):
    """A learned real shift in time for each channel, by linear interpolation, zero outside the clip.

    Parameters
    ----------
    channels : int
    stride : int
        Output frame t reads around frame `stride * t`.
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.shift = nn.Parameter(torch.empty(channels).uniform_(-1.0, 1.0))

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V C"]:
        return _TentShift.apply(x, self.shift, self.stride)  # type: ignore[no-untyped-call]
