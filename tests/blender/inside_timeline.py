"""What becomes of results on the timeline; as inside.py is."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import inside
from inside import retime
from inside_support import (
    bpy,
    FOLDER,
    install,
    module,
    movie,
    people,
    picture,
    render,
    SCENARIO,
    scene,
    strips,
)

RESULTS = ["MATTE", "ISOLATE", "CUTOUT", *["COMPOSITOR"] * (bpy.app.version >= (5, 0, 0))]


def rotated(strip) -> None:
    strip.transform.rotation = math.radians(30)
    strip.transform.offset_x, strip.transform.offset_y = 11, -7


def scaled(strip) -> None:
    strip.transform.scale_x, strip.transform.scale_y = 1.7, 0.6
    strip.transform.offset_x = -13


def cropped(strip) -> None:
    strip.crop.min_x, strip.crop.max_y = 30, 22


def flipped(strip) -> None:
    strip.use_flip_x = strip.use_flip_y = True
    strip.transform.offset_x, strip.transform.offset_y = 9, 5


def everything(strip) -> None:
    strip.transform.rotation, strip.transform.scale_x = math.radians(-40), 0.8
    strip.transform.scale_y, strip.transform.offset_y = 1.3, 6
    strip.transform.origin = (0.2, 0.7)
    strip.crop.max_x, strip.use_flip_x = 12, True


CHANGES = [rotated, scaled, cropped, flipped, everything]


def blob(sc):
    strip = strips(sc.sequence_editor).new_image(
        "blob", str(FOLDER / "blob.0001.png"), 1, 1, fit_method="ORIGINAL"
    )
    for number in (2, 3, 4):
        strip.elements.append(f"blob.{number:04d}.png")
    sc.sequence_editor.active_strip = strip
    strip.use_float = True
    return strip


def transforms() -> dict:
    """Pictures that are their own matte: how far picture and matte differ, by change and result."""
    install()
    found = {}
    for change in CHANGES:
        for result in RESULTS:
            bpy.context.scene.sequence_editor_clear()
            sc = scene()
            strip = blob(sc)
            change(strip)
            sc.vimatte.result = result
            source = module("source").read(sc, strip, (1, 4))
            before = picture(sc, 3)[..., :3]
            people(sc, ["blob"], strip, source)
            strip.mute = True
            after = picture(sc, 3)
            if result == "MATTE":  # white, as opaque as the picture is bright
                wrong = np.abs(after - before[..., :1])
            elif result == "CUTOUT":
                wrong = np.abs(after[..., :3] - before)
            else:  # the picture's own brightness is its alpha
                wrong = np.abs(after[..., :3] - before**2)
            found[f"{change.__name__} {result}"] = [
                float(wrong.max()),
                float(wrong[1:-1, 1:-1].max()),
                float(before.max()),
            ]
    return found


def later() -> dict:
    """A second run after the strip was trimmed, turned and given another speed; other results."""
    install()
    sc = scene()
    strip = movie(sc, channel=2)
    read, found = module("source").read, {}

    def again(result: str = "ISOLATE", group: bool = False) -> list[str]:
        sc.vimatte.result, sc.vimatte.group = result, group
        shown = (strip.frame_final_start, strip.frame_final_end - 1)
        people(sc, ["half"], strip, read(sc, strip, shown))
        every = list(module("compat").all_strips(sc.sequence_editor))
        return sorted(s.get("vimatte_result", "::source").split(":")[-1] for s in every)

    def made(role: str):
        every = module("compat").all_strips(sc.sequence_editor)
        return next(s for s in every if s.get("vimatte_result", "").endswith(role))

    found["first"] = again()
    made("isolate").name = "the user's name"
    strip.frame_offset_start, strip.transform.rotation = 5, 0.25
    found["same"] = again()
    copy = made("isolate")
    found["followed"] = [copy.frame_final_start, round(copy.transform.rotation, 3)]
    retime(sc, strip, 200.0)
    found["faster"] = again()
    copy = made("isolate")
    ends = [[s.frame_final_start, s.frame_final_end] for s in (strip, copy, made("matte"))]
    found["ends"], found["name"] = ends, copy.name
    found["grouped"] = again(group=True)
    meta = next(s for s in strips(sc.sequence_editor) if s.type == "META")
    strip.frame_final_end -= 3
    found["still"] = again()
    found["meta"] = [meta.frame_final_end, strip.frame_final_end, len(strips(meta))]
    found["cutout"] = again("CUTOUT")
    found["matte"] = again("MATTE")
    return found


def composited() -> dict:
    """What the compositor's modifier shows of each source frame, or why it may not."""
    install()
    settings = bpy.types.Scene.bl_rna.properties["vimatte"].fixed_type.properties
    if "COMPOSITOR" not in settings["result"].enum_items:
        return {"version": bpy.app.version[0]}
    found = {}
    for change in inside.CHANGES:
        bpy.context.scene.sequence_editor_clear()
        sc = scene()
        if change is inside.pictures:
            strip = blob(sc)
            strip.name = "pictures"
            while len(strip.elements) > 1:
                strip.elements.pop(1)
            strip.directory, strip.elements[0].filename = str(FOLDER), "p.0001.png"
            for number in range(2, 41):
                strip.elements.append(f"p.{number:04d}.png")
            strip.frame_offset_end = 0
        else:
            strip = movie(sc, start=5)
        change(sc, strip)
        sc.vimatte.result = "COMPOSITOR"
        first, last = strip.frame_final_start, strip.frame_final_end - 1
        source = module("source").read(sc, strip, (first, last))
        found[change.__name__] = rows = []
        try:
            (name,) = people(sc, ["anna"], strip, source)
        except module("source").SourceError as error:
            rows.append(str(error))
            continue
        copy = strips(sc.sequence_editor)[name]
        for frame in [*range(first, last, 5), last]:
            strip.mute, copy.mute = False, True
            level = render(sc, frame, (48, 32))[0][0]
            strip.mute, copy.mute = True, False
            rows.append([frame, level, render(sc, frame, (48, 32))[0][3]])
    return found


def undone() -> dict:
    """Undo and redo in background Blender, of operators called as a user's click calls them."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4")
    strip.frame_offset_end = 38
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "undone.blend"))

    def names() -> list[str]:
        return sorted(s.name for s in strips(bpy.context.scene.sequence_editor))

    mask = bpy.data.masks.new("hero")
    layer = mask.layers.new(name="l")
    spline = layer.splines.new()
    spline.use_cyclic = True
    spline.points.add(3 - len(spline.points))
    for point, place in zip(spline.points, ((0.2, 0.2), (0.8, 0.2), (0.5, 0.8)), strict=True):
        point.co = place
    sc.vimatte.guidance, sc.vimatte.device = "MASKS", "cpu"
    bpy.ops.ed.undo_push(message="before")
    found = {"before": names()}
    bpy.ops.vimatte.matte("EXEC_DEFAULT", True)
    found["made"] = names()
    bpy.ops.ed.undo()
    found["undone"] = names()
    found["shots"] = len(bpy.context.scene.vimatte.shots)
    bpy.ops.ed.redo()
    found["redone"] = names()
    bpy.ops.ed.undo()
    sc = bpy.context.scene
    sc.sequence_editor.active_strip = strips(sc.sequence_editor)["clip"]
    bpy.ops.vimatte.matte("EXEC_DEFAULT", True)
    found["again"] = names()
    return found


if __name__ == "__main__":
    print("\n" + json.dumps(globals()[SCENARIO]()), flush=True)
    os._exit(0)
