# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which vimatte environment does the work."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from . import client


class VIMATTE_AP_preferences(bpy.types.AddonPreferences):
    """Shown in Blender's preferences."""

    bl_idname = __package__

    environment: StringProperty(
        name="vimatte environment",
        description="The folder that install.py made; empty: found by itself",
        subtype="DIR_PATH",
    )

    def draw(self, context) -> None:
        """Draw the path and what is found there."""
        del context
        self.layout.prop(self, "environment")
        try:
            text, icon = str(find_python()), "CHECKMARK"
        except client.WorkerFailed as error:
            text, icon = str(error), "ERROR"
        self.layout.label(text=text, icon=icon)


def find_python() -> Path:
    """Return the environment's Python. Raises WorkerFailed with what to do."""
    addon = bpy.context.preferences.addons.get(__package__)
    chosen = addon.preferences.environment if addon and addon.preferences else ""
    return client.find_python(bpy.path.abspath(chosen) if chosen else "")
