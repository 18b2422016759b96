"""Live recognition over WebSocket: frames come in as they are recorded, answers go out as soon as they are known.

The client's first message says what the stream is: `{"labels": [...], "layout": "ntu25", "fps": 30}` and, if it likes,
`persons`, `top`, `false_accepts`, `model` and `token`. Then come frames (`{"joints": [[x, y, z], null, ...]}` or
`{"persons": [[...], ...]}`), one a message or several as `{"frames": [...]}`, and in the end `{"end": true}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from skelzero.clips import load_layout
from skelzero.server.failures import RefusedError, error_event
from skelzero.server.guards import same
from skelzero.server.pool import Pool, Worker

MAX_BATCH = 300
"""Frames in one message."""
NORMAL, REFUSED, FAILED, BUSY = 1000, 1008, 1011, 1013
"""Close codes of WebSocket."""
CODES = {500: FAILED, 503: BUSY, 504: FAILED}


class LiveSessions:
    """The live sessions of a server, each with a worker process of its own."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.settings = pool, pool.settings
        self.running = 0

    async def serve(self, socket: WebSocket) -> None:
        """One session, from the first message to the last."""
        await socket.accept()
        try:
            request = self._checked(await self._message(socket))
            async with self._worker() as worker:
                await self._talk(socket, worker, request)
            await socket.close(NORMAL)
        except WebSocketDisconnect:
            return
        except Exception as error:
            with suppress(WebSocketDisconnect, RuntimeError):  # the client may be gone by now
                await self._tell(socket, [error_event(error)])
                await socket.close(CODES.get(getattr(error, "status", 422), REFUSED))

    async def _talk(self, socket: WebSocket, worker: Worker, request: dict[str, Any]) -> None:
        await self._tell(socket, await self._ask(worker, {**request, "do": "live"}))
        while not (message := await self._message(socket)).get("end"):
            await self._tell(socket, await self._ask(worker, {"do": "frames", "frames": _frames(message)}))
        await self._tell(socket, [*await self._ask(worker, {"do": "finish"}), {"event": "end"}])

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[Worker]:
        """A worker for one session, if there may be one more."""
        if self.running >= self.settings.live:
            raise RefusedError(503, "too many live sessions", expected=f"<= {self.settings.live}",
                               next_step="try again when one has ended, or raise --live")  # fmt: skip
        self.running += 1
        worker: Worker | None = None
        try:
            worker = await self.pool.lend()
            yield worker
        finally:
            self.running -= 1
            if worker is not None:
                await self.pool.end(worker)

    async def _message(self, socket: WebSocket) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.settings.idle):
                message = json.loads(await socket.receive_text())
        except TimeoutError as error:
            raise RefusedError(408, "nothing came for too long", got=f"> {self.settings.idle:g} s") from error
        except (ValueError, RecursionError, KeyError) as error:
            raise RefusedError(422, "a message must be JSON text", got=str(error)) from error
        if not isinstance(message, dict):
            raise RefusedError(422, "a message must be a JSON object", got=type(message).__name__)
        return message

    def _checked(self, begin: dict[str, Any]) -> dict[str, Any]:
        """The first message with every field in its place.

        Raises
        ------
        UserError
            No or a wrong token, or a field that cannot be used.
        """
        if self.settings.token is not None and not same(str(begin.get("token", "")), self.settings.token):
            raise RefusedError(401, "this server asks for a token", where="token", expected="in the first message")
        labels = begin.get("labels")
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise RefusedError(422, "a live session needs words to choose from", where="labels",
                               expected='a list such as ["walk", "wave"]')  # fmt: skip
        if len(labels) > self.settings.max_labels:
            raise RefusedError(422, "too many words to choose from", got=len(labels),
                               expected=f"<= {self.settings.max_labels}")  # fmt: skip
        request = {"labels": labels, "layout": begin.get("layout", ""), "model": begin.get("model", "")}
        # Told here and not by a worker, which would have to be replaced for it.
        load_layout(str(request["layout"]))
        kinds: dict[str, tuple[type, ...]] = {"layout": (str,), "model": (str,), "fps": (int, float), "persons": (int,),
                                              "top": (int,), "false_accepts": (int, float)}  # fmt: skip
        for name, kind in kinds.items():
            value = request.get(name, begin.get(name))
            if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
                raise RefusedError(422, "a field of the first message is wrong", where=name, got=repr(value)[:100])
            request[name] = value
        return request

    async def _ask(self, worker: Worker, request: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(self.settings.timeout):
                answer, body = await worker.ask(request)
        except (TimeoutError, EOFError, OSError) as error:
            raise self.pool.explain(error) or error from error
        if answer["status"] != 200:
            raise RefusedError(answer["status"], answer["error"].pop("what"), **answer["error"])
        return json.loads(body)

    async def _tell(self, socket: WebSocket, events: list[dict[str, Any]]) -> None:
        for event in events:
            await socket.send_text(json.dumps(event))


def _frames(message: dict[str, Any]) -> list[Any]:
    frames = message.get("frames", [message])
    if not isinstance(frames, list) or len(frames) > MAX_BATCH:
        raise RefusedError(422, "too many frames in one message", expected=f"a list of <= {MAX_BATCH}")
    return frames
