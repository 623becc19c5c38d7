"""Strips whose frames Blender itself renders for the worker; as inside.py is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from inside_support import (
    bpy,
    FOLDER,
    install,
    module,
    movie,
    picture,
    refused,
    SCENARIO,
    scene,
    strips,
)

LENGTH = "length" if bpy.app.version >= (5, 0, 0) else "frame_end"


def levels(sc, strip) -> dict:
    """Pull a strip's frames; return them beside what the timeline shows at the same frames."""
    sc.sequence_editor.active_strip = strip
    job = module("jobs").Job(bpy.context, "guide")
    first, last = job.source.wanted
    while job.step():
        pass
    out = Path(bpy.path.abspath(module("properties").shot_of(sc, strip).folder)) / "frames"
    for other in strips(sc.sequence_editor):
        other.mute = other != strip
    rows = []
    for frame in range(first, last + 1):
        image = bpy.data.images.load(str(out / f"plate.{frame:04d}.png"), check_existing=False)
        image.colorspace_settings.name = "Non-Color"
        at = (32 * image.size[0] + 48) * image.channels
        rows.append([frame, image.pixels[at], float(picture(sc, frame)[32, 48, 0])])
        bpy.data.images.remove(image)
    for other in strips(sc.sequence_editor):
        other.mute = False
    return {"why": job.source.rendered, "rows": rows, "error": job.error}


def owned() -> dict:
    """Scene, meta, clip, graded, animated and modified strips over other tracks."""
    install()
    sc = scene()
    blend = str(FOLDER / "owned.blend")
    red = strips(sc.sequence_editor).new_effect("red", "COLOR", 7, 1, **{LENGTH: 41})
    red.color, red.blend_type = (1, 0, 0), "ALPHA_OVER"
    clip = movie(sc, "inner", start=3, channel=1)
    clip.frame_offset_start, clip.frame_offset_end = 4, 40 - 4 - 6
    for strip in strips(sc.sequence_editor):
        strip.select = strip == clip
    with module("compat").sequencer(bpy.context, sc):
        bpy.ops.sequencer.meta_make()
    meta = sc.sequence_editor.active_strip
    meta.name, meta.channel = "meta", 2
    other = bpy.data.scenes.new("other")
    for name in ("resolution_x", "resolution_y", "resolution_percentage", "fps"):
        setattr(other.render, name, getattr(sc.render, name))
    other.view_settings.view_transform = "Standard"
    other.sequence_editor_create()
    strips(other.sequence_editor).new_movie("c", str(FOLDER / "c24.mp4"), 1, 1)
    other.frame_start, other.frame_end = 5, 30
    shown = strips(sc.sequence_editor).new_scene("scene", other, 3, 21)
    shown.scene_input = "SEQUENCER"
    shown.frame_offset_start, shown.frame_offset_end = 2, 26 - 2 - 5
    footage = bpy.data.movieclips.load(str(FOLDER / "c24.mp4"))
    footage.colorspace_settings.name = "sRGB"
    tracked = strips(sc.sequence_editor).new_clip("clip", footage, 4, 2)
    tracked.frame_offset_start, tracked.frame_offset_end = 9, 40 - 9 - 4
    moving = movie(sc, "moving", start=1, channel=5)
    moving.frame_offset_end = 40 - 4
    moving.transform.offset_x = 0
    moving.transform.keyframe_insert("offset_x", frame=1)
    moving.transform.offset_x = 30
    moving.transform.keyframe_insert("offset_x", frame=4)
    sc.view_settings.view_transform = "AgX" if bpy.app.version >= (4, 0, 0) else "Filmic"
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    found = {}
    for strip in (meta, shown, tracked, moving):
        found[strip.name] = levels(sc, strip)
        sc.view_settings.view_transform = "AgX"  # looking at it has changed it
    return found


def mask_strips() -> dict:
    """Two mask strips of the timeline guide, an instance each; they overlap."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4", start=11)
    strip.frame_offset_end = 40 - 3
    for number, name in enumerate(("left one", "right")):
        mask = bpy.data.masks.new(name)
        spline = mask.layers.new(name="l").splines.new()
        spline.use_cyclic = True
        spline.points.add(4 - len(spline.points))
        x = 0.3 * number
        corners = ((x, 0.0), (x + 0.4, 0.0), (x + 0.4, 1.0), (x, 1.0))
        for point, place in zip(spline.points, corners, strict=True):
            point.co = place
            point.handle_left_type = point.handle_right_type = "VECTOR"
        strips(sc.sequence_editor).new_mask(name, mask, 3 + number, 11)
    sc.sequence_editor.active_strip = strip
    sc.vimatte.guidance, sc.vimatte.device = "STRIPS", "cpu"
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "strips.blend"))
    found = {"compositor": ""}
    if bpy.app.version >= (5, 0, 0):
        sc.vimatte.result = "COMPOSITOR"
        found["compositor"] = refused(bpy.ops.vimatte.matte)
        sc.vimatte.result = "ISOLATE"
    bpy.ops.vimatte.matte()
    shot = sc.vimatte.shots[0]
    out = Path(bpy.path.abspath(shot.folder)) / "frames" / "masks"
    found["message"], found["instances"] = shot.message, [i.name for i in shot.instances]
    found["files"] = sorted(str(p.relative_to(out)) for p in out.rglob("*.png"))
    found["strips"] = sorted(s.name for s in strips(sc.sequence_editor))
    found["overlap"] = {}
    for matte in [s for s in strips(sc.sequence_editor) if s.name.endswith("matte")]:
        for other in strips(sc.sequence_editor):
            other.mute = other != matte
        matte.blend_alpha = 1.0
        found["overlap"][matte.name] = float(picture(sc, 12)[32, 34, 3])
    return found


def flagged() -> dict:
    """Movies with a rotation flag: what the worker is given shows what the sequencer shows."""
    install()
    sc = scene()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "flagged.blend"))
    found = {}
    for turn in (0, 90, 180, 270):
        strip = movie(sc, f"t{turn}", file=f"turned{turn}.mp4")
        strip.frame_offset_end = 40 - 2
        job = module("jobs").Job(bpy.context, "guide")
        while job.step():
            pass
        element = strip.elements[0]
        corners = picture(sc, 1)[[16, 16, 48, 48], [38, 58, 38, 58], 0].tolist()
        found[str(turn)] = {
            "rendered": job.source.rendered,
            "error": job.error,
            "size": [element.orig_width, element.orig_height],
            "corners": corners,
            "fit": [strip.transform.scale_x, strip.transform.scale_y],
        }
        strips(sc.sequence_editor).remove(strip)
    return found


def proxies() -> dict:
    """A strip with proxies is matted from its own files; shown, it stays in step."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4")
    strip.frame_offset_end = 40 - 2
    strip.use_proxy = True
    strip.proxy.build_25 = True
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "proxies.blend"))
    with module("compat").sequencer(bpy.context, sc):
        strip.select = True
        bpy.ops.sequencer.rebuild_proxy()
    source = module("source").read(sc, strip, (1, 2))
    built = [p.name for p in (FOLDER / "BL_proxy").rglob("*") if p.is_file()]
    bpy.ops.vimatte.find_people()
    return {
        "built": built,
        "plate": Path(source.plate).name,
        "rendered": source.rendered,
        "message": sc.vimatte.shots[0].message,
    }


if __name__ == "__main__":
    print("\n" + json.dumps(globals()[SCENARIO]()), flush=True)
    os._exit(0)
