"""Options that say which files are published, shared by the commands that publish."""

from __future__ import annotations

import argparse

from vimatte.output.exr_file import check_compression
from vimatte.session.publishing import PublishOptions

_EXTRAS = {
    "foreground": "also every instance's colour times its alpha, as layers",
    "cutout": "also one RGBA sequence per instance: its colour times its alpha",
    "cryptomatte": "also a Cryptomatte of all instances",
    "vse": "also one sequence per instance, for Blender's mask modifier",
    "preview": "also PNG previews",
}


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument("--compression", default="zip", metavar="NAME", help="of the EXR files")
    for name, text in _EXTRAS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)


def publish_options(args: argparse.Namespace) -> PublishOptions:
    """Return what the parsed options say. Raises ConfigError."""
    chosen = {name: getattr(args, name) for name in _EXTRAS}
    return PublishOptions(compression=check_compression(args.compression), **chosen)


def publish_flags(options: PublishOptions) -> tuple[str, ...]:
    """Return the same as a command line has it, without the defaults."""
    flags = [f"--{name}" for name in _EXTRAS if getattr(options, name)]
    if options.compression != PublishOptions().compression:
        flags += ["--compression", options.compression]
    return tuple(flags)
