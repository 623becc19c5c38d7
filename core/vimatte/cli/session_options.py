"""Options that name a shot or a session, shared by the commands that open one."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimatte.cli.option_arguments import add_options, values_of
from vimatte.cli.progress import Console
from vimatte.errors import ConfigError, FrameRangeError, InputError
from vimatte.frames.frame_range import FrameRange
from vimatte.notices import Notice
from vimatte.options import GUIDANCE, MACHINE, SETTINGS, SHOT, option
from vimatte.session import MatteSession
from vimatte.session.new_session import new_session
from vimatte.session.roots import parse_path_map, read_path_map
from vimatte.session.session_file import SESSION_NAME

# What a session keeps of a plate and its mattes; a command that opens one cannot change it.
_OF_A_PLATE = tuple(
    row.name for row in (*SHOT, *GUIDANCE, *SETTINGS) if row.name not in ("frames", "names")
)


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
    add_options(parser, [option("cache")])
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
    machine = [row for row in MACHINE if row.name != "cache"]
    add_options(parser, [*machine, option("frames")])


def add_shot_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what describes a plate and how it is matted."""
    for title, rows in (("the plate", SHOT[1:]), ("the mattes", (*GUIDANCE, *SETTINGS))):
        add_options(parser.add_argument_group(title), rows)
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
    values = values_of(args, (*SHOT, *GUIDANCE, *SETTINGS, *MACHINE))
    session = new_session(target, values, cache=args.cache or out / "cache")
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
