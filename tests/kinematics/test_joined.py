"""Kinematic features of whole stores: kept, named, alone and beside an encoder's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.clips import Clip, ClipStore, Origin, load_layout, write_store
from skelzero.errors import UserError
from skelzero.kinematics import ATTRIBUTES, COURSES, NETWORK, alone, beside, joined, of_clips, of_store, parse_encoder
from skelzero.kinematics.attributes import measure_clips
from skelzero.preprocess import PIPELINES, Prepared, prepare
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import clip_vectors


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kinematics", ("", True)),
        ("st-gcn", ("st-gcn", False)),
        ("st-gcn+kinematics", ("st-gcn", True)),
        ("shift-gcn:small+kinematics", ("shift-gcn:small", True)),
    ],
)
def test_names_of_encoders_are_taken_apart(name: str, expected: tuple[str, bool]) -> None:
    assert parse_encoder(name) == expected


@pytest.mark.parametrize("name", ["st-gcn+", "st-gcn+kinematic", "st-gcn+kinematics+kinematics", "kinematics+st-gcn"])
def test_other_additions_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="unknown addition to an encoder") as caught:
        parse_encoder(name)
    assert caught.value.expected == "ENCODER+kinematics"


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    clips = synthetic.generate(["s01", "s53", "s64"], subjects=2, replications=1)
    return write_store(tmp_path / "store", clips, source="the tests")


@pytest.fixture
def prepared(store: ClipStore) -> Prepared:
    return prepare(store, PIPELINES["kinect-64"])


def test_clips_give_attribute_vectors_and_courses(store: ClipStore) -> None:
    attributes, courses = of_clips(list(store))
    np.testing.assert_allclose(attributes, clip_vectors(measure_clips(list(store))), atol=1e-5)
    assert len(courses) == len(store) and np.isfinite(courses).all()
    assert attributes.dtype == courses.dtype == np.float32


def test_batches_do_not_matter(store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(of_clips(list(store)), axis=1)
    monkeypatch.setattr(joined, "BATCH", 4)
    np.testing.assert_allclose(np.concatenate(of_clips(list(store)), axis=1), whole, atol=1e-4)


def test_a_store_is_measured_once_and_in_the_order_of_the_names(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache"))
    names, calls = store.names[::-1][:5], []
    found = of_store(store, names, progress=lambda done, total: calls.append((done, total)))
    np.testing.assert_array_equal(found, np.concatenate(of_clips(list(store)[::-1][:5]), axis=1))
    assert calls == [(5, 5)]
    monkeypatch.setattr(joined, "of_clips", None)
    np.testing.assert_array_equal(of_store(store, names), found)
    assert found.dtype == np.float32
    with pytest.raises(TypeError):
        of_store(store, names[::-1])  # other clips, or the same in another order, are not in the cache


def test_changed_measurements_are_measured_again(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path / "cache"))
    of_store(store, store.names[:2])
    monkeypatch.setattr(joined, "VERSION", -1)
    calls = []
    of_store(store, store.names[:2], progress=lambda done, total: calls.append((done, total)))
    assert calls == [(2, 2)]


def test_alone_they_are_features_of_an_encoder_that_saw_no_class(store: ClipStore, prepared: Prepared) -> None:
    kinematics = of_store(store, prepared.names)
    features = alone(prepared, kinematics)
    np.testing.assert_array_equal(features.features, kinematics)
    np.testing.assert_array_equal(features.codes, prepared.codes)
    card, width = features.card, len(load_schema())
    assert card.blocks == {ATTRIBUTES: (0, width), COURSES: (width, kinematics.shape[1])}
    assert card.encoder.encoder == "kinematics" and card.encoder.classes == () and features.logits is None
    assert (card.store_checksum, card.pipeline, card.history) == (
        store.checksum, prepared.pipeline, prepared.history,
    )  # fmt: skip


def test_beside_an_encoder_they_stand_behind_its_features(store: ClipStore, prepared: Prepared, tmp_path: Path) -> None:
    kinematics = of_store(store, prepared.names)
    network = alone(prepared, np.ones((len(prepared), 7), dtype=np.float32))
    both = beside(network, kinematics)
    blocks = both.card.blocks
    assert list(blocks) == [NETWORK, ATTRIBUTES, COURSES] and blocks[NETWORK] == (0, 7)
    parts = {name: both.features[:, slice(*place)] for name, place in blocks.items()}
    assert (parts[NETWORK] == 1).all()
    np.testing.assert_array_equal(np.concatenate([parts[ATTRIBUTES], parts[COURSES]], axis=1), kinematics)
    both.save(tmp_path / "features")
    assert type(both).load(tmp_path / "features").card == both.card


def test_images_have_the_same_features_out_of_a_store(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(500, 100, (1, 30, 17, 2)).astype(np.float32)
    clip = Clip(x, load_layout("coco17"), Origin("flat"), unit="px")
    store = write_store(tmp_path / "flat", [clip], source="the tests")
    np.testing.assert_array_equal(of_store(store, ["flat"]), np.concatenate(of_clips([clip]), axis=1))
    assert np.isfinite(of_store(store, ["flat"])).all()
