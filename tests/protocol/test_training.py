"""A run folder from real clips: trained, saved, loaded, judged, and refused where it must be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.clips import ClipStore, write_store
from skelzero.errors import UserError
from skelzero.protocol.bench import Bench
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.run import Run
from skelzero.protocol.sources import StoreSource
from skelzero.protocol.training import evaluate_run, train_run

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
    assert np.sum(there.confusion["zsl"]) == 3 * 4 and np.sum(there.confusion["gzsl"]) == 9 * 4
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
