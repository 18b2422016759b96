"""Lets the tests of this folder import its modules, and lays out what the pages speak of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def pantry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where prepared files are kept, so that several pages find the same ones."""
    return tmp_path_factory.mktemp("pantry")
