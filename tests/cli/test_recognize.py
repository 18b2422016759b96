"""`skelzero recognize` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelzero.cli import main


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a01_s01_e01_skeleton3D.txt"
    rng = np.random.default_rng(0)
    body = rng.random((20, 3)) + 2
    rows = [np.c_[body + 0.02 * rng.standard_normal((20, 3)), np.ones(20)] for _ in range(40)]
    np.savetxt(path, np.concatenate(rows), fmt="%.6f")
    return path


def test_one_object_with_the_promised_keys(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recognize", str(recording), "--labels", "walk, clap", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [r["label"] for r in sorted(answer["segments"][0]["labels"], key=lambda r: r["label"])] == ["clap", "walk"]
    assert isinstance(answer["segments"][0]["none_of_these"], bool)


@pytest.mark.parametrize("arguments", [["missing.bvh", "--labels", "a, b"], ["{recording}"],
                                       ["{recording}", "--labels", "a, b", "--model", "nowhere"]])  # fmt: skip
def test_mistakes_exit_with_two(
    recording: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert main(["recognize", *(a.format(recording=recording) for a in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1 and "Traceback" not in captured.err and captured.out == ""
