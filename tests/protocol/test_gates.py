"""Gates: the published one by hand, thresholds that carry over, and nothing of the test clips in any choice."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from skelzero.errors import UserError
from skelzero.protocol.detectors import DETECTORS, Evidence
from skelzero.protocol.experiment import run_task, train
from skelzero.protocol.figures import GATED, case_of
from skelzero.protocol.gates import CUTS, GATES, Case, Gate, fit_gates, sorted_probabilities
from skelzero.protocol.phases import judge
from skelzero.protocol.result import SplitFacts, Task


def make_case(seed: int, *, gap: float = 2.0, seen: int = 4, unseen: int = 3, clips: int = 60) -> Case:
    """Clips whose seen logits, scores and features all tell the sides apart, the more the larger the gap."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(clips) % (seen + unseen))
    fitted_truth = np.arange(80) % seen
    is_seen = truth < seen
    hot = np.eye(seen + unseen)[truth] * 3
    scores = hot + rng.normal(size=(clips, seen + unseen)) + 0.5 * gap * (np.arange(seen + unseen) < seen)
    logits = hot[:, :seen] * gap + rng.normal(size=(clips, seen))
    centres = np.pad(4 * np.eye(seen), ((0, 0), (0, 4)))
    held_x = np.where(is_seen[:, None], centres[truth % seen], 2) + 0.7 * rng.normal(size=(clips, seen + 4))
    fitted_x = centres[fitted_truth] + 0.7 * rng.normal(size=(80, seen + 4))
    fitted_scores = 3 * np.eye(seen + unseen)[fitted_truth] + rng.normal(size=(80, seen + unseen))
    fitted_logits = 3 * gap * np.eye(seen)[fitted_truth] + rng.normal(size=(80, seen))
    arrays = (fitted_x, held_x, fitted_logits, logits, fitted_scores, scores)
    fx, hx, fl, hl, fs, hs = (a.astype(np.float32) for a in arrays)
    return Case(Evidence(fx, hx, fitted_truth, fl, hl, fs, hs, hs[:, seen:], np.arange(seen + unseen) < seen), truth)


def fit(names: tuple[str, ...] = GATES, seed: int = 0) -> dict[str, Any]:
    return fit_gates(names, [make_case(seed)], final_sizes=(4, 3), unseen_temperature=1.5)


def test_published_inputs_by_a_loop() -> None:
    evidence = make_case(0).evidence
    got = sorted_probabilities(evidence, 2, seen_temperature=3.0, unseen_temperature=0.5)
    for i in range(len(evidence.held_x)):
        expected: list[float] = []
        for logits, t in ((evidence.unseen_scores[i], 0.5), (evidence.held_logits[i], 3.0)):
            powers = [math.exp(float(v) / t) for v in logits]
            expected += sorted((p / sum(powers) for p in powers), reverse=True)[:2]
        np.testing.assert_allclose(got[i], expected, rtol=1e-5)


def test_published_gate_is_the_best_of_its_grid() -> None:
    """Every temperature and cut by brute force, with scikit-learn's regression used as anyone would."""
    from sklearn.linear_model import LogisticRegression

    case, gate = make_case(3), fit(("msf",), seed=3)["msf"]
    best = 0.0
    for temperature in range(1, 10):
        rows = sorted_probabilities(case.evidence, 3, temperature, 1.5)
        p = LogisticRegression(max_iter=1000).fit(rows, case.is_seen).predict_proba(rows)[:, 1]
        best = max(best, *(case.branches(p).at(cut)[2] for cut in CUTS))
    rating, cut = gate.rate(case.evidence)
    assert case.branches(rating).at(cut)[2] == pytest.approx(best) and 0 <= rating.min() <= rating.max() <= 1
    assert gate.width == 3 and cut in CUTS and (min(CUTS), max(CUTS)) == (0.25, 0.74)


@pytest.mark.parametrize("name", GATES)
def test_gates_carry_over_to_another_phase(name: str) -> None:
    gate = fit((name,))[name]
    for other in (make_case(5), make_case(6, seen=6, unseen=4, clips=100)):
        rating, cut = gate.rate(other.evidence)
        s, u, h = other.branches(rating).at(cut)
        assert h > 0.45, (s, u)


def test_the_combination_is_as_good_as_its_parts() -> None:
    from skelzero.protocol.metrics import gate_auc

    gates, other = fit(), make_case(9)
    auc = {name: gate_auc(other.branches(gate.rate(other.evidence)[0])) for name, gate in gates.items()}
    assert auc["combined"] >= np.median([auc[name] for name in DETECTORS])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(GATES))
def test_a_gate_sends_every_clip_to_exactly_one_branch(seed: int, name: str) -> None:
    case, gate = make_case(seed), fit((name,))[name]
    rating, cut = gate.rate(case.evidence)
    by_seen, by_unseen = case.answers()
    predicted = np.where(rating > cut, by_seen, by_unseen)
    s, u, _ = case.branches(rating).at(cut)
    right = predicted == case.truth
    assert s == pytest.approx(right[case.is_seen].mean()) and u == pytest.approx(right[~case.is_seen].mean())


@pytest.mark.parametrize("name", GATES)
def test_gates_survive_json(name: str) -> None:
    gate, kind = fit((name,))[name], TypeAdapter(Gate)
    again = kind.validate_json(kind.dump_json(gate))
    assert again == gate
    np.testing.assert_array_equal(again.rate(make_case(1).evidence)[0], gate.rate(make_case(1).evidence)[0])


def test_one_side_only_is_refused() -> None:
    case = make_case(0)
    rows = np.flatnonzero(case.is_seen)
    e = case.evidence
    one = Case(replace(e, held_x=e.held_x[rows], held_logits=e.held_logits[rows], held_scores=e.held_scores[rows],
                       unseen_scores=e.unseen_scores[rows]), case.truth[rows])  # fmt: skip
    with pytest.raises(UserError, match="no clips to fit a gate on"):
        fit_gates(("msf",), [one], final_sizes=(4, 3), unseen_temperature=1.0)


def task(world: Any, **changes: Any) -> Task:
    return Task(
        method="ridge", data="nowhere", checksum="world", split=SplitFacts.of(world.split), seed=0,
        class_set="made-up", text_sha256="world", text_encoder="the tests", kinds=("action",), **changes,
    )  # fmt: skip


EVERY = ("zsl", "gzsl", *(GATED + name for name in GATES))


def test_figures_behind_gates_by_hand(world: Any) -> None:
    result = run_task(task(world, settings=EVERY), world.bench())
    assert set(result.metrics) == set(EVERY) and set(result.gates_on_pseudo) == set(GATES)
    bench = world.bench()
    trained = train(bench, "ridge", {}, gates=GATES)
    judged = judge(bench.final(), trained.method)
    case, phase = case_of(judged), bench.final()
    rating, cut = trained.gates["combined"].rate(case.evidence)
    own = {code: i for i, code in enumerate(c.split(":")[1] for c in phase.held.card.encoder.classes)}
    right, count = {True: 0, False: 0}, {True: 0, False: 0}
    for i, code in enumerate(phase.held.codes):
        if rating[i] > cut:
            logits = {c: phase.held.logits[i, own[c]] for c in world.split.seen}
        else:
            scores = trained.method.scores(phase.held.features[i : i + 1], phase.unseen_bank)[0]
            logits = dict(zip(world.split.unseen, scores, strict=True))
        side = code in world.split.seen
        count[side] += 1
        right[side] += max(logits, key=logits.__getitem__) == code
    found = result.metrics["gzsl-combined"]
    assert found["S"] == pytest.approx(right[True] / count[True])
    assert found["U"] == pytest.approx(right[False] / count[False])
    assert found["H"] <= found["H_best_on_test"] + 1e-9 and found["H_best_on_test"] <= found["H_oracle_gate"] + 1e-9


def test_test_clips_change_no_gate(world: Any, make_world: Callable[..., Any]) -> None:
    clips = world.clips
    test = clips.subjects % 2 == 0
    rng = np.random.default_rng(0)
    features, codes = clips.features.copy(), clips.codes.copy()
    features[test] += rng.normal(size=features[test].shape)
    unseen = test & np.isin(codes, world.split.unseen)
    codes[unseen] = rng.permutation(codes[unseen])
    honest = train(world.bench(), "ridge", {}, gates=GATES)
    changed = train(world.bench(make_world(replace(clips, codes=codes, features=features))), "ridge", {}, gates=GATES)
    assert changed.gates == honest.gates


def test_without_logits_a_regression_is_the_seen_branch(world: Any, make_world: Callable[..., Any]) -> None:
    bench = world.bench(make_world(replace(world.clips, logits=None)))
    result = run_task(task(world, settings=("gzsl-msf",)), bench)
    assert result.metrics["gzsl-msf"]["S"] > 2 / 9
