"""Random changes that leave an action what it is: other views, other bodies, sensor noise, other tempos."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from skelzero.encoders.graph import SkeletonGraph


class Augmentation(BaseModel):
    """How far training clips are changed; 0 switches a change off.

    Attributes
    ----------
    turn : float
        Degrees about the vertical, either way (3-D only).
    tilt : float
        Degrees about each other axis, or in the image plane (2-D).
    scale : float
        Share by which body height, width and depth grow or shrink.
    move : float
        Standard deviation of the whole clip's displacement, in the data's unit (metres).
    noise : float
        Standard deviation of each joint's own noise, in the data's unit.
    crop : float
        Least share of a clip that is kept; it is stretched back to full length.
    mirror : bool
        Swap left and right in half of the clips. Off by default: left and right may be classes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    turn: Annotated[float, Field(ge=0, le=180)] = 25.0
    tilt: Annotated[float, Field(ge=0, le=90)] = 8.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.12
    move: Annotated[float, Field(ge=0)] = 0.05
    noise: Annotated[float, Field(ge=0)] = 0.008
    crop: Annotated[float, Field(gt=0, le=1)] = 0.75
    mirror: bool = False


def augment(
    x: Float[Tensor, "N C T V M"], how: Augmentation, generator: torch.Generator, mirror: Tensor | None = None
) -> Float[Tensor, "N C T V M"]:
    """Change each clip at random; frames in which a body is absent (all zero) stay exactly so.

    Parameters
    ----------
    x : float (N, C, T, V, M)
    how : Augmentation
    generator : torch.Generator
        On the CPU, so that every device and every resumed run sees the same draws.
    mirror : int (V,), optional
        For each joint its mirror image (`mirror_order`); needed when `how.mirror` is set.
    """
    present = (x != 0).any(dim=1, keepdim=True).any(dim=3, keepdim=True)  # (N, 1, T, 1, M)
    x = _turn_and_scale(x, how, generator)
    if how.mirror:
        assert mirror is not None, "mirroring needs the joints' mirror images"
        x = _mirror(x, mirror, generator)
    x = x + _displacement(x, how, generator) * present
    return _crop(x, how, generator) if how.crop < 1 else x


def mirror_order(graph: SkeletonGraph, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """For each joint the joint on the other side; those in no pair lie on the midline and stay."""
    order = torch.arange(graph.joints)
    for left, right in pairs:
        order[left], order[right] = right, left
    return order


def random_rotations(count: int, turn: float, tilt: float, generator: torch.Generator) -> Float[Tensor, "N 3 3"]:
    """Rotations about y within `turn` degrees, then about x and z within `tilt` degrees."""
    limits = torch.tensor([tilt, turn, tilt]) * (math.pi / 180)
    angles = (torch.rand(count, 3, generator=generator) * 2 - 1) * limits
    c, s = angles.cos(), angles.sin()
    zero, one = torch.zeros(count), torch.ones(count)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=1).view(count, 3, 3)

    about_x = matrix(one, zero, zero, zero, c[:, 0], -s[:, 0], zero, s[:, 0], c[:, 0])
    about_y = matrix(c[:, 1], zero, s[:, 1], zero, one, zero, -s[:, 1], zero, c[:, 1])
    about_z = matrix(c[:, 2], -s[:, 2], zero, s[:, 2], c[:, 2], zero, zero, zero, one)
    return about_z @ about_x @ about_y


def _turn_and_scale(x: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    N, C = x.shape[:2]
    if C == 3:
        linear = random_rotations(N, how.turn, how.tilt, generator)
    else:
        linear = random_rotations(N, 0.0, how.tilt, generator)
        angle = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
        linear = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(N, 2, 2)
    scale = 1 + how.scale * (torch.rand(N, 1, C, generator=generator) * 2 - 1)
    return torch.einsum("ndc,nctvm->ndtvm", (linear * scale).to(x.device), x)


def _displacement(x: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    N, C = x.shape[:2]
    moved = how.move * torch.randn(N, C, 1, 1, 1, generator=generator)
    return (moved + how.noise * torch.randn(x.shape, generator=generator)).to(x.device)


def _mirror(x: Tensor, order: Tensor, generator: torch.Generator) -> Tensor:
    chosen: Bool[Tensor, " N"] = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)
    flipped = x[:, :, :, order.to(x.device)]
    sign = torch.ones(x.shape[1], device=x.device)
    sign[0] = -1.0
    return torch.where(chosen.view(-1, 1, 1, 1, 1), flipped * sign.view(1, -1, 1, 1, 1), x)


def _crop(x: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    N, C, T, V, M = x.shape
    share = how.crop + (1 - how.crop) * torch.rand(N, 1, generator=generator)
    start = torch.rand(N, 1, generator=generator) * (1 - share)
    place = (start + share * torch.linspace(0, 1, T)) * (T - 1)  # (N, T)
    low = place.floor().clamp(0, T - 2).long() if T > 1 else torch.zeros_like(place, dtype=torch.long)
    weight = (place - low).view(N, 1, T, 1, 1).to(x.device)
    rows = low.to(x.device).view(N, 1, T, 1, 1).expand(N, C, T, V, M)
    return torch.lerp(x.gather(2, rows), x.gather(2, (rows + 1).clamp(max=T - 1)), weight)
