"""What a method costs: products counted by hand, in numpy and in torch, and the encoder's parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from skelzero.methods import METHODS, Ridge
from skelzero.protocol.cost import CountingArray, count_macs, encoder_cost, macs_of_a_clip, measure
from skelzero.protocol.phases import fit_on


def fitted(world: Any, name: str, **settings: Any) -> Any:
    return fit_on(world.bench().final(), lambda: METHODS[name](**settings), seed=0)


def test_ridge_by_hand(world: Any) -> None:
    phase = world.bench().final()
    method = fit_on(phase, Ridge, seed=0)
    D, E, K = phase.held.features.shape[1], phase.bank.vectors().shape[1], len(phase.bank)
    assert macs_of_a_clip(method, phase.held.features, phase.bank) == D * E + E * K
    cost = measure(method, phase, {"fit": 1.25, "selection": 2.0, "judge": 0.5, "total": 4.0})
    assert cost.parameters == D * E and cost.classes == K
    assert cost.seconds == {"selection": 2.0, "fit": 1.25, "judge": 0.5}


def test_products_of_torch_are_counted_as_well(world: Any) -> None:
    phase = world.bench().final()
    D, K = phase.held.features.shape[1], len(phase.bank)
    method = fitted(world, "scale", steps=2, batch=8)
    s, net = method.settings, method.net_
    posterior = D * s.hidden + s.hidden * 2 * s.latent
    carrier, per_class = s.latent * s.code, s.code * s.code + s.code * D
    energy = 2 * s.latent * K  # two products of latents by classes
    assert macs_of_a_clip(method, phase.held.features, phase.bank) == posterior + carrier + energy + K * per_class
    assert method.parameters == sum(p.numel() for p in net.parameters())


def test_what_is_done_once_for_the_classes_drops_out(world: Any) -> None:
    phase = world.bench().final()
    method = fitted(world, "scale", steps=2, batch=8)
    x = phase.held.features
    once = count_macs(method, x[:4], phase.bank) - 4 * macs_of_a_clip(method, x, phase.bank)
    assert once > 0, "texts are encoded, too"


def test_counting_changes_no_score_and_no_array(world: Any) -> None:
    phase = world.bench().final()
    for name in ("ridge", "eszsl", "devise"):
        method = fitted(world, name)
        x, before = phase.held.features.copy(), method.scores(phase.held.features, phase.bank)
        assert count_macs(method, x, phase.bank) > 0
        np.testing.assert_array_equal(x, phase.held.features)
        np.testing.assert_array_equal(method.scores(x, phase.bank), before)
        assert type(before) is np.ndarray


def test_products_that_escape_are_not_called_zero(world: Any) -> None:
    class Escapes(Ridge):
        def _scores(self, x: Any, bank: Any) -> Any:
            return super()._scores(np.array(x), bank)

    phase = world.bench().final()
    method = fit_on(phase, Escapes, seed=0)
    assert macs_of_a_clip(method, phase.held.features, phase.bank) is None


def test_an_array_counts_in_place_and_through_functions() -> None:
    a = np.ones((3, 4), np.float32).view(CountingArray)
    a.tally = [0]
    b = np.where(a > 0, a, 0) @ np.ones((4, 5), np.float32)
    b += 1
    c = np.clip(b, 0, 9) @ b.T
    assert isinstance(c, CountingArray) and a.tally == [3 * 4 * 5 + 3 * 5 * 3]
    assert float(c[0, 0]) == 5 * 25.0 and torch.from_numpy(c).shape == (3, 3)


def test_an_encoders_parameters_are_those_of_the_network_without_its_head() -> None:
    from skelzero.clips import load_layout
    from skelzero.encoders import ENCODERS, EncoderCard, SkeletonGraph

    graph = SkeletonGraph.from_layout(load_layout("kinect20-utd"))
    facts: dict[str, Any] = {"graph": graph, "layout_checksum": "", "pipeline": "", "persons": 2, "classes": ("a", "b")}
    network = ENCODERS["shift-gcn:small"].build(graph, 7, persons=2)
    own = sum(p.numel() for name, p in network.named_parameters() if not name.startswith("head."))
    before = torch.random.get_rng_state()
    assert encoder_cost(EncoderCard(encoder="shift-gcn:small", **facts)) == (own, None)
    assert encoder_cost(EncoderCard(encoder="of-somebody-else", **facts)) == (None, None)
    assert torch.equal(before, torch.random.get_rng_state()), "building one must not change what is drawn next"


def test_an_encoders_products_are_counted_for_a_body() -> None:
    """Shift-GCN's products are a layer's matrix at every joint and frame, and three taps of every shift over time."""
    from skelzero.clips import load_layout
    from skelzero.encoders import ENCODERS, EncoderCard, SkeletonGraph
    from skelzero.encoders.shifts import TemporalShift

    graph = SkeletonGraph.from_layout(load_layout("kinect20-utd"))
    facts: dict[str, Any] = {"graph": graph, "layout_checksum": "", "persons": 2, "classes": ("a", "b")}
    network = ENCODERS["shift-gcn:small"].build(graph, 2, persons=2).eval()
    counted = [0]

    def count(layer: Any, given: Any, out: Any) -> None:
        B, T, V, _ = given[0].shape
        counted[0] += B * T * V * layer.weight.numel()

    def count_taps(layer: Any, given: Any, out: Any) -> None:
        counted[0] += 3 * out.numel()

    for module in network.modules():
        if isinstance(module, TemporalShift):
            module.register_forward_hook(count_taps)
        elif isinstance(getattr(module, "weight", None), torch.Tensor) and module.weight.ndim == 2:
            module.register_forward_hook(count)
    with torch.no_grad():
        network.bodies(torch.zeros(1, 64, 20, network.channels))
    encoder = EncoderCard(encoder="shift-gcn:small", pipeline="kinect-64", **facts)
    assert encoder_cost(encoder)[1] == counted[0] > 0
    for name in ("st-gcn:small", "ctr-gcn:small"):
        assert (encoder_cost(EncoderCard(encoder=name, pipeline="kinect-64", **facts))[1] or 0) > 1e6


@pytest.mark.parametrize("name", ["ridge", "devise", "conse", "msf", "cada-vae"])
def test_results_carry_their_cost(world: Any, name: str) -> None:
    phase = world.bench().final()
    settings = {"devise": {"steps": 3}, "msf": {"cycles": 1}, "cada-vae": {"steps": 3}}.get(name, {})
    cost = measure(fitted(world, name, **settings), phase, {})
    assert cost.macs is not None and cost.macs > 0 and cost.parameters > 0 and cost.encoder_parameters is None
