"""Batch normalisation of the last axis, of bodies some of which stand for many equal ones, over several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Census:
    """How many bodies of a batch each computed body stands for.

    Attributes
    ----------
    present : int
        Bodies that stand for themselves; they come first.
    absent : tuple of int
        Absent bodies that each of the following ones stands for.
    """

    present: int
    absent: tuple[int, ...]

    @property
    def bodies(self) -> int:
        """All bodies of the batch."""
        return self.present + sum(self.absent)

    def counts(self, like: Tensor) -> Float[Tensor, " A"]:
        """`absent` as a tensor."""
        return torch.tensor(self.absent, dtype=like.dtype, device=like.device)


def take_census(
    here: Bool[Tensor, "N M"], *, slots_differ: bool
) -> tuple[Census, Int[Tensor, " B"], Int[Tensor, "N M"]] | None:  # fmt: skip
    """Which bodies to compute, and where each body of the batch finds its result; None where nothing is saved.

    Parameters
    ----------
    here : bool (N, M)
        Whether a body is there.
    slots_differ : bool
        Whether absent bodies of different places in the clip hold different values.

    Returns
    -------
    census : Census
    rows : int (B,)
        Of the N * M bodies, those to compute.
    home : int (N, M)
        For each body, its place among the computed ones.
    """
    N, M = here.shape
    slot = (
        torch.arange(M, device=here.device).expand(N, M) if slots_differ else torch.zeros_like(here, dtype=torch.long)
    )
    kinds = [
        group for s in range(M if slots_differ else 1) if len(group := ((slot == s) & ~here).flatten().nonzero()[:, 0])
    ]
    if sum(len(group) - 1 for group in kinds) == 0:
        return None
    present = here.flatten().nonzero()[:, 0]
    home = torch.empty(N * M, dtype=torch.long, device=here.device)
    home[present] = torch.arange(len(present), device=here.device)
    for k, group in enumerate(kinds):
        home[group] = len(present) + k
    rows = torch.cat([present, *(group[:1] for group in kinds)])
    return Census(len(present), tuple(len(group) for group in kinds)), rows, home.view(N, M)


class ChannelNorm(nn.BatchNorm1d):
    """Batch normalisation of the last axis; all axes before it are samples, those of the first body first.

    In training under `counting`, bodies weigh as the census says: output, gradients and running statistics are those
    of the batch written out in full. Under `sharing`, the batch is that of all processes.
    """

    census: Census | None = None
    shared: bool = False

    def forward(self, x: Float[Tensor, "*samples C"]) -> Float[Tensor, "*samples C"]:
        if not self.training or (self.census is None and not self.shared):
            return super().forward(x.reshape(-1, x.shape[-1])).view(x.shape)
        return self._counted(x, self.census or Census(len(x), ()))

    def rectified(
        self, x: Float[Tensor, "B *places C"], residual: Tensor | None = None, dropout: float = 0.0
    ) -> Float[Tensor, "B *places C"]:
        """relu(dropout(norm(x)) + residual), in training on the processor in one piece of memory."""
        if self.training and (self.shared or (x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64))):
            census = self.census or Census(len(x), ())
            return self._counted(x, census, residual, dropout_mask(x, dropout), rectify=True)
        y = F.dropout(self(x), dropout, self.training)
        return F.relu(y if residual is None else y + residual)

    def _counted(
        self, x: Tensor, census: Census, residual: Tensor | None = None, mask: Tensor | None = None,
        *, rectify: bool = False,
    ) -> Tensor:  # fmt: skip
        flat = [None if t is None else t.reshape(-1, x.shape[-1]) for t in (x, residual, mask)]
        moments = self.statistics(x.reshape(-1, x.shape[-1]), census)
        out = _CountedNorm.apply(  # type: ignore[no-untyped-call]
            flat[0], self.weight, self.bias, *flat[1:], moments, self.eps, census, rectify, self.shared
        )
        return out.view(x.shape)  # type: ignore[no-any-return]

    @torch.no_grad()
    def statistics(self, x: Float[Tensor, "S C"], census: Census) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
        """Mean and biased variance of the batch in training; the running ones learn of them."""
        mean, var, samples = census_moments(x, census)
        if self.shared:
            mean, var, samples = all_moments(mean, var, samples)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_((var * (samples / (samples - 1))).to(self.running_var.dtype), self.momentum)
        return mean, var


def counting(model: nn.Module, census: Census) -> contextlib.AbstractContextManager[None]:
    """While it lasts, the norms of a model count bodies by this census."""
    return _told(model, "census", census)


def sharing(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    """While it lasts, the norms of a model see the clips of all processes, as one process with all of them would."""
    return _told(model, "shared", True)


@contextlib.contextmanager
def _told(model: nn.Module, name: str, value: Any) -> Iterator[None]:
    """While it lasts, an attribute of a model's norms is not the class's own."""
    norms = [module for module in model.modules() if isinstance(module, ChannelNorm)]
    for norm in norms:
        setattr(norm, name, value)
    try:
        yield
    finally:
        for norm in norms:
            setattr(norm, name, getattr(ChannelNorm, name))


def all_moments(
    mean: Float[Tensor, " C"], var: Float[Tensor, " C"], samples: int
) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"], int]:  # fmt: skip
    """Mean and biased variance of the samples of all processes, and their number."""
    own = torch.cat(
        [mean.double() * samples, (var.double() + mean.double() ** 2) * samples, mean.new_full((1,), samples)]
    )
    total = add_up(own)
    width = len(mean)
    found = total[:width] / total[-1]
    spread = total[width:-1] / total[-1] - found**2
    return found.to(mean.dtype), spread.clamp(min=0).to(var.dtype), round(float(total[-1]))


def add_up(own: Tensor) -> Tensor:
    """The sum over all processes."""
    total = own.clone()
    torch.distributed.all_reduce(total)
    return total


def census_moments(x: Float[Tensor, "S C"], census: Census) -> tuple[Tensor, Tensor, int]:
    """Mean, biased variance, and the number of samples they are of."""
    each = len(x) // (census.present + len(census.absent))  # samples of a body
    split = census.present * each
    groups = [(*_moments(part, bodies), count * each) for part, bodies, count in _groups(x, split, each, census)]
    samples = census.bodies * each
    mean = sum(m * (n / samples) for m, _, n in groups)
    var = sum((v + (m - mean) ** 2) * (n / samples) for m, v, n in groups)
    assert isinstance(mean, Tensor) and isinstance(var, Tensor)
    return mean, var, samples


def _groups(x: Tensor, split: int, each: int, census: Census) -> Iterator[tuple[Tensor, int, int]]:
    if split:
        yield x[:split], census.present, census.present
    for k, count in enumerate(census.absent):
        yield x[split + k * each : split + (k + 1) * each], 1, count


def _moments(x: Float[Tensor, "S C"], bodies: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over the first axis."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        var, mean = torch.var_mean(x.float() if x.dtype != torch.float64 else x, dim=0, correction=0)
        return mean, var
    # The kernel of batch norm itself, ten times faster than `var_mean` over the outer axis. It adds up plainly, so it
    # is given the bodies only, each place in them by itself: sums of a hundred numbers, not of a hundred thousand.
    means, variances = torch.batch_norm_update_stats(x.view(bodies, -1), None, None, 0.0)
    means = means.view(-1, x.shape[1])
    mean = means.mean(dim=0)
    return mean, variances.view(means.shape).mean(dim=0) + (means - mean).square_().mean(dim=0)


class _CountedNorm(torch.autograd.Function):
    """Normalisation by given moments, whose backward knows that they came from the batch and how bodies counted.

    With `rectify`, what follows in a block is done in the same memory: relu(mask * normalised + residual).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor | None, mask: Tensor | None,
        moments: tuple[Tensor, Tensor], eps: float, census: Census, rectify: bool, shared: bool,
    ) -> Tensor:  # fmt: skip
        out = F.batch_norm(x, *moments, weight, bias, False, 0.0, eps)
        if rectify:
            if mask is not None:
                out.mul_(mask)
            out = (out if residual is None else out.add_(residual)).relu_()
        ctx.save_for_backward(x, weight, *moments, *([out] if rectify else []), *([] if mask is None else [mask]))
        ctx.rest = eps, census, rectify, residual is not None, shared
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, mean, var, *more = ctx.saved_tensors
        eps, census, rectify, joined, shared = ctx.rest
        grad = torch.ops.aten.threshold_backward(grad, more[0], 0) if rectify else grad.contiguous()
        inner = grad * more[1] if len(more) == 2 else grad
        by_x, by_weight, by_bias = norm_backward(inner, x, weight, mean, var, eps, census, shared=shared)
        return by_x, by_weight, by_bias, grad if joined else None, None, None, None, None, None, None


def norm_backward(
    grad: Tensor, x: Tensor, weight: Tensor, mean: Tensor, var: Tensor, eps: float, census: Census,
    *, shared: bool = False,
) -> tuple[Float[Tensor, "S C"], Float[Tensor, " C"], Float[Tensor, " C"]]:  # fmt: skip
    """Gradients by input, weight and bias: g_i w / s - n_i (w / s) (sum g + xhat_i sum(g xhat)) / N.

    With `shared`, sums and N are those of all processes in the gradient by input; those by weight and bias stay the
    process's own, since whoever averages parameters' gradients adds them up.
    """
    bodies = census.present + len(census.absent)
    each = len(x) // bodies
    # Each place in a body is summed by itself first, as in `_moments`.
    fixed = [v.repeat(each) for v in (weight, mean, var)]
    _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
        grad.reshape(bodies, -1), x.view(bodies, -1), *fixed, *fixed[1:], False, eps, [False, True, True]
    )
    by_weight, by_bias = by_weight.view(each, -1).sum(dim=0), by_bias.view(each, -1).sum(dim=0)
    inverse, samples, sums = (var + eps).rsqrt(), float(census.bodies * each), (by_weight, by_bias)
    if shared:
        total = add_up(torch.cat([by_weight.double(), by_bias.double(), by_weight.new_full((1,), samples)]))
        samples, width = float(total[-1]), len(by_weight)
        sums = total[:width].to(by_weight.dtype), total[width:-1].to(by_bias.dtype)
    scale = weight * inverse
    slope = -scale * inverse * sums[0] / samples
    offset = -scale * sums[1] / samples - slope * mean
    scale, slope, offset = (v.to(x.dtype) for v in (scale, slope, offset))
    by_x = torch.addcmul(offset, x, slope)
    for k, count in enumerate(census.absent, census.present):
        by_x[k * each : (k + 1) * each] *= count
    return by_x.addcmul_(grad, scale), by_weight, by_bias


_BITS = tuple(1 << k for k in range(8))


def dropout_mask(like: Tensor, share: float) -> Float[Tensor, "*shape"] | None:
    """0 where a number is dropped, 1 / (1 - share) elsewhere; None where nothing is dropped.

    Half is the usual share, and a fair coin costs one random bit: drawing a number for each is what dropout costs most.
    """
    if share == 0:
        return None
    if share != 0.5 or like.device.type != "cpu":
        return F.dropout(torch.ones_like(like), share)
    count = like.numel()
    words = torch.empty(-(-count // 64), dtype=torch.int64).random_(-(2**63), None)
    bits = torch.tensor(_BITS, dtype=torch.uint8)
    flips = (words.view(torch.uint8) & bits[:, None]) != 0  # (8, count / 8)
    return flips.view(-1)[:count].view(like.shape).to(like.dtype).mul_(2)
