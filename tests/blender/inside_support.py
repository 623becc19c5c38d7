"""What the scenarios inside Blender share; its user folder is set before bpy is there."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

SCENARIO, FOLDER = sys.argv[1], Path(sys.argv[2])
os.environ["BLENDER_USER_RESOURCES"] = str(FOLDER / "user")

import bpy
import numpy

addon_utils = importlib.import_module("addon_utils")  # there once bpy is

ZIP, ADDON = FOLDER / "vimatte.zip", "bl_ext.user_default.vimatte"


def install() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=str(ZIP), repo="user_default", enable_on_install=True
    )


def module(name: str):
    return sys.modules[f"{ADDON}.{name}"]


def strips(editor):
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def scene(width: int = 96, height: int = 64):
    found = bpy.context.scene
    found.render.resolution_x, found.render.resolution_y = width, height
    found.render.resolution_percentage, found.render.fps = 100, 24
    found.view_settings.view_transform = "Standard"
    found.sequence_editor_create()
    return found


def movie(sc, name: str = "clip", start: int = 1, channel: int = 1, file: str = "c24.mp4"):
    made = strips(sc.sequence_editor).new_movie(
        name=name, filepath=str(FOLDER / file), channel=channel, frame_start=start
    )
    sc.sequence_editor.active_strip = made
    return made


def render(sc, frame: int, *points: tuple[int, int]) -> list[list[float]]:
    """Render a frame; return the pixels asked for, in display values."""
    module("compat").set_format(sc, "PNG", "RGBA", "16")
    sc.frame_set(frame)
    sc.render.use_sequencer = True
    sc.render.filepath = str(FOLDER / "look")
    bpy.ops.render.render(write_still=True, scene=sc.name)
    image = bpy.data.images.load(str(FOLDER / "look.png"), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    width, pixels = image.size[0], image.pixels[:]
    starts = [(y * width + x) * 4 for x, y in points]
    values = [list(pixels[start : start + 4]) for start in starts]
    bpy.data.images.remove(image)
    return values


def picture(sc, frame: int):
    """Render a frame; return it, premultiplied, as an array of (height, width, 4)."""
    module("compat").set_format(sc, "PNG", "RGBA", "16")
    sc.frame_set(frame)
    sc.render.use_sequencer = True
    sc.render.filepath = str(FOLDER / "look")
    bpy.ops.render.render(write_still=True, scene=sc.name)
    image = bpy.data.images.load(str(FOLDER / "look.png"), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    pixels = numpy.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)
    bpy.data.images.remove(image)
    pixels[..., :3] *= pixels[..., 3:]
    return pixels


def refused(operator, **more) -> str:
    try:
        operator(**more)
    except RuntimeError as error:
        return str(error)
    return ""


def people(sc, names: list[str], strip, source):
    """Wire what the core wrote for every frame of the clip."""
    rows = {name: 1 + i for i, name in enumerate(names)}
    done = {
        "strips": {name: str(FOLDER / "vse" / name) for name in names},
        "cutouts": {name: str(FOLDER / "cutout" / name) for name in names},
        "exr": str(FOLDER / "exr" / f"{'blob' if 'blob' in names else 'c24'}.####.exr"),
    }
    with_tag = module("properties").make_shot(sc, strip)
    assert with_tag.name == strip["vimatte_shot"]
    wire = module("wire")
    wire.check(source, sc.vimatte.result)
    return wire.wire(bpy.context, sc, strip, source, done, rows, sc.vimatte.result)
