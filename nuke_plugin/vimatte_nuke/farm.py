"""The farm's job for a node: the core's own command writes it, so that no task needs Nuke."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import nuke
from vimatte_nuke import export, knobs, project, readback, run
from vimatte_nuke import frames as ranges
from vimatte_nuke.problem import Problem
from vimatte_nuke.undo import quietly
from vimatte_nuke.worker import find_environment, load_client

SECONDS = 300


def write_bundle(node: nuke.Group) -> None:
    """Export what is missing and write ``farm/`` into the output folder of every view.

    Raises
    ------
    Problem
    """
    client = load_client()
    python = find_environment(client, str(node["environment"].value()).strip())
    rows = [str(node[f"name_{number}"].value()) for number in knobs.rows(node)]
    objects = node["guidance_mode"].value() == knobs.GUIDANCE[4]
    names = ",".join(rows or ([] if objects else export.names(node)))
    made = []
    state = readback.state_of(node)
    with quietly():
        wanted = run.requests(node)
    for fields in wanted.values():
        bundle = fields["out"] + "/farm"
        guidance = fields["guidance"]
        if "masks" in fields:
            guidance += ":" + fields["masks"]
        command = [str(python), "-m", "vimatte", "farm", "bundle", fields["plate"]]
        command += ["-o", bundle, "--out", fields["out"], "--cache", fields["cache"]]
        command += ["--guidance", guidance, "--frames", fields["frames"]]
        for name in ("model", "weights", "device", "quality", "colorspace", "ocio"):
            if fields.get(name):
                command += ["--" + name, str(fields[name])]
        command += ["--" + name for name in ("foreground", "cryptomatte") if fields[name]]
        if names:
            command += ["--names", names]
        try:
            done = subprocess.run(  # noqa: S603 - an argument list
                command,
                env=client.clean_environment(),
                cwd=str(python.parent),
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Problem(f"the bundle was not written: {error}") from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise Problem(said[-1] if said else "the bundle was not written")
        made.append(bundle)
    node["farmed_from"].setValue(state)
    readback.tell(node, "farm job: " + ", ".join(made), marked=False)


def pick_up(node: nuke.Group) -> None:
    """Show the newest version that has every frame; the newest of all where none has.

    Raises
    ------
    Problem
        When nothing has been published there.
    """
    base = project.output_folder(node)
    wanted = ranges.parse(str(node["frames"].value()))
    found = {}
    for view in project.chosen_views(node):
        out = base / view if view else base
        versions = [p for p in out.glob("v[0-9]*") if p.name[1:].isdigit()]
        if not versions:
            raise Problem(f"nothing has been published in {out}")
        versions.sort(key=lambda p: (_holds(p, wanted), int(p.name[1:])))
        found[view] = versions[-1]
    readback.show(node, found)
    node["matted_from"].setValue(node["farmed_from"].value() or readback.state_of(node))
    if not readback.missing_frames(node, wanted):
        node["farmed_from"].setValue("")  # it has arrived


def look(node: nuke.Group) -> None:
    """Show what the farm has published, where a bundle was written for it; wait quietly else."""
    if node["farmed_from"].value():
        with quietly(), contextlib.suppress(Problem):  # not begun yet: the status says so
            pick_up(node)


def _holds(folder: Path, frames: list[int]) -> bool:
    """Whether a version has a layered file for every frame."""
    try:
        plate = readback.read_version(folder).plate
    except Problem:
        return False
    pattern = (folder / "exr" / (plate + ".%04d.exr")).as_posix()
    return all(Path(ranges.file_of(pattern, frame)).is_file() for frame in frames)
