# SPDX-License-Identifier: GPL-3.0-or-later
"""Matte the chosen instances of the active strip."""

from __future__ import annotations

import bpy

from .running import JobOperator


class VIMATTE_OT_matte(JobOperator, bpy.types.Operator):
    """Matte the chosen instances of the active strip and put them on the timeline."""

    bl_idname = "vimatte.matte"
    bl_label = "Matte"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way
    kind = "run"
