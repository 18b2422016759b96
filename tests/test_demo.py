"""The demo, quick and whole: tables, a recognised clip and a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skelzero.cli import main


@pytest.mark.slow
def test_the_quick_demo_runs_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--quick", "--out", str(tmp_path / "demo"), "--workers", "1", "--json"]) == 0
    captured = capsys.readouterr()
    outcome = json.loads(captured.out)
    assert outcome["synthetic"] is True and outcome["segments"][0]["labels"]
    found = {(r["method"], r["setting"], r["metric"]) for r in outcome["results"]}
    assert {("scale", "zsl", "top1"), ("scale", "gzsl", "H"), ("ridge", "zsl", "top1")} <= found
    ridge = next(r for r in outcome["results"] if (r["method"], r["metric"]) == ("ridge", "top1"))
    assert ridge["mean"] > 2 * ridge["chance"]
    assert "Synthetic motion" in (tmp_path / "demo" / "report.html").read_text()
