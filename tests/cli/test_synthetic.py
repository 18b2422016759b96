"""`skelzero synthetic`: the store it writes, what it says, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelzero import synthetic
from skelzero.cli import main
from skelzero.clips.store import ClipStore

SMALL = ["--subjects", "2", "--replications", "1", "--classes", "s01,s44"]


def test_the_store_holds_the_generated_clips_and_says_synthetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "store"
    assert main(["synthetic", "--out", str(out), *SMALL, "--seed", "4", "--json"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["clips"] == 4 and facts["classes"] == 2 and facts["synthetic"] is True
    assert "synthetic" in printed.err
    store = ClipStore.open(out)
    assert "synthetic" in store.card.source and "no person was recorded" in store.card.source
    assert store.card.datasets == {"synthetic": 4} and facts["checksum"] == store.checksum
    for clip in store:
        again = synthetic.make_clip(clip.origin.code, clip.origin.subject, clip.origin.replication, seed=4)
        np.testing.assert_array_equal(clip.positions, again.positions)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["synthetic", "--out", str(tmp_path / name), *SMALL]) == 0
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files and all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


@pytest.mark.parametrize(
    ("extra", "message"),
    [(["--classes", "s01,s999"], "unknown synthetic class"), (["--subjects", "0"], "subjects")],
)
def test_mistakes_are_told_and_leave_nothing(
    extra: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synthetic", "--out", str(tmp_path / "store"), *extra]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_overwritten_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store"
    assert main(["synthetic", "--out", str(out), *SMALL]) == 0
    assert main(["synthetic", "--out", str(out), *SMALL]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["synthetic", "--out", str(out), *SMALL, "--overwrite"]) == 0
