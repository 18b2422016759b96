"""The picture of clips and classes: a balanced choice, a projection checked against another library, small files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skelzero.methods import METHODS, Ridge
from skelzero.protocol.experiment import run_task
from skelzero.protocol.phases import fit_on
from skelzero.protocol.picture import CLIPS, Picture, balanced, draw, project
from skelzero.protocol.result import SplitFacts, Task


def test_equal_sides_are_plain_principal_components() -> None:
    rng = np.random.default_rng(0)
    clips, classes = rng.normal(size=(30, 6)), rng.normal(size=(30, 6)) + 1
    a, b, shares = project(clips, classes)
    model = PCA(2).fit(np.concatenate([clips, classes]))
    expected = model.transform(np.concatenate([clips, classes]))
    np.testing.assert_allclose(np.abs(np.concatenate([a, b])), np.abs(expected), atol=1e-9)
    assert shares == pytest.approx(model.explained_variance_ratio_, abs=1e-4)


def test_both_sides_weigh_the_same() -> None:
    rng = np.random.default_rng(1)
    clips, classes = rng.normal(size=(40, 5)), rng.normal(size=(10, 5))
    a, b, _ = project(clips, classes)
    # The same as if every class stood there four times.
    other, repeated, _ = project(clips, np.repeat(classes, 4, axis=0))
    np.testing.assert_allclose(a, other, atol=1e-9)
    np.testing.assert_allclose(np.repeat(b, 4, axis=0), repeated, atol=1e-9)


def test_the_choice_is_balanced_and_seeded() -> None:
    truth = np.repeat([0, 1, 2], [5, 300, 300])
    rows = balanced(truth, 105, np.random.default_rng(3))
    assert np.bincount(truth[rows]).tolist() == [5, 50, 50] and (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, balanced(truth, 105, np.random.default_rng(3)))
    assert (rows != balanced(truth, 105, np.random.default_rng(4))).any()
    assert len(balanced(truth[:7], 105, np.random.default_rng(3))) == 7


def task(world: Any, seed: int) -> Task:
    return Task(method="ridge", data="nowhere", checksum="world", split=SplitFacts.of(world.split), seed=seed,
                class_set="made-up", text_sha256="world", text_encoder="the tests", kinds=("action",))  # fmt: skip


def test_the_first_seed_has_a_picture_and_the_others_none(world: Any) -> None:
    first, second = (run_task(task(world, seed), world.bench(seed=seed)) for seed in (0, 1))
    picture = Picture.model_validate(first.diagnostics["picture"])
    assert "picture" not in second.diagnostics and "cost" in second.diagnostics
    assert (
        picture.codes == list(world.codes) and picture.seen == 9 and len(picture.clips) == len(picture.truth) <= CLIPS
    )
    assert len(json.dumps(first.diagnostics["picture"])) < 20_000


@pytest.mark.parametrize(("name", "settings"), [
    ("ridge", {}), ("eszsl", {}), ("scale", {"steps": 2}), ("msf", {"cycles": 1}), ("devise", {"steps": 2}),
    ("cada-vae", {"steps": 2}),
])  # fmt: skip
def test_methods_show_their_own_space(world: Any, name: str, settings: dict[str, Any]) -> None:
    phase = world.bench().final()
    method = fit_on(phase, lambda: METHODS[name](**settings), seed=0)
    clips, classes = method.space(phase.held.features, phase.bank)
    assert clips.shape == (len(phase.held), classes.shape[1]) and len(classes) == len(phase.bank)
    assert np.isfinite(clips).all() and np.isfinite(classes).all()
    picture = draw(method, phase)
    assert picture is not None and picture == draw(method, phase)


def test_a_method_without_a_space_has_no_picture(world: Any) -> None:
    phase = world.bench().final()
    assert draw(fit_on(phase, lambda: METHODS["smie"](steps=2), seed=0), phase) is None


def test_clips_lie_nearer_to_their_class_than_to_others(world: Any) -> None:
    picture = draw(fit_on(world.bench().final(), Ridge, seed=0), world.bench().final())
    assert picture is not None
    clips, classes, truth = np.array(picture.clips), np.array(picture.classes), np.array(picture.truth)
    distance = np.linalg.norm(clips[:, None] - classes, axis=2)
    own = distance[np.arange(len(truth)), truth]
    assert (own < np.median(distance, axis=1)).mean() > 0.7
