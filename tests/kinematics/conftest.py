"""Lets the tests of this folder import `stick_figure` and the scenes that are acted with it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
