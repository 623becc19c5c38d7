"""``vimatte verify``: check that every published frame is there and right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import name_text, path_text
from vimatte.cli.progress import Console
from vimatte.cli.qc_page import write_page
from vimatte.cli.session_options import (
    Workplace,
    add_session_argument,
    open_workplace,
    report_notice,
    report_notices,
)
from vimatte.errors import VerifyError
from vimatte.notices import Notice
from vimatte.output.verify import EmptyMattes, verify
from vimatte.session.processors import mixed_processors
from vimatte.session.publishing import (
    belongs,
    empty_mattes,
    guidance_is_cached,
    published,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "verify",
        help="check every published frame: presence, channels, sums, checksums, empty mattes",
        description="Check every published frame: its files are there and have their checksums, "
        "its alphas sum to at most 1, and no matte is empty where its mask has pixels. Ends with "
        "exit code 9 where something is wrong.",
    )
    parser.add_argument("target", type=path_text, metavar="SESSION")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="default: the session's")
    parser.add_argument(
        "--qc", action="store_true", help="write the QC page, unless files are wrong"
    )
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
        empty = _masks(place, folder, ui, chosen=args.published is not None)
        report_notices(place, ui)
        if empty is not None:  # masks, and so the frames' records, are at hand
            for notice in mixed_processors(session):
                report_notice(notice, ui)
        problems = list(verify(folder, frames, empty))
        _report(problems, ui)
        if problems:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise VerifyError(
                f"{count} in {len(frames)} frames",
                path=folder,
                hint="run vimatte matte again: what is wrong is written anew",
            )
        if args.qc:
            write_page(place, folder / "qc.html", ui)
        if empty is not None and empty.lines:
            _report(empty.lines, ui)
            many = len(empty.lines)
            raise VerifyError(
                "a matte is empty where its mask has pixels"
                if many == 1
                else f"the mattes of {many} instances are empty where their masks have pixels",
                path=folder,
                hint="look at the guidance on the QC page (vimatte qc): mend these masks, or turn "
                "the instance off",
            )
        ui.event("verified", f"{len(frames)} frames verified: {folder}", folder=str(folder))
    return 0


def _masks(place: Workplace, folder: Path, ui: Console, *, chosen: bool) -> EmptyMattes | None:
    """Return what compares mattes with masks; None, and say why, where that cannot be done."""
    session, reason = place.session, ""
    if chosen and not guidance_is_cached(session):
        reason = "they are not in the cache"
    else:
        session.ready()
        if chosen and not belongs(session, folder):
            reason = "the version is of other masks or settings than the session has now"
    if not reason:
        return empty_mattes(session)
    message = f"mattes are not compared with masks: {reason}"
    report_notice(Notice("not-compared", message, path=str(folder)), ui)
    return None


def _report(problems: list[str], ui: Console) -> None:
    for problem in problems:
        ui.event("problem", f"  {problem}", problem=str(problem))
