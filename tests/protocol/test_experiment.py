"""One task: what is fitted, what judges, what may change the choices, and the figures by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.methods import METHODS, MethodSpec, Ridge
from skelzero.protocol.experiment import candidates, run_task, stack, train
from skelzero.protocol.figures import figures
from skelzero.protocol.phases import fit_on, judge
from skelzero.protocol.result import Result, SplitFacts, Task
from skelzero.protocol.selection import select


class Spy(Ridge):
    """Ridge regression that notes what it is given."""

    fitted: list[tuple[np.ndarray, np.ndarray, tuple[str, ...]]]
    scored: list[tuple[np.ndarray, tuple[str, ...]]]

    def _fit(self, x: Any, y: Any, bank: Any, run: Any) -> None:
        type(self).fitted.append((x, y, bank.classes))
        super()._fit(x, y, bank, run)

    def _scores(self, x: Any, bank: Any) -> Any:
        type(self).scored.append((x, bank.classes))
        return super()._scores(x, bank)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> type[Spy]:
    Spy.fitted, Spy.scored = [], []
    monkeypatch.setitem(METHODS._entries, "spy", MethodSpec("spy", Spy))
    return Spy


def task(world: Any, method: str = "ridge", **changes: Any) -> Task:
    return Task(
        method=method, data="nowhere", checksum="world", split=SplitFacts.of(world.split), seed=0,
        class_set="made-up", text_sha256="world", text_encoder="the tests", kinds=("action",), **changes,
    )  # fmt: skip


def rows_of(features: np.ndarray, clips: Any) -> np.ndarray:
    """Which clips these feature rows are; features are all different."""
    known = {row.tobytes(): i for i, row in enumerate(clips.features)}
    return np.array([known[np.ascontiguousarray(row).tobytes()] for row in features])


def test_fit_sees_only_training_clips_and_texts_of_seen_classes(world: Any, spy: type[Spy]) -> None:
    run_task(task(world, "spy"), world.bench())
    seen = {f"utd_mhad:{code}" for code in world.split.seen}
    assert len(spy.fitted) == 4  # three candidates and the refit
    for x, y, classes in spy.fitted:
        rows = rows_of(x, world.clips)
        assert set(world.clips.subjects[rows]) <= {1, 3, 5, 7}
        assert set(classes) <= seen
        assert [f"utd_mhad:{code}" for code in world.clips.codes[rows]] == [classes[i] for i in y]
    assert spy.fitted[-1][2] == tuple(f"utd_mhad:{code}" for code in world.split.seen)


def test_nothing_of_unseen_classes_is_touched_before_the_refit(world: Any, spy: type[Spy]) -> None:
    train(world.bench(), "spy", {})
    unseen = {f"utd_mhad:{code}" for code in world.split.unseen}
    for x, classes in spy.scored:
        assert not unseen & set(classes)
        rows = rows_of(x, world.clips)
        assert set(world.clips.subjects[rows]) <= {1, 3, 5, 7}, "a test clip was scored while choosing"
        assert not set(world.clips.codes[rows]) & set(world.split.unseen)


def test_encoders_never_see_what_they_must_not(world: Any, make_world: Callable[..., Any]) -> None:
    source = make_world(world.clips)
    bench = world.bench(source, folds=2)
    train(bench, "ridge", {})
    clips = world.clips
    pseudo = [asked for asked in source.asked if set(asked.classes) < set(world.split.seen)]
    assert len(source.asked) == 3 and len(pseudo) == 2
    for phase in bench.pseudo():
        others = set(phase.codes[phase.fitted :])
        assert not others & set(phase.codes[: phase.fitted])
    for asked in source.asked:
        assert set(clips.subjects[asked.fit]) <= {1, 3, 5, 7}
        assert set(clips.codes[asked.fit & np.isin(clips.codes, asked.classes)]) == set(asked.classes)
    assert set(pseudo[0].classes) == set(world.split.seen) - set(world.split.pseudo_unseen)
    assert len(set(clips.subjects[pseudo[0].fit])) == 3, "one training subject is held out for the seen side"


class Staged(Ridge):
    """Ridge regression whose penalty is chosen after the fit: three stages, one of which is hopeless."""

    staged = True
    fits = 0

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}]

    def _fit(self, x: Any, y: Any, bank: Any, run: Any) -> None:
        type(self).fits += 1
        self.kept_ = []
        for alpha in (1e6, 1.0, 0.1):
            self.settings = self.settings.model_copy(update={"alpha": alpha})
            super()._fit(x, y, bank, run)
            self.kept_.append(self.weights_ * (-1 if alpha > 1e5 else 1))

    def stages(self) -> list[dict[str, Any]]:
        return [{"stage": i} for i in range(len(self.kept_))]

    def at(self, stage: dict[str, Any]) -> Any:
        other = copy.copy(self)
        other.weights_ = self.kept_[stage["stage"]]
        return other


def test_stages_of_one_fit_are_chosen_among_without_the_test(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS._entries, "staged", MethodSpec("staged", Staged))
    Staged.fits = 0
    trained = train(world.bench(), "staged", {})
    assert Staged.fits == 2, "one pseudo phase and the refit"
    assert len(trained.selection.trials) == 3 and trained.selection.stage["stage"] > 0
    tops = [trial.top1[0] for trial in trained.selection.trials]
    assert tops[trained.selection.chosen] == max(tops)
    phase = world.bench().final()
    fitted = fit_on(phase, Staged, seed=0)
    shown = [(fitted.at(s).predict(phase.held.features, phase.unseen_bank) + phase.fitted) for s in fitted.stages()]
    of_unseen = phase.held_truth >= phase.fitted
    best = max((p[of_unseen] == phase.held_truth[of_unseen]).mean() for p in shown)
    assert trained.best_on_test == pytest.approx(best)
    result = run_task(task(world, "staged"), world.bench())
    assert result.metrics["zsl"]["top1_best_on_test"] == pytest.approx(best)
    assert result.metrics["zsl"]["top1"] <= best


@pytest.mark.parametrize("damage", ["labels", "features", "seen test clips"])
def test_test_clips_change_no_choice(world: Any, make_world: Callable[..., Any], damage: str) -> None:
    honest = train(world.bench(), "ridge", {})
    rng = np.random.default_rng(3)
    clips = world.clips
    test = clips.subjects % 2 == 0
    unseen_test = test & np.isin(clips.codes, world.split.unseen)
    codes, features = clips.codes.copy(), clips.features.copy()
    if damage == "labels":
        codes[unseen_test] = rng.permutation(codes[unseen_test])
    elif damage == "features":
        features[unseen_test] = rng.normal(size=features[unseen_test].shape)
    else:
        features[test & ~unseen_test] *= -3
    other = world.bench(make_world(replace(clips, codes=codes, features=features)))
    changed = train(other, "ridge", {})
    assert changed.selection == honest.selection and changed.stacking == honest.stacking
    assert (changed.method.weights_ == honest.method.weights_).all()
    before, after = judge(world.bench().final(), honest.method), judge(other.final(), changed.method)
    assert changed.stacking.constant(after.reference) == honest.stacking.constant(before.reference)


def test_leaky_encoder_is_refused_or_marked(world: Any, make_world: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"trained on unseen classes(.|\n)*utd_mhad:c10"):
        world.bench(make_world(world.clips, known=world.codes)).final()
    bench = world.bench(make_world(world.clips, known=world.codes), allow_leaky=True)
    result = run_task(task(world, allow_leaky=True), bench)
    assert result.leaky and result.selection is not None and result.selection.encoder_saw_pseudo
    honest = run_task(task(world), world.bench())
    assert not honest.leaky and honest.selection is not None and not honest.selection.encoder_saw_pseudo


def test_figures_by_hand(world: Any) -> None:
    bench = world.bench()
    phase = bench.final()
    method = fit_on(phase, lambda: Ridge(alpha=1.0), seed=0)
    judged = judge(phase, method)
    found = figures(judged, gamma=0.2)
    clips, right, count = world.clips, {"zsl": 0, "S": 0, "U": 0}, {"zsl": 0, "S": 0, "U": 0}
    for row in np.flatnonzero(clips.subjects % 2 == 0):
        x, code = clips.features[row : row + 1], clips.codes[row]
        scores = dict(zip(phase.codes, method.scores(x, phase.bank)[0], strict=True))
        shifted = {c: s - 0.2 * (c in world.split.seen) for c, s in scores.items()}
        side = "S" if code in world.split.seen else "U"
        count[side] += 1
        right[side] += max(shifted, key=shifted.__getitem__) == code
        if side == "U":
            among = {c: scores[c] for c in world.split.unseen}
            count["zsl"] += 1
            right["zsl"] += max(among, key=among.__getitem__) == code
    assert found.metrics["zsl"]["top1"] == pytest.approx(right["zsl"] / count["zsl"])
    assert found.metrics["gzsl"]["S"] == pytest.approx(right["S"] / count["S"])
    assert found.metrics["gzsl"]["U"] == pytest.approx(right["U"] / count["U"])
    # Every class has as many clips as any other here, so both ways of counting agree.
    assert found.metrics["zsl"]["per_class"] == pytest.approx(found.metrics["zsl"]["top1"])
    assert sum(n for _, _, n in found.confusion["gzsl"]) == count["S"] + count["U"]
    assert sum(n for truth, answer, n in found.confusion["zsl"] if truth == answer) == right["zsl"]


def test_the_world_can_be_learned_and_calibration_pays(world: Any) -> None:
    result = run_task(task(world), world.bench())
    assert result.metrics["zsl"]["top1"] > 0.6 > result.chance["zsl"]["top1"] == pytest.approx(1 / 3)
    gzsl = result.metrics["gzsl"]
    assert gzsl["H"] > gzsl["H_uncalibrated"]
    assert gzsl["H"] <= gzsl["H_best_on_test"] + 1e-9
    assert gzsl["H_best_on_test"] <= gzsl["H_oracle_gate"] + 1e-9


def test_result_survives_its_file(world: Any) -> None:
    result = run_task(task(world), world.bench())
    assert Result.model_validate_json(result.model_dump_json()) == result
    assert result.diagnostics["encoder_seen_top1"] is not None
    assert result.method_settings["alpha"] in (0.1, 1.0, 10.0)


def test_same_task_same_figures(world: Any) -> None:
    first, second = (run_task(task(world), world.bench()) for _ in range(2))
    assert first.metrics == second.metrics and first.key == second.key


def test_only_what_is_asked_for_is_judged(world: Any) -> None:
    result = run_task(task(world, settings=("zsl",)), world.bench())
    assert set(result.metrics) == {"zsl"} and result.stacking is None and result.gamma is None


def test_best_candidate_is_chosen_and_ties_go_to_the_default(world: Any) -> None:
    phases = world.bench().pseudo()
    selection, _ = select(lambda s: Ridge(**s), [{"alpha": 1e9}, {"alpha": 0.1}], phases, seed=0)
    tried = [np.mean(trial.top1) for trial in selection.trials]
    assert tried[selection.chosen] == max(tried)
    selection, _ = select(lambda s: Ridge(**s), [{"alpha": 1.0}, {"alpha": 1.0}], phases, seed=0)
    assert selection.chosen == 0
    assert selection.pseudo_unseen == [list(world.split.pseudo_unseen)]


def test_fixed_settings_hold_for_every_candidate() -> None:
    assert candidates("ridge", {}) == [{"alpha": 1.0}, {"alpha": 0.1}, {"alpha": 10.0}]
    assert candidates("ridge", {"alpha": 3.0}) == [{"alpha": 3.0}]


def test_folds_average_places(world: Any) -> None:
    bench = world.bench(folds=3)
    trained = train(bench, "ridge", {})
    places = [stack([j]).place for j in trained.pseudo]
    assert trained.stacking.place == pytest.approx(np.median(places))
    assert len(trained.selection.trials[0].top1) == 3


def test_classes_without_clips_are_named(world: Any, make_world: Callable[..., Any]) -> None:
    clips = world.clips
    gone = clips.take(np.flatnonzero((clips.codes != "c10") | (clips.subjects % 2 == 1)))
    with pytest.raises(UserError, match=r"classes without test clips(.|\n)*c10"):
        world.bench(make_world(gone)).final()
    gone = clips.take(np.flatnonzero(clips.codes != "c10"))
    with pytest.raises(UserError, match=r"not in the data(.|\n)*c10"):
        world.bench(make_world(gone))
