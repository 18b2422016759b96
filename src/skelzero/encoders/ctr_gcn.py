"""CTR-GCN (Chen et al., ICCV 2021): each channel refines the skeleton's topology from the clip itself.

Written from the paper: channel-wise topology refinement (section 3.2, equations 3 to 7) and the multi-scale temporal
module of figure 4.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.encoders.base import ENCODERS, EncoderSpec, SkeletonEncoder
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.norms import ChannelNorm
from skelzero.encoders.st_gcn import TimeConvolution, residual


class RefinedTopology(nn.Module):
    """Joints take from joints by a shared topology plus, for each channel, what the pair's features suggest.

    Parameters
    ----------
    inputs, outputs : int
    reduced : int
        Channels in which pairs of joints are compared.
    """

    def __init__(self, inputs: int, outputs: int, reduced: int) -> None:
        super().__init__()
        self.receiver = nn.Linear(inputs, reduced)
        self.giver = nn.Linear(inputs, reduced)
        self.refine = nn.Linear(reduced, outputs)
        self.value = nn.Linear(inputs, outputs)

    def forward(
        self, x: Float[Tensor, "B T V C"], shared: Float[Tensor, "V V"], strength: Float[Tensor, ""]
    ) -> Float[Tensor, "B D V T"]:
        pooled = x.mean(dim=1)  # (B, V, C): the correlation of joints is one for the whole clip
        pairs = torch.tanh(self.receiver(pooled)[:, :, None] - self.giver(pooled)[:, None])  # (B, V, V, R)
        topology = self.refine(pairs).permute(0, 3, 1, 2) * strength + shared  # (B, D, V, V)
        return torch.matmul(topology, self.value(x).permute(0, 3, 2, 1))


class CtrGraphUnit(nn.Module):
    """Three refined topologies (self, inward, outward) summed, norm, residual, ReLU."""

    def __init__(self, inputs: int, outputs: int, adjacency: Float[Tensor, "K V V"]) -> None:
        super().__init__()
        # Eight channels compare joints in the first layer, an eighth of them later, as in the paper's code base.
        reduced = 8 if inputs <= 9 else max(4, inputs // 8)
        self.shared = nn.Parameter(adjacency.transpose(1, 2).contiguous())
        self.strength = nn.Parameter(torch.zeros(()))
        self.parts = nn.ModuleList(RefinedTopology(inputs, outputs, reduced) for _ in adjacency)
        self.norm = ChannelNorm(outputs)
        nn.init.constant_(self.norm.weight, 1e-2)
        same = inputs == outputs
        self.residual = nn.Identity() if same else nn.Sequential(nn.Linear(inputs, outputs), ChannelNorm(outputs))

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T V D"]:
        parts = [part(x, shared, self.strength) for part, shared in zip(self.parts, self.shared, strict=True)]
        y = torch.stack(parts).sum(dim=0).permute(0, 3, 2, 1).contiguous()
        return F.relu(self.norm(y) + self.residual(x))


class Branch(nn.Module):
    """A quarter of the channels, mapped by a matrix, then seen through one temporal window."""

    def __init__(self, inputs: int, outputs: int, stride: int, kind: str) -> None:
        super().__init__()
        self.kind, self.stride = kind, stride
        self.linear = nn.Linear(inputs, outputs)
        self.norm = ChannelNorm(outputs)
        if kind.startswith("dilated"):
            self.time = TimeConvolution(outputs, outputs, 5, stride, dilation=int(kind[-1]))
        if kind != "point":
            self.norm_out = ChannelNorm(outputs)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        if self.kind == "point":
            return self.norm(self.linear(x[:, :: self.stride]))
        y = F.relu(self.norm(self.linear(x)))
        if self.kind == "pool":
            y = F.max_pool2d(y.permute(0, 3, 1, 2), (3, 1), (self.stride, 1), (1, 0)).permute(0, 2, 3, 1)
        else:
            y = self.time(y)
        return self.norm_out(y)


class CtrBlock(nn.Module):
    """Graph unit, four temporal branches side by side, residual."""

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor, stride: int, *, first: bool) -> None:
        super().__init__()
        assert outputs % 4 == 0, "the channels are shared among four branches"
        kinds = ("dilated-1", "dilated-2", "pool", "point")
        self.graph = CtrGraphUnit(inputs, outputs, adjacency)
        self.branches = nn.ModuleList(Branch(outputs, outputs // 4, stride, kind) for kind in kinds)
        self.residual = residual(inputs, outputs, stride, first=first)

    def forward(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        inner = self.graph(x)
        y = torch.cat([branch(inner) for branch in self.branches], dim=-1)
        return F.relu(y if self.residual is None else y + self.residual(x))


class CtrGcn(SkeletonEncoder):
    """CTR-GCN of any width.

    Parameters
    ----------
    graph, classes, persons, streams, norm_per_body
        As in `SkeletonEncoder`.
    widths, strides : tuple of int
        Of each block; widths are multiples of four.
    """

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
        adjacency = torch.from_numpy(graph.directed())
        inputs = (self.channels, *widths[:-1])
        self.blocks = nn.ModuleList(
            CtrBlock(c, d, adjacency, s, first=i == 0)
            for i, (c, d, s) in enumerate(zip(inputs, widths, strides, strict=True))
        )
        self.add_head(widths[-1])

    def bodies(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        for block in self.blocks:
            x = block(x)
        return x


ENCODERS.add("ctr-gcn", EncoderSpec(
    CtrGcn, training={"steps": 3000, "rate": 3e-3},
    summary="CTR-GCN in the published width: a topology of its own for every channel",
))  # fmt: skip
ENCODERS.add("ctr-gcn:small", EncoderSpec(
    CtrGcn,
    size={"widths": (32, 64, 64, 128), "strides": (2, 2, 1, 1), "streams": ("joint", "velocity", "bone")},
    summary="CTR-GCN of four blocks, 32 to 128 channels",
))  # fmt: skip
