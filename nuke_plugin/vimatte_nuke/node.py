"""The group: what is inside of it, and how it is made.

::

    plate ─┬──────────────────────────────────────────────┬─ use_mattes ─ view ─ Output
           ├─ export_plate (Write, off)                   │
           └─ B copy_mattes A ─ drop.. ─ no_rgba ─ range ─┘
    guidance ─ export_guidance (Write, off)                 range ─ which_read ─┬─ read_strict
                                                                                └─ read_gui

Everything is an ordinary node with ordinary expressions: a script opens and shows its mattes
where this plug-in is missing.
"""

from __future__ import annotations

from typing import cast

import nuke
from vimatte_nuke import knobs, project
from vimatte_nuke.problem import Problem

NAME = "VideoInstanceMatte1"
# A Read answers for frames outside of its range by itself, silently. The strict one never does:
# a frame that was not matted has no file, and a render stops.
WIDEST = (-1000000, 1000000)
# The first branch counts on a farm or in a terminal: it shows the mattes or fails.
SHOW = "max(parent.matted, 1-$gui)"


def create() -> nuke.Group:
    """Make a node with the project's defaults, connected to what is selected."""
    group = cast("nuke.Group", nuke.createNode("Group", inpanel=False))
    group.setName(NAME, uncollide=True)
    for knob in [
        *knobs.matte_tab(),
        *knobs.output_tab(),
        *knobs.session_tab(),
        *knobs.instances_tab(),
    ]:
        group.addKnob(knob)
    with group:
        _fill()
    group["label"].setValue("[value status]")
    project.set_defaults(group)
    return group


def inside(group: nuke.Group, name: str) -> nuke.Node:
    """Return a node inside of ours.

    Raises
    ------
    Problem
        When somebody has taken it out.
    """
    found = group.node(name)
    if found is None:
        raise Problem(f"{name} is missing inside {group.name()}: make a new node")
    return found


def is_ours(node: nuke.Node) -> bool:
    """Whether a node is a Video Instance Matte."""
    return node.Class() == "Group" and knobs.TAG in node.knobs()


def _fill() -> None:
    plate = nuke.nodes.Input(name="plate")
    guidance = nuke.nodes.Input(name="guidance")
    _export("export_plate", plate, "rgb")
    _export("export_guidance", guidance, "all")
    reads = []
    for name, on_error in (("read_strict", "error"), ("read_gui", "black")):
        read = nuke.nodes.Read(name=name, raw=True, on_error=on_error)
        read["before"].setValue("black")
        read["after"].setValue("black")
        reads.append(read)
    which = nuke.nodes.Switch(name="which_read", inputs=reads)
    which["which"].setExpression("$gui")
    limits = nuke.nodes.FrameRange(name="range", inputs=[which])
    # Without it the default layer of the mattes' files would cover the plate's.
    no_rgba = nuke.nodes.Remove(name="no_rgba", inputs=[limits], operation="remove")
    no_rgba["channels"].setValue("rgba")
    copy = nuke.nodes.Copy(name="copy_mattes", inputs=[plate, no_rgba])
    # A Copy made in the toolbar copies alpha to alpha: that would be an empty one.
    copy["from0"].setValue("none")
    copy["to0"].setValue("none")
    copy["channels"].setValue("all")
    use = nuke.nodes.Switch(name="use_mattes", inputs=[plate, copy])
    use["which"].setExpression(SHOW)
    _views(limits, use)


def _export(name: str, source: nuke.Node, channels: str) -> nuke.Node:
    write = nuke.nodes.Write(name=name, inputs=[source])
    write["channels"].setValue(channels)
    write["file_type"].setValue("exr")  # the next knobs are there from now on
    write["datatype"].setValue("16 bit half")
    write["compression"].setValue("Zip (1 scanline)")
    write["metadata"].setValue("all metadata except input/*")
    write["raw"].setValue(True)
    write["create_directories"].setValue(True)
    write["disable"].setValue(True)  # a render of the script must not render it too
    return write


def _views(mattes: nuke.Node, layers: nuke.Node) -> None:
    """Add what the knob `matte view` chooses from."""
    pick = nuke.nodes.Shuffle(name="pick", inputs=[mattes])
    pick["in"].setValue("rgba")
    for channel in ("red", "green", "blue", "alpha"):
        pick[channel].setValue("alpha")
    tint = nuke.nodes.Multiply(name="tint", inputs=[pick])
    tint["channels"].setValue("rgb")
    tint["value"].setValue([0.5, 0.1, 0.1, 1.0])
    overlay = nuke.nodes.Merge2(name="overlay", inputs=[layers, tint], operation="plus")
    cut = nuke.nodes.Copy(name="cut", inputs=[layers, pick])
    cut["from0"].setValue("rgba.alpha")
    cut["to0"].setValue("rgba.alpha")
    isolated = nuke.nodes.Premult(name="isolated", inputs=[cut])
    checker = nuke.nodes.CheckerBoard2(name="checker")
    over = nuke.nodes.Merge2(name="over_checker", inputs=[checker, isolated], operation="over")
    view = nuke.nodes.Switch(name="view", inputs=[layers, pick, overlay, over, isolated])
    view["which"].setExpression("parent.matte_view")
    nuke.nodes.Output(name="Output1", inputs=[view])
