"""JSON cards, checksums and atomic writing: how every artefact (store, weights, features, run, result) lies on disk.

An artefact is a folder or file with a card from which it can be rebuilt. It appears whole or not at all: it is written
under a temporary name beside its final place and renamed there, so a kill or a full disk leaves nothing half-written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skelzero.errors import UserError

CARD = "card.json"


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text, hence equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=plain)


def plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(value: object) -> str:
    """SHA-256 of a JSON-like value in canonical form; the key of every cache in this package."""
    return sha256_text(canonical_json(value))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces so that memory does not depend on its size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def sha256_array(array: np.ndarray) -> str:
    """SHA-256 of an array's dtype, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` that takes its place when the context is left; by an error the old one stays.

    Its name does not end like that of `path`: what a kill leaves behind is not taken for a result among others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.chmod(0o644)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: the old content stays until the new one is complete."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, default=plain) + "\n")


def read_json(path: Path, *, what: str = "card", limit: int = 256 << 20) -> Any:
    """Read a JSON file; a missing, oversized or malformed one is a `UserError` that says which."""
    if not path.is_file():
        raise UserError(f"no {what} found", where=path, next_step="check the path; is this the folder that was meant?")
    if path.stat().st_size > limit:
        raise UserError(f"{what} is too large", where=path, got=f"{path.stat().st_size} bytes", expected=f"<= {limit}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{what} is not valid JSON", where=path, got=str(error), next_step="make it again") from error


def _swap(stage: Path, target: Path) -> None:
    """Put `stage` in the place of `target`; another process doing the same at once is outrun, not broken."""
    old = stage.with_name(stage.name + ".old")
    while True:
        with contextlib.suppress(FileNotFoundError):
            target.replace(old)
        shutil.rmtree(old, ignore_errors=True)
        try:
            stage.replace(target)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


@contextlib.contextmanager
def staged_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `target` that becomes `target` when the block ends well, and vanishes otherwise.

    Raises
    ------
    UserError
        `target` exists already and `replace` is false.
    """
    if target.exists() and not replace:
        raise UserError("the output exists already", where=target, next_step="give another path or pass --overwrite")
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    stage.chmod(0o755)
    try:
        yield stage
        _swap(stage, target)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
