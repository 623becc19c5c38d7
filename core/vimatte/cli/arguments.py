"""How arguments are read: paths, numbers and ranges as people write them, and slips that are named.

Every parser of the command line is a `CommandParser`, so what is said here holds for every option:

- an empty path is no path;
- numbers are finite, and a value may begin with a minus: ``--frames -5--1``, ``--exposure -2``;
- an option is written out; one that is misspelt is answered with the nearest there is.
"""

from __future__ import annotations

import argparse
import difflib
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from vimatte.errors import InputError
from vimatte.frames.given_path import given_path
from vimatte.models.instruction_set import CHOICES, OPTION, VARIABLE

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_MINUS = re.compile(r"-\.?[0-9]")
_LISTED = 3


class CommandParser(argparse.ArgumentParser):
    """The parser of a command; parsers of its own commands are of this kind, too."""

    def __init__(self, **kwargs: Any) -> None:
        # Shortened options would change their meaning with every option that is added.
        super().__init__(**{"allow_abbrev": False, **kwargs})
        # What looks like a number is a value. argparse takes "-5--1" for an option, and "-5" not.
        self._negative_number_matcher = _MINUS
        self.register("type", Path, path_argument)
        self.register("type", int, whole_number)
        self.register("type", float, finite_number)
        self._options: list[str] = []
        self._given: list[str] = []
        self._has_commands = False

    def add_subparsers(self, **kwargs: Any) -> Any:
        """See `argparse.ArgumentParser.add_subparsers`."""
        self._has_commands = True
        return super().add_subparsers(**kwargs)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """See `argparse.ArgumentParser.parse_known_args`; a command knows all that it takes."""
        self._given = list(sys.argv[1:] if args is None else args)
        parsed, rest = super().parse_known_args(self._given, namespace)
        if rest and not self._has_commands:
            self.error(self._said_of(rest))
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line and end with 2.

        A required option that is misspelt is missing: then it is named as well.
        """
        strange = [
            text for text in self._given if not self._has_commands and self._is_strange(text)
        ]
        if strange and "no option of" not in message:
            message = f"{message}; {self._said_of(strange)}"
        super().error(message)

    def _said_of(self, rest: Sequence[str]) -> str:
        strange = list(dict.fromkeys(text.partition("=")[0] for text in rest if text[:1] == "-"))
        if not strange:
            shown = ", ".join(rest[:_LISTED]) + (", ..." if len(rest) > _LISTED else "")
            return (
                f"{len(rest)} arguments too many: {shown} (hint: a shell replaces an unquoted * by "
                "every file; name a sequence in quotes: 'sh010.####.exr')"
            )
        return "; ".join(map(self._no_option, strange))

    def _no_option(self, name: str) -> str:
        known = [text for text in self._option_string_actions if text.startswith("--")]
        near = [text for text in known if text.startswith(name)] if len(name) > 3 else []
        near = near or difflib.get_close_matches(name, known, 1, 0.6)
        said = f"{name} is no option of {self.prog}"
        return f"{said}: did you mean {' or '.join(near[:_LISTED])}?" if near else said

    def _is_strange(self, text: str) -> bool:
        name = text.partition("=")[0]
        return (
            text.startswith("--")
            and " " not in text
            and len(text) > 2
            and (name not in self._option_string_actions)
        )


def add_cpu_isa(parser: argparse.ArgumentParser) -> None:
    """Add the choice of an instruction set; it is made before anything is parsed."""
    parser.add_argument(
        OPTION,
        choices=CHOICES,
        help="use no better vector instructions than these, so that processors of several kinds "
        f"give equal bits (default: ${VARIABLE}, else native: the best there is)",
    )


def path_argument(text: str) -> Path:
    """Return a path, for argparse."""
    return Path(path_text(text))


def path_text(text: str) -> str:
    """Return a path as it was written, for argparse: of a plate, a session, an OCIO config."""
    try:
        given_path(text, "it")
    except InputError as error:
        message = error.message.partition(": ")[2]
        raise argparse.ArgumentTypeError(f"{message} ({error.hint})") from None
    return text


def name_text(text: str) -> str:
    """Return a name, for argparse. An empty one names nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty (a variable that is not set is empty)")
    return text


def whole_number(text: str) -> int:
    """Return a whole number in the digits 0 to 9, for argparse."""
    if _WHOLE.fullmatch(text.strip()) is None:
        raise argparse.ArgumentTypeError(f"not a whole number: {_short(text)!r}")
    return int(text)


def finite_number(text: str) -> float:
    """Return a finite number, for argparse."""
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"not a number: {_short(text)!r}")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
