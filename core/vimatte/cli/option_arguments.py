"""Flags of the command line, made from the table of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from vimatte.cli.arguments import finite_number, name_text, path_argument, whole_number
from vimatte.errors import ConfigError
from vimatte.frames.window import Window
from vimatte.options import Option


class _Adds(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *names: str, **about: Any) -> argparse.Action:
        """Add an argument."""


def add_options(parser: _Adds, rows: Iterable[Option]) -> None:
    """Add a flag for every row, with its help, bounds and default."""
    for row in rows:
        about: dict[str, Any] = {"help": row.sentence().replace("%", "%%")}
        if row.kind == "switch":
            parser.add_argument(row.flag, action="store_true", **about)
            continue
        if row.choices:
            about["choices"] = row.choices
        else:
            about["metavar"] = row.metavar
        default = None if row.kind == "names" else row.default
        parser.add_argument(row.flag, type=_READERS[row.kind], default=default, **about)


def values_of(args: argparse.Namespace, rows: Iterable[Option]) -> dict[str, Any]:
    """Return what a command line says of some rows, by their names.

    Raises
    ------
    ConfigError
        When a value is out of its bounds.
    """
    values: dict[str, Any] = {}
    for row in rows:
        value = getattr(args, row.name)
        values[row.name] = split_names(value) if row.kind == "names" else value
        trouble = row.wrong(values[row.name])
        if trouble is not None:
            raise ConfigError(trouble, hint=f"{row.flag}: {row.help}")
    return values


def flags_of(values: object, rows: Iterable[Option]) -> tuple[str, ...]:
    """Return the flags that say the same as an object's attributes, without the defaults."""
    flags: list[str] = []
    for row in rows:
        value = getattr(values, row.name)
        if row.kind == "switch":
            flags += [row.flag] if value else []
        elif value != row.default:
            flags += [row.flag, ",".join(value) if row.kind == "names" else str(value)]
    return tuple(flags)


def split_names(text: str | None) -> tuple[str, ...]:
    """Split ``a,b,c``; None gives nothing. Raises ConfigError for ``a,,c`` and an empty text."""
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise ConfigError(f"a name is empty in {text!r}", hint="write names like anna,bert")
    return names


def _window(text: str) -> Window:
    try:
        return Window(*(int(part) for part in text.split(",")))
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"not X,Y,W,H: {text!r}") from error


_READERS: dict[str, Callable[[str], Any]] = {
    "text": name_text,
    "path": path_argument,
    "whole": whole_number,
    "number": finite_number,
    "names": str,
    "window": _window,
}
