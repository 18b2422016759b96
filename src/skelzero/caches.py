"""Where computed things (prepared clips, trained encoders, text vectors) are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """Folder for one kind of cached artefact: `$SKELZERO_CACHE/kind`, by default under `~/.cache/skelzero`.

    Entries are named by the SHA-256 of everything they depend on, so deleting any of them is always safe.
    """
    root = os.environ.get("SKELZERO_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "skelzero"
    return Path(root).expanduser() / kind
