"""Clips of one person through a frozen ST-GCN: clips per second against computing both bodies with the same network.

The reference gives the same frozen network every body, the absent ones too. Ours is `FrozenEncoder`,
which knows what an absent body contributes. Clips are synthetic (random numbers), 50 frames of 25 joints. Both
sides run in turn, as the system's allocator comes and with freed blocks kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pairs import compare, put
from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, FrozenEncoder, SkeletonGraph
from skelzero.encoders.base import SkeletonEncoder
from skelzero.encoders.frozen import FRAMES_AT_ONCE
from skelzero.encoders.memory import keep_freed_memory

CLIPS, FRAMES, CLASSES = 128, 50, 55
RATIO = 1.8
"""Requirement."""


def network() -> SkeletonEncoder:
    """The narrow ST-GCN whose norms are all at work, as after training."""
    torch.manual_seed(0)
    model = ENCODERS["st-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), CLASSES, persons=2)
    for name, tensor in model.named_buffers():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.2)
    return model.eval()


class BothBodies:
    """The same frozen network, every body computed; in pieces of as many frames as ours, to be fair to the cache."""

    def __init__(self, model: SkeletonEncoder) -> None:
        self.model, self.bodies = model, model.frozen_bodies()

    def __call__(self, x: Tensor) -> Tensor:
        model, clips = self.model, max(1, FRAMES_AT_ONCE // (x.shape[2] * x.shape[4]))
        parts = [model.normalise(model.split_bodies(part)).flatten(0, 1) for part in x.split(clips)]
        pooled = torch.cat([self.bodies(part).mean(dim=(1, 2)) for part in parts])
        return model.head(pooled.view(len(x), x.shape[4], -1).mean(dim=1))


@torch.inference_mode()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs, at least 5")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=2)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    model = network()
    both, ours = BothBodies(model), FrozenEncoder(model)
    x = 0.3 * torch.randn(CLIPS, 3, FRAMES, 25, 2, generator=torch.Generator().manual_seed(0))
    x[..., 1] = 0
    error = float((both(x) - ours(x)[1]).abs().max())
    assert error < 1e-4, f"outputs differ by {error}"
    figures: dict[str, object] = {"clips": CLIPS, "threads": options.threads, "largest_difference": error}
    ratios = []
    for allocator in ("default", "kept"):
        if allocator == "kept" and not keep_freed_memory():
            break
        times = compare(lambda: both(x), lambda: ours(x), options.pairs)
        ratios.append(times["ratio_median"])
        figures |= {f"{allocator}_{key}": value for key, value in times.items()}
        figures |= {f"{allocator}_both_clips_per_s": CLIPS / times["reference_median"],
                    f"{allocator}_ours_clips_per_s": CLIPS / times["ours_median"]}  # fmt: skip
    figures |= {"requirement": f"{RATIO:g} times", "met": min(ratios) >= RATIO}
    put("evaluating clips of one person against computing both bodies, synthetic clips", figures, options.json)


if __name__ == "__main__":
    main()
