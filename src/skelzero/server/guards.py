"""What every request passes before it is looked at: who may ask, how much may be sent, how long that may take."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from skelzero.server.failures import RefusedError, failure
from skelzero.server.metrics import Metrics
from skelzero.server.settings import LOOPBACK, Settings

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/", "/docs", "/api/health")
"""Paths that ask for no token: they hold no data."""
PAGE = "/page/"
DRAINED = 4
"""So many times the largest request is thrown away before a client that does not stop is cut off."""
UPLOADS = 64
"""Uploads at once; they wait on the network, not for a worker."""
HEADERS = [(name.encode(), value.encode()) for name, value in {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}.items()]  # fmt: skip


class Guards:
    """ASGI middleware around the application: hosts, origins, token, size and time of uploads, headers, counting."""

    def __init__(self, app: App, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        refused = self._stranger(scope, headers)
        if scope["type"] == "websocket":
            if refused is not None:
                await send({"type": "websocket.close", "code": 1008, "reason": refused.what[:100]})
                return
            await self.app(scope, receive, send)
            return
        await self._request(scope, receive, send, headers, refused)

    async def _request(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], refused: RefusedError | None
    ) -> None:
        begun, status = time.monotonic(), 500

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        body = Body(receive, self.settings)
        posts = scope["method"] not in ("GET", "HEAD")
        if refused is None and posts:
            refused = self._unwelcome(headers)
        self._uploads += posts
        try:
            if refused is not None:
                await body.drain()
                await answer(guarded, refused)
            else:
                await self.app(scope, body.receive, guarded)
        finally:
            self._uploads -= posts
            self.metrics.answered(_route(scope), status, time.monotonic() - begun)

    def _stranger(self, scope: Scope, headers: dict[str, str]) -> RefusedError | None:
        """Requests that must not be answered at all."""
        host = headers.get("host", "")
        # A page from elsewhere whose name was rebound to this address still sends its own name.
        if self.settings.local and hostname(host) not in LOOPBACK:
            return RefusedError(421, "this server answers to its own address only", where="Host", got=repr(host[:100]),
                                expected=", ".join(LOOPBACK))  # fmt: skip
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return RefusedError(403, "requests from pages of other sites are not answered", where="Origin",
                                got=repr(origin[:100]))  # fmt: skip
        path = scope["path"]
        if self.settings.token is None or path in OPEN or path.startswith(PAGE) or scope["type"] == "websocket":
            return None  # a WebSocket shows its token in its first message, as browsers let it send no header
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and same(token.strip(), self.settings.token):
            return None
        return RefusedError(401, "this server asks for a token", where="Authorization",
                            expected="Bearer and the token that the server was started with")  # fmt: skip

    def _unwelcome(self, headers: dict[str, str]) -> RefusedError | None:
        """Uploads that are refused by their head alone."""
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return RefusedError(400, "the length is no number", where="Content-Length", got=repr(length[:50]))
        if int(length) > self.settings.max_bytes:
            return too_large(self.settings, f"{int(length)} bytes")
        if self._uploads >= UPLOADS:
            return RefusedError(503, "the server has too much to do", got=f"{self._uploads} uploads", retry_after=2,
                                next_step="try again in a moment")  # fmt: skip
        return None


class CutOffError(HTTPException):
    """A refusal in the middle of a body; of the one type that the framework hands on as it is while it reads a form."""

    def __init__(self, refused: RefusedError) -> None:
        super().__init__(refused.status, refused.what)
        self.refused = refused


class Body:
    """The body of one request, counted and timed as it comes."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive, self._settings = receive, settings
        self._end = asyncio.get_running_loop().time() + settings.upload_timeout
        self._taken, self._complete = 0, False

    async def receive(self) -> Message:
        """The next piece.

        Raises
        ------
        CutOffError
            413 beyond the largest request, 408 when the body takes too long.
        """
        if self._complete:
            return await self._receive()  # waits for the client to leave
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError as error:
            slow = RefusedError(408, "the upload took too long", got=f"> {self._settings.upload_timeout:g} s")
            raise CutOffError(slow) from error
        self._taken += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._taken > self._settings.max_bytes:
            await self.drain()
            raise CutOffError(too_large(self._settings, "more"))
        return message

    async def drain(self) -> None:
        """Throw away what still comes: a client that is still sending would not see the answer otherwise."""
        try:
            async with asyncio.timeout_at(self._end):
                while not self._complete and self._taken <= DRAINED * self._settings.max_bytes:
                    message = await self._receive()
                    self._taken += len(message.get("body", b""))
                    self._complete = not message.get("more_body", False)
        except TimeoutError:
            pass


async def answer(send: Send, error: RefusedError) -> None:
    """Send a refusal as JSON."""
    found = failure(error)
    text = json.dumps({"error": found["error"]}).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(text)))]
    headers += [("retry-after", str(error.retry_after))] if error.retry_after else []
    headers += [("www-authenticate", "Bearer")] if error.status == 401 else []
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": found["status"], "headers": pairs})
    await send({"type": "http.response.body", "body": text})


def too_large(settings: Settings, got: str) -> RefusedError:
    return RefusedError(413, "the upload is too large", got=got, expected=f"<= {settings.max_bytes} bytes",
                        next_step="send recordings one by one, or start the server with a larger --max-mb")  # fmt: skip


def same(token: str, expected: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(token.encode(errors="replace"), expected.encode())


def hostname(host: str) -> str:
    """The name in a Host header, without its port.

    >>> hostname("127.0.0.1:8000"), hostname("[::1]:8000"), hostname("localhost")
    ('127.0.0.1', '::1', 'localhost')
    """
    return (host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]).lower()


def _route(scope: Scope) -> str:
    """The pattern of the route that answered; paths that nobody serves count as one."""
    route = scope.get("route")
    return getattr(route, "path", None) or ("refused" if "endpoint" not in scope else "page")
