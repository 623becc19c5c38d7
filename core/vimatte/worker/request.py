"""A request of a host: checked field by field, then made into a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vimatte.errors import ConfigError, SessionError, WorkerError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.given_path import given_path
from vimatte.frames.window import Window
from vimatte.guidance.types import instance_colour
from vimatte.options import OUTPUTS, TABLES, Option, nearest
from vimatte.session.new_session import new_session
from vimatte.session.publishing import PublishOptions
from vimatte.session.session import MatteSession
from vimatte.session.session_file import SESSION_NAME, Instance, SessionFile
from vimatte.worker.protocol import Message

MAX_INSTANCES = 1000
_LONGEST_PATH = 4096
# What a request has beside the rows of the table of options.
_KNOWN = {
    *("type", "id", "plate", "out", "masks", "part", "instances", "path_map", "thumbnails", "qc"),
    *(row.name for table in TABLES.values() for row in table),
}


@dataclass(frozen=True)
class Request:
    """What a host wants of a plate.

    Attributes
    ----------
    plate : str
        An image sequence, a still or a movie; empty: the session file in `out`.
    out : Path
        Absolute; holds ``session.json`` and the published versions.
    cache : Path
        By default ``out/cache``.
    values : mapping of str to object
        Of every row of `vimatte.options`, by name.
    part : FrameRange or None
        The frames to matte now; None: the whole shot.
    instances : tuple of Instance
        Names and switches the user has given to ids that were found before.
    path_map : mapping of str to str
        Prefixes of a session's paths and what replaces them here.
    """

    plate: str
    out: Path
    cache: Path
    values: Mapping[str, Any]
    part: FrameRange | None = None
    instances: tuple[Instance, ...] = ()
    path_map: Mapping[str, str] = field(default_factory=dict)
    thumbnails: bool = True
    qc: bool = True

    @property
    def session_file(self) -> Path:
        """Where the session is kept."""
        return self.out / SESSION_NAME

    @property
    def names(self) -> tuple[str, ...]:
        """Names for the instances, in the order they are found."""
        return tuple(self.values["names"])

    @property
    def options(self) -> PublishOptions:
        """Which files are published."""
        return PublishOptions(**{row.name: self.values[row.name] for row in OUTPUTS})

    def open(self) -> MatteSession:
        """Open the session.

        Raises
        ------
        InputError, ConfigError, CheckpointError
        """
        if self.plate:
            return new_session(
                self.plate,
                self.values,
                cache=self.cache,
                instances=_remembered(self.instances, self.session_file),
            )
        return MatteSession.open(
            self.session_file,
            cache=self.cache,
            path_map=self.path_map,
            device=self.values["device"],
            weights=self.values["weights"],
        )


def read_request(message: Message) -> Request:
    """Check a request.

    Raises
    ------
    WorkerError
        When a field is missing, unknown or of the wrong type.
    FrameRangeError, ConfigError
        When a range or a setting is wrong.
    InputError
        When a path is empty: what is not given is left out, or null.
    """
    for name in message:
        if name not in _KNOWN:
            near = nearest(name, _KNOWN)
            hint = f"did you mean `{near}`?" if near else "docs/worker.md lists what there is"
            raise WorkerError(f"a request has no field `{name[:80]}`", hint=hint)
    out = _path(message, "out")
    if out is None:
        raise WorkerError("the request names no output folder", hint="give `out`")
    part = _text(message, "part")
    plate = _text(message, "plate")
    if plate is not None:
        given_path(plate, "the request's `plate`")
    values = {row.name: _value(message, row) for table in TABLES.values() for row in table}
    masks = _path(message, "masks")
    if ":" in values["guidance"]:
        raise WorkerError("the request's `guidance` holds a path", hint="give it as `masks`")
    if masks is not None:
        if message.get("guidance", "masks") != "masks":
            raise ConfigError("the request's `masks` are for the guidance `masks` alone")
        values["guidance"] = f"masks:{masks}"
    return Request(
        plate=plate or "",
        out=out,
        cache=values["cache"] or out / "cache",
        values=values,
        part=None if part is None else FrameRange.parse(part),
        instances=_instances(message.get("instances")),
        path_map=_path_map(message.get("path_map")),
        thumbnails=message.get("thumbnails", True) is True,
        qc=message.get("qc", True) is True,
    )


def _value(message: Message, row: Option) -> Any:
    """Return a field of the request in the type of its row; its default where it is not given."""
    value = message.get(row.name)
    if value is None:
        return row.default
    if row.kind == "switch":
        return value is True
    if row.kind == "path":
        return _path(message, row.name)
    if row.kind == "window":
        whole = isinstance(value, list) and all(type(part) is int for part in value)
        if not whole or len(value) != 4:
            raise WorkerError(f"the request's `{row.name}` is not four whole numbers")
        return Window(*value)
    if row.kind == "text":
        text = _text(message, row.name)
        # An empty one is not the default: it names nothing.
        if row.default is not None and not (text or "").strip():
            raise WorkerError(f"the request's `{row.name}` is empty", hint="leave it out")
        return text
    trouble = row.wrong(value)
    if trouble is not None:
        raise WorkerError(f"the request's {trouble}"[:300])
    return tuple(value) if row.kind == "names" else value


def _path_map(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(to, str) for to in value.values()):
        raise WorkerError("the request's `path_map` is not an object of texts")
    return value


def _remembered(rows: tuple[Instance, ...], session_file: Path) -> tuple[Instance, ...]:
    """Return the rows with what the guidance called them, as the last session knows it."""
    if not rows or not session_file.is_file():
        return rows
    try:
        there = {row.id: row.called for row in SessionFile.read(session_file).instances}
    except (SessionError, ConfigError):
        return rows  # it is written anew
    return tuple(replace(row, called=there.get(row.id)) for row in rows)


def _instances(rows: Any) -> tuple[Instance, ...]:
    if rows is None:
        return ()
    if not isinstance(rows, list) or len(rows) > MAX_INSTANCES:
        raise WorkerError("the request's `instances` is not a list")
    try:
        ids = [int(row["id"]) for row in rows]
        if min(ids, default=1) < 1 or len(set(ids)) < len(ids):
            raise ValueError("ids start at 1, and each stands once")
        return tuple(
            Instance(
                int(row["id"]),
                str(row["name"]),
                instance_colour(int(row["id"])),
                bool(row.get("enabled", True)),
                order,
            )
            for order, row in enumerate(rows, 1)
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise WorkerError(f"a row of `instances` is wrong: {error}") from error


def _text(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is not None and not isinstance(value, str):
        raise WorkerError(f"the request's `{name}` is not a text: {value!r}"[:300])
    return value


def _path(message: Message, name: str) -> Path | None:
    text = _text(message, name)
    if text is None:
        return None
    given_path(text, f"the request's `{name}`")
    if len(text) > _LONGEST_PATH:
        raise WorkerError(f"the request's `{name}` is longer than any path: {text[:60]}...")
    # The worker's own folder means nothing to a host: a relative path there is a mistake.
    if not os.path.isabs(text):  # noqa: PTH117 - a text, and of this system
        raise WorkerError(f"the request's `{name}` is not an absolute path", path=text)
    return Path(text)
