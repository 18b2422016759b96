"""Stores give back what went in, notice damage, and appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelzero.clips import Clip, ClipStore, Origin, StoreWriter, load_layout, write_store
from skelzero.errors import UserError

UCLA = load_layout("kinect20-ucla")


def clip(i: int, frames: int = 5, persons: int = 1, *, confident: bool = False) -> Clip:
    x = np.random.default_rng(i).standard_normal((persons, frames, 20, 3)).astype(np.float32)
    x[0, 0, 0] = np.nan
    seen = np.full((persons, frames, 20), 0.5, dtype=np.float32) if confident else None
    origin = Origin(f"clip-ä{i}", "made-up", f"c{i % 3}", subject=i, camera=2, start_frame=7, file=f"f/{i}.txt")
    return Clip(x, UCLA, origin, fps=30.0, confidence=seen)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int, bool]]) -> None:
    clips = [clip(i, frames, persons, confident=c) for i, (frames, persons, c) in enumerate(shapes)]
    store = write_store(tmp_path_factory.mktemp("s") / "store", clips, source="made-up")
    store.verify()
    assert len(store) == len(clips) and store.card.classes == {
        f"c{k}": sum(i % 3 == k for i in range(len(clips))) for k in range(min(3, len(clips)))
    }
    for got, expected in zip(store, clips, strict=True):
        np.testing.assert_array_equal(got.positions, expected.positions)
        assert (got.origin, got.fps, got.layout) == (expected.origin, expected.fps, UCLA)
        assert (got.confidence is None) == (expected.confidence is None)
    assert store.find("clip-ä0") == 0 and store.names[-1] == clips[-1].origin.name


def test_equal_clips_give_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_store(tmp_path / name, [clip(i) for i in range(4)], source="made-up")
    digests = [{p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / n).iterdir()} for n in "ab"]
    assert digests[0] == digests[1]


def test_clips_are_views_not_copies(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(0)], source="made-up")
    assert not store[0].positions.flags.owndata and not store[0].positions.flags.writeable


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(0)], source="made-up")
    data = bytearray((store.path / "frames.f32").read_bytes())
    data[50] ^= 1
    (store.path / "frames.f32").write_bytes(bytes(data))
    with pytest.raises(UserError, match="checksum is wrong"):
        ClipStore.open(store.path).verify()


def test_missing_and_cut_files_are_found_on_opening(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(0)], source="made-up")
    (store.path / "frames.f32").write_bytes(b"1234")
    with pytest.raises(UserError, match=r"damaged(.|\n)*4 bytes"):
        ClipStore.open(store.path)
    (store.path / "frames.f32").unlink()
    with pytest.raises(UserError, match=r"damaged(.|\n)*missing"):
        ClipStore.open(store.path)


def test_an_index_that_points_outside_is_refused(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(0), clip(1)], source="made-up")
    for column, value in (("offset", 10**12), ("offset", -5), ("persons", 10**9), ("frames", 0)):
        index = np.load(store.path / "index.npy").copy()
        index[column][1] = value
        np.save(store.path / "index.npy", index)
        with pytest.raises(UserError, match="index is damaged"):
            ClipStore.open(store.path)[1]


def test_an_inner_row_that_points_outside_is_refused_on_reading(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(i) for i in range(3)], source="made-up")
    for column, value in (("offset", 10**12), ("offset", -5), ("persons", 10**9), ("frames", 0), ("frames", -1)):
        index = np.array(store.index)
        index[column][1] = value
        np.save(store.path / "index.npy", index)
        with pytest.raises(UserError, match="index is damaged"):
            ClipStore.open(store.path)[1]


@pytest.mark.parametrize("damage", ["garbage", "object array", "other columns", "one row less"])
def test_a_damaged_index_is_one_message(tmp_path: Path, damage: str) -> None:
    store = write_store(tmp_path / "s", [clip(i) for i in range(3)], source="made-up")
    path = store.path / "index.npy"
    if damage == "garbage":
        path.write_bytes(b"\x93NUMPY" + b"\xff" * 200)
    elif damage == "object array":
        np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True)
    elif damage == "other columns":
        np.save(path, np.zeros(3))
    else:
        np.save(path, np.array(store.index)[:2])
    card = json.loads((store.path / "card.json").read_text())
    card["sizes"]["index.npy"] = path.stat().st_size
    (store.path / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="index is damaged"):
        ClipStore.open(store.path)


def test_counts_that_lie_are_found(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(i) for i in range(3)], source="made-up")
    card = json.loads((store.path / "card.json").read_text())
    for change in ({"classes": {"c0": 3}}, {"frames": 7}, {"datasets": {}}):
        (store.path / "card.json").write_text(json.dumps({**card, **change}))
        with pytest.raises(UserError, match="card does not fit"):
            ClipStore.open(store.path).verify()


def test_confidence_that_begins_late_is_unknown_before(tmp_path: Path) -> None:
    clips = [clip(0, 4, 2), clip(1, 3), clip(2, 5, 2, confident=True), clip(3)]
    store = write_store(tmp_path / "s", clips, source="made-up")
    assert [c.confidence is not None for c in store] == [False, False, True, False]
    np.testing.assert_array_equal(store[2].confidence, clips[2].confidence)
    assert (store.path / "confidence.f32").stat().st_size * 3 == (store.path / "frames.f32").stat().st_size


def test_clips_are_found_by_name_file_and_number(tmp_path: Path) -> None:
    clips = [clip(i) for i in range(3)]
    twins = [Clip(c.positions, UCLA, Origin("7", file=f"twin/{i}.txt")) for i, c in enumerate(clips)]
    store = write_store(tmp_path / "s", [*clips, *twins], source="made-up")
    assert [store.find(name) for name in ("clip-ä1", "f/2.txt", "5", "twin/1.txt")] == [1, 2, 5, 4]
    with pytest.raises(UserError, match=r"3 clips share this name(.|\n)*3 \(twin/0.txt\)"):
        store.find("7")
    for name in ("x", "6", "-1", "²", ""):
        with pytest.raises(UserError, match="no clip of that name"):
            store.find(name)


def test_names_in_no_encoding_and_endless_names(tmp_path: Path) -> None:
    x = clip(0).positions
    store = write_store(tmp_path / "s", [Clip(x, UCLA, Origin("a\udcff", code="b\udcff"))], source="made-up")
    store.verify()
    assert store[0].origin.name == "a\\udcff" and store.find("a\udcff") == 0
    with pytest.raises(UserError, match="name is too long"):
        write_store(tmp_path / "t", [Clip(x, UCLA, Origin("x" * 1001))], source="made-up")


def test_another_process_opens_instead_of_copying(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(i, 500) for i in range(4)], source="made-up")
    packed = pickle.dumps(store)
    assert len(packed) < 1000 and len(pickle.loads(packed)) == 4


def test_only_a_store_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for name in ("home", "file"):
        with pytest.raises(UserError, match="not overwritten"):
            write_store(tmp_path / name, [clip(0)], source="made-up", overwrite=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "dear"
    for i in range(2):
        write_store(tmp_path / "s", [clip(i)], source="made-up", overwrite=True)
    assert ClipStore.open(tmp_path / "s")[0].origin.subject == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "home", "s"]


@pytest.mark.parametrize("card", [{}, {"format": 1}, [], "x"])
def test_other_json_is_not_a_store(tmp_path: Path, card: object) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="not a clip store"):
        ClipStore.open(tmp_path)


def test_a_card_cannot_reach_outside_its_folder(tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", [clip(0)], source="made-up")
    card = json.loads((store.path / "card.json").read_text())
    (tmp_path / "secret").write_bytes(b"x")
    card["sizes"]["../secret"] = 1
    (store.path / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="damaged"):
        ClipStore.open(store.path)


def test_one_store_has_one_layout(tmp_path: Path) -> None:
    other = Clip(np.ones((1, 2, 25, 3), dtype=np.float32), load_layout("ntu25"), Origin("n"))
    with pytest.raises(UserError, match="one store holds one layout"):
        write_store(tmp_path / "s", [clip(0), other], source="made-up")
    assert list(tmp_path.iterdir()) == []


def test_no_clip_and_a_store_in_the_way_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no clip"):
        write_store(tmp_path / "s", [], source="made-up")
    write_store(tmp_path / "s", [clip(0)], source="made-up")
    with pytest.raises(UserError, match="exists already"):
        write_store(tmp_path / "s", [clip(0)], source="made-up")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    class Full:
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    with pytest.raises(OSError, match="No space"), StoreWriter(tmp_path / "s", source="made-up") as writer:
        writer._frames = Full()  # type: ignore[assignment]
        writer.add(clip(0))
    assert list(tmp_path.iterdir()) == []


def test_opening_costs_the_same_for_many_clips(tmp_path: Path) -> None:
    one = np.zeros((1, 1, 20, 3), dtype=np.float32)
    many = (Clip(one, UCLA, Origin(f"c{i}", "made-up", "c0")) for i in range(20_000))
    write_store(tmp_path / "s", many, source="synthetic filler")
    ClipStore.open(tmp_path / "s")
    begin = time.perf_counter()
    ClipStore.open(tmp_path / "s")[19_999]
    assert time.perf_counter() - begin < 0.1


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.full((1, 2, 20, 3), np.inf, np.float32), "infinite"),
        (np.full((1, 2, 20, 3), np.nan, np.float32), "no joint was ever seen"),
        (np.ones((1, 2, 19, 3), np.float32), "do not fit"),
        (np.ones((1, 2, 20, 3), np.float64), "do not fit"),
        (np.ones((0, 2, 20, 3), np.float32), "no person"),
        (np.full((1, 2, 20, 3), 1e9, np.float32), "absurd"),
    ],
)
def test_the_gate_refuses_what_is_no_clip(positions: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Clip(positions, UCLA, Origin("x"))
