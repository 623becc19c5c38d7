"""``vimatte doctor``: what is installed, what is missing, and how to mend it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.health import WRONG, examine
from vimatte.cli.progress import Console
from vimatte.errors import ConfigError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser("doctor", help="look for what is missing, and say how to mend it")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(), help="where results will go (default: here)"
    )
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Print the findings. Raises ConfigError where something must be mended."""
    findings = list(examine(args.folder))
    ui.table(
        "doctor",
        ("what", "found", "state", "mend"),
        [(f.what, f.found, f.state, f.mend) for f in findings],
    )
    wrong = [f.what for f in findings if f.state == WRONG]
    if wrong:
        raise ConfigError(f"to be mended: {', '.join(wrong)}")
    return 0
