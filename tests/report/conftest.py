"""Makes `made_up` importable: results that several tests of the report share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
