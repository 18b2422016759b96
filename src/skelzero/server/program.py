"""The running server: its socket, its workers, its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from skelzero.errors import UserError
from skelzero.server.app import create_app
from skelzero.server.metrics import Metrics
from skelzero.server.pool import Pool
from skelzero.server.settings import Settings

GRACE = 5
"""Seconds that running requests have when the server ends."""
HEAD_SECONDS = 20.0
"""Seconds for the head of a request; a client that sends it letter by letter is cut off."""
MAX_FRAME = 1 << 18
"""Bytes of one WebSocket message."""


class PatientOnlySoLong(H11Protocol):
    """HTTP with a time limit for the head of a request, which the protocol below waits for without end."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._look)

    def _look(self) -> None:
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Ends on Ctrl-C without raising it again: that is how a server is meant to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(settings: Settings, ready: Callable[[str, Server, Pool], None]) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    settings : Settings
        Address, models and limits.
    ready : callable
        Called once with the server's address (a URL), the server and its workers, when requests are about to be taken.

    Raises
    ------
    UserError
        An address that cannot be had, or a model that cannot be loaded.
    """
    with _listen(settings) as listening:
        async with Pool(settings, Metrics()) as pool:
            config = uvicorn.Config(
                create_app(pool), http=PatientOnlySoLong, lifespan="off", log_level="warning", access_log=False,
                server_header=False, timeout_graceful_shutdown=GRACE, ws_max_size=MAX_FRAME, ws="websockets-sansio",
            )  # fmt: skip
            server = Server(config)
            port = listening.getsockname()[1]
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            ready(f"http://{host}:{port}", server, pool)
            await server.serve(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, proto, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError) as error:
        raise UserError("there is no such address on this machine", where=where, got=str(error),
                        next_step="give --host 127.0.0.1 and a port from 0 to 65535") from error  # fmt: skip
    listening = socket.socket(family, kind, proto)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        what = "another program uses this port" if error.errno == errno.EADDRINUSE else "the server cannot listen here"
        raise UserError(what, where=where, got=error.strerror,
                        next_step="give another --port, or 0 for any free one") from error  # fmt: skip
    return listening
