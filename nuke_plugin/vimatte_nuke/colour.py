"""What the worker is told about the plate's colour: names it can look up, never a guess.

A compositor's stream is in the working space, whatever the files were: both the export and a
file that is read directly hold that space.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import nuke
from vimatte_nuke.problem import Problem

# Nuke's own management works in linear light of these primaries; so the built-in ACES config
# of OpenColorIO calls it.
NUKE_LINEAR = "Linear Rec.709 (sRGB)"
BUILT_IN = "ocio://default"
# Names that mean: as the working space is. Nuke shows a default in brackets.
_LINEAR = ("scene_linear", "linear")
_AUTO = "auto"


def working_space() -> str:
    """Return the name of the project's working space as Nuke has it."""
    root = nuke.root()
    if root["colorManagement"].value() != "OCIO":
        return "linear"
    return str(root["workingSpaceLUT"].value())


def is_neutral(name: str) -> bool:
    """Whether a Read of this colour space leaves the pixels of its files as they are."""
    plain = name.strip()
    if plain.startswith("default (") and plain.endswith(")"):
        plain = plain[len("default (") : -1]
    return plain in _LINEAR or plain == working_space()


def config() -> Optional[str]:
    """Return the OCIO config the worker shall use; None: its built-in one.

    Raises
    ------
    Problem
        When Nuke's config cannot be named to another program.
    """
    root = nuke.root()
    if root["colorManagement"].value() != "OCIO":
        return BUILT_IN
    if os.environ.get("OCIO"):
        return os.environ["OCIO"]
    chosen = str(root["OCIO_config"].value())
    if chosen == "custom":
        return str(root["customOCIOConfigPath"].value()).strip() or None
    folder = Path(nuke.EXE_PATH).parent / "plugins" / "OCIOConfigs" / "configs" / chosen
    for name in ("config.ocio", chosen + ".ocio"):
        if (folder / name).is_file():
            return (folder / name).as_posix()
    raise Problem(
        f"the OCIO config {chosen!r} of this Nuke was not found: set the node's"
        " 'colour space' and 'OCIO config' on its Session tab"
    )


def request_fields(node: nuke.Group) -> dict[str, Optional[str]]:
    """Return ``colorspace`` and ``ocio`` of a request; the node's knobs win over the project.

    Raises
    ------
    Problem
    """
    name = str(node["colorspace"].value()).strip()
    ocio = str(node["ocio"].value()).strip()
    if not name or name == _AUTO:
        name = working_space()
        if name == "linear":
            # The worker gives the foreground's colour in the same space then: no config of
            # anybody's choice has another opinion of what scene-linear is.
            return {"colorspace": NUKE_LINEAR, "ocio": ocio or BUILT_IN}
    return {"colorspace": name, "ocio": ocio or config()}
