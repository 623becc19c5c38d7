"""Instance names: legal as an EXR layer, a Nuke layer and a file name on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from vimatte.errors import ConfigError

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
    ConfigError
        For the first name that is not allowed.
    """
    seen: dict[str, str] = {}
    taken = COMMON_VIEWS | {view.casefold() for view in views}
    for name in names:
        key = name.casefold()
        if _LEGAL.fullmatch(name) is None:
            raise ConfigError(f"the instance name {name[:60]!r} is not allowed", hint=_LETTERS)
        if key in NUKE_LAYERS:
            raise ConfigError(
                f"the instance name {name!r} is one of Nuke's own layers or channels",
                hint=_ANOTHER,
            )
        if key in WINDOWS_NAMES or _CRYPTOMATTE.fullmatch(key):
            raise ConfigError(f"the instance name {name!r} is reserved", hint=_ANOTHER)
        if key in taken:
            raise ConfigError(f"the instance name {name!r} is also a view's", hint=_ANOTHER)
        if key in seen:
            raise ConfigError(
                f"the instance names {seen[key]!r} and {name!r} are the same but for case",
                hint="give every instance a name of its own",
            )
        seen[key] = name


def is_legal(name: str) -> bool:
    """Whether `check_names` takes a name by itself, whatever the plate's views are."""
    try:
        check_names([name])
    except ConfigError:
        return False
    return True


def legal_names(found: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Turn what folders and layers are called into legal names, each of them once.

    A legal name stays as it is. A number N becomes ``objectNN``; accents go; whatever is no letter,
    digit or underscore becomes an underscore; a name that is reserved or starts with a digit gets
    ``object_`` before it; what is then taken gets a number behind it.

    Parameters
    ----------
    found : sequence of str
    taken : iterable of str
        Names that are given already.

    Returns
    -------
    list of str
        One for each of `found`, in order.
    """
    used = {name.casefold() for name in taken}
    names: dict[int, str] = {}
    # Legal ones first: nobody loses their name to somebody whose own is not.
    for at, text in enumerate(found):
        if is_legal(text) and text.casefold() not in used:
            names[at] = text
            used.add(text.casefold())
    for at, text in enumerate(found):
        if at not in names:
            wanted = _legal(text) or f"object{at + 1:02d}"
            names[at] = _free(wanted, used)
            used.add(names[at].casefold())
    return [names[at] for at in range(len(found))]


def _legal(text: str) -> str:
    """Return the legal name nearest to a text; empty where nothing of it is left."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"object{int(text):02d}"
    # German and Nordic letters that have no accent to lose.
    for letter, plain in (("ß", "ss"), ("ø", "o"), ("Ø", "O"), ("æ", "ae"), ("Æ", "Ae")):
        text = text.replace(letter, plain)
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_]+", "_", bare).strip("_")
    if not name:
        return ""
    if not name[0].isalpha() or not is_legal(name[:MAX_LENGTH]):
        name = f"object_{name}"
    return name[:MAX_LENGTH].rstrip("_")


def _free(name: str, used: set[str]) -> str:
    number = 2
    free = name
    while free.casefold() in used or not is_legal(free):
        end = f"_{number}"
        free = name[: MAX_LENGTH - len(end)] + end
        number += 1
    return free


def safe_stem(text: str) -> str:
    """Return a text as a file stem that stays in its folder on every system."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:100].strip("_-")
    if not stem or stem.casefold() in WINDOWS_NAMES:
        stem = f"shot_{stem}".rstrip("_")
    return stem
