"""Makes the support module importable, and its fixtures known."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tests_session_support import make, plate, weights

__all__ = ["make", "plate", "weights"]
