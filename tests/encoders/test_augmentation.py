from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from skelzero.clips import load_layout
from skelzero.encoders import Augmentation, SkeletonGraph
from skelzero.encoders.augmentation import augment, mirror_order, random_rotations

OFF = {"turn": 0, "tilt": 0, "scale": 0, "move": 0, "noise": 0, "crop": 1}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x() -> torch.Tensor:
    clips = torch.randn(6, 3, 16, 20, 2, generator=generator(5))
    clips[3:, ..., 1] = 0
    clips[0, :, :4, :, 1] = 0
    return clips


def test_everything_off_changes_nothing(x: torch.Tensor) -> None:
    torch.testing.assert_close(augment(x, Augmentation(**OFF), generator()), x)


def test_absent_bodies_and_frames_stay_zero(x: torch.Tensor) -> None:
    y = augment(x, Augmentation(crop=1, mirror=True), generator(), mirror_of("kinect20-utd"))
    assert (y[3:, ..., 1] == 0).all() and (y[0, :, :4, :, 1] == 0).all()
    assert (y[..., 0] != x[..., 0]).float().mean() > 0.99


def test_rotations_are_rotations_about_the_named_axes() -> None:
    R = random_rotations(50, 25, 8, generator())
    torch.testing.assert_close(R @ R.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(50))
    about_y = random_rotations(50, 25, 0, generator())
    torch.testing.assert_close(about_y[:, 1], torch.tensor([0.0, 1.0, 0.0]).expand(50, 3))
    angles = torch.rad2deg(torch.atan2(about_y[:, 0, 2], about_y[:, 0, 0]))
    assert 20 < float(angles.abs().max()) <= 25


def test_turning_keeps_lengths_and_scaling_keeps_its_limit(x: torch.Tensor) -> None:
    turned = augment(x, Augmentation(**{**OFF, "turn": 90, "tilt": 30}), generator())
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1), atol=1e-5, rtol=1e-5)
    scaled = augment(x, Augmentation(**{**OFF, "scale": 0.2}), generator())
    ratio = (scaled / x)[:3]
    ratio = ratio[torch.isfinite(ratio)]
    assert float(ratio.min()) >= 0.8 and float(ratio.max()) <= 1.2 and float(ratio.std()) > 0.03


def test_crop_keeps_order_and_length() -> None:
    ramp = torch.linspace(0, 1, 32).view(1, 1, 32, 1, 1).expand(20, 3, 32, 20, 1).contiguous()
    y = augment(ramp, Augmentation(**{**OFF, "crop": 0.5}), generator())[:, 0, :, 0, 0]
    assert (y.diff(dim=1) > 0).all()
    kept = y[:, -1] - y[:, 0]
    assert 0.5 <= float(kept.min()) < 0.65 and 0.85 < float(kept.max()) <= 1


def mirror_of(name: str) -> torch.Tensor:
    layout = load_layout(name)
    return mirror_order(SkeletonGraph.from_layout(layout), layout.mirror)


def test_mirror_swaps_sides_in_half_of_the_clips(x: torch.Tensor) -> None:
    order = mirror_of("kinect20-utd")
    assert torch.equal(order[order], torch.arange(20))
    wide = x.repeat(20, 1, 1, 1, 1)
    y = augment(wide, Augmentation(**OFF, mirror=True), generator(), order)
    flipped = (wide[:, :, :, order] * torch.tensor([-1.0, 1, 1]).view(1, 3, 1, 1, 1) == y).flatten(1).all(dim=1)
    same = (wide == y).flatten(1).all(dim=1)
    assert (flipped ^ same).all() and 0.3 < float(flipped.float().mean()) < 0.7


def test_images_turn_in_their_plane_only() -> None:
    x = torch.randn(40, 2, 8, 17, 1, generator=generator(2))
    y = augment(x, Augmentation(**{**OFF, "turn": 180, "tilt": 10}), generator())
    torch.testing.assert_close(y.norm(dim=1), x.norm(dim=1), atol=1e-5, rtol=1e-5)
    cosine = (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))
    assert float(cosine.min()) > 0.98


def test_equal_seeds_give_equal_clips_and_other_seeds_others(x: torch.Tensor) -> None:
    how = Augmentation()
    assert torch.equal(augment(x, how, generator(1)), augment(x, how, generator(1)))
    assert not torch.equal(augment(x, how, generator(1)), augment(x, how, generator(2)))


@pytest.mark.parametrize("wrong", [{"crop": 0}, {"scale": 1}, {"turn": -1}, {"typo": 1}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Augmentation(**wrong)
