"""A real server with real workers, in a thread of the test process, and a client for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from skelzero.server import Settings
from skelzero.server.pool import Pool
from skelzero.server.program import Server, serve
from skelzero.synthetic import make_clip

WORDS = ["squat quickly", "wave right hand", "clap hands quickly"]
NAME = "a01_s03_e01_v01.json"


@dataclass
class Running:
    """A server that runs, and what a test needs of it."""

    url: str
    server: Server
    pool: Pool

    def recognize(
        self, data: bytes, name: str = NAME, labels: Sequence[str] = WORDS, headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> httpx.Response:  # fmt: skip
        """Upload bytes under a name."""
        return httpx.post(
            f"{self.url}/api/recognize", files={"file": (name, data)}, data={"labels": ",".join(labels), **fields},
            headers=headers, timeout=120,
        )  # fmt: skip

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=30, **options)


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    """A server in a thread; ended, with its workers, when the test is done."""
    found: list[Running] = []
    failed: list[BaseException] = []
    there = threading.Event()

    def ready(url: str, server: Server, pool: Pool) -> None:
        found.append(Running(url, server, pool))
        there.set()

    def work() -> None:
        try:
            asyncio.run(serve(settings, ready))
        except BaseException as error:
            failed.append(error)
            there.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert there.wait(120)
    if failed:
        thread.join()
        raise failed[0]
    try:
        yield found[0]
    finally:
        found[0].server.should_exit = True
        thread.join(60)
        assert not thread.is_alive() and not failed


def recording(code: str = "s49", repeat: int = 1) -> bytes:
    """A synthetic movement in the form of NW-UCLA's files, in which zeros stand for what was not seen."""
    positions = np.nan_to_num(make_clip(code, 3, 1).positions[0].astype(float))
    return json.dumps({"skeletons": np.concatenate([positions.round(4)] * repeat).tolist()}).encode()
