"""What the pages speak of - `utd`, `clip.bvh`, `run`, ... - made of SYNTHETIC motion, small, under those names.

A page finds only what it does not make itself: a name that follows `--out` is the page's own.
"""

from __future__ import annotations

import importlib.util
import io
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import scipy.io
from page_blocks import ROOT, blocks_of
from page_commands import elsewhere, lines_of, quick

from skelzero.clips import load_layout
from skelzero.synthetic import CLASSES, make_clip

SUBJECTS, UTD_CLASSES = 5, 27


def skelzero(*arguments: str) -> None:
    """One command as the pages type it, made short, in this process."""
    from skelzero.cli import main

    code = main(quick(list(arguments)))
    assert code == 0, f"skelzero {' '.join(arguments)}: exit code {code}"


def utd_file(number: int, subject: int) -> bytes:
    """A synthetic class in the form of a UTD-MHAD file."""
    clip = make_clip(list(CLASSES)[2 * number - 1], subject, 1)
    place = {name: i for i, name in enumerate(load_layout("common20").joints)}
    order = [place[name] for name in load_layout("kinect20-utd").joints]
    file = io.BytesIO()
    scipy.io.savemat(file, {"d_skel": clip.positions[0][:, order].transpose(1, 2, 0).astype(float)})
    return file.getvalue()


def utd_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "utd_mhad.zip", "w") as archive:
        for number in range(1, UTD_CLASSES + 1):
            for subject in range(1, SUBJECTS + 1):
                name = f"Skeleton/a{number}_s{subject}_t1_skeleton.mat"
                archive.writestr(name, utd_file(number, subject))


def utd(folder: Path) -> None:
    fetch(folder, "utd_mhad.zip")
    skelzero("data", "import", str(folder / "utd_mhad.zip"), "--out", str(folder / "utd"), "--workers", "1")


def mat(folder: Path) -> None:
    (folder / "a1_s1_t1_skeleton.mat").write_bytes(utd_file(1, 1))


def bvh(folder: Path) -> None:
    (folder / "clip.bvh").write_bytes(_reader_examples().bvh_file(75))


def session(folder: Path) -> None:
    (folder / "session.skeleton").write_bytes(ntu_text(frames=240))


def ntu_folder(folder: Path) -> None:
    """A few files under the names of NTU RGB+D."""
    target = folder / "nturgb+d_skeletons"
    target.mkdir()
    for person in (1, 2):
        for action in (23, 24):
            name = f"S001C002P{person:03d}R001A{action:03d}.skeleton"
            (target / name).write_bytes(ntu_text(frames=40, seed=person + action))


def ntu_text(frames: int, seed: int = 0) -> bytes:
    examples = _reader_examples()
    return examples.skeleton_text([{72057594037930000: body} for body in examples.walk(frames, 25, seed)])


def words(folder: Path) -> None:
    (folder / "words.txt").write_text("walk\nwave\nsit down\n")


def run(folder: Path) -> None:
    fetch(folder, "utd")
    skelzero("train", "ridge", "--data", str(folder / "utd"), "--split", "22/5", "--out", str(folder / "run"),
             "--pipeline", "common-64")  # fmt: skip


def tracker(folder: Path) -> None:
    """A program that writes frames as some camera would."""
    frames = [f'{{"joints": {np.round(body, 3).tolist()}}}' for body in _reader_examples().walk(40, 25)]
    program = folder / "some-tracker"
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(frames) + "\nEND\n")
    program.chmod(0o755)


MAKERS: dict[str, Callable[[Path], None]] = {
    "utd_mhad.zip": utd_zip, "utd": utd, "a1_s1_t1_skeleton.mat": mat, "clip.bvh": bvh, "session.skeleton": session,
    "nturgb+d_skeletons": ntu_folder, "words.txt": words, "run": run, "some-tracker": tracker,
}  # fmt: skip
ALIASES = {"run-a": "run", "run-b": "run"}


def fetch(pantry: Path, name: str) -> Path:
    """A prepared file or folder, made when first asked for."""
    if not (pantry / name).exists():
        MAKERS[name](pantry)
    return pantry / name


def lay_out(page: Path, pantry: Path, desk: Path) -> None:
    """Put links to what a page speaks of, and does not make itself, into its folder."""
    blocks = [b for b in blocks_of(page) if not b.reason]
    lines = [line for b in blocks if b.shell for line in lines_of(b.text) if not elsewhere(line)]
    typed = "\n".join(lines) + "\n"
    typed += " ".join(re.findall(r'"([^"\n]*)"', "".join(b.text for b in blocks if b.python)))
    for name in (*MAKERS, *ALIASES):
        spoken_of = re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", typed)
        own = re.search(rf"--out {re.escape(name)}(?![\w.-])", typed)
        if spoken_of and not own:
            (desk / name).symlink_to(fetch(pantry, ALIASES.get(name, name)))
    for name in ("tests", "examples", "pyproject.toml"):
        (desk / name).symlink_to(ROOT / name)


def _reader_examples() -> ModuleType:
    """The small valid files of the reader tests."""
    path = ROOT / "tests" / "readers" / "examples.py"
    spec = importlib.util.spec_from_file_location("reader_examples", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reader_examples"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
