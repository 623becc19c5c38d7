"""Published mattes come into the stream: layers, Reads, rows and the node's status."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional, cast

import nuke
from vimatte_nuke import frames as ranges
from vimatte_nuke import knobs, upstream
from vimatte_nuke.node import WIDEST, inside, is_ours
from vimatte_nuke.problem import Problem

MOST_CHANNELS = 1023
MARKED = 0xB02020FF
_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
_MAX_BYTES = 16 << 20


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return ``version.json`` of a published folder, checked as far as it is used here.

    Raises
    ------
    Problem
    """
    try:
        with (folder / "version.json").open("rb") as stream:
            data = json.loads(stream.read(_MAX_BYTES))
        names = [str(row["name"]) for row in data["instances"]]
        made = {"names": names, "plate": str(data["plate"]), "frames": ranges.parse(data["frames"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{folder} is no published version: {error}") from error
    wrong = [n for n in [*names, made["plate"]] if "/" in n or "\\" in n or "[" in n]
    if wrong or not all(_LEGAL.fullmatch(name) for name in names):
        raise Problem(f"{folder} holds names that cannot be layers")
    return made


def show(node: nuke.Group, folders: dict[str, Path]) -> None:
    """Point the node at published folders, one a view, and make their layers.

    Raises
    ------
    Problem
        When a folder is none, the views differ, or the script has no room for the layers.
    """
    made = {view: read_manifest(folder) for view, folder in folders.items()}
    first = next(iter(made.values()))
    patterns = set()
    for view, folder in folders.items():
        above = folder.parent.parent / "%V" if view else folder.parent
        path = above / folder.name / "exr" / (made[view]["plate"] + ".%04d.exr")
        patterns.add(path.as_posix())
        if made[view]["names"] != first["names"]:
            raise Problem("the views have different instances: give each the same names")
    if len(patterns) > 1:
        raise Problem(f"the views have different versions: {', '.join(sorted(patterns))}")
    make_layers(first["names"])
    pattern = patterns.pop()
    with quietly():
        for name in ("read_strict", "read_gui"):
            read = inside(node, name)
            if read["file"].value() != pattern:
                read["file"].setValue(pattern)
            low, high = (
                WIDEST if name == "read_strict" else (first["frames"][0], first["frames"][-1])
            )
            read["first"].setValue(low)
            read["last"].setValue(high)
            read["raw"].setValue(True)  # a new file may have reset it
            cast("nuke.Script_Knob", read["reload"]).execute()
        limits = inside(node, "range")
        limits["first_frame"].setValue(first["frames"][0])
        limits["last_frame"].setValue(first["frames"][-1])
        node["matted"].setValue(True)
        node["version"].setValue(next(iter(folders.values())).name)
        _drop(node)
    pick(node)


def reload(node: nuke.Group) -> None:
    """Read again what has been written since."""
    with quietly():
        cast("nuke.Script_Knob", inside(node, "read_gui")["reload"]).execute()


def make_layers(names: list[str]) -> None:
    """Make the layers that are not there yet.

    Raises
    ------
    Problem
        When they would be more channels than a script may have.
    """
    there = set(nuke.layers())
    new = [name for name in names if name not in there]
    if len(nuke.channels()) + len(new) > MOST_CHANNELS:
        raise Problem(
            f"{len(new)} more layers would pass the {MOST_CHANNELS} channels a script may have:"
            " matte fewer instances, or close scripts with other layers"
        )
    for name in new:
        nuke.Layer(name, [name + ".alpha"])


def set_rows(node: nuke.Group, found: list[dict[str, Any]]) -> None:
    """Give every instance its row; what the user has set in one stays."""
    with quietly():
        for row in found:
            number = int(row["id"])
            if f"on_{number}" not in node.knobs():
                for knob in knobs.instance_row(number):
                    node.addKnob(knob)
                node[f"colour_{number}"].setValue([float(v) for v in row["colour"]])
            node[f"name_{number}"].setValue(str(row["name"]))


def _drop(node: nuke.Group) -> None:
    """Chain a Remove for every row's layer between the Read and the Copy.

    Each is off while its row is on: an expression, so that it needs no plug-in.
    """
    for old in [child for child in node.nodes() if child.name().startswith("drop_")]:
        nuke.delete(old)
    last = inside(node, "no_rgba")
    with node:
        for number in knobs.rows(node):
            name = str(node[f"name_{number}"].value())
            if name not in nuke.layers():
                continue
            last = nuke.nodes.Remove(name=f"drop_{number}", inputs=[last], operation="remove")
            last["channels"].setValue(name)
            last["disable"].setExpression(f"parent.on_{number}")
    inside(node, "copy_mattes").setInput(1, last)


def pick(node: nuke.Group) -> None:
    """Let the matte view show the instance that is solo; the sum of all where none is."""
    solo = [n for n in knobs.rows(node) if node[f"solo_{n}"].value()]
    name = str(node[f"name_{solo[0]}"].value()) if solo else "rgba"
    if name in nuke.layers():
        with quietly():
            inside(node, "pick")["in"].setValue(name)
            colour = node[f"colour_{solo[0]}"].value() if solo else [1.0, 0.2, 0.2]
            inside(node, "tint")["value"].setValue([*(0.5 * v for v in colour[:3]), 1.0])


def refresh(node: nuke.Group) -> str:
    """Say how the node stands, on the node: stale, incomplete, or up to date."""
    if not node["matted"].value():
        return tell(node, "no mattes yet", marked=False)
    pattern = str(inside(node, "read_strict")["file"].value())
    try:
        wanted = ranges.parse(str(node["frames"].value()))
    except Problem as error:
        return tell(node, str(error), marked=True)
    views = [name for name in nuke.views() if "%V" in pattern] or [""]
    missing = [
        frame
        for frame in wanted
        if not all(Path(ranges.file_of(pattern, frame, view)).is_file() for view in views)
    ]
    # A node that is being pasted or opened may not be connected yet.
    connected = node.input(0) is not None
    if connected and node["matted_from"].value() not in ("", state_of(node)):
        return tell(node, "stale: what is connected has changed; matte again", marked=True)
    if missing:
        return tell(node, f"{len(missing)} frames missing: {ranges.text(missing)}", marked=True)
    return tell(node, f"{len(wanted)} frames matted", marked=False)


def state_of(node: nuke.Group) -> str:
    """Return the digest of both inputs."""
    return upstream.digest(node.input(0)) + upstream.digest(node.input(1))


def tell(node: nuke.Group, text: str, *, marked: bool) -> str:
    """Put a text on the node, and its colour."""
    with quietly():
        node["status"].setValue(text)
        node["tile_color"].setValue(MARKED if marked else 0)
    return text


def find(token: str, name: str) -> Optional[nuke.Group]:
    """Return the node a run belongs to, wherever it is called now; None: it was deleted."""
    node = nuke.toNode(name)
    candidates = ([] if node is None else [node]) + list(nuke.allNodes("Group", recurseGroups=True))
    for candidate in candidates:
        if is_ours(candidate) and candidate["run_token"].value() == token:
            return cast("nuke.Group", candidate)
    return None


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what the plug-in itself does out of the user's undo."""
    nuke.Undo.disable()
    try:
        yield
    finally:
        nuke.Undo.enable()
