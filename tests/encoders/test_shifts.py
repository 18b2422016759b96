from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skelzero.encoders.shifts import (
    TemporalShift,
    permute_columns,
    shift_in_index,
    shift_out_index,
    step_kernel,
    tent_kernel,
)


@given(st.integers(1, 33), st.integers(1, 70))
def test_shift_indices_follow_the_formula_and_undo_each_other(V: int, C: int) -> None:
    into, back = shift_in_index(V, C), shift_out_index(V, C)
    for i in range(V):
        for j in range(C):
            assert into[i * C + j] == (i * C + j + j * C) % (V * C)
            assert back[i * C + j] == (i * C + j - j * C) % (V * C)
    assert np.array_equal(into[back], np.arange(V * C))


def test_permuting_columns_has_the_gradient_of_indexing() -> None:
    index = torch.from_numpy(shift_in_index(5, 4))
    inverse = torch.from_numpy(shift_out_index(5, 4))
    x = torch.randn(3, 20, requires_grad=True)
    weight = torch.randn(3, 20)
    own = torch.autograd.grad((permute_columns(x, index, inverse) * weight).sum(), x)[0]
    expected = torch.autograd.grad((x[:, index] * weight).sum(), x)[0]
    assert torch.equal(own, expected)


def shifted_by_hand(x: Tensor, y: Tensor, stride: int) -> Tensor:
    """Frame by frame: the interpolation of the two frames around `stride t + y`, zero outside."""
    B, T, V, C = x.shape
    out = torch.zeros(B, math.ceil(T / stride), V, C, dtype=x.dtype)
    for t in range(out.shape[1]):
        for c in range(C):
            place = stride * t + float(y[c])
            low = math.floor(place)
            for frame, weight in ((low, low + 1 - place), (low + 1, place - low)):
                if 0 <= frame < T:
                    out[:, t, :, c] += weight * x[:, frame, :, c]
    return out


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 7, 8])
@settings(max_examples=15, deadline=None)
@given(shifts=st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=5))
def test_temporal_shift_equals_interpolation_by_hand(stride: int, frames: int, shifts: list[float]) -> None:
    unit = TemporalShift(len(shifts), stride).double()
    unit.shift.data = torch.tensor(shifts, dtype=torch.float64)
    x = torch.randn(2, frames, 3, len(shifts), dtype=torch.float64)
    torch.testing.assert_close(unit(x), shifted_by_hand(x, unit.shift.detach(), stride))


@pytest.mark.parametrize("stride", [1, 2])
def test_temporal_shift_gradients_agree_with_finite_differences(stride: int) -> None:
    unit = TemporalShift(4, stride).double()
    x = torch.randn(2, 8, 3, 4, dtype=torch.float64, requires_grad=True)
    shift = torch.tensor([-2.3, 0.4, 1.7, 5.6], dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, shift: Tensor) -> Tensor:
        return torch.func.functional_call(unit, {"shift": shift}, (x,))

    assert torch.autograd.gradcheck(run, (x, shift))


@given(st.floats(-6, 6, width=32))
def test_tents_sum_to_one_and_steps_to_zero(y: float) -> None:
    shift = torch.tensor([y], dtype=torch.float64)
    kernel, step = tent_kernel(shift).flatten(), step_kernel(shift).flatten()
    taps = torch.arange(len(kernel)) - len(kernel) // 2
    assert float(kernel.sum()) == pytest.approx(1)
    assert float((kernel * taps).sum()) == pytest.approx(y, abs=1e-9)
    assert step.sum() == 0 and int(step.abs().sum()) == 2
