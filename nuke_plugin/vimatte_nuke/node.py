"""How a node is made."""

from __future__ import annotations

from typing import cast

import nuke
from vimatte_nuke import graph, knobs, project
from vimatte_nuke.undo import one_step

NAME = "VideoInstanceMatte1"


def create() -> nuke.Group:
    """Make a node with the project's defaults, connected to what is selected.

    It is one step of undo; where something goes wrong, no half of it stays.
    """
    with one_step("Video Instance Matte"):
        group = cast("nuke.Group", nuke.createNode("Group", inpanel=False))
        try:
            _build(group)
        except Exception:
            nuke.delete(group)
            raise
    return group


def _build(group: nuke.Group) -> None:
    group.setName(NAME, uncollide=True)
    for knob in [
        *knobs.matte_tab(),
        *knobs.output_tab(),
        *knobs.session_tab(),
        *knobs.instances_tab(),
    ]:
        group.addKnob(knob)
    with group:
        graph.fill()
    group["label"].setValue("[value status]")
    project.set_defaults(group)
