"""Run inside Blender: pick an instance of a Cryptomatte by name, as a compositor does.

inside_cryptomatte.py CRYPTOMATTE NAME WIDTH HEIGHT OUT
"""

from __future__ import annotations

import sys

import bpy


def main() -> None:
    path, name, width, height, out = sys.argv[-5:]
    scene = bpy.context.scene
    render = scene.render
    render.resolution_x, render.resolution_y = int(width), int(height)
    render.resolution_percentage = 100
    render.engine = "BLENDER_WORKBENCH"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    render.filepath = out
    if bpy.app.version >= (5, 0):
        tree = bpy.data.node_groups.new("pick", "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        target = tree.nodes.new("NodeGroupOutput").inputs[0]
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        target = tree.nodes.new("CompositorNodeComposite").inputs[0]
    picker = tree.nodes.new("CompositorNodeCryptomatteV2")
    picker.source = "IMAGE"
    picker.image = bpy.data.images.load(path)
    picker.matte_id = name
    tree.links.new(picker.outputs["Matte"], target)
    bpy.ops.render.render(write_still=True)


main()
