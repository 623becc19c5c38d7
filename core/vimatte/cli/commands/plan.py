"""``vimatte plan``: say what a run would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vimatte.cli.arguments import path_text
from vimatte.cli.progress import Console
from vimatte.cli.session_options import add_session_argument, open_workplace, report_notices

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser("plan", help="say which frames are finished, missing or stale")
    parser.add_argument("target", type=path_text, metavar="SESSION")
    add_session_argument(parser)
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Print the plan; no network is loaded."""
    place = open_workplace(args, args.target, None)
    with place.session as session:
        plan = session.plan()
        report_notices(place, ui)
        parts = {"cached": plan.cached, "missing": plan.missing, "stale": plan.stale}
        ui.event(
            "plan",
            "\n".join(
                [
                    f"guidance  {'ready' if plan.guided else 'has not run'}",
                    *(f"{k:<9} {len(v):>6}  {v}" for k, v in parts.items()),
                ]
            ),
            guided=plan.guided,
            **{name: str(frames) for name, frames in parts.items()},
        )
    return 0
