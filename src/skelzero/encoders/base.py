"""What every skeleton encoder is: joints over time in, one vector a clip out, class scores for training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.norms import Census, ChannelNorm, counting, take_census
from skelzero.errors import UserError
from skelzero.registry import Registry

STREAMS = ("joint", "velocity", "bone")
"""What a joint's input may hold: its place, its step to the next frame, its vector from its parent."""

Bodies = Callable[[Tensor], Tensor]
"""(B, T, V, C) to (B, T2, V, D), each body by itself."""


class SkeletonEncoder(nn.Module, ABC):
    """Base of all encoders. Subclasses define `bodies`, which maps each body's joints over time to a feature map.

    Bodies pass through the network separately and meet only in the last mean, which is why the part of an absent
    (all-zero) one is a constant of the weights. Inside, tensors lie as (body, frame, joint, channel): the pointwise
    products are then plain matrix products.

    Parameters
    ----------
    graph : SkeletonGraph
    classes : int
        Number of classes K of the training head.
    persons : int
        Bodies M that the input holds at most.
    streams : tuple of str
        Which of `STREAMS` make the input channels.
    norm_per_body : bool
        Whether the input normalisation tells the first body from the second, or shares its statistics.
    """

    feature_width: int
    anchors: Tensor
    """Of an aligned encoder: unit vectors of its training classes."""
    frame_divisor: ClassVar[int] = 1
    """The number of frames must be a multiple of it."""

    def __init__(
        self,
        graph: SkeletonGraph,
        classes: int,
        *,
        persons: int = 2,
        streams: tuple[str, ...] = ("joint",),
        norm_per_body: bool = True,
    ) -> None:
        super().__init__()
        assert set(streams) <= set(STREAMS), streams
        self.graph, self.classes, self.persons, self.streams = graph, classes, persons, streams
        self.channels = graph.dims * len(streams)
        self.norm_bodies = persons if norm_per_body else 1
        self.input_norm = ChannelNorm(self.norm_bodies * graph.joints * self.channels)
        self.parents: Tensor
        self.register_buffer("parents", torch.from_numpy(graph.parents()), persistent=False)

    def add_head(self, width: int) -> None:
        """Called by subclasses when the width of the features is known."""
        self.feature_width = width
        self.head = nn.Linear(width, self.classes)
        nn.init.normal_(self.head.weight, 0.0, (2.0 / self.classes) ** 0.5)
        nn.init.zeros_(self.head.bias)

    @abstractmethod
    def bodies(self, x: Float[Tensor, "B T V C"]) -> Float[Tensor, "B T2 V D"]:
        """The network proper, on normalised bodies."""

    def frozen_bodies(self) -> Bodies:
        """`bodies` as fast as it can be when the weights no longer change; subclasses fold what can be folded."""
        return self.eval().bodies

    def feature_map(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N D T2 V M"]:
        """The map before pooling, needed to explain a decision."""
        self.check_shape(x)
        N, _, _, V, M = x.shape
        out = self.bodies(self.normalise(self.split_bodies(x)).flatten(0, 1))  # (N * M, T2, V, D)
        return out.view(N, M, -1, V, self.feature_width).permute(0, 4, 2, 3, 1)

    def features(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N D"]:
        """The mean of the map over bodies, frames and joints.

        In training, absent (all-zero) bodies are needed for the batch statistics only: one of them is computed and
        counted as often as there are. The result, its gradient by the weights and the running statistics are those of
        computing them all, but that where there is dropout they share one mask.
        """
        x = self.pad_bodies(x)
        if self.training and not x.requires_grad and (pooled := self._features_by_census(x)) is not None:
            return pooled
        return self.feature_map(x).mean(dim=(2, 3, 4))

    def _features_by_census(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N D"] | None:
        """`features` with one absent body for all of a place, or for all; None where none is absent."""
        self.check_shape(x)
        found = take_census(present_bodies(x), slots_differ=self.norm_bodies > 1)
        if found is None:
            return None
        census, rows, home = found
        bodies = self.split_bodies(x)
        if self.norm_bodies > 1:  # All places of a clip are one sample of the input norm.
            with counting(self, Census(len(x), ())):
                bodies = self.normalise(bodies)
        bodies = bodies.flatten(0, 1)[rows]  # (B, T, V, C)
        with counting(self, census):
            if self.norm_bodies == 1:
                bodies = self.normalise(bodies[:, None])[:, 0]
            pooled = self.bodies(bodies).mean(dim=(1, 2))
        return pooled[home].mean(dim=1)

    def align_to(self, anchors: Float[Tensor, "K E"], scale: float, *, learn_scale: bool = False) -> None:
        """From here on the head maps features to vectors (an adapter), and classes are directions among these.

        Parameters
        ----------
        anchors : float (K, E)
            A direction a class; the head must have been built E wide.
        scale : float
            Of the cosines, in class scores.
        learn_scale : bool
            Whether training may change it.
        """
        assert anchors.shape[1] == self.head.out_features, "the adapter has another width than the class vectors"
        self.register_buffer("anchors", F.normalize(anchors, dim=1))
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)), requires_grad=learn_scale)

    @property
    def aligned(self) -> bool:
        """Whether the head is an adapter to class vectors."""
        return hasattr(self, "anchors")

    def class_scores(self, out: Float[Tensor, "N E"]) -> Float[Tensor, "N K"]:
        """Logits of classes from what the head gives."""
        if not self.aligned:
            return out
        # Cosines of neighbouring classes differ by less than what 16 bits of mixed precision can tell apart.
        with torch.autocast(out.device.type, enabled=False):
            return self.log_scale.exp() * F.normalize(out.to(self.anchors.dtype), dim=1) @ self.anchors.T

    def forward(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N K"]:
        """Class scores (logits)."""
        return self.class_scores(self.head(self.features(x)))

    def split_bodies(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N M T V C2"]:
        """Bodies first, channels last, with the streams made from the positions."""
        x = x.permute(0, 4, 2, 3, 1)
        parts = {"joint": lambda: x, "velocity": lambda: F.pad(x[:, :, 1:] - x[:, :, :-1], (0, 0, 0, 0, 0, 1)),
                 "bone": lambda: x - x[:, :, :, self.parents]}  # fmt: skip
        return torch.cat([parts[name]() for name in self.streams], dim=-1)

    def normalise(self, x: Float[Tensor, "N M T V C"]) -> Float[Tensor, "N M T V C"]:
        N, M, T, V, C = x.shape
        if self.norm_bodies == 1:
            return self.input_norm(x.reshape(N * M * T, V * C)).view(x.shape)
        flat = x.transpose(1, 2).reshape(N * T, M * V * C)
        return self.input_norm(flat).view(N, T, M, V, C).transpose(1, 2)

    def pad_bodies(self, x: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N C T V P"]:
        """Bodies that the data lack are absent ones: zeros."""
        return F.pad(x, (0, self.persons - x.shape[-1])) if x.shape[-1] < self.persons else x

    def check_shape(self, x: Tensor) -> None:
        """Raise `UserError` when the input does not fit this encoder."""
        dims, joints = self.graph.dims, self.graph.joints
        fits = x.ndim == 5 and x.shape[1] == dims and x.shape[3] == joints and 1 <= x.shape[4] <= self.persons
        if not fits:
            raise UserError(
                "clips do not fit the encoder", got=tuple(x.shape),
                expected=f"(clips, {dims}, frames, {joints} joints of {self.graph.name}, 1..{self.persons} persons)",
                next_step="prepare them with the pipeline that the encoder was trained on",
            )  # fmt: skip
        if x.shape[2] < self.frame_divisor or x.shape[2] % self.frame_divisor:
            raise UserError(
                f"the number of frames must be a multiple of {self.frame_divisor}", got=x.shape[2],
                next_step="use a pipeline such as ntu-64, which resamples every clip to 64 frames",
            )  # fmt: skip


def present_bodies(x: Float[Tensor, "N C T V M"]) -> Bool[Tensor, "N M"]:
    """Which bodies are there: those of absent ones are all zero."""
    return (x != 0).any(dim=3).any(dim=2).any(dim=1)


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder in one size, as it stands in the registry.

    Attributes
    ----------
    kind : type of SkeletonEncoder
    size : mapping
        Keyword arguments of `kind` that make this size.
    training : mapping
        Settings in which its training departs from the defaults of `TrainSettings`.
    summary : str
        One line for `--help` and docs.
    version : int
        Raised whenever the same settings give this encoder other weights, so that caches notice.
    """

    kind: type[SkeletonEncoder]
    size: Mapping[str, object] = field(default_factory=dict)
    training: Mapping[str, object] = field(default_factory=dict)
    summary: str = ""
    version: int = 1

    def build(self, graph: SkeletonGraph, classes: int, *, persons: int) -> SkeletonEncoder:
        return self.kind(graph, classes, **{"persons": persons, **self.size})  # type: ignore[arg-type]


ENCODERS: Registry[EncoderSpec] = Registry("encoder")
