"""The instances of a node: their rows, their layers, and the nodes each has inside of the group."""

from __future__ import annotations

from typing import Any, cast

import nuke
from vimatte_nuke import graph, knobs
from vimatte_nuke.group import inside
from vimatte_nuke.problem import Problem

MOST_CHANNELS = 1023
ALPHA = ("alpha",)
COLOUR = ("red", "green", "blue", "alpha")
# The nodes of an instance; its number follows.
_OWN = ("plain_", "drop_", "matte_", "seen_", "tint_", "sum_", "tints_")


def set_rows(node: nuke.Group, found: list[dict[str, Any]]) -> None:
    """Give every instance its row; what the user has set in one stays."""
    for row in found:
        number = int(row["id"])
        if f"on_{number}" not in node.knobs():
            for knob in knobs.instance_row(number):
                node.addKnob(knob)
            node[f"colour_{number}"].setValue([float(v) for v in row["colour"]])
        if node[f"name_{number}"].value() != row["name"]:
            node[f"name_{number}"].setValue(str(row["name"]))
    solo = "+".join(f"solo_{number}" for number in knobs.rows(node))
    if solo:
        cast("nuke.Array_Knob", node["any_solo"]).setExpression(solo)


def make_layers(wanted: dict[str, tuple[str, ...]]) -> None:
    """Make the layers and channels that are not there yet.

    Parameters
    ----------
    wanted : dict of str to tuple of str
        The channels of every layer.

    Raises
    ------
    Problem
        When they would be more channels than a script may have.
    """
    there = set(nuke.channels())
    new = {
        layer: [f"{layer}.{c}" for c in channels if f"{layer}.{c}" not in there]
        for layer, channels in wanted.items()
    }
    more = sum(len(channels) for channels in new.values())
    if len(there) + more > MOST_CHANNELS:
        raise Problem(
            f"{more} more channels would pass the {MOST_CHANNELS} a script may have: matte fewer"
            " instances, without colour or Cryptomatte, or close scripts with other layers"
        )
    for layer, channels in new.items():
        if channels:
            nuke.Layer(layer, channels)


def layer_of(node: nuke.Group, number: int) -> str:
    """Return the layer that an instance has in the version that is shown; empty: none."""
    matte = node.node(f"matte_{number}")
    return "" if matte is None else str(matte["in"].value())


def connect(node: nuke.Group, instances: dict[int, str], *, colour: bool) -> None:
    """Make the nodes of the instances a version holds, unless they are those already.

    Parameters
    ----------
    node : Group
    instances : dict of int to str
        Layers by id; each has its row.
    colour : bool
        Whether the layers hold colour.
    """
    own = [n for n in node.nodes() if n.name().startswith(_OWN) and n.name()[-1].isdigit()]
    shown = {int(n.name()[6:]): str(n["in"].value()) for n in own if n.name().startswith("matte_")}
    plain = any(n.name().startswith("plain_") for n in own)
    if shown == instances and plain == (colour and bool(instances)):
        return
    for name in ("pick", "tint"):
        inside(node, name).setInput(0, None)
    inside(node, "copy_mattes").setInput(1, inside(node, "no_rgba"))
    for old in own:
        nuke.delete(old)
    with node:
        _drops(node, instances, colour)
        _sums(node, instances)


def _drops(node: nuke.Group, instances: dict[int, str], colour: bool) -> None:
    """Chain what takes layers out again between the Read and the Copy.

    Each is off while its knob is on: an expression, so that it needs no plug-in.
    """
    last = inside(node, "no_rgba")
    for number, layer in instances.items():
        if colour:
            last = nuke.nodes.Remove(name=f"plain_{number}", inputs=[last], operation="remove")
            for knob, channel in zip(("channels", "channels2", "channels3"), COLOUR):  # noqa: B905
                last[knob].setValue(f"{layer}.{channel}")
            _expression(last, "disable", "parent.foreground")
        last = nuke.nodes.Remove(name=f"drop_{number}", inputs=[last], operation="remove")
        last["channels"].setValue(layer)
        _expression(last, "disable", f"parent.on_{number}")
    inside(node, "copy_mattes").setInput(1, last)


def _sums(node: nuke.Group, instances: dict[int, str]) -> None:
    """Add up the alphas, and the alphas in the rows' colours, of those that are to be seen."""
    mattes, tints = inside(node, "all_alpha"), inside(node, "all_tint")
    for place, (number, layer) in enumerate(instances.items()):
        matte = nuke.nodes.Shuffle(name=f"matte_{number}", inputs=[inside(node, "range")])
        matte["in"].setValue(layer)
        for channel in COLOUR:
            matte[channel].setValue("alpha")
        seen = nuke.nodes.Multiply(name=f"seen_{number}", inputs=[matte])
        seen["channels"].setValue("rgba")
        # Enabled, and solo where any is.
        shown = f"parent.on_{number}*max(parent.solo_{number}, 1-min(1, parent.any_solo))"
        _expression(seen, "value", shown)
        tint = nuke.nodes.Multiply(name=f"tint_{number}", inputs=[seen])
        tint["channels"].setValue("rgb")
        cast("nuke.Array_Knob", tint["value"]).setSingleValue(False)
        for index, part in enumerate("rgb"):
            _expression(tint, "value", f"0.5*parent.colour_{number}.{part}", index)
        if place:
            mattes = graph.merge(f"sum_{number}", mattes, seen, "plus", "rgba")
            tints = graph.merge(f"tints_{number}", tints, tint, "plus", "rgb")
        else:
            mattes, tints = seen, tint
    inside(node, "pick").setInput(0, mattes)
    inside(node, "tint").setInput(0, tints)


def _expression(node: nuke.Node, knob: str, text: str, index: int = -1) -> None:
    cast("nuke.Array_Knob", node[knob]).setExpression(text, index)
