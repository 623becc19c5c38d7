# SPDX-License-Identifier: GPL-3.0-or-later
"""From Blender 5.0: a strip's compositor modifier that takes alpha from the layered EXR.

It masks the picture of the file itself, before the strip's transform, crop and flips, so nothing
has to follow those.
"""

from __future__ import annotations

import bpy

from . import compat
from .source import Source

AVAILABLE = bpy.app.version >= (5, 0, 0)
NAME = "Instance matte"


def in_step(source: Source) -> bool:
    """Return whether the plate's frames follow the timeline's one by one.

    An Image node counts frames of the timeline and knows no other order.
    """
    first, last = (t - source.start for t in source.timing.visible)
    shown = [source.frames[min(max(k, 0), len(source.frames) - 1)] for k in range(first, last)]
    return shown == list(range(shown[0], shown[0] + len(shown)))


def mask(context, scene, strip, source: Source, done: dict, layer: str, tag: str) -> None:
    """Add or update the modifier of a strip.

    Parameters
    ----------
    done : dict
        The worker's answer: ``exr``, the pattern of the layered files.
    layer : str
        The instance's.
    tag : str
    """
    mark = f"{tag}:nodes"
    group = next((g for g in bpy.data.node_groups if g.get("vimatte_result") == mark), None)
    if group is None:
        group = bpy.data.node_groups.new(strip.name, "CompositorNodeTree")
        group["vimatte_result"] = mark
        for name, way in (("Image", "INPUT"), ("Mask", "INPUT"), ("Image", "OUTPUT")):
            group.interface.new_socket(name, in_out=way, socket_type="NodeSocketColor")
    _nodes(group, source, done["exr"], layer)
    with compat.sequencer(context, scene):
        modifier = strip.modifiers.get(NAME) or strip.modifiers.new(name=NAME, type="COMPOSITOR")
        modifier.node_group = group


def _nodes(group, source: Source, pattern: str, layer: str) -> None:
    """Build the nodes anew: an Image node has the sockets of the file it was given first."""
    old = {n.image for n in group.nodes if n.bl_idname == "CompositorNodeImage" and n.image}
    group.nodes.clear()
    for image in old:
        if not image.users:
            bpy.data.images.remove(image)
    first, last = source.wanted
    image = bpy.data.images.load(pattern.replace("####", f"{first:04d}"), check_existing=False)
    image.source = "SEQUENCE"
    read = group.nodes.new("CompositorNodeImage")
    read.image, read.use_auto_refresh = image, True
    # The node shows file number (frame - frame_start + 1 + frame_offset).
    read.frame_start = source.start + source.frames.index(first)
    read.frame_duration, read.frame_offset = last - first + 1, first - 1
    given = group.nodes.new("NodeGroupInput")
    cut = group.nodes.new("CompositorNodeSetAlpha")
    result = group.nodes.new("NodeGroupOutput")
    for place, node in enumerate((read, given, cut, result)):
        node.location = (200 * place, 0)
    cut.inputs["Type"].default_value = "Apply Mask"
    group.links.new(given.outputs["Image"], cut.inputs["Image"])
    group.links.new(read.outputs[layer], cut.inputs["Alpha"])
    group.links.new(cut.outputs["Image"], result.inputs["Image"])
