"""A run folder from real clips: trained, saved, loaded, judged, and refused where it must be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.clips import ClipStore, write_store
from skelzero.errors import UserError
from skelzero.methods import Pgfa
from skelzero.preprocess.key_frames import without_key_frames
from skelzero.protocol.bench import Bench
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.run import Run
from skelzero.protocol.sources import AlignedSource, StoreSource
from skelzero.protocol.splits import load_split
from skelzero.protocol.training import evaluate_run, train_run
from skelzero.text import TextBank, build_bank, load_class_set, load_text_encoder

CLASSES = 9


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    codes = list(synthetic.actions())[:CLASSES]
    write_store(path, synthetic.generate(codes, subjects=8, replications=1), source="the tests")
    return path


def request(store: Path, text_file: Path, **changes: object) -> Request:
    given = {"methods": ["ridge"], "data": store, "splits": ["random:3"], "kinds": ["action"],
             "text_encoder": f"file:{text_file}", "encoder": {"steps": 2}, **changes}  # fmt: skip
    return Request.model_validate(given)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.npy"
    np.save(path, np.random.default_rng(1).normal(size=(len(synthetic.actions()), 6)).astype(np.float32))
    return path


def test_run_is_saved_loaded_and_judged(store: Path, texts: Path, tmp_path: Path) -> None:
    run = train_run(plan_one(request(store, texts), seed=1))
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.card == run.card
    card = loaded.card
    assert len(card.split.seen) == 6 and len(card.split.unseen) == 3 and card.gamma is not None
    assert set(loaded.encoder.card.classes) == {f"synthetic:{code}" for code in card.split.seen}
    assert loaded.bank.classes == tuple(f"synthetic:{c}" for c in (*card.split.seen, *card.split.unseen))
    here, there = (evaluate_run(r, ("zsl", "gzsl")) for r in (run, loaded))
    assert here == there
    told = {name: sum(count for _, _, count in pairs) for name, pairs in there.confusion.items()}
    assert told == {"zsl": 3 * 4, "gzsl": 9 * 4}
    with pytest.raises(UserError, match="the output exists already"):
        run.save(tmp_path / "run")
    run.save(tmp_path / "run", replace=True)


def test_run_of_all_classes_is_for_recognising_only(store: Path, texts: Path) -> None:
    run = train_run(plan_one(request(store, texts, splits=["all"]), seed=0))
    assert run.card.gamma is None and len(run.card.split.seen) == CLASSES
    with pytest.raises(UserError, match="this run has no unseen classes"):
        evaluate_run(run, ("zsl",))


def test_other_data_and_folders_are_refused(store: Path, texts: Path, tmp_path: Path) -> None:
    run = train_run(plan_one(request(store, texts), seed=1))
    shutil.copytree(store, tmp_path / "moved")
    assert evaluate_run(run, ("zsl",), data=tmp_path / "moved") == evaluate_run(run, ("zsl",))
    codes = list(synthetic.actions())[:CLASSES]
    write_store(tmp_path / "other", synthetic.generate(codes, subjects=4, replications=1), source="the tests")
    with pytest.raises(UserError, match="not the store that the run was trained on"):
        evaluate_run(run, ("zsl",), data=tmp_path / "other")
    with pytest.raises(UserError, match="this is not a run"):
        Run.load(store)
    with pytest.raises(UserError, match="no run found"):
        Run.load(tmp_path / "nothing")
    run.save(tmp_path / "run")
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    (tmp_path / "run" / "card.json").write_text(json.dumps({**card, "split": 3}))
    with pytest.raises(UserError, match=r"this is not a run(.|\n)*split"):
        Run.load(tmp_path / "run")


def test_features_cannot_make_a_run(features_folder: Path, text_file: Path) -> None:
    task = plan_one(request(features_folder, text_file, splits=["22/5"]), seed=0)
    with pytest.raises(UserError, match=r"a run needs clips(.|\n)*expected: a clip store"):
        train_run(task)


def test_encoders_learn_from_the_right_clips(store: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real source hands real encoders only training clips of the classes that the phase may know."""
    from skelzero.protocol import sources

    handed: list[tuple[set[str], set[int], list[str]]] = []
    honest = sources.cached_encoder

    def note(clips: object, codes: list[str], settings: object) -> object:
        handed.append((set(clips.codes.tolist()), set(clips.subjects.tolist()), codes))  # type: ignore[attr-defined]
        return honest(clips, codes, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(sources, "cached_encoder", note)
    task = plan_one(request(store, texts), seed=5)
    source = StoreSource(store, task.encoder)
    bench = Bench(source, task.split.split(), lambda codes: pytest.fail("no text is needed here"), seed=5)
    with pytest.raises(pytest.fail.Exception):
        bench.final()
    with pytest.raises(pytest.fail.Exception):
        bench.pseudo()
    (final, pseudo) = handed
    assert final[0] == set(task.split.seen) == set(final[2]) and final[1] == {1, 3, 5, 7}
    assert pseudo[0] == set(pseudo[2]) and len(pseudo[0]) == 3 and pseudo[0] < set(task.split.seen)
    assert len(pseudo[1]) == 3 and pseudo[1] < {1, 3, 5, 7}


def test_store_is_left_as_it_was(store: Path, texts: Path) -> None:
    before = ClipStore.open(store).checksum
    train_run(plan_one(request(store, texts), seed=1))
    ClipStore.open(store).verify()
    assert ClipStore.open(store).checksum == before


def test_impossible_encoder_settings_are_told(store: Path) -> None:
    with pytest.raises(UserError, match=r"setting of the skeleton encoder is not possible(.|\n)*steps"):
        StoreSource(store, {"steps": -1})
    with pytest.raises(UserError, match="unknown encoder"):
        StoreSource(store, {"encoder": "shift-gnc"})


def test_a_run_of_pgfa_has_an_encoder_of_its_own(store: Path, texts: Path, tmp_path: Path) -> None:
    asked = request(store, texts, methods=["pgfa"], overrides={"pgfa": {"scale": 5.0}})
    run = train_run(plan_one(asked, seed=1))
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    card = loaded.encoder.card
    assert card.adapter == 6 and set(card.classes) == {f"synthetic:{code}" for code in run.card.split.seen}
    assert card.settings["contrast"]["scale"] == 5.0 and card.settings["steps"] == 2
    settings = ("zsl", "gzsl", "zsl-transductive", "zsl-transductive-guarded", "gzsl-transductive", "one-shot-text")
    here, there = (evaluate_run(r, settings) for r in (run, loaded))
    assert here == there and set(here.metrics) == set(settings)
    assert here.metrics["zsl-transductive"]["clips_seen"] == 3 * 4
    told = sum(count for _, _, count in here.confusion["one-shot-text"])
    assert told == 3 * 4 * 20, "every clip once a draw of examples"


def test_an_aligned_encoder_is_trained_on_seen_clips_and_seen_texts(store: Path, texts: Path) -> None:
    method = Pgfa()
    base = StoreSource(store, {"steps": 2})
    asked: list[tuple[str, ...]] = []

    def bank_of(codes: tuple[str, ...]) -> TextBank:
        asked.append(codes)
        return build_bank(load_class_set("synthetic"), load_text_encoder(f"file:{texts}"), ("action",)).take(
            [load_class_set("synthetic").index(code) for code in codes]
        )

    source = AlignedSource(base, method, bank_of)
    split = load_split(load_class_set("synthetic"), "random:3", codes=sorted(set(base.clips.codes)))
    fit = base.clips.subjects % 2 == 1
    encoder = source.encoder(split.seen, fit, seed=0)
    assert asked == [split.seen]
    assert encoder.card.clips == int((fit & np.isin(base.clips.codes, split.seen)).sum())
    other = Pgfa(centre_text=False)
    assert AlignedSource(base, other, bank_of).encoder(split.seen, fit, seed=0).card != encoder.card
    assert source.settings["contrast"] and not base.settings["contrast"], "other methods' encoder stays what it was"


def test_views_are_features_of_changed_clips_by_the_same_encoder(store: Path) -> None:
    source = StoreSource(store, {"steps": 2})
    classes = tuple(sorted(set(source.clips.codes))[:4])
    fit = source.clips.subjects % 2 == 1
    plain = source.features(classes, fit, 0)
    masked = source.changed_features("without-key-frames", classes, fit, 0)
    assert (plain.names == masked.names).all() and plain.features.shape == masked.features.shape
    assert not np.allclose(plain.features, masked.features)
    expected = source.encoder(classes, fit, 0).encode(
        replace(source.clips, data=without_key_frames(np.asarray(source.clips.data)))
    )
    np.testing.assert_array_equal(masked.features, expected.features)
