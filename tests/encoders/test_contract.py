"""What every registered encoder must do; a new one is tested by being registered."""

from __future__ import annotations

import pytest
import torch

from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, FrozenEncoder, SkeletonEncoder, SkeletonGraph
from skelzero.errors import UserError

SMALL = [name for name in ENCODERS if name.endswith(":small")]
LAYOUTS = ("ntu25", "kinect20-utd", "coco17", "mediapipe33")


def build(name: str, layout: str = "kinect20-utd", *, persons: int = 2, classes: int = 5) -> SkeletonEncoder:
    torch.manual_seed(0)
    return ENCODERS[name].build(SkeletonGraph.from_layout(load_layout(layout)), classes, persons=persons)


def clips(model: SkeletonEncoder, count: int = 3, frames: int = 16, persons: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, model.graph.dims, frames, model.graph.joints, persons or model.persons)
    return torch.randn(shape, generator=generator)


def test_each_encoder_comes_in_two_sizes() -> None:
    assert {name.removesuffix(":small") for name in ENCODERS} == {name for name in ENCODERS if ":" not in name}
    assert len(SMALL) * 2 == len(ENCODERS)
    assert all(ENCODERS[name].summary for name in ENCODERS)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_shapes_on_several_layouts(name: str, layout: str) -> None:
    model = build(name, layout, persons=1).eval()
    x = clips(model, frames=8)
    with torch.no_grad():
        map_ = model.feature_map(x)
        assert map_.shape[:2] == (3, model.feature_width) and map_.shape[3:] == (model.graph.joints, 1)
        torch.testing.assert_close(model.features(x), map_.mean(dim=(2, 3, 4)))
        assert model(x).shape == (3, 5)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("persons", [1, 2])
def test_gradients_reach_every_parameter(name: str, persons: int) -> None:
    model = build(name, persons=persons).train()
    for module in model.modules():
        if hasattr(module, "strength"):
            # Starts at zero, where what it multiplies gets no gradient yet.
            torch.nn.init.constant_(module.strength, 0.1)
    x = clips(model, count=4, frames=8).requires_grad_()
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 3])).backward()
    assert x.grad is not None and bool(x.grad.abs().sum() > 0)
    lost = [k for k, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not lost


@pytest.mark.parametrize("name", ENCODERS)
def test_clips_do_not_see_each_other(name: str) -> None:
    model = build(name).eval()
    x, order = clips(model, count=4, frames=8), torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        torch.testing.assert_close(model(x)[order], model(x[order]))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("absent", [[], [0], [0, 2, 3], [0, 1, 2, 3]])
def test_absent_bodies_are_a_constant(name: str, absent: list[int]) -> None:
    model = build(name).eval()
    x = clips(model, count=4, frames=8)
    x[absent, ..., 1] = 0
    features, logits = FrozenEncoder(model)(x)
    with torch.no_grad():
        torch.testing.assert_close(features, model.features(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(logits, model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
def test_missing_second_bodies_are_absent_ones(name: str) -> None:
    model = build(name).eval()
    one = clips(model, frames=8, persons=1)
    both = torch.cat([one, torch.zeros_like(one)], dim=4)
    with torch.no_grad():
        torch.testing.assert_close(model(one), model(both))
    torch.testing.assert_close(FrozenEncoder(model)(one)[1], FrozenEncoder(model)(both)[1])


@pytest.mark.parametrize("name", ENCODERS)
def test_an_empty_clip_is_no_accident(name: str) -> None:
    model = build(name).eval()
    x = torch.zeros_like(clips(model, count=2, frames=8))
    with torch.no_grad():
        torch.testing.assert_close(FrozenEncoder(model)(x)[1], model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 3, 8, 25, 1), "20 joints"), ((2, 2, 8, 20, 1), "do not fit"), ((2, 3, 8, 20, 3), "1..2 persons"),
     ((2, 3, 8, 20), "do not fit")],
)  # fmt: skip
def test_clips_that_do_not_fit_are_told(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(name)(torch.zeros(shape))


@pytest.mark.parametrize("name", [n for n in ENCODERS if n.startswith("shift-gcn")])
@pytest.mark.parametrize("frames", [50, 2, 6])
def test_shift_gcn_wants_frames_in_fours(name: str, frames: int) -> None:
    model = build(name).eval()
    with pytest.raises(UserError, match="multiple of 4"):
        model(clips(model, frames=frames))
    with pytest.raises(UserError, match="multiple of 4"):
        FrozenEncoder(model).features(clips(model, frames=frames))


@pytest.mark.parametrize("name", ENCODERS)
def test_weights_load_only_whole(name: str) -> None:
    state = build(name).state_dict()
    build(name).load_state_dict(state, strict=True)
    first = next(iter(state))
    with pytest.raises(RuntimeError, match="Missing key"):
        build(name).load_state_dict({k: v for k, v in state.items() if k != first})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        build(name).load_state_dict({**state, "other": torch.zeros(1)})


def test_the_narrow_st_gcn_has_the_published_size() -> None:
    model = ENCODERS["st-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), 55, persons=2)
    without_head = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("head"))
    assert without_head == pytest.approx(821e3, rel=0.02)
