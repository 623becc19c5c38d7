"""``python -m vimatte``."""

from __future__ import annotations

import sys

from vimatte.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
