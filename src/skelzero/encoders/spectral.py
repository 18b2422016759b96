"""Convolution over frames through the discrete Fourier transform: fewer multiplications where channels are many.

A filter of 9 frames costs 9 multiply-adds a frame and pair of channels; over the frequencies of 13 frames it costs
25 / 13. The transforms touch each channel alone. They are orthogonal, so rounding stays what it was.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def worthwhile(frames: int, kernel: int, inputs: int, outputs: int) -> bool:
    """Whether the products saved outweigh the transforms and their passes through memory."""
    products = 1 + 3 * _frequencies(frames, kernel)
    spectral = products / frames * inputs * outputs + products * (inputs + outputs)
    return spectral * 1.5 < kernel * inputs * outputs


def convolve(x: Float[Tensor, "B T V C"], weight: Float[Tensor, "D C W 1"], bias: Tensor) -> Float[Tensor, "B T V D"]:
    """Filter over frames with stride 1 and zeros outside; W is odd."""
    B, T, V, C = x.shape
    D, _, W, _ = weight.shape
    into, of_weight, back = (torch.from_numpy(m).to(x) for m in _transforms(T, W))
    spectrum = (into @ x.transpose(0, 1).reshape(T, -1)).view(-1, B * V, C)
    filters = (of_weight @ weight.permute(2, 1, 0, 3).reshape(W, -1)).view(-1, C, D)
    out = (back @ torch.bmm(spectrum, filters).view(-1, B * V * D)).view(T, B, V, D)
    return (out + bias).transpose(0, 1).contiguous()


def _frequencies(frames: int, kernel: int) -> int:
    """Pairs of frequencies of the shortest odd period in which the ends do not meet."""
    return (frames + kernel // 2) // 2


@cache
def _transforms(frames: int, kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices (P, T), (P, W), (T, P) with y = back @ ((into @ x) * (of_weight @ w)).

    Each complex product a b takes three real ones: re a re b, im a im b, (re a + im a) (re b + im b).
    """
    pairs = _frequencies(frames, kernel)
    period = 2 * pairs + 1
    assert period >= frames + kernel // 2
    angle = 2 * np.pi / period * np.arange(1, pairs + 1)[:, None]
    t, w = angle * np.arange(frames), angle * (np.arange(kernel) - kernel // 2)

    def three(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones((1, real.shape[1])), real, imaginary, real + imaginary])

    cos, sin = np.cos(t), np.sin(t)
    back = np.concatenate([np.ones((1, frames)), 2 * (cos + sin), 2 * (sin - cos), -2 * sin]).T / period
    return three(cos, -sin), three(np.cos(w), np.sin(w)), back
