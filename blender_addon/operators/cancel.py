# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel what runs on the active strip."""

from __future__ import annotations

import bpy

from .. import compat
from ..jobs import RUNNING


class VIMATTE_OT_cancel(bpy.types.Operator):
    """Stop; finished frames are kept."""

    bl_idname = "vimatte.cancel"
    bl_label = "Cancel"

    def execute(self, context) -> set[str]:
        """Cancel the active strip's job; without one, every job."""
        strip = compat.active_strip(context)
        tag = "" if strip is None else strip.get("vimatte_shot", "")
        jobs = [RUNNING[tag]] if tag in RUNNING else list(RUNNING.values())
        for job in jobs:
            job.cancel()
        if not jobs:
            self.report({"INFO"}, "Nothing runs")
            return {"CANCELLED"}
        return {"FINISHED"}
