"""Instance names: legal as an EXR layer, a Nuke layer and a file name on every system."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vimatte.errors import OutputError

MAX_LENGTH = 24
_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")

# Nuke has these already; a channel in one of them is not what a compositor would expect. Single
# letters among them are channels that readers know by themselves.
NUKE_LAYERS = frozenset(
    (
        *("rgb", "rgba", "alpha", "depth", "motion", "forward", "backward", "mask"),
        *("disparity", "disparityl", "disparityr", "deep", "rotopaint_mask", "color", "none"),
        *("red", "green", "blue", "all", "other", "frame", "u", "v", "x", "y", "z"),
    )
)
# A layer called like a view becomes the view, and these are in most scripts, whatever the plate's
# own views are.
COMMON_VIEWS = frozenset(("main", "left", "right"))
WINDOWS_NAMES = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{base}{n}" for base in ("com", "lpt") for n in range(10)]
)
# The layers of a Cryptomatte that is written beside the instances.
_CRYPTOMATTE = re.compile(r"videoinstancematte[0-9]*")
_LETTERS = "names start with a letter and hold at most 24 letters, digits and underscores"
_ANOTHER = "choose another, e.g. person01"


def check_names(names: Iterable[str], views: Iterable[str] = ()) -> None:
    """Refuse names that some program would read as something else.

    Parameters
    ----------
    names : iterable of str
        Of all instances of a shot.
    views : iterable of str
        The plate's views: a layer of that name becomes the view.

    Raises
    ------
    OutputError
        For the first name that is not allowed.
    """
    seen: dict[str, str] = {}
    taken = COMMON_VIEWS | {view.casefold() for view in views}
    for name in names:
        key = name.casefold()
        if _LEGAL.fullmatch(name) is None:
            raise OutputError(f"the instance name {name[:60]!r} is not allowed", hint=_LETTERS)
        if key in NUKE_LAYERS:
            raise OutputError(
                f"the instance name {name!r} is one of Nuke's own layers or channels",
                hint=_ANOTHER,
            )
        if key in WINDOWS_NAMES or _CRYPTOMATTE.fullmatch(key):
            raise OutputError(f"the instance name {name!r} is reserved", hint=_ANOTHER)
        if key in taken:
            raise OutputError(f"the instance name {name!r} is also a view's", hint=_ANOTHER)
        if key in seen:
            raise OutputError(
                f"the instance names {seen[key]!r} and {name!r} are the same but for case",
                hint="give every instance a name of its own",
            )
        seen[key] = name


def safe_stem(text: str) -> str:
    """Return a text as a file stem that stays in its folder on every system."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:100].strip("_-")
    if not stem or stem.casefold() in WINDOWS_NAMES:
        stem = f"shot_{stem}".rstrip("_")
    return stem
