"""What a server may be told: where it listens, which models it has, and how much a stranger may ask of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from skelzero.errors import UserError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """Settings of a server; every limit holds for each request by itself.

    Attributes
    ----------
    host, port : str, int
        Where it listens; port 0 takes any free one.
    models : tuple of Path
        Run folders; none means the model in the package.
    workers : int
        Processes that read and recognise recordings, one request each at a time.
    max_bytes : int
        Largest request.
    max_seconds : float
        Longest recording.
    max_clips : int
        Recordings in one upload (archives hold many).
    max_labels : int
        Words to choose from.
    timeout : float
        Seconds for reading and recognising, and for waiting until a worker is free.
    upload_timeout : float
        Seconds for the upload itself.
    queue : int
        Requests that wait for a worker; further ones are sent away.
    live : int
        Live sessions at once; each has a worker process of its own, beside those.
    idle : float
        Seconds after which a live session that sends nothing is closed.
    memory : int
        Bytes that a worker may take beyond what it has when its models are loaded.
    token : str, optional
        Asked of every request for data when given.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    models: tuple[Path, ...] = ()
    workers: int = 2
    max_bytes: int = 32 << 20
    max_seconds: float = 300.0
    max_clips: int = 16
    max_labels: int = 200
    timeout: float = 60.0
    upload_timeout: float = 60.0
    queue: int = 32
    live: int = 2
    idle: float = 60.0
    memory: int = 2 << 30
    token: str | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and field.name != "port" and not value > 0:
                raise UserError("a limit of the server must be positive", where=field.name, got=value)
        if self.token is not None and (not self.token.isascii() or not self.token.strip()):
            raise UserError("the token must be plain characters", got="an empty one or letters beyond ASCII",
                            next_step="take a long random one, e.g. from `openssl rand -hex 24`")  # fmt: skip

    @property
    def local(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return self.host in LOOPBACK

    def shown(self) -> dict[str, float]:
        """The limits that a client should know."""
        names = ("max_bytes", "max_seconds", "max_clips", "max_labels", "timeout", "upload_timeout", "queue", "live")
        return {name: getattr(self, name) for name in names}
