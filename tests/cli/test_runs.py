"""`runs`: listed, shown, set side by side and deleted; what is not ours is left alone."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cards import CARD, write_json
from skelzero.cli import main
from skelzero.clips import write_store
from skelzero.errors import UserError
from skelzero.protocol.catalogue import deletable, find, look


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and two runs on it that differ in their seed and in a setting."""
    place = tmp_path_factory.mktemp("made")
    codes = list(synthetic.actions())[:8]
    write_store(place / "store", synthetic.generate(codes, subjects=4, replications=1), source="the tests")
    np.save(place / "t.npy", np.random.default_rng(1).normal(size=(len(synthetic.actions()), 6)).astype(np.float32))
    for name, seed, rate in (("one", 0, 0.01), ("two", 1, 0.02)):
        assert main(["train", "devise", "--data", str(place / "store"), "--split", "random:2#1", "--encoder",
                     "kinematics", "--semantics", "action", "--text-encoder", f"file:{place / 't.npy'}", "--set",
                     "steps=5", "--set", f"rate={rate}", "--seed", str(seed),
                     "--out", str(place / "runs" / name)]) == 0  # fmt: skip
    return place


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own, among things of other people."""
    shutil.copytree(made, tmp_path / "w")
    (tmp_path / "w" / "notes").mkdir()
    (tmp_path / "w" / "notes" / CARD).write_text('{"shopping": ["bread"]}')
    (tmp_path / "w" / "notes" / "photo.png").write_bytes(b"png")
    return tmp_path / "w"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any, str]:
    code = main(["runs", *map(str, arguments)])
    found = capsys.readouterr()
    return code, json.loads(found.out) if found.out.strip() else None, " ".join(found.err.split())


def test_list_says_what_is_there(world: Path, features_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.move(features_folder, world / "features")
    texts = world.parent / "texts.npy"
    assert main(["compare", "--methods", "ridge", "--data", str(world / "features"), "--split", "22/5", "--seeds", "1",
                 "--semantics", "action", "--text-encoder", f"file:{texts}", "--workers", "1",
                 "--out", str(world / "compared")]) == 0  # fmt: skip
    (world / "link").symlink_to(world / "runs")
    code, out, err = run(capsys, "list", world, "--json")
    assert code == 0 and "DAMAGED" not in err
    rows = {Path(a["path"]).name: a for a in out["found"]}
    assert {name: a["kind"] for name, a in rows.items()} == {
        "store": "store", "one": "run", "two": "run", "features": "features", "compared": "comparison"
    }  # fmt: skip
    assert len(out["found"]) == 5, "a link is not looked into, nor is what a run consists of"
    one = rows["two"]
    assert (one["method"], one["dataset"], one["split"], one["seed"]) == ("devise", "synthetic", "random:2#1", 1)
    files = [path for path in (world / "runs" / "two").rglob("*") if path.is_file()]
    assert one["bytes"] == sum(path.stat().st_size for path in files) and one["made"].startswith("20")
    assert (rows["compared"]["method"], rows["compared"]["split"]) == ("ridge", "22/5")


DAMAGES = {
    "cut card": lambda folder: (folder / CARD).write_text('{"method": "dev'),
    "card of a list": lambda folder: (folder / CARD).write_text("[1, 2]"),
    "odd card": lambda folder: write_json(folder / CARD, {**json.loads((folder / CARD).read_text()), "seed": "x"}),
    "deep card": lambda folder: (folder / CARD).write_text("[" * 100_000),
    "no method": lambda folder: shutil.rmtree(folder / "method"),
    "odd evaluation": lambda folder: (folder / "figures.json").write_text('{"metrics": 3}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_ones_are_marked(damage: str, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DAMAGES[damage](world / "runs" / "one")
    code, out, err = run(capsys, "list", world / "runs", "--json")
    found = {Path(a["path"]).name: a["damage"] for a in out["found"]}
    assert code == 0 and found["one"] and not found["two"] and "DAMAGED" in err
    code, _, err = run(capsys, "show", world / "runs" / "one")
    assert code == 2 and "damaged" in err
    assert run(capsys, "delete", world / "runs" / "one", "--yes")[0] == 0 and not (world / "runs" / "one").exists()


def test_show_reads_it_through(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("runs/one", "store"):
        code, out, _ = run(capsys, "show", world / name, "--json")
        assert code == 0 and out["verified"] and out["card"] == json.loads((world / name / CARD).read_text())
    code, _, err = run(capsys, "show", world / "runs" / "one")
    assert code == 0 and "random:2#1" in err
    path = world / "store" / "frames.f32"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run(capsys, "show", world / "store")[0] == 2
    code, _, err = run(capsys, "show", world / "notes")
    assert code == 2 and "no artefact of skelzero" in err and "runs list" in err


def test_compare_shows_differences_and_figures(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = (world / "runs" / "one", world / "runs" / "two")
    code, out, err = run(capsys, "compare", *pair, "--json")
    assert code == 0 and out["figures"] == {} and "--evaluate" in err
    assert out["settings"]["seed"] == [0, 1] and out["settings"]["settings.rate"] == [0.01, 0.02]
    assert not {"method", "split.name", "settings.steps", "made"} & set(out["settings"])
    assert out["last"]["method step"] == [4, 4] and out["last"]["method rate"] == [0.01, 0.02]
    code, out, err = run(capsys, "compare", *pair, "--evaluate", "--setting", "zsl", "--json")
    assert code == 0 and "zsl top1" in err and all(0 <= v <= 1 for v in out["figures"]["zsl top1"])
    stamps = [(folder / "figures.json").stat().st_mtime_ns for folder in pair]
    again = run(capsys, "compare", *pair, "--evaluate", "--setting", "zsl", "--json")
    assert again[1] == out and stamps == [(folder / "figures.json").stat().st_mtime_ns for folder in pair]
    listed = run(capsys, "list", world / "runs", "--json")[1]["found"]
    assert [a["figures"]["zsl top1"] for a in listed] == out["figures"]["zsl top1"]
    # Figures of a run that was trained anew in the same place are those of another.
    write_json(pair[0] / CARD, {**json.loads((pair[0] / CARD).read_text()), "seed": 7})
    assert run(capsys, "compare", *pair, "--json")[1]["figures"]["zsl top1"][0] is None
    assert run(capsys, "compare", pair[0], world / "store")[0] == 2


def test_delete_takes_only_what_is_ours(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, photo = world / "runs", world / "notes" / "photo.png"
    kept = world / "kept"
    kept.mkdir()
    (kept / "valuable").write_text("x")
    (runs / "link").symlink_to(runs / "one")
    for folder, message in (
        (world / "notes", "no artefact"), (world, "no artefact"), (world / "nothing", "no artefact"),
        (runs / "link", "a link"),
    ):  # fmt: skip
        code, _, err = run(capsys, "delete", runs / "two", folder, "--yes")
        assert code == 2 and message in err and (runs / "two").is_dir(), "one that is refused stops all"
    (runs / "one" / "texts" / "link").symlink_to(kept)
    code, _, err = run(capsys, "delete", runs / "one", "--yes")
    assert code == 2 and "other files lie in this run" in err and "texts/link" in err
    (runs / "one" / "texts" / "link").unlink()
    (runs / "one" / "thesis.tex").write_text("x")
    code, _, err = run(capsys, "delete", runs / "one", "--yes")
    assert code == 2 and "thesis.tex" in err and (runs / "one" / "thesis.tex").exists()
    (runs / "one" / "thesis.tex").unlink()
    (runs / "one" / ".card.json.ab12_x9z").write_text("killed while it was written")
    code, out, _ = run(capsys, "delete", runs / "one", "--yes", "--json")
    assert code == 0 and out["deleted"] == [str(runs / "one")] and not (runs / "one").exists()
    assert photo.exists() and (kept / "valuable").exists() and (runs / "two").is_dir()


def test_delete_asks(world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    two = world / "runs" / "two"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, err = run(capsys, "delete", two)
    assert code == 2 and "--yes" in err and two.is_dir()
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert run(capsys, "delete", two)[0] == 0 and two.is_dir()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert run(capsys, "delete", two)[0] == 0 and not two.exists()


def test_foreign_folders_are_no_artefacts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / CARD).write_text("not JSON")
    (tmp_path / "b" / "results").mkdir(parents=True)
    (tmp_path / "b" / "results" / "mine.json").write_text("{}")
    assert find(tmp_path) == [] and look(tmp_path / "a") is None
    (tmp_path / "b" / "results" / f"{'a' * 64}.json").write_text("{}")
    [found] = find(tmp_path)
    assert found.kind == "comparison" and "unfinished" in found.split
    (tmp_path / "b" / "results" / "sub").mkdir()
    (tmp_path / "b" / "results" / "sub" / "mine.txt").write_text("x")
    with pytest.raises(UserError, match=r"(?s)other files lie.*sub/mine\.txt"):
        deletable(tmp_path / "b")
    with pytest.raises(UserError, match="no such folder"):
        find(tmp_path / "nowhere")


@pytest.mark.parametrize("command", ["list", "show", "compare", "delete"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", command, "--help"]) == 0
    assert "Example" in capsys.readouterr().out
