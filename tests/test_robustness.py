"""Kills, read-only folders, full disks and damaged artefacts: one message that says what to do, and nothing broken."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips import write_store
from skelzero.errors import UserError
from skelzero.methods import Msf
from skelzero.text import TextBank

PROGRAM = [sys.executable, "-c", "import sys; from skelzero.cli import main; sys.exit(main(sys.argv[1:]))"]
KILLS = Path(__file__).resolve().parents[1] / "benchmarks" / "kills.py"
LARGEST = 20_000
"""Bytes of the largest file that a limited program may write: a card, but no array."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, features, an encoder, a run and results; tests damage copies."""
    folder = tmp_path_factory.mktemp("made")
    os.environ["SKELZERO_CACHE"] = str(folder / "cache")
    codes = list(synthetic.actions())
    write_store(folder / "store", synthetic.generate(codes[:8], subjects=4, replications=1), source="the tests")
    np.save(folder / "texts.npy", np.random.default_rng(1).normal(size=(len(codes), 6)).astype(np.float32))
    texts = ["--text-encoder", f"file:{folder / 'texts.npy'}", "--semantics", "action", "--split", "random:2#1"]
    for command in (
        ["encode", "store", "--encoder", "kinematics", "--out", "features"],
        ["train", "scale", "--data", "store", "--steps", "2", "--set", "steps=3", "--out", "run", *texts],
        ["compare", "--methods", "ridge", "--data", "features", "--seeds", "1", "--workers", "1", "--out", "compared",
         *texts],
    ):  # fmt: skip
        assert main([str(folder / word) if word in PLACES else word for word in command]) == 0, command
    return folder


PLACES = ("store", "features", "run", "compared")


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """Copies that may be damaged."""
    for name in PLACES:
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# --- kills -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_encode_train_and_compare_end_in_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "kills.json"
    command = [sys.executable, KILLS, "--kills", "2", "--only", "encode,train,compare", "--json", out]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text())
    assert (found["kills"], found["different"]) == (6, 0)


# --- folders that take nothing ---------------------------------------------------------------------------------------


def without_root_rights() -> None:
    """In the program to be: permissions count for root as well (PR_CAPBSET_DROP of CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(24, 1, 0, 0, 0):
        os._exit(99)


def limited() -> None:
    """In the program to be: no file may grow large, as under a quota."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def nothing() -> None:
    """A full disk needs no change of the program."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 64 kB at a folder; skips where no disk can be mounted."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


COMMANDS = {
    "encode": ("encode", "store", "--encoder", "kinematics", "--out", "there/out"),
    "synthetic": ("synthetic", "--classes", "s01,s02", "--subjects", "4", "--out", "there/out"),
}
TROUBLES = {
    "read-only": (without_root_rights, "permission denied"),
    "quota": (limited, "too large|written"),
    "full": (nothing, "no space left|written"),
}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="permissions, limits and mounts are Linux's")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_folder_that_takes_nothing_is_one_message(made: Path, place: Path, command: str, trouble: str) -> None:
    there, (prepared, words) = place / "there", TROUBLES[trouble]
    there.mkdir(mode=0o555 if trouble == "read-only" else 0o755)
    environment = os.environ | {"SKELZERO_CACHE": str(made / "cache"), "OMP_NUM_THREADS": "1"}
    line = [*PROGRAM, *COMMANDS[command]]
    with small_disk(there) if trouble == "full" else contextlib.nullcontext():
        before = digests(place)
        done = subprocess.run(line, cwd=place, capture_output=True, text=True, preexec_fn=prepared, env=environment)
        assert digests(place) == before and not any(there.iterdir()), "nothing half-written"
    if done.returncode == 99:
        pytest.skip("root cannot give up its rights here")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error:") == 1 and "Traceback" not in done.stderr
    assert any(word in done.stderr.lower() for word in words.split("|")), done.stderr
    there.chmod(0o755)
    again = subprocess.run(line, cwd=place, capture_output=True, text=True, env=environment)
    assert again.returncode == 0, again.stderr


# --- damaged artefacts -----------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path: Path) -> None:
    path.unlink()


def garble(path: Path) -> None:
    """JSON of another kind."""
    path.write_text('{"format": 1}')


DAMAGES = [
    ("data info store", "store/frames.f32", flip), ("data info store", "store/index.npy", flip),
    ("data info store", "store/frames.f32", cut), ("data info store", "store/index.npy", remove),
    ("data info store", "store/card.json", cut), ("data info store", "store/card.json", garble),
    ("compare features", "features/features.npy", flip), ("compare features", "features/features.npy", remove),
    ("compare features", "features/table.npz", cut), ("compare features", "features/features.npy", cut),
    ("compare features", "features/card.json", garble),
    ("evaluate run", "run/card.json", cut), ("evaluate run", "run/card.json", garble),
    ("evaluate run", "run/encoder/weights.safetensors", flip), ("evaluate run", "run/encoder/weights.safetensors", cut),
    ("evaluate run", "run/method/weights.safetensors", flip), ("evaluate run", "run/method/weights.safetensors", cut),
    ("evaluate run", "run/method/weights.safetensors", remove), ("evaluate run", "run/texts/bank.npz", flip),
    ("evaluate run", "run/texts/card.json", garble),
    ("report compared", "compared/results/*.json", cut), ("report compared", "compared/results/*.json", garble),
]  # fmt: skip


@pytest.mark.parametrize(("command", "file", "damage"), DAMAGES, ids=lambda v: getattr(v, "__name__", str(v)))
def test_damage_is_told_and_left_as_it_is(
    made: Path, place: Path, capsys: pytest.CaptureFixture[str], command: str, file: str, damage: Callable[[Path], None]
) -> None:
    *words, name = command.split()
    path = next(place.glob(file))
    damage(path)
    before = digests(place)
    options = {
        "compare": ["--methods", "ridge", "--seeds", "1", "--workers", "1", "--split", "random:2#1", "--semantics",
                    "action", "--text-encoder", f"file:{made / 'texts.npy'}", "--out", str(place / "out"), "--data"],
        "report": ["--out", str(place / "page.html")],
    }.get(words[0], [])  # fmt: skip
    assert main([*words, *options, str(place / name)]) == 2
    told = capsys.readouterr().err
    assert told.count("error:") == 1 and "Traceback" not in told
    assert str(place / name) in told.replace("\n", ""), "it says where"
    assert digests(place) == before and not (place / "page.html").exists()


def test_a_damaged_checkpoint_of_a_method_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = {"action": rng.normal(size=(4, 6)).astype(np.float32)}
    tokens = {"action": vectors["action"][:, None]}
    names = ("a:1", "a:2", "a:3", "a:4")
    bank = TextBank(names, names, ("action",), vectors, tokens, {"action": np.ones((4, 1), bool)}, "made-up", "0")
    x, y = rng.normal(size=(40, 5)).astype(np.float32), np.arange(40) % 4
    settings = {"cycles": 1, "steps": 1000, "batch": 4, "latent": 3}
    whole = Msf(**settings).fit(x, y, bank, folder=tmp_path)
    checkpoint = tmp_path / "checkpoint.safetensors"
    assert checkpoint.is_file()
    resumed = Msf(**settings).fit(x, y, bank, folder=tmp_path)
    assert np.array_equal(whole.cycles_[0], resumed.cycles_[0])
    for damage in (flip, cut):
        kept = checkpoint.read_bytes()
        damage(checkpoint)
        with pytest.raises(UserError, match=r"checkpoint cannot be read(.|\n)*delete it"):
            Msf(**settings).fit(x, y, bank, folder=tmp_path)
        checkpoint.write_bytes(kept)
