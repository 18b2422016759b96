"""What is registered keeps the contract: one suite for every method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.methods import METHODS, ZeroShotMethod, base, load_method
from skelzero.text import TextBank
from skelzero.text.attributes.schema import load_schema

Problem = tuple[np.ndarray, np.ndarray, TextBank]
Texts = Callable[[str, TextBank], TextBank]
WIDTH = 32
A = len(load_schema())
BLOCKS = {"network": (0, WIDTH), "attributes": (WIDTH, WIDTH + A)}
"""Of methods of motion attributes: these were measured beside what an encoder gave."""
QUICK = {"steps": 20, "epochs": 0, "batch": 64}


def quick(name: str) -> ZeroShotMethod:
    spec = METHODS[name]
    fields = spec.method.Settings.model_fields
    return spec(**{k: v for k, v in QUICK.items() if k in fields})


def quick_fit(name: str, x: np.ndarray, y: np.ndarray, bank: TextBank, **options: Any) -> ZeroShotMethod:
    blocks = BLOCKS if METHODS[name].method.described else {}
    return quick(name).fit(x, y, bank, blocks=blocks, **options)


@pytest.fixture(scope="session")
def texts_for(parts: Callable[[TextBank], TextBank], describe: Callable[[TextBank], TextBank]) -> Texts:
    """A bank with the semantics that a method cannot do without."""

    def texts(name: str, bank: TextBank) -> TextBank:
        found = parts(bank) if METHODS[name].method.requires else bank
        return describe(found) if METHODS[name].method.described else found

    return texts


@pytest.fixture(params=list(METHODS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def own(name: str, problem: Problem, texts_for: Texts, measure: Callable[..., np.ndarray]) -> Problem:
    """The problem, told in the texts that the method reads, with measured attributes if it needs them."""
    x, y, bank = problem
    bank = texts_for(name, bank)
    if METHODS[name].method.described:
        x = np.concatenate([x, measure(bank, y)], axis=1)
    if METHODS[name].method.end_to_end:
        # What the adapter of an encoder trained for it would give: vectors as wide as the class vectors.
        x = x @ np.random.default_rng(7).standard_normal((x.shape[1], bank.vectors().shape[1])).astype(np.float32)
    return x, y, bank


@pytest.fixture(scope="module")
def fitted(name: str, own: Problem) -> ZeroShotMethod:
    x, y, bank = own
    return quick_fit(name, x, y, bank, seed=3)


def test_scores_have_a_column_a_class_and_predict_takes_the_best(fitted: ZeroShotMethod, own: Problem) -> None:
    x, _, bank = own
    scores = fitted.scores(x[:7], bank.take([0, 5, 2]))
    assert scores.shape == (7, 3) and np.isfinite(scores).all()
    np.testing.assert_array_equal(fitted.predict(x[:7], bank.take([0, 5, 2])), scores.argmax(axis=1))


def test_the_order_of_classes_and_clips_does_not_matter(fitted: ZeroShotMethod, own: Problem) -> None:
    x, _, bank = own
    order = np.random.default_rng(0).permutation(len(bank))
    expected = fitted.scores(x[:30], bank)
    np.testing.assert_allclose(fitted.scores(x[:30], bank.take(order)), expected[:, order], atol=2e-5)
    np.testing.assert_allclose(fitted.scores(x[:30][::-1], bank), expected[::-1], atol=2e-5)


def test_many_clips_are_scored_in_blocks(fitted: ZeroShotMethod, own: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    x, _, bank = own
    expected = fitted.scores(x[:30], bank)
    monkeypatch.setattr(base, "BLOCK", 8)
    found = fitted.scores(x[:30], bank)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_space_of_clips_and_classes_gives_the_scores(fitted: ZeroShotMethod, own: Problem) -> None:
    x, _, bank = own
    space = fitted.embed(x[:9], bank)
    if space is None:
        return
    clips, classes = space
    np.testing.assert_allclose(np.linalg.norm(clips, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(clips @ classes.T, fitted.scores(x[:9], bank), atol=1e-5)


def test_saved_and_loaded_is_the_same(fitted: ZeroShotMethod, own: Problem, tmp_path: Path) -> None:
    x, _, bank = own
    fitted.save(tmp_path / "m")
    loaded = load_method(tmp_path / "m")
    assert type(loaded) is type(fitted) and loaded.settings == fitted.settings
    np.testing.assert_array_equal(loaded.scores(x, bank), fitted.scores(x, bank))


def test_other_widths_and_broken_clips_are_refused(fitted: ZeroShotMethod, own: Problem) -> None:
    x, _, bank = own
    with pytest.raises(UserError, match="features do not fit"):
        fitted.scores(x[:, :-1], bank)
    with pytest.raises(UserError, match="not finite"):
        fitted.scores(np.where(np.arange(len(x))[:, None] == 3, np.nan, x).astype(np.float32), bank)
    narrow = replace(bank, pooled={k: v[:, :-1] for k, v in bank.pooled.items()})
    with pytest.raises(UserError, match="another encoder"):
        fitted.scores(x, narrow)


def test_equal_seeds_give_equal_scores(name: str, own: Problem) -> None:
    x, y, bank = own
    first, second = (quick_fit(name, x, y, bank, seed=5).scores(x, bank) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["ridge", "eszsl", "scale"])
def test_seen_classes_are_learned_and_unseen_ones_understood(name: str, many_classes: Problem) -> None:
    x, y, bank = many_classes
    seen = y < 48
    spec = METHODS[name]
    method = (spec(steps=300, batch=32) if name == "scale" else spec()).fit(x[seen], y[seen], bank.take(range(48)))
    assert (method.predict(x[seen], bank.take(range(48))) == y[seen]).mean() > 0.9
    assert (method.predict(x[~seen], bank.take(range(48, 60))) == y[~seen] - 48).mean() > 0.4  # chance 0.083


def test_bad_training_data_are_refused(name: str, own: Problem) -> None:
    x, y, bank = own
    with pytest.raises(UserError, match="not a row"):
        quick(name).fit(x, y + 1, bank)
    with pytest.raises(UserError, match="two seen classes"):
        quick(name).fit(x, np.zeros_like(y), bank)
    with pytest.raises(UserError, match="labels do not fit"):
        quick(name).fit(x, y[:-1], bank)
    with pytest.raises(UserError, match="not fitted"):
        quick(name).scores(x, bank)
    with pytest.raises(UserError, match="setting"):
        METHODS[name](colour="red")
    with pytest.raises(UserError, match="kind of text"):
        METHODS[name](kinds=("label",)).fit(x, y, bank)


@pytest.mark.parametrize("name", [n for n in METHODS if METHODS[n].method.requires])
def test_texts_that_a_method_cannot_do_without_are_asked_for(name: str, problem: Problem, texts_for: Texts) -> None:
    x, y, bank = problem
    needed = METHODS[name].method.requires
    with pytest.raises(UserError, match=f"build the bank with --semantics {','.join(needed)}"):
        quick(name).fit(x, y, bank)
    with pytest.raises(UserError, match=f"needs {needed[-1]} texts"):
        METHODS[name](kinds=needed[:1]).fit(x, y, texts_for(name, bank))


@pytest.mark.parametrize("name", [n for n in METHODS if METHODS[n].method.requires])
def test_texts_that_a_method_does_not_read_change_nothing(name: str, problem: Problem, texts_for: Texts) -> None:
    x, y, bank = problem
    needed = texts_for(name, bank)
    parts = ("pooled", "tokens", "mask")
    both = replace(bank, kinds=bank.kinds + needed.kinds,
                   **{part: getattr(bank, part) | getattr(needed, part) for part in parts})  # fmt: skip
    first, second = (quick(name).fit(x, y, b, seed=5).scores(x, b) for b in (needed, both))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", [n for n in METHODS if METHODS[n].method.described])
def test_measured_and_described_attributes_are_asked_for(name: str, problem: Problem, texts_for: Texts) -> None:
    x, y, bank = problem
    with pytest.raises(UserError, match=r"measured motion attributes(.|\n)*got: network(.|\n)*kinematics"):
        quick(name).fit(x, y, texts_for(name, bank), blocks={"network": (0, WIDTH)})
    wide = np.pad(x, [(0, 0), (0, A)])
    with pytest.raises(UserError, match=r"no motion attributes(.|\n)*add attributes to --semantics"):
        quick_fit(name, wide, y, bank)
    fitted = quick_fit(name, wide, y, texts_for(name, bank))
    with pytest.raises(UserError, match="no motion attributes"):
        fitted.scores(wide, bank)


def test_what_stands_beside_the_features_changes_nothing_for_others(problem: Problem) -> None:
    x, y, bank = problem
    first, second = (METHODS["ridge"]().fit(x, y, bank, blocks=b).scores(x, bank) for b in ({}, {"network": (0, 32)}))
    np.testing.assert_array_equal(first, second)


def test_a_damaged_method_is_a_users_error(problem: Problem, tmp_path: Path) -> None:
    x, y, bank = problem
    quick("scale").fit(x, y, bank).save(tmp_path / "m")
    weights = tmp_path / "m" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(UserError, match="damaged"):
        load_method(tmp_path / "m")


def test_ridge_is_sklearns_ridge(problem: Problem) -> None:
    from sklearn.linear_model import Ridge as Reference

    x, y, bank = problem
    method = METHODS["ridge"](alpha=0.3).fit(x, y, bank)
    z = np.clip((x - x.mean(0)) / x.std(0), -5, 5)
    texts = bank.vectors() - bank.vectors().mean(0)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    predicted = Reference(alpha=0.3 * len(x), fit_intercept=False).fit(z, texts[y]).predict(z)
    predicted /= np.linalg.norm(predicted, axis=1, keepdims=True)
    np.testing.assert_allclose(method.scores(x, bank), predicted @ texts.T, atol=1e-4)
