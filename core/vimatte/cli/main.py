"""The command ``vimatte``: parse, run one command, end with a documented exit code."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from vimatte._version import __version__
from vimatte.cli.progress import Console
from vimatte.errors import Cancelled, VimatteError

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
)
EXIT_CODES = """\
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
  130  stopped by the user; finished frames are kept
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    parser = argparse.ArgumentParser(
        prog="vimatte",
        description="Video Instance Matte: a soft, stable alpha matte for every person in a shot.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vimatte {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"vimatte.cli.commands.{name}")
        command = module.add_parser(commands)
        command.add_argument("--json", action="store_true", help="write JSON lines for machines")
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
    args = build_parser().parse_args(argv)
    ui = Console(json_lines=args.json)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.WARNING,
        format="vimatte: %(message)s",
        stream=sys.stderr,
    )
    signal.signal(signal.SIGTERM, _stop)
    try:
        code: int = args.run(args, ui)
    except KeyboardInterrupt:
        return _fail(ui, Cancelled("stopped; finished frames are kept"))
    except VimatteError as error:
        if args.debug:
            raise
        return _fail(ui, error)
    except BrokenPipeError:
        return 1
    return code


def _fail(ui: Console, error: VimatteError) -> int:
    ui.close()
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
    return error.exit_code


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
