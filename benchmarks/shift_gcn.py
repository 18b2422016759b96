"""Shift-GCN clips per second in inference, against the direct transcription of the published layers.

The reference does what the public code does, in plain PyTorch: two index_selects around an einsum, a loop over channels
that interpolates between frames, batch norms as layers, and both bodies computed whether they are there or not. Both
sides have the same weights (the public ones when the recordings are there, else random ones), batch 64, two threads,
one process and so one allocator. The share of the machine's matrix rate counts 761 million multiply-adds for a clip of
two bodies and 64 frames.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from pairs import arguments, compare, put
from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, FrozenEncoder, SkeletonGraph, load_public_weights
from skelzero.encoders.memory import keep_freed_memory
from skelzero.encoders.shift_gcn import Projection, ShiftBlock, ShiftGcn, SpatialShiftUnit
from skelzero.encoders.shifts import TemporalShift

BATCH, FRAMES, JOINTS, THREADS = 64, 64, 25, 2
MULTIPLY_ADDS = 761e6
"""For a clip of two bodies, both computed."""


def reference_logits(model: ShiftGcn, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N K"]:
    """The published forward pass, layer by layer, on tensors that lie as (body, channel, frame, joint)."""
    N, C, T, V, M = x.shape
    flat = model.input_norm(x.permute(0, 2, 4, 3, 1).reshape(N * T, M * V * C))
    h = flat.view(N, T, M, V, C).permute(0, 2, 4, 1, 3).reshape(N * M, C, T, V)
    for block in model.blocks:
        h = reference_block(block, h)
    return model.head(h.view(N, M, h.shape[1], -1).mean(3).mean(1))


def reference_block(block: ShiftBlock, x: Tensor) -> Tensor:
    y = reference_spatial(block.spatial, x)
    unit = block.temporal
    y = reference_shift(unit.shift_in, channel_norm(unit.norm_in, y))
    y = F.relu(F.conv2d(y, unit.linear.weight[:, :, None, None], unit.linear.bias))
    y = channel_norm(unit.norm_out, reference_shift(unit.shift_out, y))
    if block.residual is None:
        return F.relu(y)
    return F.relu(y + (reference_projection(block.residual, x) if isinstance(block.residual, Projection) else x))


def reference_spatial(unit: SpatialShiftUnit, x: Float[Tensor, "B C T V"]) -> Float[Tensor, "B D T V"]:
    B, C, T, V = x.shape
    y = x.permute(0, 2, 3, 1).reshape(B * T, V * C)
    y = torch.index_select(y, 1, unit.index_in).view(B * T, V, C) * (torch.tanh(unit.mask) + 1)
    y = torch.einsum("nwc,cd->nwd", y, unit.weight) + unit.bias
    y = unit.norm(torch.index_select(y.reshape(B * T, -1), 1, unit.index_out))
    y = y.view(B, T, V, -1).permute(0, 3, 1, 2)
    return F.relu(y + (reference_projection(unit.residual, x) if isinstance(unit.residual, Projection) else x))


def reference_projection(part: Projection, x: Tensor) -> Tensor:
    y = F.conv2d(x, part.linear.weight[:, :, None, None], part.linear.bias, stride=(part.stride, 1))
    return channel_norm(part.norm, y)


def channel_norm(norm: torch.nn.BatchNorm1d, x: Float[Tensor, "B C T V"]) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)


def reference_shift(unit: TemporalShift, x: Float[Tensor, "B C T V"]) -> Float[Tensor, "B C T2 V"]:
    """Channel by channel, the interpolation of the two frames around each shifted place; zero outside."""
    T = x.shape[2]
    low = torch.floor(unit.shift).long()
    weight = unit.shift - low
    reach = int(low.abs().max()) + 1
    padded = F.pad(x, (0, 0, reach, reach))
    out = x.new_empty(x.shape[0], x.shape[1], len(range(0, T, unit.stride)), x.shape[3])
    for c, (first, share) in enumerate(zip((low + reach).tolist(), weight.tolist(), strict=True)):
        below = padded[:, c, first : first + T : unit.stride]
        above = padded[:, c, first + 1 : first + 1 + T : unit.stride]
        out[:, c] = below * (1 - share) + above * share
    return out


def weights() -> tuple[ShiftGcn, str]:
    """The public NTU RGB+D 120 model, or a random one of the same size whose every part is at work."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    path = Path(os.environ.get("SKELZERO_DATA", default)) / "weights" / "ntu120_ShiftGCN_joint_xsub.pt"
    if path.is_file():
        return load_public_weights(path).model, path.name
    torch.manual_seed(0)
    model = ENCODERS["shift-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), 120, persons=2)
    for name, tensor in model.named_buffers():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    for name, parameter in model.named_parameters():
        if "shift" in name:
            parameter.data.mul_(3)
    return model.eval(), "random"


def matrix_rate() -> float:
    """Multiply-adds a second of the best of several large matrix products, on the same threads."""
    a, b = torch.randn(2048, 1024), torch.randn(1024, 1024)
    best = compare(lambda: a @ b, lambda: a @ b, pairs=10)
    return 2048 * 1024 * 1024 / min(best["ours_min"], best["reference_min"])


def figures(model: ShiftGcn, x: Tensor, pairs: int, bodies: int) -> dict[str, object]:
    frozen = FrozenEncoder(model)
    expected, got = reference_logits(model, x), frozen(x)[1]
    error = float((expected - got).abs().max())
    assert error < 1e-4 * max(1.0, float(expected.abs().max())), f"outputs differ by {error}"
    times = compare(lambda: reference_logits(model, x), lambda: frozen(x), pairs)
    share = MULTIPLY_ADDS * bodies / 2 * len(x) / times["ours_median"] / matrix_rate()
    return {
        **times, "reference_clips_per_s": len(x) / times["reference_median"],
        "ours_clips_per_s": len(x) / times["ours_median"], "share_of_matrix_rate": share, "largest_difference": error,
    }  # fmt: skip


@torch.inference_mode()
def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    torch.set_num_threads(THREADS)
    model, name = weights()
    two = 0.3 * torch.randn(BATCH, 3, FRAMES, JOINTS, 2, generator=torch.Generator().manual_seed(0))
    one = two.clone()
    one[..., 1] = 0
    everything: dict[str, object] = {"weights": name, "batch": BATCH, "threads": THREADS}
    # First as the system's allocator comes, then with freed blocks kept, as `encode` and training set it.
    for allocator in ("default", "kept"):
        if allocator == "kept" and not keep_freed_memory():
            break
        for bodies, x in ((2, two), (1, one)):
            found = figures(model, x, options.pairs, bodies)
            everything.update({f"{allocator}_{bodies}_bodies_{key}": value for key, value in found.items()})
    put("Shift-GCN inference against the direct transcription", everything, options.json)


if __name__ == "__main__":
    main()
