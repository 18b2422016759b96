"""The application: routes, the form of their answers, and one voice for every mistake."""

from __future__ import annotations

import re
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from skelzero import __version__
from skelzero.errors import UserError
from skelzero.server.failures import RefusedError, failure
from skelzero.server.guards import App, CutOffError, Guards
from skelzero.server.live import LiveSessions
from skelzero.server.pool import Pool
from skelzero.server.schema import Answer, Failure, Health, Models

ABOUT = """Names the actions in recordings of skeletons, in words of your own.

Mistakes come as {"error": {"what", "where", "got", "expected", "next_step"}} with a fitting status."""
STATUSES = {401: "token missing", 408: "upload too slow", 413: "upload, recording or archive too large",
            422: "a file or words that cannot be used", 500: "the worker died",
            503: "too much to do; Retry-After says when", 504: "recognition took too long"}  # fmt: skip
FAILURES: dict[int | str, dict[str, Any]] = {n: {"model": Failure, "description": text} for n, text in STATUSES.items()}
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def create_app(pool: Pool) -> App:
    """The server as an ASGI application.

    Parameters
    ----------
    pool : Pool
        Running workers, with the settings of the server.
    """
    app = FastAPI(title="skelzero", version=__version__, description=ABOUT, docs_url=None, redoc_url=None)
    _add_pages(app)
    sessions = LiveSessions(pool)
    _add_facts(app, pool, sessions)
    _add_recognition(app, pool)
    app.add_api_websocket_route("/api/live", sessions.serve)
    for kind in (UserError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _told)
    return Guards(app, pool.settings, pool.metrics)


def _add_recognition(app: FastAPI, pool: Pool) -> None:
    @app.post("/api/recognize", response_model=Answer, responses=FAILURES, tags=["recognition"])
    async def recognize(
        labels: Annotated[str, Form(description="words to choose from, separated by commas or lines")],
        file: Annotated[UploadFile | None, File(description="a recording, or an archive of a few")] = None,
        example: Annotated[str, Form(description="instead of a file: a synthetic recording, by name")] = "",
        model: Annotated[str, Form(description="by name; the first by default")] = "",
        format: Annotated[str, Form(description="reader to use")] = "auto",
        top: Annotated[int | None, Form(ge=1, description="labels to name for each segment")] = None,
        explain: Annotated[bool, Form(description="say why")] = False,
        false_accepts: Annotated[
            float | None, Form(ge=0, le=1, description="share of other actions that may be named, 0 to 1")
        ] = None,
        skeleton: Annotated[bool, Query(description="send the joints too, for drawing")] = False,
    ) -> Response:
        """Name what is done in a recording."""
        if (file is None) == (not example):
            raise RefusedError(422, "send a recording or name an example, one of them", where="file, example")
        header = {
            "do": "recognize",
            "name": file.filename or "upload" if file else f"{example} (synthetic)", "example": example, "model": model,
            "format": format, "top": top, "explain": explain, "false_accepts": false_accepts, "skeleton": skeleton,
            "labels": split_labels(labels, pool.settings.max_labels),
        }  # fmt: skip
        answer, body = await pool.ask(header, file.file if file else None, file.size or 0 if file else 0)
        if answer["status"] != 200:
            return JSONResponse({"error": answer["error"]}, answer["status"])
        return Response(body, media_type="application/json")


def _add_facts(app: FastAPI, pool: Pool, sessions: LiveSessions) -> None:
    @app.get("/api/models", tags=["facts"])
    async def models() -> Models:
        """Models, formats, synthetic examples and limits of this server."""
        found = {name: pool.facts[name] for name in ("models", "examples", "formats")}
        return Models(**found, limits=pool.settings.shown())

    @app.get("/api/health", tags=["facts"])
    async def health() -> Health:
        """Whether recordings can be taken."""
        return Health(status="ok" if pool.workers else "starting", version=__version__, workers=len(pool.workers),
                      idle=pool.idle, waiting=pool.waiting)  # fmt: skip

    @app.get("/metrics", tags=["facts"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        gauges = {"workers": ("Worker processes.", len(pool.workers)),
                  "workers_idle": ("Workers without a request.", pool.idle),
                  "live_sessions": ("Live sessions.", sessions.running),
                  "queue": ("Requests that wait for a worker.", pool.waiting)}  # fmt: skip
        return PlainTextResponse(pool.metrics.text(gauges), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_pages(app: FastAPI) -> None:
    folder = resources.files("skelzero.server") / "page"
    files = {f.name: (f.read_bytes(), KINDS[f".{f.name.rsplit('.', 1)[-1]}"]) for f in folder.iterdir() if f.is_file()}

    def sent(name: str) -> Response:
        if name not in files:
            raise RefusedError(404, "there is no such page")
        content, kind = files[name]
        return Response(content, media_type=kind)

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return sent("index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return sent("docs.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page(name: str) -> Response:
        return sent(name)


def split_labels(text: str, most: int) -> list[str]:
    """The words of a request.

    >>> split_labels("walk, jumping jack\\n boxing,", 5)
    ['walk', 'jumping jack', 'boxing']
    """
    words = [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]
    if len(words) > most:
        raise RefusedError(422, "too many words to choose from", where="labels", got=len(words), expected=f"<= {most}")
    return words


async def _told(request: Request, error: Exception) -> Response:
    told = error
    if isinstance(error, CutOffError):
        told = error.refused
    elif isinstance(error, HTTPException):
        told = RefusedError(error.status_code, str(error.detail))
    elif isinstance(error, RequestValidationError):
        first = error.errors()[0]
        told = RefusedError(422, str(first["msg"]), where=".".join(str(part) for part in first["loc"]))
    found = failure(told)
    retry = getattr(told, "retry_after", None)
    return JSONResponse({"error": found["error"]}, found["status"], {"Retry-After": str(retry)} if retry else None)
