# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the versions of Blender, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

#: From 5.0 on, a strip is masked after its transform and before its flips; earlier, after both.
MASKED_BEFORE_FLIPS = bpy.app.version >= (5, 0, 0)
#: The colour space of cut-outs.
LINEAR = "Linear Rec.709" if bpy.app.version >= (4, 0, 0) else "Linear"


def sequencer_scene(context):
    """Return the scene whose strips the sequencer shows (5.0: not always the active one)."""
    return getattr(context, "sequencer_scene", None) or context.scene


def strips(owner):
    """Return the strips of an editor or a meta strip (4.4 and newer call them that)."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def all_strips(owner) -> Iterator:
    """Yield every strip, those in meta strips too."""
    return (strip for _, strip in owned_strips(owner))


def owned_strips(owner) -> Iterator[tuple]:
    """Yield every strip after what holds it: an editor or a meta strip."""
    for strip in strips(owner):
        yield owner, strip
        if strip.type == "META":
            yield from owned_strips(strip)


def active_strip(context):
    """Return the active strip of the sequencer, or None."""
    editor = sequencer_scene(context).sequence_editor
    return None if editor is None else editor.active_strip


def curves(scene) -> Iterator:
    """Yield what animates a scene: curves of its action and drivers."""
    data = scene.animation_data
    if data is None:
        return
    yield from data.drivers
    if data.action is None:
        return
    if hasattr(data.action, "fcurves"):  # before 5.0
        yield from data.action.fcurves
        return
    for layer in data.action.layers:
        for part in layer.strips:
            for bag in part.channelbags:
                if bag.slot == data.action_slot:
                    yield from bag.fcurves


@contextmanager
def sequencer(context, scene):
    """Give the context that the sequencer's operators and modifiers need.

    From 5.0 on, `modifiers.new` crashes where the context has no sequencer scene, as in background
    mode; and operators want an area that shows the sequencer: one is lent to them.

    Raises
    ------
    RuntimeError
        When Blender has no window to lend an area of.
    """
    window = context.window or next(iter(context.window_manager.windows), None)
    if window is None:
        raise RuntimeError("Blender has no window, which its sequencer operators need")
    areas = window.screen.areas
    area = next((a for a in areas if a.type == "SEQUENCE_EDITOR"), None)
    lent = None
    if area is None:
        area = areas[0]
        lent, area.type = area.type, "SEQUENCE_EDITOR"
    region = next(r for r in area.regions if r.type == "WINDOW")
    more = {"sequencer_scene": scene} if bpy.app.version >= (5, 0, 0) else {}
    before = window.scene
    if before != scene:
        window.scene = scene
    try:
        with context.temp_override(window=window, area=area, region=region, scene=scene, **more):
            yield
    finally:
        if lent is not None:
            area.type = lent
        if before != scene:
            window.scene = before


def duplicate(context, scene, strip):
    """Return a copy of a strip with its timing, transform and modifiers.

    Only Blender's own operator copies retiming keys; the user's selection is kept.
    """
    editor = scene.sequence_editor
    before = {s.as_pointer() for s in strips(editor)}
    chosen, active = [s for s in strips(editor) if s.select], editor.active_strip
    with sequencer(context, scene):
        for other in chosen:
            other.select = False
        strip.select = True
        editor.active_strip = strip
        bpy.ops.sequencer.duplicate()
    copy = next(s for s in strips(editor) if s.as_pointer() not in before)
    copy.select = strip.select = False
    for other in chosen:
        other.select = True
    editor.active_strip = active
    return copy


def set_format(scene, file_format: str, mode: str, depth: str) -> None:
    """Set the files a scene renders to, without a view transform in them."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # 5.0 and newer
        settings.media_type = "IMAGE"
    settings.file_format = file_format
    settings.color_mode = mode
    settings.color_depth = depth
    if hasattr(settings, "color_management"):
        settings.color_management = "OVERRIDE"
        settings.view_settings.view_transform = "Standard"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0
