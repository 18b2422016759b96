"""`skelzero export` as a user types it: what is refused, and that nothing half-written stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from skelzero.cli import main

pytest.importorskip("onnxscript", reason="pip install 'skelzero[onnx]'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["--labels", "walk, walk"], "label"),
        (["--labels", "a, b", "--labels-file", "words.txt"], "one of them"),
    ],
)
def test_mistakes_exit_with_two(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *arguments, "--onnx", "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err and printed.out == ""
    assert not (tmp_path / "out").exists()
