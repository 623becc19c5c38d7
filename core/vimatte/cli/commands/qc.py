"""``vimatte qc``: write the QC page of a session."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import path_text
from vimatte.cli.progress import Console
from vimatte.cli.qc_page import write_page
from vimatte.cli.session_options import (
    add_session_argument,
    open_workplace,
    run_guidance,
)
from vimatte.session.publishing import published

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser("qc", help="write the QC page: pictures, plots, frames to look at")
    parser.add_argument("target", type=path_text, metavar="SESSION")
    parser.add_argument("-o", "--page", type=Path, metavar="FILE", help="default: beside the EXRs")
    add_session_argument(parser)
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Write the page; frames that are missing are computed."""
    place = open_workplace(args, args.target, None)
    with place.session as session:
        run_guidance(place, ui)
        folder = published(session, place.out) or place.out
        page = args.page or folder / "qc.html"
        write_page(place, page, ui)
    return 0
