"""A path as somebody gave it: an empty one is no path."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from vimatte.errors import InputError


def given_path(path: str | PathLike[str], what: str) -> Path:
    """Return a path. An empty text would be the current folder, which nobody meant.

    Parameters
    ----------
    path : str or PathLike
    what : str
        What it is of, for the message, e.g. ``the plate``.

    Raises
    ------
    InputError
        When it is empty, or nothing but white space, or holds a zero byte.
    """
    text = fspath(path)
    if not text.strip():
        raise InputError(
            f"{what}: an empty path is no path", hint="a variable that is not set is empty"
        )
    if "\0" in text:
        raise InputError(f"{what}: a path holds no zero byte", path=repr(text))
    return Path(path)
