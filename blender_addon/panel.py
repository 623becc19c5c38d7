# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar panel of the sequencer."""

from __future__ import annotations

from pathlib import Path

import bpy
import bpy.utils.previews

from . import compat, properties
from .client import WorkerFailed
from .jobs import RUNNING
from .preferences import find_python

_PREVIEWS: dict[str, bpy.utils.previews.ImagePreviewCollection] = {}


def register_previews() -> None:
    """Make room for thumbnails."""
    _PREVIEWS["all"] = bpy.utils.previews.new()


def unregister_previews() -> None:
    """Let the thumbnails go."""
    bpy.utils.previews.remove(_PREVIEWS.pop("all"))


def thumbnail(path: str) -> int:
    """Return the icon of a thumbnail, 0 where there is none."""
    previews, path = _PREVIEWS.get("all"), bpy.path.abspath(path)
    if previews is None or not path or not Path(path).is_file():
        return 0
    key = f"{path}:{Path(path).stat().st_mtime_ns}"
    if key not in previews:
        previews.load(key, path, "IMAGE")
    return previews[key].icon_id


class VIMATTE_UL_instances(bpy.types.UIList):
    """A row an instance: switch, picture, colour, name, frames."""

    def draw_item(self, context, layout, data, item, icon, active, prop, index, flt) -> None:
        """Draw one row."""
        del context, data, icon, active, prop, index, flt
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        row.label(text="", icon_value=thumbnail(item.thumbnail))
        colour = row.row()
        colour.scale_x = 0.3
        colour.prop(item, "colour", text="")
        row.prop(item, "name", text="", emboss=False)
        row.label(text=f"{item.first}-{item.last}" if item.frames else "nowhere")


class VIMATTE_PT_panel(bpy.types.Panel):
    """Video Instance Matte."""

    bl_label = "Video Instance Matte"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Instance Matte"

    def draw(self, context) -> None:
        """Draw the panel."""
        layout, scene = self.layout, compat.sequencer_scene(context)
        settings, strip = scene.vimatte, compat.active_strip(context)
        try:
            find_python()
        except WorkerFailed as error:
            box = layout.box()
            box.label(text="vimatte is not installed", icon="ERROR")
            for line in _lines(str(error)):
                box.label(text=line)
        shot = properties.shot_of(scene, strip)
        job = None if shot is None else RUNNING.get(shot.name)
        _status(layout, strip, shot, job)
        column = layout.column()
        column.enabled = job is None
        column.use_property_split = True
        for name in ("guidance", "model", "quality", "device", "frames", "folder"):
            column.prop(settings, name)
        layout.operator("vimatte.find_people", icon="VIEWZOOM")
        if shot is not None and shot.instances:
            layout.template_list("VIMATTE_UL_instances", "", shot, "instances", shot, "active")
        column = layout.column()
        column.use_property_split = True
        column.prop(settings, "result")
        column.prop(settings, "group")
        layout.operator("vimatte.matte", icon="MOD_MASK")
        row = layout.row(align=True)
        row.operator("vimatte.cancel", icon="X")
        row.operator("vimatte.open_qc", icon="IMAGE_DATA")


def _status(layout, strip, shot, job) -> None:
    if strip is None:
        layout.label(text="Select a movie or image strip", icon="INFO")
        return
    layout.label(text=strip.name, icon="SEQUENCE")
    if job is not None:
        done, total = job.progress
        text = f"{job.stage} {done}/{total}"
        if hasattr(layout, "progress"):  # 4.0 and newer
            layout.progress(factor=done / max(total, 1), text=text)
        else:
            layout.label(text=text, icon="TIME")
    elif shot is not None:
        for index, line in enumerate(_lines(shot.message)):
            icon = ("ERROR" if shot.failed else "CHECKMARK") if index == 0 else "BLANK1"
            layout.label(text=line, icon=icon)


def _lines(text: str, width: int = 44) -> list[str]:
    """Break a message into lines that fit the sidebar."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


CLASSES = (VIMATTE_UL_instances, VIMATTE_PT_panel)
