# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the instances of the active strip."""

from __future__ import annotations

import bpy

from .running import JobOperator


class VIMATTE_OT_find_people(JobOperator, bpy.types.Operator):
    """Look for people in the active strip and list them."""

    bl_idname = "vimatte.find_people"
    bl_label = "Find People"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way
    kind = "guide"
