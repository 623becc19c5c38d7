"""Runs inside Blender (the bpy module): one scenario a process; prints JSON on its last line.

python inside.py SCENARIO FOLDER
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from inside_support import (
    ADDON,
    addon_utils,
    bpy,
    FOLDER,
    install,
    module,
    movie,
    people,
    refused,
    render,
    SCENARIO,
    scene,
    strips,
)


def lifecycle() -> dict:
    install()
    enabled = ADDON in bpy.context.preferences.addons and hasattr(bpy.types.Scene, "vimatte")
    addon_utils.disable(ADDON, default_set=True)
    disabled = not hasattr(bpy.types.Scene, "vimatte")
    addon_utils.enable(ADDON, default_set=True)
    again = hasattr(bpy.types.Scene, "vimatte")
    return {"enabled": enabled, "disabled": disabled, "again": again}


def retime(sc, strip, percent: float) -> None:
    with module("compat").sequencer(bpy.context, sc):
        for other in strips(sc.sequence_editor):
            other.select = False
        strip.select = True
        sc.sequence_editor.active_strip = strip
        bpy.ops.sequencer.retiming_show()
        bpy.ops.sequencer.retiming_segment_speed_set(speed=percent)


def trimmed(sc, strip) -> None:
    strip.frame_offset_start, strip.frame_offset_end = 7, 9


def moved(sc, strip) -> None:
    trimmed(sc, strip)
    strip.frame_start += 23


def reverse(sc, strip) -> None:
    trimmed(sc, strip)
    strip.use_reverse_frames = True


def hard_trim(sc, strip) -> None:
    strip.animation_offset_start = 5
    strip.animation_offset_end = 3


def strobe(sc, strip) -> None:
    strip.strobe = 3


def fast(sc, strip) -> None:
    retime(sc, strip, 200.0)


def slow(sc, strip) -> None:
    retime(sc, strip, 50.0)


def fast_reverse(sc, strip) -> None:
    retime(sc, strip, 200.0)
    strip.use_reverse_frames = True


def fast_trimmed(sc, strip) -> None:
    retime(sc, strip, 160.0)
    strip.frame_final_start += 4
    strip.frame_final_end -= 5


CHANGES = [trimmed, moved, reverse, hard_trim, strobe, fast, slow, fast_reverse, fast_trimmed]


def pictures(sc, strip) -> None:
    strip.frame_offset_start = 6


CHANGES.append(pictures)


def timing() -> dict:
    """Picture and matte of each timeline frame; both encode the source frame they are of."""
    install()
    found = {}
    for change in CHANGES:
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        if ADDON not in bpy.context.preferences.addons:
            addon_utils.enable(ADDON, default_set=True)
        sc = scene()
        if change is pictures:
            strip = strips(sc.sequence_editor).new_image("seq", str(FOLDER / "p.0001.png"), 1, 5)
            for number in range(2, 41):
                strip.elements.append(f"p.{number:04d}.png")
            sc.sequence_editor.active_strip = strip
        else:
            strip = movie(sc, start=5)
        change(sc, strip)
        sc.vimatte.result = "MATTE"
        first, last = strip.frame_final_start, strip.frame_final_end - 1
        source = module("source").read(sc, strip, (first, last))
        (name,) = people(sc, ["anna"], strip, source)
        matte = strips(sc.sequence_editor)[name]
        rows = []
        for frame in [*range(first, last, 3), last]:
            strip.mute, matte.mute = False, True
            picture = render(sc, frame, (48, 32))[0][0]
            strip.mute, matte.mute = True, False
            rows.append([frame, picture, render(sc, frame, (48, 32))[0][3]])
        found[change.__name__] = {"rows": rows, "rendered": source.rendered}
    return found


def isolate() -> dict:
    """The masked copy over green, with transforms, for every result; then again, and undone."""
    install()
    sc = scene()
    strip = movie(sc, channel=2)
    strip.transform.offset_x, strip.transform.scale_x = 20, 0.5
    strip.use_flip_x = True
    strip.crop.min_y = 10
    strip.use_float = True
    more = {"length": 40} if bpy.app.version >= (5, 0, 0) else {"frame_end": 41}
    green = strips(sc.sequence_editor).new_effect(
        name="green", type="COLOR", channel=1, frame_start=1, **more
    )
    green.color = (0, 1, 0)
    source = module("source").read(sc, strip, (1, 40))
    columns = [(x, 40) for x in range(2, 96, 4)]
    green.mute = True
    found = {"shown": [p[3] for p in render(sc, 10, *columns)]}
    green.mute = False
    results = ["ISOLATE", "CUTOUT", "COMPOSITOR"][: 3 if bpy.app.version >= (5, 0, 0) else 2]
    for result, group in [(r, g) for r in results for g in (False, True)]:
        sc.vimatte.result, sc.vimatte.group = result, group
        strip.mute = False
        people(sc, ["half"], strip, source)
        count = len(list(module("compat").all_strips(sc.sequence_editor)))
        people(sc, ["half"], strip, source)
        every = list(module("compat").all_strips(sc.sequence_editor))
        strip.mute = True
        found[f"{result}-{group}"] = {
            "again": len(every) - count,
            "types": sorted(s.type for s in every),
            "row": render(sc, 10, *columns),
            "cropped": render(sc, 10, *((x, 5) for x, _ in columns)),
        }
        for made in list(strips(sc.sequence_editor)):
            if "vimatte_result" in made:
                strips(sc.sequence_editor).remove(made)
    return found


def bad_input() -> dict:
    install()
    sc = scene()
    ops, said = bpy.ops.vimatte, {}
    sc.sequence_editor.active_strip = None
    said["none"] = refused(ops.find_people)
    strip = movie(sc)
    said["unsaved"] = refused(ops.matte)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "bad.blend"))
    if bpy.app.build_options.audaspace:
        other = strips(sc.sequence_editor).new_sound("s", str(FOLDER / "s.wav"), 3, 1)
    else:  # the wheel of 4.2 has no sound
        more = {"length": 9} if bpy.app.version >= (5, 0, 0) else {"frame_end": 9}
        other = strips(sc.sequence_editor).new_effect("s", "COLOR", 3, 1, **more)
    sc.sequence_editor.active_strip = other
    said["sound"] = refused(ops.find_people)
    sc.sequence_editor.active_strip = strip
    said["qc"] = refused(ops.open_qc)
    python = os.environ.pop("VIMATTE_PYTHON")
    os.environ["VIMATTE_ENVIRONMENT"] = str(FOLDER / "nothing.json")
    said["environment"] = refused(ops.find_people)
    bpy.context.preferences.addons[ADDON].preferences.environment = str(FOLDER)
    said["preference"] = refused(ops.find_people)
    bpy.context.preferences.addons[ADDON].preferences.environment = ""
    os.environ["VIMATTE_PYTHON"] = str(FOLDER / "dying")
    said["dies"] = refused(ops.matte)
    os.environ["VIMATTE_PYTHON"] = python
    os.environ["VIMATTE_WEIGHTS"] = str(FOLDER / "no-weights")
    os.environ["PIP_NO_INDEX"] = "1"  # nor are they fetched
    said["weights"] = refused(ops.find_people)
    del os.environ["VIMATTE_WEIGHTS"]
    sc.vimatte.model = "nonsense"
    said["model"] = refused(ops.matte)
    sc.vimatte.model = "msgvim-lite"
    jobs = module("jobs")
    job = jobs.Job(bpy.context, "guide")
    said["twice"] = refused(ops.matte)
    job.cancel()
    while job.step():
        pass
    said["cancelled"] = job.error
    said["idle"] = str(bpy.ops.vimatte.cancel())
    (FOLDER / "blocked").write_text("")
    sc.vimatte.shots[0].folder = str(FOLDER / "blocked" / "out")
    said["folder"] = refused(ops.matte)
    sc.vimatte.shots[0].folder = ""
    strip.filepath = str(FOLDER / "gone.mp4")
    said["missing"] = refused(ops.find_people)
    return said


def masks() -> dict:
    """A full run on keyframe masks: background Blender, real worker, real network; then again."""
    install()
    sc = scene()
    strip = movie(sc, start=3, file="disc.mp4")
    strip.frame_offset_start, strip.frame_offset_end = 4, 40 - 4 - 3
    mask = bpy.data.masks.new("hero 1")
    layer = mask.layers.new(name="l")
    spline = layer.splines.new()
    spline.use_cyclic = True
    corners = ((0.3, 0.25), (0.7, 0.25), (0.7, 0.75), (0.3, 0.75))
    spline.points.add(len(corners) - len(spline.points))
    for point, (x, y) in zip(spline.points, corners, strict=True):
        point.co = (x, y)
        point.handle_left_type = point.handle_right_type = "VECTOR"
    sc.vimatte.guidance, sc.vimatte.device = "MASKS", "cpu"
    blend = str(FOLDER / "masks.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    bpy.ops.vimatte.matte()
    shot = sc.vimatte.shots[0]
    names = [s.name for s in strips(sc.sequence_editor)]
    strip.name = "renamed"
    strip.mute = True
    pixels = render(sc, 8, (48, 32), (5, 5))
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    bpy.ops.wm.open_mainfile(filepath=blend)
    sc = bpy.context.scene
    strip = strips(sc.sequence_editor)["renamed"]
    sc.sequence_editor.active_strip = strip
    bpy.ops.vimatte.matte()
    return {
        "message": shot.message if sc is None else sc.vimatte.shots[0].message,
        "instances": [i.name for i in sc.vimatte.shots[0].instances],
        "names": names,
        "after": [s.name for s in strips(sc.sequence_editor)],
        "pixels": pixels,
        "versions": sorted(p.name for p in (FOLDER / "vimatte").glob("*/v*")),
        "qc": Path(bpy.path.abspath(sc.vimatte.shots[0].qc)).is_file(),
    }


def deleted() -> dict:
    """The strip is deleted while its mattes are made."""
    install()
    sc = scene()
    strip = movie(sc, start=1, file="disc.mp4")
    strip.frame_offset_end = 38
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "deleted.blend"))
    job = module("jobs").Job(bpy.context, "run")
    job.step()
    strips(sc.sequence_editor).remove(strip)
    while job.step():
        pass
    return {"error": job.error, "running": len(module("jobs").RUNNING)}


def graded() -> dict:
    """A strip with a modifier, and a movie whose rate varies, go through the sequencer."""
    install()
    sc = scene()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "graded.blend"))
    found = {}
    for file in ("disc.mp4", "vary.mp4"):
        strip = movie(sc, file.partition(".")[0], file=file)
        strip.frame_offset_end = strip.frame_duration - 3
        if file == "disc.mp4":
            with module("compat").sequencer(bpy.context, sc):
                strip.modifiers.new(name="grade", type="BRIGHT_CONTRAST")
        bpy.ops.vimatte.find_people()
        shot = module("properties").shot_of(sc, strip)
        out = Path(bpy.path.abspath(shot.folder)) / "frames"
        found[file] = [shot.message, len(list(out.glob("plate.*.png")))]
        strips(sc.sequence_editor).remove(strip)
    return found


def dancers() -> dict:
    """As a new user: find people in real footage, matte one, over another strip; then again."""
    install()
    sc = scene(480, 270)
    more = {"length": 9} if bpy.app.version >= (5, 0, 0) else {"frame_end": 10}
    green = strips(sc.sequence_editor).new_effect(
        name="green", type="COLOR", channel=1, frame_start=1, **more
    )
    green.color = (0, 1, 0)
    strip = strips(sc.sequence_editor).new_movie(
        name="dance",
        filepath=os.environ["VIMATTE_TEST_CLIP"],
        channel=2,
        frame_start=-39,
        fit_method="FIT",
    )
    strip.frame_offset_start = 41
    strip.frame_offset_end = strip.frame_duration - 43
    sc.sequence_editor.active_strip = strip
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "dance.blend"))
    bpy.ops.vimatte.find_people()
    shot = sc.vimatte.shots[0]
    found = {
        "people": len(shot.instances),
        "thumbnail": Path(bpy.path.abspath(shot.instances[0].thumbnail)).is_file(),
    }
    for item in shot.instances[1:]:
        item.enabled = False
    bpy.ops.vimatte.matte()
    (name,) = [s.name for s in strips(sc.sequence_editor) if s.type == "IMAGE"]
    matte = strips(sc.sequence_editor)[name]
    found["names"] = [s.name for s in strips(sc.sequence_editor)]
    strip.mute = True
    first = strip.frame_final_start
    points = [(x, y) for y in range(5, 270, 20) for x in range(5, 480, 20)]
    found["isolated"] = render(sc, first, *points)
    for other in strips(sc.sequence_editor):
        other.mute = other != matte
    matte.blend_alpha = 1
    found["alpha"] = [p[3] for p in render(sc, first, *points)]
    offset = first - round(matte.frame_start)
    found["file"] = str(Path(bpy.path.abspath(matte.directory)) / matte.elements[offset].filename)
    return found


if __name__ == "__main__":
    print("\n" + json.dumps(globals()[SCENARIO]()), flush=True)
    # Blender's own shutdown reports leaks of its own and takes a second.
    os._exit(0)
