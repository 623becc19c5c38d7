"""View tokens in a plate's path: ``%V`` for a view's name, ``%v`` for its first letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from vimatte.errors import FrameReadError

_TOKEN = re.compile(r"%[Vv]")
_VIEW_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_STEREO = ("left", "right")

#: Whether a path without tokens has files.
Matches = Callable[[Path], bool]


def has_view_token(path: Path, matches: Matches) -> bool:
    """Whether the path holds ``%V`` or ``%v`` that stands for a view.

    A folder or a file may be called so, too (``100%vfx``): what is there is taken as it is called.
    """
    return with_view_name(path, "", matches) != path


def with_view(path: Path, view: str | None, matches: Matches) -> Path:
    """Return a path with its tokens replaced.

    Parameters
    ----------
    path : Path
    view : str, optional
        What the tokens stand for. Without it the only stereo view there is.
    matches : callable
        Whether a path without tokens has files.

    Raises
    ------
    FrameReadError
        When no view or more than one has files, or the view is no name.
    """
    if not has_view_token(path, matches):
        return path
    if view is not None:
        if not _VIEW_NAME.fullmatch(view):
            raise FrameReadError(f"{view!r} is not a view name", path=path, hint="e.g. left")
        full = {"l": "left", "r": "right"}.get(view.lower(), view)
        return with_view_name(path, full, matches)
    there = [name for name in _STEREO if matches(with_view_name(path, name, matches))]
    if len(there) == 1:
        return with_view_name(path, there[0], matches)
    if there:
        raise FrameReadError(
            "the plate has two views", path=path, hint="choose one: --view left or --view right"
        )
    raise FrameReadError(
        "no file of a left or right view matches the plate's pattern",
        path=path,
        hint="another view is chosen by --view",
    )


def with_view_name(path: Path, view: str, matches: Matches) -> Path:
    """Return a path with its tokens replaced by a view, part by part."""
    place = Path()
    for number, part in enumerate(path.parts, start=1):
        literal = place / part
        is_last = number == len(path.parts)
        if _TOKEN.search(part) and not literal.exists() and not (is_last and matches(literal)):
            part = _TOKEN.sub(lambda m: view if m[0] == "%V" else view[:1], part)  # noqa: PLW2901
        place /= part
    return place
