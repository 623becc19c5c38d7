# SPDX-License-Identifier: GPL-3.0-or-later
"""Video Instance Matte for Blender's Video Sequencer.

Everything that computes runs in a worker process of the vimatte environment; nothing here touches
a pixel.
"""

from __future__ import annotations

import bpy

from . import jobs, operators, panel, preferences, properties

# Blender 3.4, where there are no extensions yet, reads this.
bl_info = {
    "name": "Video Instance Matte",
    "author": "The vimatte authors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Video Sequencer > Sidebar > Instance Matte",
    "category": "Sequencer",
}

CLASSES = (
    preferences.VIMATTE_AP_preferences,
    *properties.CLASSES,
    *operators.CLASSES,
    *panel.CLASSES,
)


def register() -> None:
    """Add the classes and the scene's settings."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.vimatte = bpy.props.PointerProperty(type=properties.VIMATTE_PG_settings)
    bpy.app.handlers.load_pre.append(jobs.stop_all)
    panel.register_previews()


def unregister() -> None:
    """End what runs and take everything away again."""
    jobs.stop_all()
    if jobs.stop_all in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(jobs.stop_all)
    panel.unregister_previews()
    del bpy.types.Scene.vimatte
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
