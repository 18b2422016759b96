"""What no honest archive holds: names that lead out of it, links, and sizes of which nothing but harm can come."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

from skelzero.errors import UserError

MAX_MEMBERS = 2_000_000
MAX_RATIO = 200
"""Text of skeletons packs 3 to 15 times; a bomb, 1000 times and more."""
FREE_BYTES = 64 << 20
"""Below this an archive may unpack to any multiple of its size."""
MAX_HEADER = 1 << 20
"""No honest tar header (with its extended names) is larger."""
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
          RuntimeError, ValueError, OverflowError)  # fmt: skip
"""What the standard library raises on broken archives (`RuntimeError`: encrypted, `NotImplementedError`: packing)."""


def is_litter(name: str) -> bool:
    """Hidden files and what macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"


def check_name(path: Path, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
        raise UserError("the archive holds a name that leads out of it", where=path, got=repr(name[:200]),
                        next_step="do not trust this archive; get it from its owner")  # fmt: skip


def most_bytes(path: Path) -> int:
    """How much the archive may unpack to."""
    return max(MAX_RATIO * path.stat().st_size, FREE_BYTES)


def check_ratio(path: Path, packed: int, unpacked: int) -> None:
    if unpacked > max(MAX_RATIO * packed, FREE_BYTES):
        raise bomb(path, f"{packed} bytes that unpack to {unpacked}")


def check_size(path: Path, members: int, unpacked: int) -> None:
    if members > MAX_MEMBERS:
        raise bomb(path, f"more than {MAX_MEMBERS} members")
    check_ratio(path, path.stat().st_size, unpacked)


def bomb(path: Path, got: str) -> UserError:
    return UserError("the archive looks like a bomb", where=path, got=got, expected=f"at most {MAX_RATIO} to 1",
                     next_step="unpack it yourself if you trust it, and give the folder")  # fmt: skip


def link(path: Path, name: str) -> UserError:
    return UserError("the archive holds a link", where=path, got=repr(name[:200]), expected="files and folders",
                     next_step="pack it again without links")  # fmt: skip


def broken(where: object, error: BaseException) -> UserError:
    got = f"{type(error).__name__}: {error}"
    return UserError("the archive cannot be read", where=where, got=got, next_step="get it again or unpack it yourself")
