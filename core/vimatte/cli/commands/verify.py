"""``vimatte verify``: check that every published frame is there and right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import name_text, path_text
from vimatte.cli.progress import Console
from vimatte.cli.session_options import add_session_argument, open_workplace, report_notices
from vimatte.errors import VerifyError
from vimatte.output.verify import verify
from vimatte.session.publishing import published, write_qc

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "verify", help="check every published frame: presence, channels, sums, checksums"
    )
    parser.add_argument("target", type=path_text, metavar="SESSION")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="default: the session's")
    parser.add_argument("--qc", action="store_true", help="write the QC page if all is well")
    parser.add_argument(
        "--published",
        type=name_text,
        metavar="vNNN",
        help="default: the latest of this session as it is now",
    )
    add_session_argument(parser)
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Verify a published version. Raises VerifyError where something is wrong."""
    place = open_workplace(args, args.target, args.out)
    with place.session as session:
        frames = place.frames or session.frames
        folder = place.out / args.published if args.published else published(session, place.out)
        if folder is None:
            raise VerifyError(
                "nothing has been published of this session as it is now",
                path=place.out,
                hint="run vimatte matte first, or choose a version by --published",
            )
        report_notices(place, ui)
        problems = list(verify(folder, frames))
        for problem in problems:
            ui.event("problem", f"  {problem}", problem=str(problem))
        if problems:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise VerifyError(
                f"{count} in {len(frames)} frames",
                path=folder,
                hint="run vimatte matte again: what is wrong is written anew",
            )
        ui.event("verified", f"{len(frames)} frames verified: {folder}", folder=str(folder))
        if args.qc:
            page = write_qc(session, folder / "qc.html", session.frames.intersect(frames))
            ui.event("qc", f"QC page: {page}", path=str(page))
    return 0
