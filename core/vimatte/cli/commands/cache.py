"""``vimatte cache``: list, verify and prune a cache folder."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cache import manage
from vimatte.cli.progress import Console
from vimatte.errors import ConfigError, VerifyError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser("cache", help="list, verify or prune a cache folder")
    parser.add_argument("action", choices=("ls", "verify", "prune"))
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=parse_size, metavar="SIZE", help="for prune, e.g. 20G")
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Run the action."""
    if args.action == "ls":
        rows = [
            (e.shot, e.kind, e.fingerprint, e.frames, f"{e.bytes / 1e6:.1f} MB")
            for e in manage.ls(args.folder)
        ]
        ui.table("cache", ("shot", "kind", "fingerprint", "frames", "size"), rows)
    elif args.action == "verify":
        problems = list(manage.verify(args.folder))
        for problem in problems:
            ui.event("problem", f"  {problem}", problem=str(problem))
        if problems:
            raise VerifyError(
                f"{len(problems)} files of the cache are corrupt",
                path=args.folder,
                hint="the next run computes them again",
            )
        ui.event("verified", "every file of the cache is whole")
    else:
        if args.limit is None:
            raise ConfigError("prune needs a limit", hint="e.g. --limit 20G")
        removed = manage.prune(args.folder, args.limit)
        ui.event("pruned", f"{removed / 1e6:.1f} MB removed", bytes=removed)
    return 0


def parse_size(text: str) -> int:
    """Return the bytes of a size like ``20G``. Raises ArgumentTypeError."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([kmgt]?)i?b?", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"not a size: {text!r}")
    return int(float(match[1]) * UNITS[match[2]])
