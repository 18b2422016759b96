"""`skelzero serve`: recognition in a browser and over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from skelzero.cli import console
from skelzero.cli.app import app
from skelzero.errors import missing_extra


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine reach 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
    model: Annotated[
        list[Path] | None, typer.Option(help="A run folder; may be repeated. Default: the packaged one.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read and recognise recordings.")] = 2,
    max_mb: Annotated[float, typer.Option(help="Largest upload, in megabytes.")] = 32.0,
    max_seconds: Annotated[float, typer.Option(help="Longest recording, in seconds.")] = 300.0,
    timeout: Annotated[float, typer.Option(help="Seconds for one request, after its upload.")] = 60.0,
    upload_timeout: Annotated[float, typer.Option(help="Seconds for one upload.")] = 60.0,
    queue: Annotated[int, typer.Option(min=1, help="Requests that may wait; further ones are sent away.")] = 32,
    live: Annotated[int, typer.Option(min=1, help="Live sessions at once; each has a process of its own.")] = 2,
    memory_mb: Annotated[int, typer.Option(min=256, help="Memory for one request, in megabytes.")] = 2048,
    token: Annotated[
        str | None, typer.Option(envvar="SKELZERO_TOKEN", show_envvar=True, help="Ask clients for it.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Recognition in a browser and over HTTP.

    Serves one page, a REST interface described under /docs, and live recognition over WebSocket; Ctrl-C ends it. Only
    programs on this machine can reach it unless --host says otherwise.

    Example: `skelzero serve --port 8000`
    """
    try:
        from skelzero.server.program import serve as run
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve", "skelzero serve") from error
    from skelzero.server import Settings

    settings = Settings(
        host=host, port=port, models=tuple(model or ()), workers=workers, max_bytes=int(max_mb * 1e6),
        max_seconds=max_seconds, timeout=timeout, upload_timeout=upload_timeout, queue=queue, live=live,
        memory=memory_mb << 20, token=token,
    )  # fmt: skip
    if not settings.local and token is None:
        console.say("note: anyone who reaches this machine can use the server; give --token to ask for one")
    console.say("loading models ...")

    def ready(url: str, *_: object) -> None:
        console.say(f"listening on {url} (Ctrl-C ends it)")
        if open_page:
            import webbrowser

            webbrowser.open(url)

    asyncio.run(run(settings, ready))
