"""Large temporaries that stay in the process instead of going back to the system after each operation."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_* of glibc's malloc.h
_KEEP = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell glibc to reuse freed blocks of any size; False where there is no glibc.

    By default glibc takes blocks of megabytes fresh from the kernel and returns them at once, so that every activation
    of a network is paid for again in page faults: a training step costs half as much without. The setting holds for the
    rest of the process; `release` gives back what is free at the moment.
    """
    libc = _glibc()
    return libc is not None and bool(libc.mallopt(_MMAP_THRESHOLD, _KEEP) and libc.mallopt(_TRIM_THRESHOLD, _KEEP))


def release() -> None:
    """Give free memory back to the system."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@contextlib.contextmanager
def reused_memory() -> Iterator[None]:
    """For a stretch of heavy computing: reuse blocks during it, give them back after it."""
    keep_freed_memory()
    try:
        yield
    finally:
        release()


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
