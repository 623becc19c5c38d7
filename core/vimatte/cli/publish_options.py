"""Options that say which files are published, shared by the commands that publish."""

from __future__ import annotations

import argparse

from vimatte.cli.option_arguments import add_options, flags_of, values_of
from vimatte.options import OUTPUTS
from vimatte.output.exr_file import check_compression
from vimatte.session.publishing import PublishOptions


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    add_options(parser, OUTPUTS)


def publish_options(args: argparse.Namespace) -> PublishOptions:
    """Return what the parsed options say. Raises ConfigError."""
    options = PublishOptions(**values_of(args, OUTPUTS))
    check_compression(options.compression)
    return options


def publish_flags(options: PublishOptions) -> tuple[str, ...]:
    """Return the same as a command line has it, without the defaults."""
    return flags_of(options, OUTPUTS)
