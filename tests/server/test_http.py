"""What the server answers, request by request, against the same work done without it."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from serving import NAME, WORDS, Running, recording

from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.server.examples import EXAMPLES, example_clip
from skelzero.server.schema import Answer, Failure, Health, Models


@pytest.mark.parametrize("options", [{}, {"top": 1, "explain": True}, {"false_accepts": 0.0}], ids=str)
def test_the_answer_is_the_one_without_a_server(
    server: Running, offline: Recognizer, tmp_path: Path, options: dict[str, Any]
) -> None:
    data = recording()
    (tmp_path / NAME).write_bytes(data)
    answer = server.recognize(data, format="nw-ucla", model="packaged", **options)
    assert answer.status_code == 200, answer.text
    found = Answer.model_validate(answer.json())
    assert (found.file, found.model) == (NAME, "packaged")
    clip = read_clip(tmp_path / NAME)
    expected = json.loads(json.dumps(offline.recognize(clip, WORDS, **options).to_json()))
    got = answer.json()["clips"][0]
    assert {name: got[name] for name in expected} == expected
    assert "skeleton" not in got
    for segment in found.clips[0].segments:
        assert len(segment.labels) == options.get("top", len(WORDS))
        assert ("explain" in options) == (segment.reason is not None)
        assert segment.reason is None or set(segment.reason.joints) == set(clip.layout.joints)


def test_the_skeleton_is_the_recording(server: Running, tmp_path: Path) -> None:
    data = recording()
    (tmp_path / NAME).write_bytes(data)
    url = f"{server.url}/api/recognize?skeleton=1"
    answer = httpx.post(url, files={"file": (NAME, data)}, data={"labels": ",".join(WORDS)}, timeout=60).json()
    drawn, clip = answer["clips"][0]["skeleton"], read_clip(tmp_path / NAME)
    frames = np.array(drawn["people"][0]["frames"], dtype=float).reshape(-1, 20, 3) / drawn["steps"]
    np.testing.assert_allclose(frames, clip.positions[0], atol=6e-4)
    assert drawn["joints"] == list(clip.layout.joints)
    assert sorted((a, b) for a, b, _ in drawn["bones"]) == sorted(clip.layout.bones)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_called_synthetic_and_say_what_is_done(server: Running, name: str) -> None:
    examples = {e["name"]: e for e in server.get("/api/models").json()["examples"]}
    fields = {"example": name, "labels": "\n".join(examples[name]["labels"])}
    clip = httpx.post(f"{server.url}/api/recognize", data=fields, timeout=60).json()["clips"][0]
    assert clip["synthetic"] and clip["seconds"] == pytest.approx(example_clip(name).frames / 30, abs=0.01)
    assert set(examples[name]["performed"]) < set(examples[name]["labels"])


def test_several_recordings_in_one_archive(server: Running) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/a01_s03_e01_v01.json", recording())
        archive.writestr("set/a02_s03_e01_v01.json", recording("s09"))
    clips = server.recognize(file.getvalue(), "two.zip").json()["clips"]
    assert [clip["clip"] for clip in clips] == ["a01_s03_e01_v01", "a02_s03_e01_v01"]


def test_real_recordings(server: Running, recordings: Path) -> None:
    with zipfile.ZipFile(recordings / "utd_mhad.zip") as archive:
        member = next(name for name in archive.namelist() if name.endswith("a1_s1_t1_skeleton.mat"))
        data = archive.read(member)
    clip = server.recognize(data, "a1_s1_t1_skeleton.mat").json()["clips"][0]
    assert clip["layout"] == "kinect20-utd" and clip["segments"]


def test_facts(server: Running) -> None:
    models = Models.model_validate(server.get("/api/models").json())
    assert [m.name for m in models.models] == ["packaged"] and models.limits["max_bytes"] == 32 << 20
    assert {"bvh", "ntu"} < {f.name for f in models.formats}
    health = Health.model_validate(server.get("/api/health").json())
    assert health.status == "ok" and health.workers == 1 and health.waiting == 0


def test_metrics_count_what_was_answered(server: Running) -> None:
    def counted() -> dict[str, float]:
        lines = server.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    before = counted()
    server.recognize(recording())
    server.recognize(b"nothing", "a.bvh")
    server.get("/no/such/page")
    after = counted()
    for name in ('{route="/api/recognize",status="200"}', '{route="/api/recognize",status="422"}'):
        key = f"skelzero_requests_total{name}"
        assert after[key] - before.get(key, 0) == 1
    assert (
        after["skelzero_request_seconds_count"] - before["skelzero_request_seconds_count"] == 4
    )  # and /metrics itself
    assert after['skelzero_request_seconds_bucket{le="+Inf"}'] == after["skelzero_request_seconds_count"]
    assert not any("such" in name for name in after), "what a client types must not become a label"


def test_the_interface_is_described(server: Running) -> None:
    described = server.get("/openapi.json").json()
    assert set(described["paths"]) == {"/api/recognize", "/api/models", "/api/health", "/metrics"}
    fields = described["components"]["schemas"]["Body_recognize_api_recognize_post"]["properties"]
    assert {"file", "labels", "model", "format", "top", "explain", "example", "false_accepts"} == set(fields)


def test_pages_need_nothing_from_elsewhere(server: Running) -> None:
    for path in ("/", "/docs"):
        page = server.get(path)
        assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text and "https://" not in page.text and "<script>" not in page.text
    assert server.get("/page/app.js").headers["content-type"].startswith("text/javascript")
    assert server.get("/page/..%2fapp.py").status_code == 404


MISTAKES = [
    ({"data": b"", "name": "empty.bvh"}, 422, "empty"),
    ({"data": b"HIERARCHY\nROOT", "name": "cut.bvh"}, 422, "cut.bvh"),
    ({"data": b"\x00" * 1000, "name": "zeros.skeleton"}, 422, "no reader knows this file"),
    ({"data": b"PK\x03\x04 broken", "name": "broken.zip"}, 422, "archive"),
    ({"data": b"{}", "labels": []}, 422, "labels"),
    ({"data": recording(), "labels": ["a", "A"]}, 422, "different"),
    ({"data": recording(), "labels": [f"w{i}" for i in range(201)]}, 422, "too many words"),
    ({"data": recording(), "model": "nobody"}, 404, "no such model"),
    ({"data": recording(), "format": "nothing"}, 422, "unknown format"),
    ({"data": recording(), "top": 0}, 422, "greater than or equal to 1"),
    ({"data": recording(), "false_accepts": 2}, 422, "less than or equal to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "status", "told"), MISTAKES, ids=[told for _, _, told in MISTAKES])
def test_mistakes_are_told(server: Running, request_: dict[str, object], status: int, told: str) -> None:
    answer = server.recognize(**request_)  # type: ignore[arg-type]
    assert answer.status_code == status and told in answer.text, answer.text
    Failure.model_validate(answer.json())
    assert "skelzero-serve" not in answer.text and "Traceback" not in answer.text, "nothing of the server's inside"


def test_neither_file_nor_example(server: Running) -> None:
    for files, fields in (({}, {}), ({"file": (NAME, b"{}")}, {"example": "party"})):
        answer = httpx.post(f"{server.url}/api/recognize", files=files, data={"labels": "a, b", **fields})
        assert answer.status_code == 422 and "one of them" in answer.json()["error"]["what"]


@pytest.mark.parametrize(
    "name", ["../../../escape.json", "/etc/escape.json", "..\\escape.json", "a\x00b.json", "é" * 500]
)
def test_file_names_lead_nowhere(server: Running, name: str) -> None:
    answer = server.recognize(recording(), name)
    assert answer.status_code in (200, 422)
    assert server.recognize(recording()).status_code == 200
    for worker in server.pool.workers:
        assert not list((worker.folder / "uploads").iterdir())


def test_a_request_for_another_host_is_not_answered(server: Running) -> None:
    """A page elsewhere can give its own name this address; the Host header then gives it away."""
    assert server.get("/", headers={"Host": "attacker.example"}).status_code == 421
    assert server.get("/api/health", headers={"Host": "localhost"}).status_code == 200


def test_pages_of_other_sites_cannot_ask(server: Running) -> None:
    answer = server.recognize(recording(), headers={"Origin": "https://attacker.example"})
    assert answer.status_code == 403
    assert server.recognize(recording(), headers={"Origin": server.url}).status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_what_is_no_http_is_cut_off(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400")
    assert server.get("/api/health").status_code == 200
