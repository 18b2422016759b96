"""Alignment by the unlabelled test clips: what chooses it, and what it may not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.methods import METHODS, Ridge
from skelzero.methods.alignment import AlignmentSettings, align, align_scores
from skelzero.protocol.experiment import run_task, train
from skelzero.protocol.figures import ONE_SHOT_SETTINGS, TRANSDUCTIVE_SETTINGS, family, figures
from skelzero.protocol.one_shot import one_shot
from skelzero.protocol.phases import Judged, fit_on, judge
from skelzero.protocol.result import SplitFacts, Task
from skelzero.protocol.transduction import Stream, branch_stream, fit_transduction, unseen_stream


@pytest.fixture
def judged(world: Any) -> Judged:
    phase = world.bench().final()
    return judge(phase, fit_on(phase, Ridge, seed=0))


@pytest.fixture
def pseudo(world: Any) -> Judged:
    phase = world.bench().pseudo()[0]
    return judge(phase, fit_on(phase, Ridge, seed=0))


def test_a_stream_holds_both_spaces(judged: Judged) -> None:
    stream = unseen_stream(judged, 0.5)
    assert stream.own is not None and len(stream.scores) == len(judged.unseen_truth)
    np.testing.assert_allclose(stream.own[0] @ stream.own[1].T, stream.scores, atol=1e-5)
    settings = AlignmentSettings(alpha=0.5)
    np.testing.assert_array_equal(stream.align("own", settings).scores, align(*stream.own, settings).scores)
    by_scores = align_scores(stream.features, stream.scores, AlignmentSettings(alpha=0.5, temperature=0.5))
    np.testing.assert_array_equal(stream.align("features", settings).scores, by_scores.scores)


def test_the_best_attempt_is_chosen_and_all_are_told(pseudo: Judged) -> None:
    chosen = fit_transduction([pseudo], 0.2, "prototypes")
    best = max(a.top1[0] for a in chosen.attempts)
    taken = next(a for a in chosen.attempts if (a.space, a.settings) == (chosen.space, chosen.settings))
    assert taken.top1[0] == best
    assert {a.space for a in chosen.attempts} == {"own", "features"} and len(chosen.attempts) == 12
    assert chosen.without[0] == pytest.approx((pseudo.unseen_scores.argmax(1) == pseudo.unseen_truth).mean())


def test_the_guard_leaves_what_it_distrusts(pseudo: Judged, judged: Judged) -> None:
    chosen = fit_transduction([pseudo], 0.2, "prototypes")
    stream = unseen_stream(judged, 0.2)
    for kind, expected in (("never", stream.scores), ("always", chosen.scores(stream))):
        ruled = chosen.model_copy(update={"switch": type(chosen.switch)(kind=kind)})
        np.testing.assert_array_equal(ruled.scores(stream, guarded=True), expected)


def test_balanced_gives_equal_shares(pseudo: Judged, judged: Judged) -> None:
    chosen = fit_transduction([pseudo], 0.2, "balanced")
    stream = unseen_stream(judged, 0.2)
    shares = np.exp(chosen.scores(stream)).sum(axis=0)
    np.testing.assert_allclose(shares, len(stream.scores) / stream.scores.shape[1], rtol=1e-4)
    assert chosen.switch is None


def test_foreign_clips_are_those_of_seen_classes(judged: Judged) -> None:
    everything, own = branch_stream(judged, 1.0), unseen_stream(judged, 1.0)
    assert len(everything.scores) == len(judged.truth) > len(own.scores)
    assert everything.scores.shape[1] == own.scores.shape[1] == judged.phase.others


def test_choices_do_not_look_at_the_test(world: Any, make_world: Callable[..., Any]) -> None:
    def chosen(bench: Any) -> Any:
        return train(bench, "ridge", {}, transductive=TRANSDUCTIVE_SETTINGS).transductions

    test = ~world.bench().partition.train
    other = np.random.default_rng(0).permutation(world.clips.features)
    moved = replace(world.clips, features=np.where(test[:, None], other, world.clips.features))
    assert chosen(world.bench(make_world(moved))) == chosen(world.bench())


def result_of(world: Any, *settings: str) -> Any:
    task = Task(
        method="ridge", data="nowhere", checksum="world", split=SplitFacts.of(world.split), seed=0,
        class_set="made-up", text_sha256="world", text_encoder="the tests", kinds=("action",), settings=settings,
    )  # fmt: skip
    return run_task(task, world.bench())


def test_transductive_figures_stand_apart_and_say_what_they_saw(world: Any) -> None:
    plain = result_of(world, "zsl", "gzsl")
    found = result_of(world, "zsl", "gzsl", *TRANSDUCTIVE_SETTINGS)
    assert set(found.metrics) == {"zsl", "gzsl", *TRANSDUCTIVE_SETTINGS}
    for setting in ("zsl", "gzsl"):
        assert found.metrics[setting] == plain.metrics[setting], "an inductive figure changed"
    for setting in TRANSDUCTIVE_SETTINGS:
        seen = found.metrics[setting]["clips_seen"]
        assert seen == sum(count for _, _, count in found.confusion[setting])
        assert found.chance[setting] == {k: v for k, v in found.chance[family(setting)].items()
                                         if k in found.metrics[setting]}  # fmt: skip
    assert set(found.transductions) == {"prototypes", "balanced", "among_all"} and not plain.transductions


def test_one_shot_takes_examples_of_other_people(world: Any, judged: Judged) -> None:
    given = judged.phase.exemplars
    assert given is not None and set(given.codes) == set(world.split.unseen)
    assert not set(given.names) & set(judged.phase.held.names)
    shot = one_shot(judged, with_text=False, seed=1, draws=3)
    M = len(judged.unseen_truth)
    assert shot.space == "own" and shot.scores.shape == (3 * M, judged.phase.others)
    rng = np.random.default_rng([1, 7])
    clips, examples = (judged.method.embed(c.features, judged.phase.unseen_bank)[0] for c in (judged.phase.held, given))
    first = [int(rng.choice(np.flatnonzero(given.codes == code))) for code in world.split.unseen]
    held = clips[~judged.seen[judged.truth]]
    np.testing.assert_allclose(shot.scores[:M], held @ examples[first].T, atol=1e-6)


def test_an_example_is_far_above_chance_and_beats_the_words(world: Any) -> None:
    found = result_of(world, "zsl", *ONE_SHOT_SETTINGS)
    assert found.metrics["one-shot"]["top1"] > max(0.6, found.metrics["zsl"]["top1"])  # chance 0.33
    assert found.metrics["one-shot-text"]["top1"] > 0.6


def test_the_text_is_averaged_with_the_example(judged: Judged) -> None:
    given, bank = judged.phase.exemplars, judged.phase.unseen_bank
    assert given is not None
    shot = one_shot(judged, with_text=True, seed=2, draws=1)
    rng = np.random.default_rng([2, 7])
    for k, code in enumerate(judged.phase.codes[judged.phase.fitted :]):
        row = int(rng.choice(np.flatnonzero(given.codes == code)))
        example, text = judged.method.embed(given.features[[row]], bank)
        both = example[0] + text[k]
        clip = judged.method.embed(judged.phase.held.features, bank)[0][~judged.seen[judged.truth]][0]
        assert shot.scores[0, k] == pytest.approx(clip @ both / np.linalg.norm(both), abs=1e-6)


def test_one_shot_says_what_is_missing(judged: Judged) -> None:
    assert judged.phase.exemplars is not None
    none = replace(judged.phase, exemplars=judged.phase.exemplars.take(np.arange(3)))
    with pytest.raises(UserError, match="could serve as an example"):
        one_shot(replace(judged, phase=none), with_text=False, seed=0)
    phase = judged.phase
    spaceless = judge(phase, fit_on(phase, lambda: METHODS["scale"](steps=5), seed=0))
    assert one_shot(spaceless, with_text=False, seed=0).space == "features"
    with pytest.raises(UserError, match="has no space"):
        figures(spaceless, 0.0, ("one-shot-text",))


def test_a_stream_of_chosen_clips(judged: Judged) -> None:
    stream: Stream = unseen_stream(judged, 1.0).take(np.array([2, 0]))
    assert stream.own is not None and len(stream.own[0]) == 2 and len(stream.own[1]) == judged.phase.others
