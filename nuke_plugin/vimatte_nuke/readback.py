"""Published mattes come into the stream: Reads, layers and the node's status."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, cast

import nuke
from vimatte_nuke import frames as ranges
from vimatte_nuke import graph, knobs, project, rows, upstream
from vimatte_nuke.group import WIDEST, inside, is_ours
from vimatte_nuke.problem import Problem
from vimatte_nuke.undo import quietly

MARKED = 0xB02020FF
CRYPTO = "VideoInstanceMatte"
_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
_MAX_BYTES = 16 << 20
# The core's files hold the six largest coverages of a pixel at most, two a layer.
_CRYPTO_LAYERS = 3


@dataclass(frozen=True)
class Version:
    """What is used here of a published folder's ``version.json``."""

    plate: str
    frames: list[int]
    instances: dict[int, str]
    foreground: bool
    cryptomatte: bool

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """The channels of every layer that comes into the stream."""
        own = rows.COLOUR if self.foreground else rows.ALPHA
        found: dict[str, tuple[str, ...]] = dict.fromkeys(self.instances.values(), own)
        if self.cryptomatte:
            count = min((len(self.instances) + 1) // 2 or 1, _CRYPTO_LAYERS)
            found.update((f"{CRYPTO}{n:02d}", rows.COLOUR) for n in range(count))
        return found


def read_version(folder: Path) -> Version:
    """Return what a published folder holds, checked as far as it is used here.

    Raises
    ------
    Problem
    """
    try:
        with (folder / "version.json").open("rb") as stream:
            data = json.loads(stream.read(_MAX_BYTES))
        made = Version(
            plate=str(data["plate"]),
            frames=ranges.parse(data["frames"]),
            instances={int(row["id"]): str(row["name"]) for row in data["instances"]},
            foreground=data.get("foreground") is True,
            cryptomatte=data.get("cryptomatte") is True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{folder} is no published version: {error}") from error
    names = made.instances.values()
    wrong = [n for n in [*names, made.plate] if "/" in n or "\\" in n or "[" in n]
    if wrong or min(made.instances, default=1) < 1 or not all(_LEGAL.fullmatch(n) for n in names):
        raise Problem(f"{folder} holds names that cannot be layers")
    return made


def show(node: nuke.Group, folders: dict[str, Path]) -> None:
    """Point the node at published folders, one a view, and make their layers.

    Raises
    ------
    Problem
        When a folder is none, the views differ, or the script has no room for the layers.
    """
    made = {view: read_version(folder) for view, folder in folders.items()}
    first = next(iter(made.values()))
    patterns: dict[str, set[str]] = {"exr": set(), "cryptomatte": set()}
    for view, folder in folders.items():
        above = folder.parent.parent / "%V" if view else folder.parent
        for kind, found in patterns.items():
            path = above / folder.name / kind / (made[view].plate + ".%04d.exr")
            found.add(path.as_posix())
        if list(made[view].instances.values()) != list(first.instances.values()):
            raise Problem("the views have different instances: give each the same names")
    if len(patterns["exr"]) > 1:
        raise Problem(f"the views have different versions: {', '.join(sorted(patterns['exr']))}")
    rows.make_layers(first.layers)
    frames = (first.frames[0], first.frames[-1])
    for kind, pair in zip(("exr", "cryptomatte"), graph.PAIRS):  # noqa: B905
        pattern = patterns[kind].pop() if kind == "exr" or first.cryptomatte else ""
        _point(node, pair[0], pattern, WIDEST)
        _point(node, pair[1], pattern, frames)
        if kind == "exr":
            _point(node, "read_mark", pattern, WIDEST)
    limits = inside(node, "range")
    limits["first_frame"].setValue(frames[0])
    limits["last_frame"].setValue(frames[1])
    node["matted"].setValue(True)
    node["colour_there"].setValue(first.foreground)
    node["crypto_there"].setValue(first.cryptomatte)
    node["version"].setValue(next(iter(folders.values())).name)
    there = set(knobs.rows(node))
    missing = [n for n in first.instances if n not in there]
    if missing:  # a version this node did not make: its rows are white
        names = first.instances
        colour = [1.0, 1.0, 1.0]
        rows.set_rows(node, [{"id": n, "name": names[n], "colour": colour} for n in missing])
    rows.connect(node, first.instances, colour=first.foreground)


def _point(node: nuke.Group, name: str, pattern: str, frames: tuple[int, int]) -> None:
    read = inside(node, name)
    if read["file"].value() != pattern:
        read["file"].setValue(pattern)
    read["first"].setValue(frames[0])
    read["last"].setValue(frames[1])
    read["raw"].setValue(True)  # a new file may have reset it
    cast("nuke.Script_Knob", read["reload"]).execute()


def reload(node: nuke.Group) -> None:
    """Read again what has been written since."""
    for name in ("read_gui", "read_mark", "crypto_gui"):
        cast("nuke.Script_Knob", inside(node, name)["reload"]).execute()


def clear(node: nuke.Group) -> None:
    """Show no mattes."""
    for name in (*graph.PAIRS[0], *graph.PAIRS[1], "read_mark"):
        inside(node, name)["file"].setValue("")
    for name in ("matted", "colour_there", "crypto_there"):
        node[name].setValue(False)
    node["matted_from"].setValue("")
    node["farmed_from"].setValue("")
    node["version"].setValue("-")


def refresh(node: nuke.Group) -> str:
    """Say how the node stands, on the node: stale, incomplete, or up to date."""
    with quietly():
        node["session"].setValue(project.session_file(node) or "-")
    if not node["matted"].value():
        farmed = node["farmed_from"].value() != ""
        return tell(node, "at the farm" if farmed else "no mattes yet", marked=False)
    try:
        wanted = ranges.parse(str(node["frames"].value()))
        missing = missing_frames(node, wanted)
    except Problem as error:
        return tell(node, str(error), marked=True)
    # A node that is being pasted or opened may not be connected yet.
    connected = node.input(0) is not None
    if connected and node["matted_from"].value() not in ("", state_of(node)):
        return tell(node, "stale: what is connected has changed; matte again", marked=True)
    asked = _not_there(node)
    if asked:
        return tell(node, f"stale: {asked}; matte again", marked=True)
    if missing:
        return tell(node, f"{len(missing)} frames missing: {ranges.text(missing)}", marked=True)
    return tell(node, f"{len(wanted)} frames matted" + _covered(node), marked=False)


def missing_frames(node: nuke.Group, wanted: list[int]) -> list[int]:
    """Return those of some frames that have no file in the version that is shown."""
    patterns = [str(inside(node, pair[0])["file"].value()) for pair in graph.PAIRS]
    views = [name for name in nuke.views() if "%V" in patterns[0]] or [""]
    return [
        frame
        for frame in wanted
        if not all(
            Path(ranges.file_of(pattern, frame, view)).is_file()
            for pattern in patterns
            if pattern
            for view in views
        )
    ]


def _not_there(node: nuke.Group) -> str:
    """Return what the node's knobs ask for and the version does not have; empty: nothing."""
    if node["foreground"].value() and not node["colour_there"].value():
        return "the premultiplied foreground was turned on"
    if node["cryptomatte"].value() and not node["crypto_there"].value():
        return "Cryptomatte was turned on"
    for number in knobs.rows(node):
        layer, name = rows.layer_of(node, number), str(node[f"name_{number}"].value()).strip()
        if layer and name and name != layer:
            return f"{layer} was renamed to {name}"
    return ""


def _covered(node: nuke.Group) -> str:
    """Say which layers of the plate are replaced by layers of the same name."""
    source = node.input(0)
    there = {name.partition(".")[0] for name in source.channels()} if source else set()
    layers = [rows.layer_of(node, number) for number in knobs.rows(node)]
    both = sorted(there.intersection(layers))
    return f"; replacing the plate's {', '.join(both)}" if both else ""


def state_of(node: nuke.Group) -> str:
    """Return the digest of both inputs."""
    plate = upstream.digest(upstream.colour_of(node.input(0)))
    return plate + upstream.digest(node.input(1))


def tell(node: nuke.Group, text: str, *, marked: bool) -> str:
    """Put a text on the node, and its colour.

    Nuke runs what is in brackets where a text is shown by ``[value status]``, and file names are
    anybody's: there are none in it.
    """
    text = text.translate({ord("["): "(", ord("]"): ")", ord("$"): "S", ord("\\"): "/"})
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
