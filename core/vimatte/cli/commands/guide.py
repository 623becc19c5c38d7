"""``vimatte guide``: find the instances, or read their masks, and freeze the table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import path_text
from vimatte.cli.option_arguments import split_names
from vimatte.cli.progress import Console
from vimatte.cli.session_options import (
    add_session_argument,
    add_shot_arguments,
    open_workplace,
    report_instances,
    run_guidance,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "guide",
        help="find the instances and write session.json",
        description="Find the instances of the whole shot and freeze their table in "
        "session.json; then any number of `vimatte matte SESSION --frames R` may run.",
    )
    parser.add_argument("target", type=path_text, metavar="PLATE|SESSION")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="output folder")
    add_session_argument(parser)
    add_shot_arguments(parser)
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Guide the whole shot."""
    place = open_workplace(args, args.target, args.out)
    with place.session:
        run_guidance(place, ui, split_names(args.names))
        report_instances(place, ui)
        ui.event("session", f"session: {place.file}", path=str(place.file))
    return 0
