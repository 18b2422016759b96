"""The energy E(x, c) = R(x, c) + lambda_K K(x, c) of every clip under every class (scale.md, Energy)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from skelzero.methods.scale.model import Gaussian, ScaleNet


class ClassSide(NamedTuple):
    """What a class contributes to its energies; computed once per class."""

    prior: Gaussian
    scale: Float[Tensor, "K D"]
    shift: Float[Tensor, "K D"]


def class_side(net: ScaleNet, codes: Float[Tensor, "K D"]) -> ClassSide:
    return ClassSide(net.prior_of(codes), *net.modulation(codes))


def kl_terms(q: Gaussian, p: Gaussian) -> Float[Tensor, "N Z"]:
    """KL(q || p) per dimension of diagonal normals, row by row."""
    return 0.5 * (
        p.log_variance - q.log_variance + (q.log_variance.exp() + (q.mean - p.mean) ** 2) / p.log_variance.exp() - 1
    )


def kl_matrix(q: Gaussian, p: Gaussian) -> Float[Tensor, "N K"]:
    """K(x, c) = KL(q(z|x) || p(z|c)) / d_z for all pairs by two matrix products.

    (v + (m - n)^2) / w summed over dimensions is (v + m^2) . (1/w) - 2 m . (n/w) + sum n^2/w.
    """
    precision = (-p.log_variance).exp()
    cross = (q.log_variance.exp() + q.mean**2) @ precision.T - 2 * q.mean @ (p.mean * precision).T
    of_class = (p.mean**2 * precision + p.log_variance).sum(dim=-1)
    of_clip = q.log_variance.sum(dim=-1, keepdim=True) + q.mean.shape[-1]
    return 0.5 * (cross + of_class - of_clip) / q.mean.shape[-1]


def reconstruction_matrix(
    net: ScaleNet, x: Float[Tensor, "N X"], mean: Float[Tensor, "N Z"], side: ClassSide
) -> Float[Tensor, "N K"]:  # fmt: skip
    """R(x, c) = ||x - xhat(mu_q(x), c)||^2 / (2 D) for all pairs in one batched call; differentiable."""
    u = net.carrier(mean)
    xhat = net.decode(u[:, None], side.scale[None], side.shift[None])  # (N, K, X)
    return (x[:, None] - xhat).square().mean(dim=-1) / 2


@torch.inference_mode()
def fast_reconstruction(
    net: ScaleNet, x: Float[Tensor, "N X"], mean: Float[Tensor, "N Z"], side: ClassSide, *, rows: int = 1024
) -> Float[Tensor, "N K"]:  # fmt: skip
    """The same without gradients, class by class in blocks of clips that stay in cache; memory is bounded by `rows`.

    Every step writes into a buffer that is there already: fresh ones for each class would spend more time in page
    faults than in arithmetic.
    """
    u = net.carrier(mean)
    first, last = net.decoder[0], net.decoder[2]
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    out = x.new_empty(len(side.scale), len(x))
    first_t, last_t = first.weight.T.contiguous(), last.weight.T.contiguous()
    n, D, X = max(1, min(rows, len(x))), u.shape[1], x.shape[1]
    modulated, active, hidden, rest = x.new_empty(n, D), x.new_empty(n, D), x.new_empty(n, D), x.new_empty(n, X)
    for start in range(0, len(x), n):
        ub, target = u[start : start + n], last.bias - x[start : start + n]
        m = len(ub)
        a, b, c, d = modulated[:m], active[:m], hidden[:m], rest[:m]
        for k, (scale, shift) in enumerate(zip(side.scale, side.shift, strict=True)):
            torch.addcmul(shift, ub, scale, out=a)
            torch.ops.aten.gelu.out(a, out=b)
            torch.addmm(first.bias, b, first_t, out=c)
            torch.ops.aten.gelu.out(c, out=b)
            torch.addmm(target, b, last_t, out=d)  # xhat - x
            torch.linalg.vector_norm(d, dim=1, out=out[k, start : start + m])
    return out.T.square() / (2 * X)


def combine(reconstruction: Tensor, kl: Tensor, lambda_k: float, parts: str) -> Tensor:
    """The energy out of its parts: `full`, or one of them alone (ablations)."""
    if parts == "reconstruction":
        return reconstruction
    return kl if parts == "kl" else reconstruction + lambda_k * kl
