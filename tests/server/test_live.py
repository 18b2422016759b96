"""Live sessions: the events of a stream are those of the recogniser, and a session that misbehaves ends alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from serving import WORDS, Running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from skelzero.clips import Clip
from skelzero.recognize import Recognizer
from skelzero.recognize.stream import LiveRecognizer
from skelzero.server.examples import example_clip

BEGIN = {"layout": "common20", "fps": 30, "labels": WORDS}


def session(server: Running, **options: Any) -> ClientConnection:
    return connect(f"{server.url.replace('http', 'ws')}/api/live", open_timeout=60, **options)


def said(line: ClientConnection) -> dict[str, Any]:
    return json.loads(line.recv(timeout=60))


def frame(clip: Clip, t: int) -> dict[str, Any]:
    joints = clip.positions[0, t].astype(float)
    return {"joints": [row.tolist() if np.isfinite(row).all() else None for row in joints]}


def test_a_stream_gives_the_events_of_the_recogniser(server: Running, offline: Recognizer) -> None:
    """Also when a frame does not fit: it is told, and not counted."""
    clip = example_clip("exercises")
    live = LiveRecognizer(offline, WORDS, clip.layout, 30.0)
    expected = [event for t in range(clip.frames) for event in live.push(frame(clip, t))] + live.finish()
    got = []
    with session(server) as line:
        line.send(json.dumps(BEGIN))
        ready = said(line)
        assert ready["event"] == "ready" and ready["joints"] == list(clip.layout.joints)
        line.send('{"joints": [[1, 2]]}')
        assert "does not fit the joint layout" in said(line)["message"]
        for t in range(0, clip.frames, 10):
            line.send(json.dumps({"frames": [frame(clip, i) for i in range(t, min(t + 10, clip.frames))]}))
        line.send('{"end": true}')
        while (event := said(line))["event"] != "end":
            got.append(event)
    assert got == json.loads(json.dumps(expected)) and {e["event"] for e in got} == {"now", "segment"}
    assert "skelzero_live_sessions 0" in server.get("/metrics").text


FIRST = [
    ("no JSON", "JSON"), ("[1]", "JSON object"), ('{"labels": "walk"}', "words to choose from"),
    (json.dumps({**BEGIN, "fps": "30"}), "first message is wrong"),
    (json.dumps({**BEGIN, "layout": "x"}), "unknown joint"),
    (json.dumps({**BEGIN, "labels": ["w"] * 300}), "too many words"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "told"), FIRST, ids=[told for _, told in FIRST])
def test_a_session_that_begins_wrongly_is_told_why(server: Running, message: str, told: str) -> None:
    with session(server) as line:
        line.send(message)
        event = said(line)
        assert event["event"] == "error" and told in event["message"]
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=10)


def test_a_session_needs_the_token_and_a_free_place(strict: Running) -> None:
    for token, told in (("", "asks for a token"), ("wrong", "asks for a token")):
        with session(strict) as line:
            line.send(json.dumps({**BEGIN, "token": token}))
            assert told in said(line)["message"]
    with session(strict) as first, session(strict) as second:
        first.send(json.dumps({**BEGIN, "token": "open sesame"}))
        assert said(first)["event"] == "ready"
        second.send(json.dumps({**BEGIN, "token": "open sesame"}))
        assert "too many live sessions" in said(second)["message"]
        first.send('{"frames": 3}')
        assert "too many frames" in said(first)["message"]
        with pytest.raises(ConnectionClosed) as closed:
            first.recv(timeout=10)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


def test_silence_ends_a_session(server: Running) -> None:
    with session(server) as line:
        assert "nothing came for too long" in said(line)["message"]


def test_a_message_that_is_too_long_ends_the_session(server: Running) -> None:
    with session(server) as line:
        line.send("x" * 300_000)
        with pytest.raises(ConnectionClosed) as closed:
            line.recv(timeout=10)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_pages_of_other_sites_get_no_session(server: Running) -> None:
    with pytest.raises(InvalidStatus):
        session(server, origin="https://attacker.example")
