"""The data files of the vocabulary, as they ship."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml


def shipped(*parts: str) -> Traversable:
    """A file or folder of this package."""
    return resources.files("skelzero.text.attributes").joinpath(*parts)


def read_yaml(path: Traversable) -> Any:
    """What a shipped YAML file says."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
