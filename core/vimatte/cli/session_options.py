"""Options that name a shot or a session, shared by the commands that open one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vimatte.cli.arguments import name_text, path_argument, path_text, whole_number
from vimatte.cli.progress import Console
from vimatte.errors import ConfigError, FrameRangeError, InputError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.window import Window
from vimatte.matting.regions import QUALITY
from vimatte.models.registry import DEFAULT_MODEL
from vimatte.notices import Notice
from vimatte.session import MatteSession, Shot
from vimatte.session.roots import parse_path_map, read_path_map
from vimatte.session.session_file import MOST_OFFSET
from vimatte.session.settings import Settings

SESSION_NAME = "session.json"
# What a session keeps of a plate and its mattes; a command that opens one cannot change it.
_OF_A_PLATE = (
    *("colorspace", "ocio", "exposure", "view", "layer", "roi", "start_frame", "guidance"),
    *("model", "quality", "order", "mask_offset", "garbage", "garbage_offset", "core"),
    *("core_offset", "segment", "preroll", "steadiness"),
)
_WORDS = {"masks": "masks", "garbage": "garbage mattes", "core": "core mattes"}
T = TypeVar("T")


@dataclass(frozen=True)
class Workplace:
    """An open session and where its files go.

    Attributes
    ----------
    session : MatteSession
    file : Path
        Its ``session.json``.
    out : Path
        The output folder.
    frames : FrameRange or None
        The part of the shot this command is about.
    """

    session: MatteSession
    file: Path
    out: Path
    frames: FrameRange | None

    def save(self) -> None:
        """Write the session file."""
        self.session.save(self.file)


def add_session_argument(parser: argparse.ArgumentParser) -> None:
    """Add what every command that opens a session takes."""
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="cache folder (default: OUT/cache)"
    )
    parser.add_argument(
        "--path-map",
        action="append",
        default=[],
        metavar="FROM=TO",
        help="replace a prefix of the session's paths; may be given again",
    )
    parser.add_argument(
        "--path-map-file",
        type=Path,
        metavar="FILE",
        help="the same as Open Job Description's path mapping rules",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="of the network, instead of the packaged ones"
    )
    parser.add_argument("--frames", metavar="R", help="e.g. 1001-1100, 1-100x2, 7,9,20-30 or -5--1")


def add_shot_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what describes a plate and how it is matted."""
    group = parser.add_argument_group("the plate")
    group.add_argument(
        "--colorspace", type=name_text, metavar="NAME", help="of the plate, as OCIO calls it"
    )
    group.add_argument(
        "--ocio", type=path_text, metavar="CONFIG", help="default: $OCIO, else built-in ACES"
    )
    group.add_argument("--exposure", type=float, default=0.0, metavar="STOPS")
    group.add_argument("--view", type=name_text, metavar="NAME")
    group.add_argument("--layer", type=name_text, metavar="NAME")
    group.add_argument(
        "--roi",
        metavar="X,Y,W,H",
        type=_window,
        help="only this part of the plate: left, top, width and height, in square pixels of its "
        "display window (default: all of it)",
    )
    group.add_argument("--start-frame", type=int, default=1, metavar="N", help="of a movie")
    group = parser.add_argument_group("the mattes")
    group.add_argument(
        "--guidance",
        default="people",
        metavar="people|masks:PATH",
        help="where instances come from (default: people)",
    )
    group.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME")
    group.add_argument("--quality", choices=sorted(QUALITY), default="final")
    group.add_argument(
        "--names",
        metavar="a,b,c",
        help="names for the instances, in the order that vimatte guide lists them: letters, digits "
        "and underscores (default: what the folders or layers of the masks are called)",
    )
    group.add_argument(
        "--mask-offset",
        type=_offset,
        metavar="N",
        help="add N to the frame numbers of the masks' files, e.g. 1001 for masks that start at 0; "
        "0 takes numbers that look shifted as they are",
    )
    group.add_argument(
        "--order", metavar="a,b,c",
        help="instances from front to back, for masks that overlap; those not named are behind "
        "them; by default who is in front is told from the plate",
    )  # fmt: skip
    for kind, effect in (
        ("garbage", "where it is black alpha is 0"),
        ("core", "where it is white alpha is 1"),
    ):
        group.add_argument(
            f"--{kind}",
            type=path_argument,
            metavar="DIR",
            help=f"{kind} mattes: {effect}. DIR/NAME/{kind}.####.png is for the instance NAME (or "
            f"whose masks' folder is NAME), DIR/{kind}.####.png for every other",
        )
        group.add_argument(
            f"--{kind}-offset",
            type=_offset,
            metavar="N",
            help=f"add N to the frame numbers of the {kind} mattes' files (default: 0)",
        )
    group.add_argument("--segment", type=int, default=Settings.segment, metavar="S")
    group.add_argument("--preroll", type=int, default=Settings.preroll, metavar="P")
    group.add_argument(
        "--steadiness", type=float, default=Settings.steadiness, metavar="0-0.7",
        help="how much of the frame before a matte keeps, moved along; "
        f"default: {Settings.steadiness:g}; 0 for nothing",
    )  # fmt: skip
    parser.set_defaults(plate_options={name: parser.get_default(name) for name in _OF_A_PLATE})


def open_workplace(
    args: argparse.Namespace, target: str, out: Path | None, *, out_option: str = "-o"
) -> Workplace:
    """Open a session file, or make a session for a plate.

    Parameters
    ----------
    args : Namespace
        With the arguments of `add_session_argument`, and for a plate of `add_shot_arguments`.
    target : str
        A ``session.json``, a folder that holds one, or a plate.
    out : Path, optional
        The output folder; by default the session file's folder.
    out_option : str
        What the command calls it, for the message when it is missing.

    Raises
    ------
    InputError
        When a plate is given without an output folder, or where a session must be.
    ConfigError
        When an option is given that only plates or only sessions have.
    FrameRangeError
        When frames are asked for that lie outside of a session's shot.
    """
    path = _session_at(target)
    frames = None if args.frames is None else FrameRange.parse(args.frames)
    if path.suffix == ".json":
        of_plate = getattr(args, "plate_options", {})
        _refuse_given(args, of_plate, "a plate; a session has settings of its own")
        folder = out or path.parent
        session = MatteSession.open(
            path,
            cache=args.cache or folder / "cache",
            path_map=_path_map(args),
            device=args.device,
            weights=args.weights,
        )
        if frames is not None:
            _refuse_outside(frames, session)
        return Workplace(session, path, folder, frames)
    if not hasattr(args, "guidance"):
        if path.is_dir():
            raise InputError(
                f"the folder holds no {SESSION_NAME}",
                path=target,
                hint="give the output folder of vimatte matte or guide",
            )
        raise InputError(
            "this command takes a session, not a plate",
            path=target,
            hint="give the output folder of vimatte matte or guide, or the session.json in it",
        )
    if out is None:
        hint = f"add {out_option} OUT"
        raise InputError("a plate needs an output folder", path=target, hint=hint)
    _refuse_given(args, {"path_map": [], "path_map_file": None}, "a session")
    session = MatteSession(
        _shot(args, target),
        guidance=args.guidance.partition(":")[0],
        cache=args.cache or out / "cache",
        settings=_settings(args),
        folders=_folders(args),
        offsets=_offsets(args),
        device=args.device,
        weights=args.weights,
    )
    # --frames of a plate is the shot; of a session it is the part to work on.
    return Workplace(session, out / SESSION_NAME, out, None)


def is_session(target: str) -> bool:
    """Whether a target is a session, not a plate."""
    return _session_at(target).suffix == ".json"


def run_guidance(place: Workplace, ui: Console, names: Sequence[str] = ()) -> None:
    """Run guidance with progress, and keep the frozen table in the session file."""
    said = report_notices(place, ui)
    steps = place.session.guide(tuple(names))
    try:
        for step in steps:
            ui.progress(step.stage, step.done, step.total, frame=step.frame)
    finally:
        steps.close()
    place.save()
    report_notices(place, ui, said)


def report_notices(
    place: Workplace, ui: Console, said: Collection[Notice] = ()
) -> tuple[Notice, ...]:
    """Say what the user should know of what they gave, but for what was said; return it all."""
    notices = place.session.notices
    for notice in notices:
        if notice not in said:
            report_notice(notice, ui)
    return notices


def report_notice(notice: Notice, ui: Console) -> None:
    """Say one thing that the user should know."""
    ui.event("warning", f"note: {notice}", **notice.to_json())


def report_instances(place: Workplace, ui: Console) -> None:
    """Say who was found."""
    rows = place.session.instances
    if not rows:
        ui.event("instances", "no person was found; the mattes are empty", count=0)
    for row in rows:
        state = "" if row.enabled else " (off)"
        ui.event(
            "instance",
            f"  {row.id:>3}  {row.name}{state}",
            id=row.id,
            name=row.name,
            enabled=row.enabled,
        )


def split_names(text: str | None) -> tuple[str, ...]:
    """Split ``a,b,c``; None gives nothing. Raises ConfigError for ``a,,c`` and an empty text."""
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise ConfigError(f"a name is empty in {text!r}", hint="write names like anna,bert")
    return names


def _session_at(target: str) -> Path:
    """Return the session file in a folder that holds one; else the target."""
    path = Path(target)
    return path / SESSION_NAME if path.is_dir() and (path / SESSION_NAME).exists() else path


def _refuse_given(args: argparse.Namespace, defaults: dict[str, object], owner: str) -> None:
    """Refuse options that would have no effect."""
    for name, default in defaults.items():
        if getattr(args, name) != default:
            option = "--" + name.replace("_", "-")
            raise ConfigError(f"{option} is for {owner}", path=args.target, hint="leave it out")


def _refuse_outside(frames: FrameRange, session: MatteSession) -> None:
    """Refuse frames before the first and after the last; holes are said when the plate is read."""
    first, last = session.frames.first, session.frames.last
    if frames.first < first or frames.last > last:
        session.close()
        raise FrameRangeError(
            f"the frames {frames} are not all in the session: the shot goes from {first} to {last}",
            hint="a session's --frames are a part of its shot",
        )


def _path_map(args: argparse.Namespace) -> dict[str, str]:
    mapping = read_path_map(args.path_map_file) if args.path_map_file else {}
    return mapping | parse_path_map(args.path_map)


def _shot(args: argparse.Namespace, target: str) -> Shot:
    return Shot(
        path=target,
        frames=args.frames,
        colorspace=args.colorspace,
        ocio=args.ocio,
        exposure=args.exposure,
        view=args.view,
        layer=args.layer,
        roi=args.roi,
        start_frame=args.start_frame,
    )


def _settings(args: argparse.Namespace) -> Settings:
    return Settings(
        model=args.model,
        quality=args.quality,
        segment=args.segment,
        preroll=args.preroll,
        steadiness=args.steadiness,
        order=split_names(args.order),
    )


def _folders(args: argparse.Namespace) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    name, separator, path = args.guidance.partition(":")
    if separator and name == "people":
        raise ConfigError(
            f"the guidance people takes nothing after a colon, not {path!r}",
            hint="write --guidance people",
        )
    if separator and not path.strip():
        raise InputError(
            "an empty path is no path: --guidance masks: names no masks",
            hint="write --guidance masks:PATH",
        )
    if separator:
        folders["masks"] = Path(path).absolute()
    elif name == "masks":
        raise ConfigError("masks need a folder", hint="write --guidance masks:PATH")
    if args.garbage:
        folders["garbage"] = args.garbage.absolute()
    if args.core:
        folders["core"] = args.core.absolute()
    return folders


def _offsets(args: argparse.Namespace) -> dict[str, int]:
    given = {
        "masks": args.mask_offset, "garbage": args.garbage_offset, "core": args.core_offset
    }  # fmt: skip
    offsets = {key: value for key, value in given.items() if value is not None}
    folders = _folders(args)
    for key in offsets:
        if key not in folders:
            option = "mask" if key == "masks" else key
            raise ConfigError(
                f"--{option}-offset moves no files: no {_WORDS[key]} were given",
                hint="--guidance masks:PATH" if key == "masks" else f"add --{key} DIR",
            )
    return offsets


def _offset(text: str) -> int:
    value = whole_number(text)
    if abs(value) > MOST_OFFSET:
        raise argparse.ArgumentTypeError(f"too large: {text}")
    return value


def _window(text: str) -> Window:
    return _checked(lambda: Window(*(int(part) for part in text.split(","))), text)


def _checked(make: Callable[[], T], text: str) -> T:
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"not X,Y,W,H: {text!r}") from error
