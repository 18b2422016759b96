"""The worker processes: started, given one request at a time, killed when they take too long, and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from skelzero.errors import UserError
from skelzero.server import wire
from skelzero.server.failures import RefusedError
from skelzero.server.metrics import Metrics
from skelzero.server.settings import Settings

START_SECONDS = 120.0
"""A worker that is not ready by then has failed."""
RETRY_SECONDS = 5.0


class Worker:
    """One process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.facts: dict[str, Any] = {}

    @classmethod
    async def start(cls, settings: Settings, root: Path) -> Worker:
        """A process whose models are loaded.

        Raises
        ------
        UserError
            A model that cannot be loaded.
        """
        folder = Path(tempfile.mkdtemp(dir=root))
        # A session of its own: Ctrl-C in a terminal is for the server, which ends its workers itself.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "skelzero.server.worker", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        worker = cls(process, folder)
        options = {
            "folder": str(folder), "models": [str(path.resolve()) for path in settings.models],
            "memory": settings.memory, "max_bytes": settings.max_bytes, "max_seconds": settings.max_seconds,
            "max_clips": settings.max_clips,
        }  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                worker.facts = (await worker.ask(options))[0]
        except BaseException as error:
            await worker.kill()
            if isinstance(error, OSError | EOFError | TimeoutError):
                raise UserError("a worker process did not start", got=type(error).__name__,
                                next_step="see what it wrote on standard error") from error  # fmt: skip
            raise
        if not worker.facts["ready"]:
            await worker.kill()
            raise UserError(worker.facts["error"].pop("what"), **worker.facts["error"])
        return worker

    async def ask(self, header: dict[str, Any], upload: IO[bytes] | None = None, size: int = 0) -> tuple[Any, bytes]:
        """Send a request with the bytes of a file, piece by piece, and wait for the answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(wire.pack(header, size))
        while upload is not None and (piece := upload.read(wire.PIECE)):
            self.process.stdin.write(piece)
            await self.process.stdin.drain()
        await self.process.stdin.drain()
        return await wire.receive(self.process.stdout)

    async def kill(self) -> None:
        """End the process at once and remove its folder."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pool:
    """Worker processes that share the requests.

    Parameters
    ----------
    settings : Settings
        Number of workers, limits, models.
    metrics : Metrics
        Where waiting, deaths and kills are counted.

    Notes
    -----
    An asynchronous context manager: inside it the workers run, and after it none is left, nor any of their files.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.workers: set[Worker] = set()
        self.waiting = 0
        self.facts: dict[str, Any] = {}
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._root = Path()

    async def __aenter__(self) -> Pool:
        self._root = Path(tempfile.mkdtemp(prefix="skelzero-serve-"))
        try:
            started = await asyncio.gather(*(self.start() for _ in range(self.settings.workers)))
        except BaseException:
            await self.__aexit__()
            raise
        self.facts = started[0].facts
        for worker in started:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self.end(worker) for worker in list(self.workers)))
        shutil.rmtree(self._root, ignore_errors=True)

    async def start(self) -> Worker:
        """One more worker."""
        worker = await Worker.start(self.settings, self._root)
        self.workers.add(worker)
        return worker

    async def end(self, worker: Worker) -> None:
        self.workers.discard(worker)
        await worker.kill()

    async def lend(self) -> Worker:
        """A worker that belongs to the caller until it is ended; another one takes its place here."""
        worker = await self._next()
        self._replace(None)
        return worker

    async def ask(self, header: dict[str, Any], upload: IO[bytes] | None, size: int) -> tuple[Any, bytes]:
        """Have a request answered by the next free worker.

        Raises
        ------
        RefusedError
            Too many wait already (503), it took too long (504), or the worker died of it (500).
        """
        worker = await self._next()
        try:
            async with asyncio.timeout(self.settings.timeout):
                answer = await worker.ask(header, upload, size)
        except BaseException as error:
            self._replace(worker)
            meaning = self.explain(error)
            if meaning is None:
                raise
            raise meaning from error
        if answer[0]["retire"]:
            self._replace(worker)
        else:
            self._idle.put_nowait(worker)
        return answer

    def explain(self, error: BaseException) -> RefusedError | None:
        """What a failed exchange with a worker means to the client, counted by its cause; None: nothing of the kind."""
        if isinstance(error, TimeoutError):
            self.metrics.killed("time")
            return RefusedError(504, "reading and recognising took too long", got=f"> {self.settings.timeout:g} s",
                                next_step="send a shorter recording or fewer words, or raise --timeout")  # fmt: skip
        if isinstance(error, EOFError | OSError | ValueError):
            self.metrics.killed("death")
            return RefusedError(500, "the worker process ended while it read this recording",
                                next_step="if it happens again, report it, with the recording if you may")  # fmt: skip
        return None

    async def _next(self) -> Worker:
        if self._idle.empty() and self.waiting >= self.settings.queue:
            raise self._busy()
        self.waiting += 1
        try:
            async with asyncio.timeout(self.settings.timeout):
                while (worker := await self._idle.get()).process.returncode is not None:
                    self.metrics.killed("death")  # it died between two requests, which is no fault of this one
                    self._replace(worker)
                return worker
        except TimeoutError as error:
            raise self._busy() from error
        finally:
            self.waiting -= 1

    @property
    def idle(self) -> int:
        """Workers that wait for a request."""
        return self._idle.qsize()

    def _busy(self) -> RefusedError:
        return RefusedError(503, "the server has too much to do", got=f"{self.waiting} requests waiting", retry_after=2,
                            next_step="try again in a moment")  # fmt: skip

    def _replace(self, worker: Worker | None) -> None:
        task = asyncio.create_task(self._succeed(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _succeed(self, worker: Worker | None) -> None:
        """A fresh worker in the place of another; a start that fails is tried again until the server stops."""
        if worker is not None:
            await self.end(worker)
        while True:
            try:
                self._idle.put_nowait(await self.start())
                return
            except (UserError, OSError) as error:
                print(f"a worker could not be started again: {error}", file=sys.stderr)
                await asyncio.sleep(RETRY_SECONDS)
