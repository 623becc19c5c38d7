"""What the buttons call. Every problem ends on the node; in a terminal it also stops the script."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path

import nuke
from vimatte_nuke import farm, node, project, readback, run
from vimatte_nuke.group import inside
from vimatte_nuke.problem import Problem
from vimatte_nuke.undo import one_step


def create() -> nuke.Group:
    """Make a node."""
    return node.create()


def find_people(group: nuke.Group) -> None:
    """Find the instances, or read the masks, and show a row for each."""
    _try(group, lambda: run.Job(group, only_guide=True).start())


def matte(group: nuke.Group) -> None:
    """Compute what is missing and show it."""
    _try(group, lambda: run.Job(group, only_guide=False).start())


def cancel(group: nuke.Group) -> None:
    """Stop the node's run."""
    job = run.JOBS.get(str(group["run_token"].value()))
    if job is not None:
        job.cancel()


def refresh(group: nuke.Group) -> None:
    """Look whether the plate or the mattes have changed, and what the farm has published."""

    def look() -> None:
        farm.look(group)
        readback.refresh(group)

    _try(group, look)


def clear(group: nuke.Group) -> None:
    """Show no mattes. No file is deleted: other nodes and scripts may read them."""

    def show_nothing() -> None:
        with one_step("Clear mattes"):
            readback.clear(group)
        readback.refresh(group)

    _try(group, show_nothing)


def qc_page(group: nuke.Group) -> None:
    """Open the report of the version that is shown."""

    def show() -> None:
        pattern = str(inside(group, "read_gui")["file"].value())
        view = next(iter(project.chosen_views(group)))
        page = Path(pattern.replace("%V", view)).parent.parent / "qc.html"
        if not pattern or not page.is_file():
            raise Problem("there is no QC page yet: matte first")
        webbrowser.open(page.as_uri())

    _try(group, show)


def farm_bundle(group: nuke.Group) -> None:
    """Write a job for the farm."""
    _try(group, lambda: farm.write_bundle(group))


def pick_up(group: nuke.Group) -> None:
    """Show the newest published version."""

    def show() -> None:
        with one_step("Newest mattes"):
            farm.pick_up(group)
        readback.refresh(group)

    _try(group, show)


def _try(group: nuke.Group, action: Callable[[], None]) -> None:
    try:
        action()
    except Problem as error:
        readback.tell(group, str(error), marked=True)
        if not nuke.GUI:
            raise RuntimeError(f"Video Instance Matte: {error}") from error
        nuke.message(f"Video Instance Matte\n\n{error}")
