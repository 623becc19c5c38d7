"""``vimatte matte``: from a plate or a session to published mattes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import path_text
from vimatte.cli.commands.cache import parse_size
from vimatte.cli.option_arguments import split_names
from vimatte.cli.progress import Console
from vimatte.cli.publish_options import add_publish_arguments, publish_options
from vimatte.cli.qc_page import write_page
from vimatte.cli.session_options import (
    Workplace,
    add_session_argument,
    add_shot_arguments,
    open_workplace,
    report_instances,
    run_guidance,
)
from vimatte.cli.stopping import frame_by_frame
from vimatte.errors import ConfigError, FrameRangeError
from vimatte.frames.frame_range import FrameRange
from vimatte.session.cache_limit import CacheLimit
from vimatte.session.publishing import open_publisher, publishing

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "matte",
        help="find the instances of a plate and write their mattes",
        description="Find the instances of a plate, matte them and publish EXR layers in "
        "OUT/v001. Run again after anything stopped it: finished frames are kept.",
    )
    parser.add_argument(
        "target", type=path_text, metavar="PLATE|SESSION", help="e.g. plates/sh010.####.exr"
    )
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="output folder")
    add_session_argument(parser)
    add_shot_arguments(parser)
    parser.add_argument(
        "--segments", metavar="R", help="of a session: the frames S*N to S*N+S-1 of these N"
    )
    add_publish_arguments(parser)
    parser.add_argument(
        "--cache-limit",
        type=parse_size,
        metavar="SIZE",
        help="keep the cache below it while running, e.g. 20G: old shots' and finished "
        "segments' states go, never this shot's masks and mattes",
    )
    parser.add_argument("--no-qc", action="store_true", help="do not write the QC page")
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Guide, matte, publish, and write the QC page."""
    options = publish_options(args)
    place = open_workplace(args, args.target, args.out)
    with place.session as session:
        frames = _wanted(place, args.segments)
        run_guidance(place, ui, split_names(args.names))
        report_instances(place, ui)
        publisher = open_publisher(session, place.out, options)
        limit = None if args.cache_limit is None else CacheLimit(session, args.cache_limit)
        if limit is not None:
            limit.look()
        computed = 0
        steps = frame_by_frame(publishing(session, publisher, frames))
        for result in ui.follow("matte", steps, len(frames)):
            computed += not result.cached
            if limit is not None:
                limit.finished(result.frame)
        ui.event(
            "frames",
            f"{len(frames)} frames, {computed} computed, {len(frames) - computed} from the cache",
            frames=len(frames),
            computed=computed,
        )
        if limit is not None:
            _report_limit(limit, args.cache_limit, frames, ui)
        if place.frames is None and args.segments is None and not args.no_qc:
            _qc(place, publisher.folder, ui, computed)
        ui.event("published", f"mattes: {publisher.folder}", folder=str(publisher.folder))
    return 0


def _report_limit(limit: CacheLimit, size: int, frames: FrameRange, ui: Console) -> None:
    """Say what was freed, and where the shot alone needs more."""
    limit.look(frames.last if len(frames) else None)
    if limit.freed:
        ui.event(
            "cache",
            f"{limit.freed / 1e6:.1f} MB freed in the cache, which takes {limit.needed / 1e6:.1f}",
            freed=limit.freed,
            bytes=limit.needed,
        )
    if limit.exceeded:
        ui.event(
            "warning",
            f"the cache takes {limit.needed / 1e6:.1f} MB, more than the limit of "
            f"{size / 1e6:.1f}: masks and mattes of this shot are kept "
            "(vimatte cache prune removes them too)",
            bytes=limit.needed,
            limit=size,
        )


def _wanted(place: Workplace, segments: str | None) -> FrameRange:
    """Return the frames this command is about."""
    frames = place.session.frames
    if place.frames is not None:
        frames = frames.intersect(place.frames)
    if segments is None:
        return frames
    length = place.session.settings.segment
    if length == 0:
        raise ConfigError("the session is one chain: it has no segments", hint="use --frames")
    cells = FrameRange.parse(segments)
    found = FrameRange.of(frame for frame in frames if frame // length in cells)
    if not len(found):
        has = FrameRange.of({frame // length for frame in place.session.frames})
        raise FrameRangeError(
            f"no frame of the shot is in the segments {cells}",
            path=place.file,
            hint=f"segments are {length} frames long; the shot has {has}",
        )
    return found


def _qc(place: Workplace, folder: Path, ui: Console, computed: int) -> None:
    page = folder / "qc.html"
    if computed or not page.exists():
        write_page(place, page, ui, grave=True)
    else:
        ui.event("qc", f"QC page: {page}", path=str(page))
