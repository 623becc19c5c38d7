"""The jobs of the worker: what the commands of the same names do, told in answers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from vimatte.output.qc_notes import Note
from vimatte.output.version import Manifest, expected_files, latest_version
from vimatte.session.publishing import (
    PublishOptions,
    make_qc,
    open_publisher,
    published,
    publishing,
)
from vimatte.session.session import MatteSession
from vimatte.worker.protocol import Message
from vimatte.worker.request import Request
from vimatte.worker.thumbnails import Appearance, appearances, write_thumbnail

T = TypeVar("T")
#: Sends an answer of the job, and raises Cancelled where the job shall stop.
Tell = Callable[[Message], None]


def guide(request: Request, tell: Tell) -> Message:
    """Find the instances; answers their table with thumbnails."""
    with request.open() as session:
        _guide(session, request, tell)
        _tell_instances(session, request, tell)
        return {"session": str(request.session_file)}


def run(request: Request, tell: Tell) -> Message:
    """Guide where needed, matte, publish, and write the QC page."""
    with request.open() as session:
        _guide(session, request, tell)
        _tell_instances(session, request, tell)
        publisher = open_publisher(session, request.out, request.options)
        frames = session.frames if request.part is None else session.frames.intersect(request.part)
        tell({"type": "progress", "stage": "matte", "done": 0, "total": len(frames)})
        for done, result in enumerate(_closing(publishing(session, publisher, frames)), 1):
            tell(
                {
                    "type": "frame",
                    "frame": result.frame,
                    "cached": result.cached,
                    "folder": str(publisher.folder),
                }
            )
            tell({"type": "progress", "stage": "matte", "done": done, "total": len(frames)})
        page = publisher.folder / "qc.html"
        notes: list[Note] = []
        if request.qc and request.part is None:
            tell({"type": "progress", "stage": "QC page", "done": 0, "total": 1})
            made = make_qc(session)
            made.write(page)
            notes = made.notes
        return {
            "session": str(request.session_file),
            "folder": str(publisher.folder),
            "frames": str(frames),
            "qc": str(page) if page.exists() else None,
            "notes": [note.to_json() for note in notes],
            **_files(session, publisher.folder, request.options),
        }


def plan(request: Request, tell: Tell) -> Message:
    """Say which frames are finished, and what has been published; loads no network."""
    with request.open() as session:
        state = session.plan()
        _tell_notices(session, tell)
        # The session's own mattes, if they are published; a higher number may be another session's.
        own = published(session, request.out) if state.guided else None
        folder = own or latest_version(request.out)
        size = session.shot.source.header(session.frames.first).display_window
        return {
            "guided": state.guided,
            "cached": str(state.cached),
            "missing": str(state.missing),
            "stale": str(state.stale),
            "frames": str(session.frames),
            "plate_frames": str(session.shot.plate.frames),
            "size": [size.width, size.height],
            "turned": 90 * session.shot.plate.turns,
            "mirrored": session.shot.plate.mirrored,
            "folder": None if folder is None else str(folder),
        }


JOBS: dict[str, Callable[[Request, Tell], Message]] = {"guide": guide, "run": run, "plan": plan}


def _guide(session: MatteSession, request: Request, tell: Tell) -> None:
    steps: Generator[Any, None, Any] = session.guide(request.names)
    try:
        for step in steps:
            tell(
                {
                    "type": "progress",
                    "stage": step.stage,
                    "done": step.done,
                    "total": step.total,
                    "frame": step.frame,
                }
            )
    finally:
        steps.close()
    session.save(request.session_file)
    _tell_notices(session, tell)


def _tell_notices(session: MatteSession, tell: Tell) -> None:
    for notice in session.notices:
        tell({"type": "warning", **notice.to_json()})


def _tell_instances(session: MatteSession, request: Request, tell: Tell) -> None:
    where = appearances(session)
    rows = []
    for row in session.instances:
        seen = where.get(row.id, Appearance())
        picture = request.out / "thumbnails" / f"{row.id:03d}.png"
        if request.thumbnails and seen.frames:
            write_thumbnail(session, row.id, seen.best, picture)
        rows.append(
            {
                "id": row.id,
                "name": row.name,
                "colour": list(row.colour),
                "enabled": row.enabled,
                "first": seen.first,
                "last": seen.last,
                "frames": seen.frames,
                "thumbnail": str(picture) if picture.exists() else None,
            }
        )
    tell({"type": "instances", "instances": rows, "session": str(request.session_file)})
    if not rows:
        tell({"type": "warning", "message": "no person was found; the mattes are empty"})


def _files(session: MatteSession, folder: Path, options: PublishOptions) -> Message:
    """Say where the files of a version are: a folder and a name per frame."""
    stem, names = session.name, [row.name for row in session.enabled]
    return {
        "exr": str(folder / "exr" / f"{stem}.####.exr"),
        "first_file": expected_files(Manifest.read(folder), session.frames.first)[0],
        "strips": {name: str(folder / "vse" / name) for name in names if options.vse},
        "cutouts": {name: str(folder / "cutout" / name) for name in names if options.cutout},
    }


def _closing(items: Iterable[T]) -> Iterator[T]:
    """Pass on what a generator gives; it is closed, and so stops, when this one is."""
    iterator = iter(items)
    try:
        yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
