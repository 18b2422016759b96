"""Servers that the tests of this folder share: starting one takes seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from serving import Running, running

from skelzero.recognize import Recognizer
from skelzero.server import Settings


@pytest.fixture
def server(server_itself: Running) -> Running:
    return rested(server_itself)


@pytest.fixture
def strict(strict_server: Running) -> Running:
    return rested(strict_server)


def rested(server: Running) -> Running:
    """The successor of a killed worker takes seconds to load its model; no test should begin without it."""
    end = time.monotonic() + 120
    while server.pool.idle < 1 and time.monotonic() < end:
        time.sleep(0.02)
    return server


@pytest.fixture(scope="session")
def server_itself() -> Iterator[Running]:
    """With the default limits, on a free port."""
    with running(Settings(port=0, workers=1, idle=5.0)) as found:
        yield found


@pytest.fixture(scope="session")
def strict_server() -> Iterator[Running]:
    """One worker, a token, and limits that a test can reach."""
    settings = Settings(
        port=0, workers=1, max_bytes=12_000_000, memory=64 << 20, max_seconds=100.0, max_clips=2, max_labels=10,
        timeout=5.0, upload_timeout=2.0, queue=1, live=1, token="open sesame",
    )  # fmt: skip
    with running(settings) as found:
        yield found


@pytest.fixture(scope="session")
def offline() -> Recognizer:
    """The same model without a server."""
    return Recognizer.load()
