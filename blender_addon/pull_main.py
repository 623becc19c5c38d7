# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the background Blender: renders one strip alone, and masks; see pull.py."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import bpy


def load(name: str):
    """Return a module beside this file, which is not part of a package here."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compat = load("compat")
PNG_END = bytes.fromhex("0000000049454e44ae426082")


def render(scene, wanted: dict, pattern: Path) -> None:
    """Render the wanted frames of a scene's strips as they are, in display colours."""
    scene.frame_start, scene.frame_end = wanted["frames"]
    scene.frame_step = 1
    scene.use_preview_range = False
    settings = scene.render
    settings.filepath = str(pattern)
    settings.resolution_percentage = 100
    settings.use_sequencer, settings.use_compositing = True, False
    settings.use_overwrite, settings.use_file_extension = True, True
    settings.use_border = False
    for name in dir(settings):
        # Dates and times in the files would make equal frames look like new ones.
        if name.startswith("use_stamp_"):
            setattr(settings, name, False)
    compat.set_format(scene, "PNG", "RGB", "16")
    bpy.ops.render.render(animation=True, scene=scene.name)
    for frame in range(scene.frame_start, scene.frame_end + 1):
        whole(Path(str(pattern).replace("####", f"{frame:04d}") + ".png"))


def whole(path: Path) -> None:
    """Raise OSError for half a picture: Blender says nothing where it could not write it."""
    if path.is_file() and path.read_bytes()[-12:] == PNG_END:
        return
    free = shutil.disk_usage(path.parent).free >> 10
    raise OSError(f"cannot write {path} (no space left on the disk? {free} KiB are free)")


def alone(scene, chosen) -> None:
    """Show one strip and nothing else."""
    for strip in compat.strips(scene.sequence_editor):
        strip.mute = strip != chosen
    chosen.blend_type, chosen.blend_alpha = "REPLACE", 1.0


def layer_name(text: str, taken: set[str]) -> str:
    """Make a layer's name of any name."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in text)[:20] or "mask"
    kept = kept if kept[0].isalpha() else f"m{kept}"[:20]
    name, number = kept, 1
    while name.lower() in taken:
        number += 1
        name = f"{kept}_{number}"
    taken.add(name.lower())
    return name


def main(spec: Path) -> None:
    """Do what a Pull asks for."""
    wanted = json.loads(spec.read_text(encoding="utf-8"))
    if not bpy.data.filepath:
        bpy.ops.wm.open_mainfile(filepath=wanted["blend"])
    scene, out = bpy.data.scenes[wanted["scene"]], Path(wanted["out"])
    taken = {"left", "right"}  # in an EXR file these are views
    every = compat.strips(scene.sequence_editor)
    if wanted["guidance"] == "MASKS":
        first, last = wanted["frames"]
        drawn = []
        for mask in bpy.data.masks:
            channel = max(s.channel for s in every) + 1
            strip = every.new_mask(mask.name, mask, channel, 1)
            # Its content is the mask's own range; masks are read by the scene's frame.
            strip.frame_final_start, strip.frame_final_end = first, last + 1
            drawn.append((mask.name, strip))
    elif wanted["guidance"] == "STRIPS":
        above = sorted(every, key=lambda strip: -strip.channel)
        drawn = [(s.name, s) for s in above if s.type == "MASK"]
    else:
        drawn = []
    order = []
    for name, strip in drawn:
        alone(scene, strip)
        order.append(layer_name(name, taken))
        render(scene, wanted, out / "masks" / order[-1] / "m.####")
    (out / "order.json").write_text(json.dumps(order), encoding="utf-8")
    alone(scene, next(s for s in every if s.get("vimatte_shot") == wanted["tag"]))
    render(scene, wanted, out / "plate.####")


main(Path(sys.argv[-1]))
