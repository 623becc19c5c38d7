"""``vimatte guidance``: list the guidance providers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vimatte.cli.progress import Console
from vimatte.guidance.registry import PROVIDERS

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    return commands.add_parser("guidance", help="list where instances can come from")


def run(args: argparse.Namespace, ui: Console) -> int:
    """Print the table."""
    del args
    ui.table(
        "guidance",
        ("name", "needs", "summary"),
        [(row.name, row.extra or "", row.summary) for row in PROVIDERS],
    )
    return 0
