"""Thin callbacks: none executes anything, and none is needed to see a node's mattes."""

from __future__ import annotations

from typing import cast

import nuke
from vimatte_nuke import readback
from vimatte_nuke.node import is_ours


def register() -> None:
    """Hear of our nodes. Called once, by ``init.py``."""
    nuke.addOnCreate(on_create, nodeClass="Group")
    nuke.addOnScriptLoad(on_script_load)
    nuke.addKnobChanged(knob_changed, nodeClass="Group")


def on_create() -> None:
    """Say how a node stands when a script is opened or a node is pasted."""
    node = cast("nuke.Group", nuke.thisNode())
    # createNode calls this before the group has its knobs.
    if is_ours(node) and nuke.GUI and node.node("read_strict") is not None:
        readback.refresh(node)


def on_script_load() -> None:
    """The same for every node of a script: a group may be created before what is inside of it."""
    if nuke.GUI:
        for node in nuke.allNodes("Group", recurseGroups=True):
            if is_ours(node):
                readback.refresh(cast("nuke.Group", node))


def knob_changed() -> None:
    """Follow the rows, and look at the inputs when they change."""
    node, knob = cast("nuke.Group", nuke.thisNode()), nuke.thisKnob()
    if knob is None or not is_ours(node):
        return
    name = knob.name()
    if name.startswith(("solo_", "colour_")):
        readback.pick(node)
    elif name in ("inputChange", "showPanel", "frames"):
        readback.refresh(node)
