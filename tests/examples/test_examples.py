"""Every example runs as it stands: with `--help`, and on a few synthetic clips."""

from __future__ import annotations

import io
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from skelzero.clips import write_store
from skelzero.methods import METHODS
from skelzero.synthetic import CLASSES, generate

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SHORT = {"--steps": "20", "--encoder-steps": "2"}
"""Options that make an example short, for those that have them."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen synthetic classes by four bodies."""
    path = tmp_path_factory.mktemp("examples") / "synthetic"
    write_store(path, generate(list(CLASSES)[:30:2], subjects=4, replications=1), source="made for a test")
    return path


def run(path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What an example prints."""
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    printed = io.StringIO()
    with redirect_stdout(printed):
        runpy.run_path(str(path), run_name="__main__")
    return printed.getvalue()


def test_every_method_has_an_example() -> None:
    kinds = {METHODS[name].method.kind.replace("-", "_") for name in METHODS}
    # A file called skelzero.py beside the others would be imported in the place of the package.
    assert {path.stem for path in EXAMPLES} == kinds - {"skelzero"} | {"skelzero_method"}


def test_as_a_user_starts_it(store: Path) -> None:
    command = [sys.executable, "examples/skelzero_method.py", "--data", str(store), "--split", "random:4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and "of 8 clips of 4 unseen classes" in done.stdout, done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_help(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    told = capsys.readouterr().out
    assert ended.value.code == 0 and "--data" in told and "--split" in told


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example(path: Path, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    short = [part for option, value in SHORT.items() if f'"{option}"' in path.read_text() for part in (option, value)]
    printed = run(path, monkeypatch, "--data", str(store), "--split", "random:4", *short)
    last = printed.splitlines()[-1]
    assert "of 8 clips of 4 unseen classes, chance 25.0%" in last
    assert 0 <= float(last.split(": ")[1].split("%")[0]) <= 100
    assert not list(tmp_path.iterdir()), "an example with data of its own writes nothing"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_short(path: Path) -> None:
    assert path.read_text().count("\n") <= 75
