"""Thin callbacks: none executes anything, and none is needed to see a node's mattes."""

from __future__ import annotations

from typing import cast

import nuke
from vimatte_nuke import farm, project, readback
from vimatte_nuke.group import is_ours


def register() -> None:
    """Hear of our nodes. Called once, by ``init.py``."""
    nuke.addOnCreate(on_create, nodeClass="Group")
    nuke.addOnScriptLoad(on_script_load)
    nuke.addKnobChanged(knob_changed, nodeClass="Group")


def on_create() -> None:
    """Say how a node stands when a script is opened or a node is pasted."""
    node = cast("nuke.Group", nuke.thisNode())
    # createNode calls this before the group has its knobs.
    if is_ours(node) and node.node("read_strict") is not None:
        project.leave_shared_folder(node)
        if nuke.GUI:
            readback.refresh(node)


def on_script_load() -> None:
    """The same for every node of a script: a group may be created before what is inside of it.

    What a farm has published since is shown, also with ``-x``.
    """
    for node in nuke.allNodes("Group", recurseGroups=True):
        if is_ours(node):
            farm.look(cast("nuke.Group", node))
            if nuke.GUI:
                readback.refresh(cast("nuke.Group", node))


def knob_changed() -> None:
    """Look at the inputs, and at what is asked for, when they change."""
    node, knob = cast("nuke.Group", nuke.thisNode()), nuke.thisKnob()
    if knob is None or not is_ours(node):
        return
    name = knob.name()
    followed = ("inputChange", "showPanel", "frames", "foreground", "cryptomatte")
    if name in followed or name.startswith("name_"):
        readback.refresh(node)
