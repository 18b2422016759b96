"""The server under load: 200 requests, 16 at once, valid ones and hostile ones (malformed, oversize, slow) mixed.

A request is lost when no answer comes, and wrong when a valid recording gets another answer than without a server, or a
hostile one gets anything but its own refusal. Memory is the sum of what the server and its workers hold for themselves
(private pages), after the first quarter of the requests, when caches are full, and after the last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from pairs import put
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.synthetic import actions, make_clip

REQUESTS, AT_ONCE = 200, 16
MAX_MB, UPLOAD_SECONDS = 4, 3
WORDS = ["squat quickly", "wave right hand", "clap hands quickly", "march in place", "bow"]
RECORDINGS = 8


@dataclass(frozen=True)
class Case:
    """One kind of request, and the status that it deserves."""

    kind: str
    status: int
    send: Callable[[httpx.AsyncClient], Awaitable[httpx.Response | int]]
    expected: object = None


@dataclass(frozen=True)
class Outcome:
    kind: str
    seconds: float
    status: int
    right: bool


def recording(code: str) -> bytes:
    """A synthetic movement in the form of NW-UCLA's files."""
    positions = np.nan_to_num(make_clip(code, 5, 1).positions[0].astype(float)).round(4)
    return json.dumps({"skeletons": positions.tolist()}).encode()


def post(name: str, data: bytes) -> Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]:
    def send(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        return client.post("/api/recognize", files={"file": (name, data)}, data={"labels": ",".join(WORDS)})

    return send


async def trickle(client: httpx.AsyncClient) -> int:
    """A body that never ends, a byte at a time; the status with which the server puts an end to it."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = ["POST /api/recognize HTTP/1.1", f"Host: 127.0.0.1:{client.base_url.port}", "Content-Length: 100000",
            "Content-Type: multipart/form-data; boundary=b", "", "--b",
            'Content-Disposition: form-data; name="file"; filename="slow.bvh"', "", ""]  # fmt: skip
    writer.write("\r\n".join(head).encode())
    answer = asyncio.create_task(reader.readline())
    while not answer.done():
        writer.write(b"x")
        await asyncio.wait({answer}, timeout=0.2)
    writer.close()
    return int(answer.result().split()[1])


def cases(offline: Recognizer, folder: Path) -> list[Case]:
    """All requests, in an order that does not change from run to run: 60 % valid, the rest hostile in four ways."""
    valid = []
    for code in list(actions())[:: len(actions()) // RECORDINGS][:RECORDINGS]:
        path = folder / f"a{code[1:]}_s05_e01_v01.json"
        path.write_bytes(recording(code))
        answer = json.loads(json.dumps(offline.recognize(read_clip(path), WORDS).to_json()))
        valid.append(Case("valid", 200, post(path.name, path.read_bytes()), answer))
    cut = recording("s01")[:5000]
    malformed = [Case("malformed", 422, post(name, data)) for name, data in (
        ("cut.json", cut), ("noise.bvh", random.Random(1).randbytes(50_000)),
        ("broken.zip", b"PK\x03\x04" + b"x" * 999), ("empty.mat", b""),
        ("deep.json", b'{"skeletons":' + b"[" * 100_000),
    )]  # fmt: skip
    oversize = Case("oversize", 413, post("big.npz", b"x" * int(1.2e6 * MAX_MB)))
    slow = Case("slow", 408, trickle)
    chosen = [valid[i % len(valid)] for i in range(REQUESTS * 6 // 10)]
    chosen += [malformed[i % len(malformed)] for i in range(REQUESTS * 2 // 10)]
    chosen += [oversize] * (REQUESTS // 10) + [slow] * (REQUESTS - len(chosen) - REQUESTS // 10)
    random.Random(0).shuffle(chosen)
    return chosen


async def judge(client: httpx.AsyncClient, case: Case) -> Outcome:
    begun = time.perf_counter()
    try:
        answer = await case.send(client)
    except (httpx.HTTPError, OSError, IndexError, ValueError) as error:
        print(f"lost: {case.kind}: {error!r}", file=sys.stderr)
        return Outcome(case.kind, time.perf_counter() - begun, 0, False)
    seconds = time.perf_counter() - begun
    if isinstance(answer, int):
        return Outcome(case.kind, seconds, answer, answer == case.status)
    right = answer.status_code == case.status
    if right and case.expected is not None:
        [clip] = answer.json()["clips"]
        right = all(clip[name] == value for name, value in case.expected.items())  # type: ignore[attr-defined]
    elif right:
        right = bool(answer.json()["error"]["what"])
    return Outcome(case.kind, seconds, answer.status_code, right)


async def load(url: str, requests: Sequence[Case], after_quarter: Callable[[], None]) -> list[Outcome]:
    gate, done = asyncio.Semaphore(AT_ONCE), 0
    limits = httpx.Limits(max_connections=AT_ONCE)

    async def one(case: Case) -> Outcome:
        nonlocal done
        async with gate:
            outcome = await judge(client, case)
        done += 1
        if done == len(requests) // 4:
            after_quarter()
        return outcome

    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        return list(await asyncio.gather(*(one(case) for case in requests)))


def processes(program: int) -> list[int]:
    """A program and its children."""
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat")]
    return [program, *(int(s.split()[0]) for s in stats if int(s.rpartition(")")[2].split()[1]) == program)]


def memory(program: int) -> list[float]:
    """Megabytes of private memory: of the server, then of each worker."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in processes(program)]
    return [sum(int(n) for n in re.findall(r"Private_\w+: +(\d+) kB", text)) / 1e3 for text in texts]


def figures(outcomes: Sequence[Outcome], seconds: float, before: list[float], after: list[float]) -> dict[str, object]:
    valid = sorted(o.seconds for o in outcomes if o.kind == "valid")
    cuts = statistics.quantiles(valid, n=100)
    return {
        "requests": len(outcomes), "at_once": AT_ONCE,
        "statuses": dict(sorted(Counter(f"{o.kind} {o.status}" for o in outcomes).items())),
        "lost": sum(o.status == 0 for o in outcomes), "wrong": sum(not o.right for o in outcomes),
        "seconds": seconds, "valid_median_s": cuts[49], "valid_p95_s": cuts[94], "valid_p99_s": cuts[98],
        "slowest_of_all_s": max(o.seconds for o in outcomes),
        "server_mb_at_a_quarter": before[0], "server_mb_at_the_end": after[0],
        "workers_mb_at_a_quarter": sum(before[1:]), "workers_mb_at_the_end": sum(after[1:]), "workers": len(after) - 1,
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the load; the exit code is 1 when a request was lost or answered wrongly."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    command = [sys.executable, "-c", "from skelzero.cli import main; raise SystemExit(main())", "serve", "--port", "0",
               "--max-mb", str(MAX_MB), "--upload-timeout", str(UPLOAD_SECONDS)]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        requests = cases(Recognizer.load(), Path(name))
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": name})
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "listening on" in line)
            url = next(word for word in line.split() if word.startswith("http://"))
            before: list[float] = []
            begun = time.perf_counter()
            outcomes = asyncio.run(load(url, requests, lambda: before.extend(memory(server.pid))))
            found = figures(outcomes, time.perf_counter() - begun, before, memory(server.pid))
        finally:
            server.terminate()
            server.wait()
    put("the server under load", found, options.json)
    return int(bool(found["lost"] or found["wrong"]))


if __name__ == "__main__":
    raise SystemExit(main())
