"""``vimatte benchmark``: build material with a known truth, and measure on it."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from vimatte.cli.progress import Console

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# Each is a module vimatte.cli.benchmark_NAME with `add_parser` and `run`.
ACTIONS = ("build", "run", "speed")


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command and its own commands."""
    parser = commands.add_parser("benchmark", help="build a benchmark, and measure on it")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name in ACTIONS:
        module = import_module(f"vimatte.cli.benchmark_{name}")
        action: argparse.ArgumentParser = module.add_parser(actions)
        action.set_defaults(run_action=module.run)
        for flag in ("--json", "--debug"):
            action.add_argument(
                flag, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Do what the action says."""
    code: int = args.run_action(args, ui)
    return code
