"""Defaults from the project, and where a node's files go."""

from __future__ import annotations

import re
from pathlib import Path

import nuke
from vimatte_nuke.group import others
from vimatte_nuke.problem import Problem


def set_defaults(node: nuke.Group) -> None:
    """Set range and views as the project, or the plate, has them."""
    root = nuke.root()
    source = node.input(0)
    if source is not None:
        first, last = source.firstFrame(), source.lastFrame()
    else:
        first, last = int(root["first_frame"].value()), int(root["last_frame"].value())
    node["frames"].setValue(f"{first}-{last}")
    views = nuke.views()
    if len(views) > 1:
        node["views"].setValue(",".join(views))


def chosen_views(node: nuke.Group) -> list[str]:
    """Return the views to matte; one empty name where the script has one view only.

    Raises
    ------
    Problem
        For a view the script does not have.
    """
    known = nuke.views()
    if len(known) < 2:
        return [""]
    names = [name.strip() for name in str(node["views"].value()).split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Problem(f"the script has no view {unknown[0]!r}; it has {', '.join(known)}")
    return names or list(known)


def output_folder(node: nuke.Group) -> Path:
    """Return the node's output folder, and keep it in its knob.

    Raises
    ------
    Problem
        When the script was never saved and no folder is given, or another node has the same.
    """
    given = str(node["out"].value()).strip()
    if given:
        path = Path(given)
        if not path.is_absolute():
            raise Problem(f"the output folder must be an absolute path, not {given!r}")
        sharing = _sharing(node, given)
        if sharing:
            raise Problem(f"{sharing} has the same output folder: give one of the two another")
        return _plain(path)
    script = str(nuke.root().name())
    if script in ("", "Root"):
        raise Problem("save the script first, or set the output folder on the Session tab")
    path = _plain(_free(node, Path(script).resolve().parent / "vimatte"))
    node["out"].setValue(path.as_posix())
    return path


def session_file(node: nuke.Group) -> str:
    """Return the session file of the node's first view; empty: there is none yet."""
    base = Path(str(node["out"].value()).strip())
    known = nuke.views()
    named = str(node["views"].value()).split(",")[0].strip()
    path = base / (named or known[0]) if len(known) > 1 else base
    path = path / "session.json"
    return path.as_posix() if base.is_absolute() and path.is_file() else ""


def leave_shared_folder(node: nuke.Group) -> None:
    """Give a copy of a node an output folder of its own, beside the other's.

    It goes on showing the same mattes, and keeps the cache, so that nothing is computed twice.
    """
    given = str(node["out"].value()).strip()
    if given and _sharing(node, given):
        if not str(node["cache"].value()).strip():
            node["cache"].setValue(cache_folder(node, Path(given)).as_posix())
        node["out"].setValue(_free(node, Path(given).parent).as_posix())
        node["farmed_from"].setValue("")


def _sharing(node: nuke.Group, folder: str) -> str:
    """Return the name of another node that has the same output folder; empty: none has."""
    return next((n.fullName() for n in others(node) if str(n["out"].value()).strip() == folder), "")


def _free(node: nuke.Group, above: Path) -> Path:
    """Return a folder by the node's name that no other node has."""
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", node.fullName())
    path, number = above / safe, 2
    while _sharing(node, path.as_posix()):
        path, number = above / f"{safe}-{number}", number + 1
    return path


def _plain(path: Path) -> Path:
    """Refuse a folder that a file knob would not take as it is: it runs what is in brackets."""
    if set(path.as_posix()) & set('[]$"#%{}\\\n'):
        raise Problem(
            "the output folder's path must have no brackets, quotes, backslashes, dollar, percent"
            f" or number signs: {path}"
        )
    return path


def cache_folder(node: nuke.Group, out: Path) -> Path:
    """Return the node's cache folder."""
    given = str(node["cache"].value()).strip()
    return Path(given) if given else out / "cache"
