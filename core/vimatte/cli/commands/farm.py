"""``vimatte farm``: bundles for render farms, run here or handed to Slurm."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import add_cpu_isa, name_text, path_text
from vimatte.cli.option_arguments import split_names
from vimatte.cli.progress import Console
from vimatte.cli.publish_options import add_publish_arguments, publish_flags, publish_options
from vimatte.cli.session_options import (
    Workplace,
    add_session_argument,
    add_shot_arguments,
    is_session,
    open_workplace,
    report_notices,
)
from vimatte.errors import ConfigError, FarmError, SessionError
from vimatte.farm import bundle, local, slurm, spool
from vimatte.farm.template import FarmOptions
from vimatte.session.session_file import SessionFile

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PROGRESS = re.compile(r"openjd_progress: (\d+)")


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command and its own commands."""
    parser = commands.add_parser("farm", help="job bundles: write, run here, hand to Slurm")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = actions.add_parser("bundle", help="write a job bundle for a plate or a session")
    made.add_argument("target", type=path_text, metavar="PLATE|SESSION")
    made.add_argument("-o", "--bundle", type=Path, required=True, metavar="DIR")
    made.add_argument("--out", type=Path, metavar="OUT", help="where the mattes go")
    made.add_argument("--segments-per-task", type=int, default=1, metavar="N")
    made.add_argument("--command", type=name_text, default="vimatte", help="vimatte on the nodes")
    made.add_argument("--cores", type=int, default=2)
    made.add_argument("--memory", type=int, default=4096, metavar="MIB")
    made.add_argument("--gpu-memory", type=int, default=4096, metavar="MIB")
    add_cpu_isa(made)
    add_publish_arguments(made)
    add_session_argument(made)
    add_shot_arguments(made)
    ran = actions.add_parser("run", help="run a bundle on this machine")
    ran.add_argument("bundle", type=Path)
    ran.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    handed = actions.add_parser("slurm", help="hand a bundle to a Slurm cluster")
    handed.add_argument("bundle", type=Path)
    handed.add_argument("--spool", type=Path, metavar="DIR", help="default: BUNDLE/spool")
    handed.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    handed.add_argument("--throttle", type=int, default=0, metavar="N", help="tasks at once")
    handed.add_argument(
        "--sbatch",
        type=name_text,
        action="append",
        default=[],
        metavar="OPTION",
        help="e.g. --sbatch=--qos=low",
    )
    for name, text in (
        ("status", "how every task of a Slurm job stands"),
        ("redo", "hand the failed and lost tasks over again"),
        ("cancel", "cancel a Slurm job"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("bundle", type=Path, metavar="BUNDLE|SPOOL")
        if name == "redo":
            action.add_argument(
                "--failed", action="store_true", required=True, help="those, not all"
            )
    for action in actions.choices.values():
        for flag in ("--json", "--debug"):
            action.add_argument(
                flag, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Do what the action says."""
    actions = {
        "bundle": _bundle, "run": _run, "slurm": _slurm,
        "status": _status, "redo": _redo, "cancel": _cancel,
    }  # fmt: skip
    return actions[args.action](args, ui)


def _bundle(args: argparse.Namespace, ui: Console) -> int:
    place = open_workplace(args, args.target, args.out, out_option="--out")
    options = FarmOptions(
        args.segments_per_task,
        args.command,
        args.device,
        args.cores,
        args.memory,
        args.gpu_memory,
        publish_flags(publish_options(args)),
        "" if place.frames is None else str(place.session.frames.intersect(place.frames)),
        "" if args.weights is None else str(args.weights.absolute()),
        "" if args.cache is None else str(args.cache.absolute()),
        ",".join(split_names(args.names)),
        args.cpu_isa or "native",
    )
    with place.session as session:
        report_notices(place, ui)
        if not is_session(args.target):
            place.out.mkdir(parents=True, exist_ok=True)
            _save_settings(place)
        folder = bundle.write_bundle(session, place.file, place.out, args.bundle, options)
    local.check(folder)
    ui.event("bundle", f"job bundle: {folder}", path=str(folder))
    return 0


def _save_settings(place: Workplace) -> None:
    """Write the session file of a plate, unless there is one of equal settings.

    That one may have a frozen table, and names that somebody gave.
    """
    try:
        there = SessionFile.read(place.file)
    except (SessionError, ConfigError):
        there = None
    if there is None or not there.same_settings(place.session.as_saved()):
        place.save()


def _run(args: argparse.Namespace, ui: Console) -> int:
    for line in local.run(args.bundle, _values(args.parameter)):
        found = _PROGRESS.search(line)
        if found and ui.json_lines:
            ui.event("progress", "", percent=int(found[1]))
        else:
            ui.event("line", line, line=line)
    ui.event("done", f"every task of {args.bundle} is done")
    return 0


def _slurm(args: argparse.Namespace, ui: Console) -> int:
    if args.throttle < 0:
        raise ConfigError(f"--throttle cannot be {args.throttle}", hint="0 leaves it to Slurm")
    place = args.spool or args.bundle / "spool"
    jobs = slurm.submit(
        args.bundle,
        place.absolute(),
        overrides=_values(args.parameter),
        options=args.sbatch,
        throttle=args.throttle,
    )
    for step, job in jobs.items():
        ui.event("job", f"  {step}: job {job}", step=step, job=job)
    return 0


def _status(args: argparse.Namespace, ui: Console) -> int:
    states = slurm.status(_spool(args.bundle))
    ui.table(
        str(args.bundle),
        ("step", "task", "what", "state", "node", "reason"),
        [(s.step, s.index, " ".join(s.task.values()), s.state, s.node, s.reason) for s in states],
    )
    counts = Counter(s.state for s in states)
    ui.event("counts", ", ".join(f"{n} {state}" for state, n in counts.items()), **counts)
    if counts[spool.FAILED] or counts[spool.LOST]:
        raise FarmError(
            f"{counts[spool.FAILED] + counts[spool.LOST]} tasks failed or were lost",
            path=args.bundle,
            hint="vimatte farm redo --failed",
        )
    return 0


def _redo(args: argparse.Namespace, ui: Console) -> int:
    jobs = slurm.redo(_spool(args.bundle))
    for step, job in jobs.items():
        ui.event("job", f"  {step}: job {job}", step=step, job=job)
    if not jobs:
        ui.event("nothing", "no task failed")
    return 0


def _cancel(args: argparse.Namespace, ui: Console) -> int:
    jobs = slurm.cancel(_spool(args.bundle))
    for job in jobs:
        ui.event("cancelled", f"  job {job} cancelled", job=job)
    if not jobs:
        ui.event("nothing", "every job is over already")
    return 0


def _spool(folder: Path) -> Path:
    return folder if (folder / spool.LEDGER).exists() else folder / "spool"


def _values(rules: list[str]) -> dict[str, str]:
    values = {}
    for rule in rules:
        name, separator, value = rule.partition("=")
        if not (separator and name):
            raise ConfigError(f"not a parameter: {rule!r}", hint="write -p NAME=VALUE")
        values[name] = value
    return values
