"""A request of a host: checked field by field, then made into a session."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vimatte.errors import ConfigError, SessionError, WorkerError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.given_path import given_path
from vimatte.guidance.types import instance_colour
from vimatte.models.registry import DEFAULT_MODEL
from vimatte.session.publishing import PublishOptions
from vimatte.session.session import MatteSession
from vimatte.session.session_file import MOST_OFFSET, Instance, SessionFile
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot
from vimatte.worker.protocol import Message

SESSION_NAME = "session.json"
MAX_INSTANCES = 1000
OFFSETS = {"masks": "mask_offset", "garbage": "garbage_offset", "core": "core_offset"}
_FIELDS = frozenset(
    (
        *("type", "id", "plate", "out", "cache", "frames", "part", "guidance"),
        *("masks", "garbage", "core", *OFFSETS.values()),
        *("model", "weights", "device", "quality", "segment", "preroll", "steadiness", "order"),
        *("colorspace", "ocio", "exposure", "view", "layer", "start_frame"),
        *("instances", "thumbnails", "qc", "vse", "preview", "compression"),
        *("foreground", "cutout", "cryptomatte"),
    )
)
_MOST_STOPS = 1e6
_LONGEST_PATH = 4096


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
    frames : str or None
        Of the plate, the shot; None: all of it.
    part : FrameRange or None
        The frames to matte now; None: the whole shot.
    guidance : {"people", "masks"}
    folders : dict of str to Path
        ``masks``, ``garbage``, ``core``.
    offsets : dict of str to int
        Added to the frame numbers of those files, by the same keys.
    instances : tuple of Instance
        Names and switches the user has given to ids that were found before.
    """

    plate: str
    out: Path
    cache: Path
    frames: str | None = None
    part: FrameRange | None = None
    guidance: str = "people"
    folders: dict[str, Path] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    device: str = "auto"
    weights: Path | None = None
    colorspace: str | None = None
    ocio: str | None = None
    exposure: float = 0.0
    view: str | None = None
    layer: str | None = None
    start_frame: int = 1
    instances: tuple[Instance, ...] = ()
    thumbnails: bool = True
    qc: bool = True
    options: PublishOptions = field(default_factory=PublishOptions)

    @property
    def session_file(self) -> Path:
        """Where the session is kept."""
        return self.out / SESSION_NAME

    def open(self) -> MatteSession:
        """Open the session.

        Raises
        ------
        InputError, ConfigError, CheckpointError
        """
        if not self.plate:
            return MatteSession.open(
                self.session_file, cache=self.cache, device=self.device, weights=self.weights
            )
        shot = Shot(
            path=self.plate,
            frames=self.frames,
            colorspace=self.colorspace,
            ocio=self.ocio,
            exposure=self.exposure,
            view=self.view,
            layer=self.layer,
            start_frame=self.start_frame,
        )
        return MatteSession(
            shot,
            guidance=self.guidance,
            cache=self.cache,
            settings=self.settings,
            folders=self.folders,
            offsets=self.offsets,
            instances=_remembered(self.instances, self.session_file),
            device=self.device,
            weights=self.weights,
        )


def read_request(message: Message) -> Request:
    """Check a request.

    Raises
    ------
    WorkerError
        When a field is missing or of the wrong type.
    FrameRangeError, ConfigError
        When a range or a setting is wrong.
    InputError
        When a path is empty: what is not given is left out, or null.
    """
    unknown = sorted(set(message) - _FIELDS)
    if unknown:
        near = get_close_matches(unknown[0], _FIELDS, n=1)
        raise WorkerError(
            f"the request has an unknown field {unknown[0][:60]!r}",
            hint=f"did you mean `{near[0]}`?" if near else "docs/worker.md lists them",
        )
    out = _path(message, "out")
    if out is None:
        raise WorkerError("the request names no output folder", hint="give `out`")
    settings = Settings(
        model=_name(message, "model", DEFAULT_MODEL),
        quality=_name(message, "quality", Settings.quality),
        segment=_number(message, "segment", Settings.segment),
        preroll=_number(message, "preroll", Settings.preroll),
        steadiness=_share(message, "steadiness", Settings.steadiness),
        order=tuple(_texts(message, "order")),
    )
    part = _text(message, "part")
    plate = _text(message, "plate")
    if plate is not None:
        given_path(plate, "the request's `plate`")
    found = {name: _path(message, name) for name in ("masks", "garbage", "core")}
    offsets = {
        key: _number(message, name, 0)
        for key, name in OFFSETS.items()
        if message.get(name) is not None
    }
    for key, value in offsets.items():
        if key not in found or found[key] is None or abs(value) > MOST_OFFSET:
            raise WorkerError(f"the request's `{OFFSETS[key]}` moves no files: {value}"[:300])
    exposure = message.get("exposure", 0.0)
    number = isinstance(exposure, (int, float)) and not isinstance(exposure, bool)
    if not (number and abs(exposure) <= _MOST_STOPS):  # neither infinite nor "not a number"
        raise WorkerError(f"the request's `exposure` is not a number: {exposure!r}"[:300])
    return Request(
        plate=plate or "",
        out=out,
        cache=_path(message, "cache") or out / "cache",
        frames=_text(message, "frames"),
        part=None if part is None else FrameRange.parse(part),
        guidance=_name(message, "guidance", "people"),
        folders={name: path for name, path in found.items() if path is not None},
        offsets=offsets,
        settings=settings,
        device=_name(message, "device", "auto"),
        weights=_path(message, "weights"),
        colorspace=_text(message, "colorspace"),
        ocio=_text(message, "ocio"),
        exposure=float(exposure),
        view=_text(message, "view"),
        layer=_text(message, "layer"),
        start_frame=_number(message, "start_frame", 1),
        instances=_instances(message.get("instances")),
        thumbnails=message.get("thumbnails", True) is True,
        qc=message.get("qc", True) is True,
        options=PublishOptions(
            vse=message.get("vse") is True,
            preview=message.get("preview") is True,
            compression=_name(message, "compression", "zip"),
            foreground=message.get("foreground") is True,
            cutout=message.get("cutout") is True,
            cryptomatte=message.get("cryptomatte") is True,
        ),
    )


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


def _name(message: Message, name: str, default: str) -> str:
    """Return a name. An empty one is not the default: it names nothing."""
    value = _text(message, name)
    if value is not None and not value.strip():
        raise WorkerError(f"the request's `{name}` is empty", hint="leave it out, or name one")
    return default if value is None else value


def _texts(message: Message, name: str) -> list[str]:
    value = message.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WorkerError(f"the request's `{name}` is not a list of texts")
    return value


def _number(message: Message, name: str, default: int) -> int:
    value = message.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WorkerError(f"the request's `{name}` is not a whole number: {value!r}"[:300])
    return value


def _share(message: Message, name: str, default: float) -> float:
    value = message.get(name, default)
    # NaN, which JSON's readers let through, is in no range.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise WorkerError(f"the request's `{name}` is not a number from 0 to 1: {value!r}"[:300])
    return float(value)


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
