"""``python -m vimatte.worker``."""

from __future__ import annotations

import sys

from vimatte.worker.server import main

sys.exit(main())
