"""A server with narrow limits: each is reached, told, and harms nobody else."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import time
import zipfile
from collections.abc import Iterator

import httpx
import pytest
from serving import NAME, Running, recording, running

from skelzero.errors import UserError
from skelzero.server import Settings, program

AUTH = {"Authorization": "Bearer open sesame"}


def works(strict: Running) -> bool:
    return strict.recognize(recording(), headers=AUTH).status_code == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic open sesame"},
                                    {"Authorization": "Bearer \xfc"}])  # fmt: skip
def test_without_the_token_nothing_is_said(strict: Running, header: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in header.items()}
    for path in ("/api/models", "/metrics", "/openapi.json"):
        answer = strict.get(path, headers=raw)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert httpx.post(f"{strict.url}/api/recognize", files={"file": (NAME, b"{}")}, headers=raw).status_code == 401
    assert strict.get("/", headers=raw).status_code == strict.get("/api/health", headers=raw).status_code == 200


def test_with_the_token(strict: Running) -> None:
    assert strict.get("/api/models", headers=AUTH).status_code == 200
    assert works(strict)


def pieces(size: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.bvh"\r\n\r\n'
    for _ in range(size // 50_000):
        yield b"x" * 50_000


def test_large_uploads_are_refused_announced_or_not(strict: Running) -> None:
    announced = strict.recognize(b"x" * 13_000_000, headers=AUTH)
    head = {**AUTH, "Content-Type": "multipart/form-data; boundary=b"}
    streamed = httpx.post(f"{strict.url}/api/recognize", content=pieces(13_000_000), headers=head, timeout=30)
    for answer in (announced, streamed):
        assert answer.status_code == 413 and "too large" in answer.json()["error"]["what"]
    assert works(strict)


def test_slow_uploads_time_out(strict: Running) -> None:
    host, port = strict.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        head = ["POST /api/recognize HTTP/1.1", f"Host: {host}:{port}", "Authorization: Bearer open sesame",
                "Content-Type: multipart/form-data; boundary=b", "Content-Length: 1000", "", "--b"]  # fmt: skip
        line.sendall("\r\n".join(head).encode())
        begun = time.monotonic()
        assert line.recv(100).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - begun < 5
    assert works(strict)


def test_long_recordings_and_full_archives(strict: Running) -> None:
    long = strict.recognize(b'{"skeletons": ' + str([[[1, 1, 1]] * 20] * 3100).encode() + b"}", headers=AUTH)
    assert long.status_code == 413 and "too long" in long.json()["error"]["what"]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"a{i:02d}_s01_e01_v01.json", recording())
    full = strict.recognize(file.getvalue(), "full.zip", headers=AUTH)
    assert full.status_code == 413 and "too many recordings" in full.json()["error"]["what"]


def test_an_archive_that_unpacks_to_far_more_is_refused(strict: Running) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bvh", b"0" * 100_000_000)
    answer = strict.recognize(file.getvalue(), "bomb.zip", headers=AUTH)
    assert answer.status_code == 422 and "bomb" in answer.json()["error"]["what"]


def test_a_worker_over_its_time_is_killed_and_replaced(strict: Running) -> None:
    [worker] = strict.pool.workers
    os.kill(worker.process.pid, signal.SIGSTOP)  # it hangs, whatever it was given
    slow = strict.recognize(recording(), headers=AUTH)
    assert slow.status_code == 504 and "too long" in slow.json()["error"]["what"]
    while worker.process.returncode is None or worker.folder.exists():
        time.sleep(0.01)
    assert worker.process.returncode == -signal.SIGKILL


def test_after_a_killed_worker_all_is_as_before(strict: Running) -> None:
    assert len(strict.pool.workers) == 1 and works(strict)
    assert 'skelzero_workers_killed_total{reason="time"} 1' in strict.get("/metrics", headers=AUTH).text


def test_a_worker_that_dies_costs_its_request_only(strict: Running) -> None:
    [worker] = strict.pool.workers
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(strict.recognize(recording(repeat=20), headers=AUTH)))
    thread.start()
    while strict.pool.idle:
        time.sleep(0.005)
    os.kill(worker.process.pid, signal.SIGKILL)
    thread.join()
    assert answers[0].status_code == 500 and "worker process ended" in answers[0].json()["error"]["what"]


def test_a_worker_that_died_between_requests_is_replaced_unseen(strict: Running) -> None:
    [worker] = strict.pool.workers
    os.kill(worker.process.pid, signal.SIGKILL)
    while worker.process.returncode is None:
        time.sleep(0.01)
    answer = strict.recognize(recording(), headers=AUTH)
    assert answer.status_code in (200, 503)  # 503: the next one took longer to start than a request may wait
    assert "worker process ended" not in answer.text


def test_too_many_at_once_are_sent_away_with_a_time_to_come_back(strict: Running) -> None:
    answers: list[httpx.Response] = []
    work = [threading.Thread(target=lambda: answers.append(strict.recognize(recording(repeat=12), headers=AUTH)))
            for _ in range(6)]  # fmt: skip
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    statuses = [answer.status_code for answer in answers]
    assert len(statuses) == 6 and set(statuses) <= {200, 503, 504} and statuses.count(503) >= 3, statuses
    assert all(answer.headers["retry-after"] == "2" for answer in answers if answer.status_code == 503)


def test_memory_of_a_request_is_limited(strict: Running) -> None:
    """A file that is small as an upload and large in memory; told as such, and the worker lives on."""
    before = set(strict.pool.workers)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # One letter beyond the basic plane makes every letter of a Python string take four bytes.
        archive.writestr(NAME, '{"skeletons": "' + "x" * 30_000_000 + '\U0001f600"}')
    answer = strict.recognize(file.getvalue(), "large.zip", headers=AUTH)
    assert answer.status_code == 413 and "memory" in answer.json()["error"]["what"], answer.text
    assert works(strict) and strict.pool.workers == before


def test_settings_that_cannot_be() -> None:
    with pytest.raises(UserError, match="a limit of the server must be positive\n  where: timeout"):
        Settings(timeout=0)
    with pytest.raises(UserError, match="the token must be plain characters"):
        Settings(token="")
    assert "sesame" not in repr(Settings(token="open sesame"))


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = Settings(port=taken.getsockname()[1])
        with pytest.raises(UserError, match="another program uses this port"), running(busy):
            pass


def test_a_head_that_never_ends_is_cut_off(strict: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "HEAD_SECONDS", 0.3)
    host, port = strict.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert line.recv(100) == b""
