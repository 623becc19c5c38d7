"""Makes the support modules importable, and the farm known."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from farm_support import farm

__all__ = ["farm"]
