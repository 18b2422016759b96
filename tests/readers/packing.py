"""Files as a folder or an archive of any kind, for the tests of this folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path


def zip_of(path: Path, files: Mapping[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change is not None:
                change(info)
            file.writestr(info, data)
    return path


def tar_of(path: Path, files: Mapping[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None) -> Path:
    mode = {".xz": "w:xz", ".gz": "w:gz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if change is not None:
                change(info)
            file.addfile(info, io.BytesIO(data))
    return path


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def pack(kind: str, files: Mapping[str, bytes], folder: Path) -> Path:
    """The files in a `folder`, a `zip` or a tar (`tar`, `tar.gz`, ...) in `folder`, in the order given."""
    if kind == "folder":
        return folder_of(folder / "in", files)
    return (zip_of if kind == "zip" else tar_of)(folder / f"in.{kind}", files)
