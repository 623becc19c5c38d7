"""The command ``vimatte``: parse, run one command, end with a documented exit code."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from vimatte._version import __version__
from vimatte.cli.arguments import CommandParser, add_cpu_isa
from vimatte.cli.progress import Console
from vimatte.cli.standard_streams import lasting_streams
from vimatte.cli.stopping import stopped_by_sigterm
from vimatte.errors import Cancelled, OutputError, VimatteError
from vimatte.models.instruction_set import settle_instruction_set
from vimatte.models.process import settle_process

# Each command is a module of vimatte.cli.commands with `add_parser` and `run`.
COMMANDS = (
    "matte",
    "guide",
    "plan",
    "verify",
    "qc",
    "models",
    "guidance",
    "cache",
    "weights",
    "farm",
    "doctor",
    "train",
    "evaluate",
    "benchmark",
)
EPILOG = """\
examples:
  vimatte matte plates/sh010.####.exr -o mattes/sh010
  vimatte matte walk.mp4 -o mattes/walk --guidance masks:roto --names anna,bert

as tasks of a render queue:
  vimatte guide plates/sh010.####.exr -o mattes/sh010
  vimatte matte mattes/sh010 --frames 1001-1048
  vimatte matte mattes/sh010 --frames 1049-1096
  vimatte verify mattes/sh010

`vimatte COMMAND --help` tells what a command takes.

exit codes:
  0    done
  1    an error of vimatte itself
  2    a malformed command line
  3    the plate, frame range, colour space, guidance or session cannot be used
  4    the installation, a setting or a name is wrong
  5    the cache cannot be read or written, or a frame is not ready
  6    results cannot be written
  7    the network or its weights failed
  8    the worker process failed
  9    published or cached files are missing or wrong
  10   a job bundle is wrong, or the farm refused a job or lost one
  130  stopped by the user; finished frames are kept
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    parser = CommandParser(
        prog="vimatte",
        description="Video Instance Matte: a soft, stable alpha matte for every person in a shot.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vimatte {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"vimatte.cli.commands.{name}")
        command: argparse.ArgumentParser = module.add_parser(commands)
        command.add_argument("--json", action="store_true", help="print one JSON object a line")
        command.add_argument("--openjd", action="store_true", help=argparse.SUPPRESS)
        if name != "farm":  # its own commands have it, or do without
            add_cpu_isa(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        The exit code.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        # Before the parser is built: the commands load NumPy.
        settle_instruction_set(argv, os.environ)
    except VimatteError as error:
        print(f"vimatte: {error}", file=sys.stderr)
        return error.exit_code
    with lasting_streams() as out:
        code = _run(argv)
    if out.failure is not None and code == 0:
        # The work is done, but not all of what was said of it: a log on a full disk.
        failure = OutputError(f"the output cannot be written: {out.failure.strerror}")
        print(f"vimatte: {failure}", file=sys.stderr)
        return failure.exit_code
    return code


def _run(argv: Sequence[str] | None) -> int:
    args = build_parser().parse_args(argv)
    settle_process()
    ui = Console(json_lines=args.json, openjd=args.openjd)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.WARNING,
        format="vimatte: %(message)s",
        stream=sys.stderr,
    )
    try:
        with stopped_by_sigterm():
            code: int = args.run(args, ui)
    except KeyboardInterrupt:
        return _fail(ui, Cancelled("stopped; finished frames are kept"))
    except VimatteError as error:
        return _fail(ui, error, debug=args.debug)
    except Exception as error:  # noqa: BLE001 - the last place that can say it in one line
        kind = type(error).__name__
        return _fail(
            ui,
            VimatteError(
                f"this is a fault of vimatte: {kind}: {error}",
                hint="run it again with --debug and report what it shows",
            ),
            debug=args.debug,
        )
    return code


def _fail(ui: Console, error: VimatteError, *, debug: bool = False) -> int:
    ui.close()
    if debug:
        traceback.print_exc()
    if ui.json_lines:
        print(
            json.dumps(
                {
                    "type": "error",
                    "code": error.code,
                    "message": error.message,
                    "frame": error.frame,
                    "path": error.path,
                    "hint": error.hint,
                }
            ),
            flush=True,
        )
    else:
        print(f"vimatte: {error}", file=sys.stderr)
        if ui.openjd:
            print(f"openjd_fail: {error}", flush=True)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
