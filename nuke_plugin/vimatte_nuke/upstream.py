"""What is connected to the node: whether its files can be read, and whether it has changed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Optional

import nuke
from vimatte_nuke import colour
from vimatte_nuke import knobs as node_knobs
from vimatte_nuke.frames import file_of
from vimatte_nuke.group import is_ours

# They change neither the pixels nor the time.
_PASS = ("Dot", "NoOp")
# Knobs that say how a node looks, not what it does.
_LOOKS = frozenset(
    (
        *("name", "label", "xpos", "ypos", "selected", "help", "icon", "panel", "indicators"),
        *("note_font", "note_font_size", "note_font_color", "tile_color", "gl_color", "mapsize"),
        *("postage_stamp", "postage_stamp_frame", "hide_input", "cached", "bookmark", "window"),
        *("onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel", "dope_sheet"),
        *("useLifetime", "lifetimeStart", "lifetimeEnd", "lock_connections", "panelDropped"),
    )
)
_ROOT = ("colorManagement", "OCIO_config", "customOCIOConfigPath", "workingSpaceLUT", "format")


def direct_files(
    source: nuke.Node,
    frames: list[int],
    view: str,
) -> Optional[str]:
    """Return the pattern of the plate's own files where nothing lies between them and the node.

    Parameters
    ----------
    source : Node
        What is connected.
    frames : list of int
        Every one must have its file.
    view : str

    Returns
    -------
    str or None
        None wherever time, colour or premultiplication is, or may be, changed.
    """
    above = source.input(0)
    while source.Class() in _PASS and above is not None:
        source, above = above, above.input(0)
    if source.Class() != "Read" or _changes_something(source):
        return None
    pattern = str(source["file"].value())
    if frames[0] < source["first"].value() or frames[-1] > source["last"].value():
        return None
    whole = all(Path(file_of(pattern, frame, view)).is_file() for frame in frames)
    return pattern if whole else None


def colour_of(source: Optional[nuke.Node]) -> Optional[nuke.Node]:
    """Return the node a plate's colour comes from: other nodes of ours above only add layers."""
    found = source
    while source is not None and (source.Class() in _PASS or _adds_layers(source)):
        source = source.input(0)
        found = source if source is not None else found
    return found


def _adds_layers(node: nuke.Node) -> bool:
    return (
        is_ours(node)
        and node["matte_view"].value() == node_knobs.VIEWS[0]
        and node["keep"].value() != node_knobs.KEEP[2]
        and not node["disable"].value()
    )


def _changes_something(read: nuke.Node) -> bool:
    """Whether what a Read gives is, or may be, not what its files hold."""
    pattern = str(read["file"].value())
    neutral = read["raw"].value() or colour.is_neutral(str(read["colorspace"].value()))
    knobs = ("file", "frame", "first", "last")
    return (
        not pattern.lower().endswith(".exr")
        or "[" in pattern
        or not os.path.isabs(pattern)  # noqa: PTH117 - a text
        or not neutral
        or bool(read["disable"].value() or read["premultiplied"].value())
        or bool(str(read["frame"].value()).strip())
        or any(read[name].hasExpression() for name in knobs)
    )


def digest(source: Optional[nuke.Node]) -> str:
    """Return what everything above the node adds up to, as 16 hexadecimal digits.

    Nuke's own hashes change with the frame and the session; this is of classes, connections,
    knobs and the files that are read (their sizes and times).
    """
    root = nuke.root()
    found: list[object] = [[name, _script(root[name])] for name in _ROOT if name in root.knobs()]
    seen: dict[str, int] = {}
    _walk(source, seen, found)
    text = json.dumps(found, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _walk(node: Optional[nuke.Node], seen: dict[str, int], found: list[object]) -> int:
    """Add a node and all it depends on; return its number. Renaming a node changes nothing."""
    if node is None:
        return -1
    name = node.fullName()
    if name in seen:
        return seen[name]
    seen[name] = number = len(seen)
    inputs = [_walk(node.input(index), seen, found) for index in range(node.inputs())]
    linked = node.dependencies(nuke.HIDDEN_INPUTS | nuke.EXPRESSIONS)
    others = sorted(_walk(item, seen, found) for item in linked if item.Class() != "Root")
    knobs = {
        key: _script(knob)
        for key, knob in node.knobs().items()
        if key not in _LOOKS and not knob.getFlag(nuke.DO_NOT_WRITE)
    }
    inside: list[int] = []
    if isinstance(node, nuke.Group):
        inside = [_walk(child, seen, found) for child in node.nodes()]
    found.append([number, node.Class(), inputs, others, knobs, inside, _files(node)])
    return number


def _files(node: nuke.Node) -> list[object]:
    """Return size and time of every file a Read may read."""
    if "file" not in node.knobs() or node.Class() == "Write":
        return []
    path = Path(str(node["file"].value()))
    stem = path.name.partition("#")[0].partition("%")[0]
    if not path.is_absolute() or not path.parent.is_dir():
        return []
    entries: list[list[object]] = []
    with os.scandir(path.parent) as folder:
        for entry in folder:
            if entry.name.startswith(stem) and entry.is_file():
                stat = entry.stat()
                entries.append([entry.name, stat.st_size, stat.st_mtime_ns])
    return [list(entry) for entry in sorted(entries, key=str)]


def _script(knob: nuke.Knob) -> str:
    return str(knob.toScript())
