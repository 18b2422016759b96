"""How the server and its workers talk: a JSON header and some bytes, each with its length in front.

No pickle: a worker that a hostile file has taken over must not be able to make the server run anything.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">IQ")
MAX_HEADER = 4 << 20
MAX_ANSWER = 256 << 20
"""Nothing that a worker honestly says is longer."""
PIECE = 1 << 20


def pack(header: dict[str, Any], size: int) -> bytes:
    """The beginning of a message whose bytes (`size` of them) follow."""
    text = json.dumps(header).encode()
    return LENGTHS.pack(len(text), size) + text


def unpack(text: bytes) -> dict[str, Any]:
    """The header of a message."""
    header = json.loads(text)
    if not isinstance(header, dict):
        raise ValueError("a header is a JSON object")
    return header


async def receive(stream: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """A whole message from a worker.

    Raises
    ------
    asyncio.IncompleteReadError
        The worker has ended.
    ValueError
        It does not keep to the form.
    """
    length, size = LENGTHS.unpack(await stream.readexactly(LENGTHS.size))
    if length > MAX_HEADER or size > MAX_ANSWER:
        raise ValueError("a worker's answer is too long")
    return unpack(await stream.readexactly(length)), await stream.readexactly(size)


def receive_header(stream: BinaryIO) -> tuple[dict[str, Any], int] | None:
    """In a worker: the next header and the number of bytes to follow; None when the server is gone."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    length, size = LENGTHS.unpack(lengths)
    return unpack(stream.read(length)), size
