"""Paths relative to named roots, so that a session opens on a farm node and on another system."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vimatte.errors import SessionError

_MAX_RULES_BYTES = 1 << 20
_FOREIGN = re.compile(r"^([A-Za-z]:[\\/]|\\\\)")


@dataclass(frozen=True, slots=True)
class RootedPath:
    """A path below a named root.

    Attributes
    ----------
    root : str
        The root's name in the session's table.
    path : str
        Relative, with forward slashes; it never leaves the root.
    """

    root: str
    path: str


def rooted(root: str, path: Path) -> tuple[Path, RootedPath]:
    """Split an absolute path into its folder, which becomes the root, and the rest."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    return absolute.parent, RootedPath(root, absolute.name)


def parse_path_map(rules: Sequence[str]) -> dict[str, str]:
    """Parse ``FROM=TO`` rules.

    Raises
    ------
    SessionError
        When a rule has no ``=``, or one side is empty.
    """
    mapping: dict[str, str] = {}
    for rule in rules:
        source, separator, target = rule.partition("=")
        if not (separator and source.strip() and target.strip()):
            raise SessionError(f"not a path rule: {rule!r}", hint="write --path-map FROM=TO")
        mapping[source] = target
    return mapping


def read_path_map(path: Path) -> dict[str, str]:
    """Read the path mapping rules that Open Job Description gives to a task.

    Parameters
    ----------
    path : Path
        A JSON file of the form ``pathmapping-1.0``; an empty one maps nothing.

    Raises
    ------
    SessionError
        When it is not one.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_RULES_BYTES)
        data = json.loads(text) if text.strip() else {}
        rows = data.get("path_mapping_rules", [])
        mapping = {str(row["source_path"]): str(row["destination_path"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SessionError(f"not a file of path rules: {error}", path=path) from error
    for source, target in mapping.items():
        if not (source.strip() and target.strip()):
            raise SessionError(f"a path rule is empty: {source!r} to {target!r}", path=path)
    return mapping


def resolve(item: RootedPath, roots: Mapping[str, str], path_map: Mapping[str, str]) -> Path:
    """Return where a rooted path lies on this machine.

    Parameters
    ----------
    item : RootedPath
    roots : mapping of str to str
        The session's table: absolute folders, of whatever system wrote it.
    path_map : mapping of str to str
        Prefixes to replace; the longest that fits wins.

    Raises
    ------
    SessionError
        When the root is unknown, the relative path leaves it, or it is another system's and no
        rule maps it.
    """
    if item.root not in roots:
        raise SessionError(f"the session names an unknown root {item.root!r}")
    if not item.path.strip():
        raise SessionError(f"the session's path in {item.root!r} is empty: it is no path")
    relative = PurePosixPath(item.path)
    if relative.is_absolute() or ".." in relative.parts or "\\" in item.path or "\0" in item.path:
        raise SessionError(
            "a path of the session leaves its root", path=item.path, hint="write it again"
        )
    folder = map_prefix(roots[item.root], path_map)
    if os.name != "nt" and _FOREIGN.match(folder):
        raise SessionError(
            "a Windows path is not mapped",
            path=folder,
            hint=f"add --path-map {folder}=/where/it/is/here",
        )
    if not Path(folder).is_absolute():
        raise SessionError(f"the root {item.root!r} is not absolute", path=folder)
    return Path(folder) / relative


def map_prefix(folder: str, path_map: Mapping[str, str]) -> str:
    """Replace the longest prefix of whole path parts that a rule names."""
    plain = folder.replace("\\", "/")
    for source in sorted(path_map, key=len, reverse=True):
        start = source.replace("\\", "/").rstrip("/")
        same = plain.casefold() if _FOREIGN.match(folder) else plain
        begin = start.casefold() if _FOREIGN.match(folder) else start
        if same == begin or same.startswith(begin + "/"):
            return path_map[source].rstrip("/") + plain[len(start) :]
    return folder
