"""Shared fixtures: where the real recordings lie, and a reason printed when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _recordings_folder() -> Path:
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    return Path(os.environ.get("SKELZERO_DATA", default))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder with the real recordings; skips the test, with the reason, when it is not there."""
    folder = _recordings_folder()
    if not folder.is_dir():
        pytest.skip(f"real recordings not found in {folder}; set SKELZERO_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never touch the user's cache."""
    monkeypatch.setenv("SKELZERO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
