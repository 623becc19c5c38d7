"""What goes wrong while a strip is worked on; as inside.py is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
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


def hero(sc) -> None:
    """Draw a mask that everybody may be guided by."""
    mask = bpy.data.masks.new("hero")
    spline = mask.layers.new(name="l").splines.new()
    spline.use_cyclic = True
    spline.points.add(4 - len(spline.points))
    corners = ((0.3, 0.25), (0.7, 0.25), (0.7, 0.75), (0.3, 0.75))
    for point, place in zip(spline.points, corners, strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "VECTOR"
    sc.vimatte.guidance, sc.vimatte.device = "MASKS", "cpu"


def run(job, until=lambda job: False) -> None:
    while job.step():
        if until(job):
            return


def published() -> dict[str, int]:
    """Return the finished frames' files and when they were written; a record ends a frame."""
    found = {}
    for record in sorted((FOLDER / "vimatte").glob("*/v*/records/*.json")):
        (path,) = (record.parents[1] / "exr").glob(f"*.{record.stem}.exr")
        found[str(path.relative_to(FOLDER))] = path.stat().st_mtime_ns
    return found


def halfway() -> dict:
    """Cancelled, then killed half-way: finished frames are kept, and the next run goes on."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4")
    strip.frame_offset_end = 40 - 10
    hero(sc)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "half.blend"))
    jobs, found = module("jobs"), {}

    def at_two(job) -> bool:
        return job.stage == "matte" and job.progress[0] >= 2

    job = jobs.Job(bpy.context, "run")
    run(job, at_two)
    job.cancel()
    run(job)
    shot = sc.vimatte.shots[0]
    found["cancelled"], first = [job.error, shot.failed, len(jobs.RUNNING)], published()
    names = [s.name for s in strips(sc.sequence_editor)]
    job = jobs.Job(bpy.context, "run")
    run(job, lambda job: job.stage == "matte" and job.progress[0] >= len(first) + 1)
    strip.name, sc.name = "renamed", "another"
    os.kill(job._client.pid, signal.SIGKILL)
    run(job)
    found["killed"], second = [job.error, shot.failed, len(jobs.RUNNING)], published()
    job = jobs.Job(bpy.context, "run")
    run(job, lambda job: job.stage == "matte")
    strip.name = "renamed again"
    run(job)
    third = published()
    found["done"], found["names"] = shot.message, [s.name for s in strips(sc.sequence_editor)]
    found["before"], found["counts"] = names, [len(first), len(second), len(third)]
    found["files"] = [first, second, third]
    found["kept"] = first.items() <= second.items() <= third.items()
    return found


def full_disk() -> dict:
    """The folder of the mattes is on a full disk: while frames are rendered, and later."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4")
    strip.frame_offset_end = 40 - 6
    hero(sc)
    disk = Path(os.environ["VIMATTE_TEST_DISK"])
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "disk.blend"))
    sc.vimatte.folder = str(disk)
    filler = disk / "filler"

    def fill(left: int) -> None:
        filler.unlink(missing_ok=True)
        with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            stream.write(bytes(max(0, shutil.disk_usage(disk).free - left)))
            while not left:
                stream.write(bytes(512))

    fill(20_000)
    found = {"rendering": refused(bpy.ops.vimatte.matte)}
    filler.unlink()
    job = module("jobs").Job(bpy.context, "run")
    run(job, lambda job: job.stage == "matte" and job.progress[0] >= 1)
    fill(0)
    run(job)
    found["matting"] = job.error
    names = [p.name for p in disk.rglob("v001/exr/*") if p.is_file()]
    found["whole"] = all(name.endswith(".exr") for name in names)
    filler.unlink()
    bpy.ops.vimatte.matte()
    found["freed"] = sc.vimatte.shots[0].message
    return found


def elsewhere() -> dict:
    """The file, its footage and its mattes on another machine; and the file without them."""
    install()
    home, away, alone = FOLDER / "home", FOLDER / "away", FOLDER / "alone"
    home.mkdir()
    shutil.copy(FOLDER / "disc.mp4", home / "disc.mp4")
    sc = scene()
    strip = movie(sc, file="home/disc.mp4")
    strip.frame_offset_end = 40 - 2
    hero(sc)
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "shot.blend"), relative_remap=True)
    strip.filepath = "//disc.mp4"
    bpy.ops.vimatte.matte()
    strip.mute = True
    before = picture(sc, 1)
    strip.mute = False
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "shot.blend"))
    alone.mkdir()
    shutil.copy(home / "shot.blend", alone / "shot.blend")
    home.rename(away)
    bpy.ops.wm.open_mainfile(filepath=str(away / "shot.blend"))
    sc = bpy.context.scene
    strip = strips(sc.sequence_editor)["clip"]
    strip.mute = True
    found = {"same": bool((picture(sc, 1) == before).all()), "lit": float(before.max())}
    strip.mute = False
    shot = sc.vimatte.shots[0]
    found["qc"] = refused(bpy.ops.vimatte.open_qc)
    found["paths"] = [shot.folder, shot.published, shot.qc, shot.instances[0].thumbnail]
    sc.sequence_editor.active_strip = strip
    bpy.ops.vimatte.matte()
    found["again"] = [sc.vimatte.shots[0].message, len(strips(sc.sequence_editor))]
    bpy.ops.wm.open_mainfile(filepath=str(alone / "shot.blend"))
    sc = bpy.context.scene
    sc.sequence_editor.active_strip = strips(sc.sequence_editor)["clip"]
    found["qc alone"] = refused(bpy.ops.vimatte.open_qc)
    found["missing"] = refused(bpy.ops.vimatte.matte)
    kept = os.environ.pop("VIMATTE_PYTHON")
    os.environ["VIMATTE_ENVIRONMENT"] = str(FOLDER / "record.json")
    (FOLDER / "record.json").write_text(json.dumps({"python": "/gone/bin/python"}))
    shutil.copy(away / "disc.mp4", alone / "disc.mp4")
    found["environment"] = refused(bpy.ops.vimatte.matte)
    os.environ["VIMATTE_PYTHON"] = kept
    return found


def doubled() -> dict:
    """A strip that was duplicated, and one that was cut, are strips of their own."""
    install()
    sc = scene()
    strip = movie(sc, file="disc.mp4")
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "doubled.blend"))
    properties, compat = module("properties"), module("compat")
    first = properties.make_shot(sc, strip).name
    copy = compat.duplicate(bpy.context, sc, strip)
    inherited = copy["vimatte_shot"]
    second = properties.make_shot(sc, copy).name
    return {
        "inherited": inherited == first,
        "own": len({first, second}),
        "still": properties.make_shot(sc, strip).name == first,
        "found": [module("source").find(sc, tag).name for tag in (first, second)],
        "names": [strip.name, copy.name],
    }


if __name__ == "__main__":
    print("\n" + json.dumps(globals()[SCENARIO]()), flush=True)
    os._exit(0)
