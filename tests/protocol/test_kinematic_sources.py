"""Sources with kinematic features: alone, behind an encoder's, for aligned encoders and for given ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.caches import cache_folder
from skelzero.clips import ClipStore, write_store
from skelzero.errors import UserError
from skelzero.kinematics import ATTRIBUTES, COURSES, NETWORK, of_clips, of_store
from skelzero.kinematics.pictures import picture_from_front
from skelzero.methods import Pgfa
from skelzero.protocol import sources
from skelzero.protocol.bench import Bench
from skelzero.protocol.grid import _sharing
from skelzero.protocol.plan import Request, encoder_of, kinds_of, plan, plan_one
from skelzero.protocol.sources import AlignedSource, FeatureSource, GivenEncoder, StoreSource
from skelzero.text import TextBank, build_bank, load_class_set, load_text_encoder
from skelzero.text.attributes.schema import load_schema

BOTH = {"encoder": "shift-gcn:small+kinematics", "steps": 2}
PLAIN = {"encoder": "shift-gcn:small", "steps": 2}
ALONE = {"encoder": "kinematics"}
A = len(load_schema())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    write_store(path, synthetic.generate(list(synthetic.actions())[:6], subjects=4, replications=1), source="the tests")
    return path


@pytest.fixture(scope="module")
def expected(store: Path) -> np.ndarray:
    """Kinematic features of all clips, measured one by one."""
    opened = ClipStore.open(store)
    return np.concatenate([np.concatenate(of_clips([opened[i]]), axis=1) for i in range(len(opened))])


def ask(source: FeatureSource) -> tuple[tuple[str, ...], np.ndarray, int]:
    """Four classes, the odd subjects, seed 0."""
    return tuple(sorted(set(source.clips.codes.tolist()))[:4]), source.clips.subjects % 2 == 1, 0


def no_training(*given: Any, **named: Any) -> None:
    pytest.fail("no encoder is needed here")


def test_kinematics_alone_need_no_training(
    store: Path, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(sources, "cached_encoder", no_training)
    source = StoreSource(store, {**ALONE, "steps": 2})
    assert (source.trains, source.has_network, source.kinematic) == (False, False, True)
    assert source.settings == ALONE, "steps of no training make no other task"
    found = source.features(*ask(source))
    np.testing.assert_allclose(found.features, expected, atol=1e-5)
    assert found.card.blocks == {ATTRIBUTES: (0, A), COURSES: (A, expected.shape[1])}
    assert found.card.encoder.encoder == "kinematics" and found.card.encoder.classes == () and found.logits is None
    assert source.changed_features("without-key-frames", *ask(source)) is None


def test_behind_an_encoder_they_change_nothing_of_it(store: Path, expected: np.ndarray) -> None:
    plain, both = StoreSource(store, PLAIN), StoreSource(store, BOTH)
    assert both.training == plain.training == plain.settings
    assert both.settings == {**plain.settings, "encoder": "shift-gcn:small+kinematics"}
    alone = plain.features(*ask(plain))
    kept = sorted(path.name for path in cache_folder("encoders").iterdir())
    found = both.features(*ask(both))
    assert sorted(path.name for path in cache_folder("encoders").iterdir()) == kept, "the same encoder, from the cache"
    width = alone.features.shape[1]
    np.testing.assert_array_equal(found.features[:, :width], alone.features)
    np.testing.assert_allclose(found.features[:, width:], expected, atol=1e-5)
    assert found.card.blocks == {NETWORK: (0, width), ATTRIBUTES: (width, width + A),
                                 COURSES: (width + A, width + expected.shape[1])}  # fmt: skip
    assert found.card.encoder == alone.card.encoder and alone.card.blocks == {}
    np.testing.assert_array_equal(found.logits, alone.logits)
    assert found.names.tolist() == both.clips.names.tolist()


def test_changed_views_keep_the_kinematic_part(store: Path) -> None:
    source = StoreSource(store, BOTH)
    plain, changed = source.features(*ask(source)), source.changed_features("without-key-frames", *ask(source))
    assert changed is not None and changed.card.blocks == plain.card.blocks
    width = plain.card.blocks[NETWORK][1]
    np.testing.assert_array_equal(changed.features[:, width:], plain.features[:, width:])
    assert not np.allclose(changed.features[:, :width], plain.features[:, :width])


def test_of_two_data_sets_only_the_one_that_is_meant_is_measured(tmp_path: Path) -> None:
    clips = list(synthetic.generate(["s01", "s20"], subjects=2, replications=1))
    mixed = [replace(clip, origin=replace(clip.origin, dataset="other" if i % 2 else "synthetic"))
             for i, clip in enumerate(clips)]  # fmt: skip
    write_store(tmp_path / "mixed", mixed, source="the tests")
    source = StoreSource(tmp_path / "mixed", ALONE, dataset="other")
    found = source.features(("s01",), np.ones(2, dtype=bool), 0)
    assert found.names.tolist() == [clips[1].origin.name, clips[3].origin.name]
    expected = np.concatenate(of_clips([clips[1], clips[3]]), axis=1)
    np.testing.assert_allclose(found.features, expected, atol=1e-4)


def test_an_encoder_that_is_trained_for_a_method_stands_alone(store: Path, tmp_path: Path) -> None:
    class_set = load_class_set("synthetic")
    np.save(tmp_path / "texts.npy", np.random.default_rng(1).normal(size=(len(class_set), 6)).astype(np.float32))
    bank = build_bank(class_set, load_text_encoder(f"file:{tmp_path / 'texts.npy'}"), ("action",))

    def bank_of(codes: tuple[str, ...]) -> TextBank:
        return bank.take([class_set.index(code) for code in codes])

    plain, both, alone = (
        AlignedSource(StoreSource(store, settings), Pgfa(steps=2), bank_of) for settings in (PLAIN, BOTH, ALONE)
    )
    assert plain.settings == both.settings and not both.kinematic and both.trains and alone.trains and alone.has_network
    assert alone.settings["encoder"] == "shift-gcn:small"
    found = both.features(*ask(both))
    assert found.card.blocks == {} and found.features.shape[1] == 6, "as wide as the texts"
    np.testing.assert_array_equal(found.features, plain.features(*ask(plain)).features)


def test_a_given_encoder_is_not_trained_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, plain = StoreSource(store, BOTH), StoreSource(store, ALONE)
    encoder = source.encoder(*ask(source))
    monkeypatch.setattr(sources, "cached_encoder", no_training)
    options = {"pipeline": source.pipeline, "dataset": "synthetic"}
    both = GivenEncoder(store, encoder, kinematic=True, **options)
    network = GivenEncoder(store, encoder, kinematic=False, **options)
    none = GivenEncoder(store, None, kinematic=True, **options)
    whole = both.features(*ask(both))
    np.testing.assert_array_equal(whole.features[:, slice(*whole.card.blocks[NETWORK])],
                                  network.features(*ask(network)).features)  # fmt: skip
    np.testing.assert_array_equal(none.features(*ask(none)).features, plain.features(*ask(plain)).features)
    assert none.features(*ask(none)).card.blocks == plain.features(*ask(plain)).card.blocks
    assert not both.trains and not none.has_network and both.has_network


def test_no_class_leaks_through_kinematics(store: Path) -> None:
    """Nobody was trained on them, so any split may be judged; training clips are still training clips."""
    request = Request(methods=["match"], data=store, splits=["random:2"], kinds=["attributes"])
    task = plan_one(request, seed=3)
    source = StoreSource(store, task.encoder)
    bank = build_bank(load_class_set("synthetic"), load_text_encoder("minilm"), task.kinds)
    index = load_class_set("synthetic").index
    bench = Bench(source, task.split.split(), lambda codes: bank.take([index(code) for code in codes]), seed=3)
    assert not bench.leaky and not bench.encoder_saw_pseudo() and bench.encoder_accuracy() is None
    assert set(bench.final().fit.codes) == set(task.split.seen)


def test_each_method_gets_what_it_needs_and_no_more(store: Path) -> None:
    request = Request(methods=["ridge", "match", "skelzero", "jpose"], data=store, splits=["random:2#0"], seeds=1,
                      kinds=["action"], encoder=PLAIN)  # fmt: skip
    tasks = {task.method: task for task in plan(request)}
    assert {m: t.encoder["encoder"] for m, t in tasks.items()} == {
        "ridge": "shift-gcn:small", "match": "kinematics", "skelzero": "shift-gcn:small+kinematics",
        "jpose": "shift-gcn:small",
    }  # fmt: skip
    assert {m: t.kinds for m, t in tasks.items()} == {
        "ridge": ("action",), "match": ("action", "attributes"), "skelzero": ("action", "attributes"),
        "jpose": ("verb", "noun"),
    }  # fmt: skip
    assert tasks["match"].encoder == ALONE and tasks["skelzero"].encoder["steps"] == 2
    assert len({task.unit for task in tasks.values()}) == 1
    assert _sharing([tasks["match"], tasks["skelzero"]]).method == "skelzero", "whose encoder has to be trained ahead"


def test_attributes_are_added_where_none_were_asked_for(store: Path) -> None:
    def kinds(method: str, *asked: str) -> tuple[str, ...]:
        return kinds_of(method, Request(methods=[method], data=store, splits=["random:2"], kinds=list(asked)))

    assert kinds("match", "attributes") == ("attributes",)
    assert kinds("skelzero", "read-attributes", "label") == ("read-attributes", "label")
    assert kinds("skelzero", "label") == ("label", "attributes")
    assert kinds("ridge", "label") == ("label",) and kinds("jpose", "label", "attributes") == ("verb", "noun")


@pytest.mark.parametrize(("asked", "match", "skelzero"), [
    (PLAIN, "kinematics", "shift-gcn:small+kinematics"), (ALONE, "kinematics", "kinematics"),
    (BOTH, "shift-gcn:small+kinematics", "shift-gcn:small+kinematics"),
])  # fmt: skip
def test_kinematics_are_added_where_none_were_asked_for(
    store: Path, asked: dict[str, Any], match: str, skelzero: str
) -> None:  # fmt: skip
    source = StoreSource(store, asked)
    assert encoder_of("match", source)["encoder"] == match and encoder_of("skelzero", source)["encoder"] == skelzero
    assert encoder_of("eszsl", source) == source.settings, "what was asked for"


def test_pictures_are_for_kinematics_alone(store: Path, tmp_path: Path) -> None:
    opened = ClipStore.open(store)
    clips = [picture_from_front(opened[i]) for i in range(len(opened))]
    flat = write_store(tmp_path / "flat", clips, source="the tests").path
    source = StoreSource(flat, ALONE)
    assert (source.pipeline, source.clips.layout.name, source.persons) == ("image-64", "common20-image", 1)
    found = source.features(*ask(source))
    np.testing.assert_allclose(found.features, np.concatenate(of_clips(clips), axis=1), atol=1e-4)
    given = GivenEncoder(flat, None, kinematic=True, pipeline="image-64", dataset="synthetic")
    np.testing.assert_array_equal(given.features(*ask(given)).features, found.features)
    for settings in (PLAIN, BOTH, {}):
        with pytest.raises(UserError, match=r"(?s)3-D clips only.*flat.*common20-image \(2-D\).*--encoder kinematics"):
            StoreSource(flat, settings)
    with pytest.raises(UserError, match=r"(?s)3-D clips only.*--encoder kinematics"):
        AlignedSource(source, Pgfa(steps=2), lambda codes: pytest.fail("no text is needed"))


def test_other_additions_are_refused(store: Path) -> None:
    with pytest.raises(UserError, match=r"unknown addition to an encoder(.|\n)*kinematic(.|\n)*ENCODER\+kinematics"):
        StoreSource(store, {"encoder": "st-gcn+kinematic"})
    with pytest.raises(UserError, match="unknown encoder"):
        StoreSource(store, {"encoder": "st-gnc+kinematics"})


def test_features_of_a_store_are_kept(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = StoreSource(store, ALONE)._kinematics
    monkeypatch.setattr("skelzero.kinematics.joined.of_clips", no_training)
    opened = ClipStore.open(store)
    np.testing.assert_array_equal(of_store(opened, opened.names.tolist()), first)
