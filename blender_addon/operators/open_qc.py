# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the QC page of the active strip."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import compat, properties


class VIMATTE_OT_open_qc(bpy.types.Operator):
    """Open the page with pictures, plots and frames to look at."""

    bl_idname = "vimatte.open_qc"
    bl_label = "Open QC"

    def execute(self, context) -> set[str]:
        """Open it in the browser."""
        scene = compat.sequencer_scene(context)
        shot = properties.shot_of(scene, compat.active_strip(context))
        page = "" if shot is None else bpy.path.abspath(shot.qc)
        if not page or not Path(page).is_file():
            self.report({"ERROR"}, "There is no QC page of this strip yet: matte it first")
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.path_open(filepath=page)
        self.report({"INFO"}, page)
        return {"FINISHED"}
